//! Expressions that mean harm, and any that the grammar allows: none takes more stack, memory or time than it may.

use std::collections::HashSet;

use jmespath::Rcvar;
use proptest::prelude::*;
use serde_json::json;

use super::*;

/// A quarter of what a thread of the service has.
const STACK: usize = 512 * 1024;

/// What came of asking an expression.
#[derive(Debug)]
struct Asked {
    answer: Answer,
    /// The result's size, and what it could have been.
    size: u64,
    most: u64,
    /// How many values the result is made of, shared ones once: what it takes in memory.
    values: u64,
    document: u64,
}

/// Asks the expression of the document, as a thread of the service would but with less stack.
fn ask(text: &str, document: &Value) -> Result<Asked, String> {
    let (text, document) = (text.to_owned(), document.clone());
    let asking = std::thread::Builder::new().stack_size(STACK).spawn(move || {
        let expression = Expression::compile(&text)?;
        let answer = expression.holds(document.clone())?;
        let document = Variable::from_serializable(document).unwrap();
        let document_size = cost::size(&document);
        let most = expression.cost.size(document_size);
        let found = expression.compiled.search(document).unwrap();
        let values = values(&found, &mut HashSet::new());
        // Written out, what is shared may be larger than anybody can count.
        let size = if most < 10_000_000 { cost::size(&found) } else { 0 };
        Ok(Asked { answer, size, most, values, document: document_size })
    });
    asking.unwrap().join().unwrap()
}

fn values(value: &Rcvar, seen: &mut HashSet<*const Variable>) -> u64 {
    if !seen.insert(Rcvar::as_ptr(value)) {
        return 0;
    }
    1 + match &**value {
        Variable::Array(items) => items.iter().map(|item| values(item, seen)).sum(),
        Variable::Object(fields) => fields.values().map(|item| values(item, seen)).sum(),
        _ => 0,
    }
}

fn letter() -> Value {
    json!({
        "message_id": "1", "replayed": 2, "attributes": { "a": "1", "b": "2" },
        "body": { "step": "ChargePayment", "timeout_seconds": 86400, "lines": [[1, 2], [3, [4]], "five", null] },
    })
}

fn refusal(text: &str) -> String {
    match ask(text, &letter()) {
        Err(why) => why,
        Ok(asked) => panic!("{text}: {asked:?}"),
    }
}

#[test]
fn what_ops_ask_is_answered() {
    for (text, holds) in [
        ("body.step == 'ChargePayment' && replayed > `1`", true),
        ("contains(`[\"ChargePayment\", \"RefundPayment\"]`, body.step)", true),
        ("contains(to_string(body), '86400')", true),
        ("body.lines[?@ == 'five'] | length(@) > `0`", true),
        ("length(keys(attributes)) == `3`", false),
        ("join('-', sort(keys(attributes))) == 'a-b'", true),
        ("max_by([{a: `1`}, {a: `2`}], &a).a == `2`", true),
        ("body.lines[::-1] | [0] == 'five'", true),
        ("not_null(body.nothing, body.step)", true),
    ] {
        let Asked { answer, size, most, .. } = ask(text, &letter()).unwrap();
        assert_eq!(answer.holds, holds, "{text}");
        assert!(size <= most && answer.steps < MOST_STEPS / 50, "{text}: {answer:?}");
    }
}

#[test]
fn many_alternatives_still_fit() {
    let alternatives: Vec<String> = (0..25).map(|number| format!("body.step == 's{number}'")).collect();
    assert!(ask(&alternatives.join(" || "), &letter()).is_ok());
}

#[test]
fn an_expression_that_recurses_too_deep_is_refused_before_it_is_parsed() {
    for (open, close) in [
        ("[", "]"),
        ("{a:", "}"),
        ("(", ")"),
        ("!", ""),
        ("&", ""),
        ("[?", "]"),
        ("to_array(", ")"),
        ("map(&", ", @)"),
        ("", "[*]"),
        ("", "[]"),
        ("", "[0]"),
        ("", "[1:]"),
        ("", ".a"),
        ("", ".*"),
        ("", "|a"),
        ("", "||a"),
        ("", "&&a"),
        ("", "==a"),
        ("", "<a"),
    ] {
        for depth in [201, 1_990 / (open.len() + close.len())] {
            for text in [open.repeat(depth), format!("{}@{}", open.repeat(depth), close.repeat(depth))] {
                let text = if text.is_empty() { close.repeat(depth) } else { text };
                let why = refusal(&text);
                assert!(why.contains("are allowed"), "{text}: {why}");
            }
        }
        // As deep as it may be, on little stack.
        for depth in [33, 50, 100] {
            let text = format!("{}@{}", open.repeat(depth), close.repeat(depth));
            if let Err(why) = ask(&text, &letter()) {
                assert!(!why.contains("nud"), "{text}: {why}");
            }
        }
    }
    assert!(refusal(&format!("`{}{}`", "[".repeat(900), "]".repeat(900))).contains("recursion limit"));
    assert!(refusal(&"a".repeat(2_001)).contains("2000 are allowed"));
}

#[test]
fn an_expression_that_grows_is_refused_before_it_is_run() {
    let bomb = |step: &str, times: usize| format!("@{}", step.repeat(times));
    for text in [
        format!("[@,@]{}", "|[@,@][]".repeat(24)),
        bomb("|[@,@]", 45) + "|@==[@]",
        bomb("|[@,@]", 45) + "|to_string(@)",
        bomb("|{a:@,b:@}", 20) + "|to_string(@)",
        bomb("|map(&[@,@],[@,@])", 16),
        bomb("|[@,@,@,@,@,@,@,@,@,@][*].[@,@,@,@,@]", 10),
        bomb("|[@].not_null(`[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]`,@)[]", 1)
            + &"|[*].not_null(`[1,1,1,1,1,1,1,1,1,1]`)[]".repeat(16),
        bomb("|to_string([@,@])", 15),
        bomb("|join('-----------------------',[@,@])", 12),
        "join(body.step, body.lines)".to_owned(),
        bomb("|sort_by([@,@],&to_string([@,@]))", 12),
        format!("[{}]|[{0}]|[{0}]|to_string(@)", vec!["@"; 300].join(",")),
        bomb("|merge({a:@},{b:@})", 20) + "|@==merge(@)",
    ] {
        let why = refusal(&text);
        assert!(why.contains("more than 1000000 steps") || why.contains("100 are allowed"), "{text}: {why}");
    }
}

#[test]
fn what_the_interpreter_would_stumble_over_is_refused() {
    assert!(refusal("body.lines[1::2147483647]").contains("step is at most 1000000"));
    assert!(refusal("[&body]").contains("only for what map, sort_by"));
    assert!(refusal("not_null(&body)").contains("only for what map, sort_by"));
    assert!(refusal("lenght(body)").contains("there is no function `lenght`; there are abs, avg"));
}

#[test]
fn a_fault_says_where_it_is_and_what_would_be_right() {
    for (text, at, what) in [
        ("body.[", 7, "something is missing"),
        ("body.step = 'x'", 11, "Did you mean '=='?"),
        ("body.step == 'x", 14, "Unclosed ' delimiter"),
        ("body.step ==", 13, "something is missing"),
        ("ü == 'x'", 1, "Invalid character: ü"),
        ("'ü' ] 'x'", 5, "`] 'x'` is not expected here"),
        ("(body.step", 11, "something is missing"),
        ("", 1, "something is missing"),
    ] {
        let why = refusal(text);
        assert!(why.contains(&format!("character {at}: ")) && why.contains(what), "{text}: {why}");
        assert!(why.contains("an expression looks like body.step"), "{text}: {why}");
    }
}

#[test]
fn a_large_document_may_be_asked_what_does_not_grow_with_it() {
    let large = json!({ "body": { "step": "x", "text": "y".repeat(900_000) } });
    assert!(ask("body.step == 'x' && body.text != 'z'", &large).unwrap().answer.holds);
    assert!(ask("to_string(body)", &large).unwrap_err().contains("more than 1000000 steps"));
}

/// Any expression that the grammar allows, and some that it doesn't.
fn expression() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("@".to_owned()),
        Just("body".to_owned()),
        Just("lines".to_owned()),
        Just("*".to_owned()),
        Just("'text'".to_owned()),
        Just("`[1, \"two\", {\"three\": [3]}]`".to_owned()),
        Just("`1`".to_owned()),
        Just("\"a\"".to_owned()),
    ];
    leaf.prop_recursive(7, 60, 4, |inner| {
        let one = inner.clone();
        let two = (inner.clone(), inner.clone());
        let some = proptest::collection::vec(inner, 1..5);
        let functions = proptest::sample::select(vec![
            "abs",
            "contains",
            "join",
            "keys",
            "length",
            "max",
            "merge",
            "not_null",
            "reverse",
            "sort",
            "sum",
            "to_array",
            "to_number",
            "to_string",
            "type",
            "values",
        ]);
        prop_oneof![
            (two.clone(), proptest::sample::select(vec![" | ", ".", " || ", " && ", " == ", " != ", " < ", " >= "]))
                .prop_map(|((left, right), operator)| format!("{left}{operator}{right}")),
            (one.clone(), proptest::sample::select(vec!["[*]", "[]", ".*", "[0]", "[-1]", "[1:]", "[::-1]", "[::2]"]))
                .prop_map(|(of, suffix)| format!("{of}{suffix}")),
            two.clone().prop_map(|(of, condition)| format!("{of}[?{condition}]")),
            some.clone().prop_map(|some| format!("[{}]", some.join(", "))),
            some.clone().prop_map(|some| {
                let pairs: Vec<String> = some.iter().enumerate().map(|(at, value)| format!("k{at}: {value}")).collect();
                format!("{{{}}}", pairs.join(", "))
            }),
            (functions, some).prop_map(|(function, some)| format!("{function}({})", some.join(", "))),
            two.clone().prop_map(|(each, of)| format!("map(&{each}, to_array({of}))")),
            (two, proptest::sample::select(vec!["sort_by", "max_by", "min_by"]))
                .prop_map(|((each, of), function)| format!("{function}(to_array({of}), &to_string({each}))")),
            one.clone().prop_map(|one| format!("!{one}")),
            one.clone().prop_map(|one| format!("({one})")),
            // Growth, on purpose.
            one.prop_map(|one| format!("{one} | [@, @, @][] | [@, @]")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_expression_overflows_the_stack_or_grows_beyond_its_bound(text in expression()) {
        if let Ok(Asked { answer, size, most, values, document }) = ask(&text, &letter()) {
            prop_assert!(answer.steps <= MOST_STEPS, "{text}: {answer:?}");
            prop_assert!(size <= most, "{text}: a result of size {size}, {most} at most");
            prop_assert!(values <= document + answer.steps, "{text}: {values} values in {} steps", answer.steps);
        }
    }

    #[test]
    fn any_text_is_answered_or_refused(text in r#"[\[\]{}()@*&|!<>=.,:`'"ab01 \\-]{0,60}"#) {
        ask(&text, &letter()).ok();
    }
}
