//! What an expression costs at most: how large its result becomes, and how many steps it takes, as linear functions of
//! the size of what it is asked of.
//!
//! A value's *size* is what it would have written out, every shared part as often as it is there: one per value, and
//! one per byte of text. So a result that only repeats pointers (`[@,@] | [@,@]`) counts in full, as whoever compares
//! or writes it takes in full. A *step* builds or reads one unit of size, or evaluates one node.

use jmespath::ast::{Ast, KeyValuePair};
use jmespath::{DEFAULT_RUNTIME, Variable};

/// A number as text has 25 characters at most.
const NUMBER: u64 = 8;
/// One unit of size is so many bytes of JSON at most (a byte as `\u001f`, `false,`, a number), and the other way round.
const TEXT: u64 = 8;
/// Sorting compares each so often at most: twice the logarithm of all there can be.
const SORT: u64 = 64;
/// What an object costs beyond its keys and values.
const OBJECT: u64 = 8;
/// The interpreter adds the step to an index without looking.
const WIDEST_STEP: u32 = 1_000_000;

/// `per · n + fixed` at most, for a value of size `n`, which is at least 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Linear {
    per: u64,
    fixed: u64,
}

const SAME: Linear = Linear { per: 1, fixed: 0 };
const UNBOUNDED: Linear = Linear { per: u64::MAX, fixed: u64::MAX };

const fn fixed(fixed: u64) -> Linear {
    Linear { per: 0, fixed }
}

impl Linear {
    const fn at(self, n: u64) -> u64 {
        self.per.saturating_mul(n).saturating_add(self.fixed)
    }

    /// This, of a value that has the size `inner`.
    const fn of(self, inner: Self) -> Self {
        Self { per: self.per.saturating_mul(inner.per), fixed: self.at(inner.fixed) }
    }

    const fn plus(self, other: Self) -> Self {
        Self { per: self.per.saturating_add(other.per), fixed: self.fixed.saturating_add(other.fixed) }
    }

    const fn times(self, by: u64) -> Self {
        Self { per: self.per.saturating_mul(by), fixed: self.fixed.saturating_mul(by) }
    }

    fn largest(self, other: Self) -> Self {
        Self { per: self.per.max(other.per), fixed: self.fixed.max(other.fixed) }
    }

    /// Either bounds the lesser of the two.
    fn lesser(self, other: Self) -> Self {
        if (self.per, self.fixed) <= (other.per, other.fixed) { self } else { other }
    }

    /// The sum over a value's parts: their sizes add up to no more than its own, and each has at least 1.
    const fn over_parts(self) -> Self {
        Self { per: self.per.saturating_add(self.fixed), fixed: 0 }
    }

    /// The product, where it is linear.
    const fn product(self, other: Self) -> Self {
        match (self.per, other.per) {
            (0, _) => other.times(self.fixed),
            (_, 0) => self.times(other.fixed),
            _ => UNBOUNDED,
        }
    }
}

/// What an expression costs at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cost {
    size: Linear,
    steps: Linear,
}

/// Something that may not be in an expression.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fault {
    offset: usize,
    why: String,
}

impl Fault {
    pub(super) fn in_text(&self, text: &str) -> String {
        let at = text.get(..self.offset).map_or(self.offset, |before| before.chars().count()) + 1;
        format!("near character {at}: {}", self.why)
    }
}

/// The size of a value.
pub(super) fn size(value: &Variable) -> u64 {
    match value {
        Variable::Null | Variable::Bool(_) | Variable::Expref(_) => 1,
        Variable::Number(_) => NUMBER,
        Variable::String(text) => 1 + text.len() as u64,
        Variable::Array(items) => 1 + items.iter().map(|item| size(item)).sum::<u64>(),
        Variable::Object(fields) => {
            1 + fields.iter().map(|(key, value)| 1 + key.len() as u64 + size(value)).sum::<u64>()
        }
    }
}

/// What a node is made of. What a function applies to each element counts as if it stood there itself.
fn children(node: &Ast) -> Vec<&Ast> {
    match node {
        Ast::Identity { .. } | Ast::Field { .. } | Ast::Index { .. } | Ast::Literal { .. } | Ast::Slice { .. } => {
            vec![]
        }
        Ast::Subexpr { lhs, rhs, .. }
        | Ast::Projection { lhs, rhs, .. }
        | Ast::Or { lhs, rhs, .. }
        | Ast::And { lhs, rhs, .. }
        | Ast::Comparison { lhs, rhs, .. } => vec![lhs, rhs],
        Ast::Condition { predicate, then, .. } => vec![predicate, then],
        Ast::ObjectValues { node, .. } | Ast::Flatten { node, .. } | Ast::Not { node, .. } => vec![node],
        Ast::Expref { ast, .. } => vec![ast],
        Ast::MultiList { elements, .. } => elements.iter().collect(),
        Ast::MultiHash { elements, .. } => elements.iter().map(|KeyValuePair { value, .. }| value).collect(),
        Ast::Function { args, .. } => args.iter().map(applied).collect(),
    }
}

fn applied(arg: &Ast) -> &Ast {
    match arg {
        Ast::Expref { ast, .. } => ast,
        arg => arg,
    }
}

impl Cost {
    /// # Errors
    /// What may not be in it.
    pub(super) fn of(node: &Ast) -> Result<Self, Fault> {
        let children = children(node).into_iter().map(Self::of).collect::<Result<Vec<_>, _>>()?;
        Self::of_node(node, &children)
    }

    /// From what its children cost. Nothing recurses here, so that a level needs little stack.
    fn of_node(node: &Ast, children: &[Self]) -> Result<Self, Fault> {
        Ok(match (node, children) {
            (Ast::Literal { value, .. }, _) => Self { size: fixed(size(value)), steps: fixed(1) },
            (Ast::Slice { step, .. }, _) if step.unsigned_abs() <= WIDEST_STEP => Self { size: SAME, steps: SAME },
            (Ast::Slice { offset, .. }, _) => {
                let why = format!("a slice's step is at most {WIDEST_STEP}, forwards or backwards");
                return Err(Fault { offset: *offset, why });
            }
            (Ast::Subexpr { .. }, [lhs, rhs]) => rhs.after(*lhs),
            (Ast::Projection { .. }, [lhs, rhs]) => rhs.over_parts().after(*lhs),
            (Ast::ObjectValues { .. } | Ast::Flatten { .. }, [of]) => Self { size: SAME, steps: SAME }.after(*of),
            (Ast::Not { .. }, [of]) => Self { size: fixed(1), ..*of }.and_steps(fixed(1)),
            (Ast::Condition { .. }, [predicate, then]) => {
                Self { size: then.size.largest(fixed(1)), ..*then }.and_steps(predicate.steps)
            }
            (Ast::Or { .. } | Ast::And { .. }, [lhs, rhs]) => {
                Self { size: lhs.size.largest(rhs.size), ..*lhs }.and_steps(rhs.steps)
            }
            (Ast::Comparison { .. }, [lhs, rhs]) => {
                Self { size: fixed(1), ..*lhs }.and_steps(rhs.steps).and_steps(lhs.size.lesser(rhs.size))
            }
            (Ast::MultiHash { elements, .. }, values) => {
                let keys = elements.iter().map(|KeyValuePair { key, .. }| 1 + key.len() as u64).sum::<u64>();
                let values = Self::list(values);
                Self { size: values.size.plus(fixed(keys)), ..values }.and_steps(fixed(OBJECT + keys))
            }
            (Ast::Function { name, args, offset }, costs) => Self::of_function(name, args, costs, *offset)?,
            (Ast::Expref { offset, .. }, _) => return Err(misplaced(*offset)),
            (Ast::MultiList { .. }, elements) => Self::list(elements),
            // A name, an index, `@`: a part of what is there, without copying it.
            _ => Self { size: SAME, steps: fixed(1) },
        })
    }

    fn of_function(name: &str, args: &[Ast], costs: &[Self], offset: usize) -> Result<Self, Fault> {
        if DEFAULT_RUNTIME.get_function(name).is_none() {
            return Err(Fault { offset, why: format!("there is no function `{name}`; there are {FUNCTIONS}") });
        }
        match (name, args, costs) {
            ("map", [Ast::Expref { .. }, list], [each, of]) if !is_applied(list) => {
                return Ok(each.over_parts().after(*of).and_steps(each.copied()));
            }
            ("sort_by" | "max_by" | "min_by", [list, Ast::Expref { .. }], [of, each]) if !is_applied(list) => {
                let keys = each.over_parts().after(*of);
                let steps = of.size.plus(keys.size.times(SORT));
                return Ok(Self { size: of.size, ..keys }.and_steps(steps).and_steps(each.copied()));
            }
            _ if args.iter().any(is_applied) => return Err(misplaced(offset)),
            _ => {}
        }
        Ok(match (name, costs) {
            ("sort", [list]) => list.and_steps(list.size.times(SORT)),
            // Text that is JSON becomes what it says.
            ("to_string" | "to_number", [value]) => {
                let size = value.size.times(TEXT);
                Self { size, ..*value }.and_steps(size)
            }
            ("join", [glue, list]) => {
                let size = glue.size.product(list.size).plus(list.size);
                Self { size, ..*glue }.and_steps(list.steps).and_steps(size)
            }
            // Whatever it gives is among its arguments, or short.
            _ => {
                let args = Self::list(costs);
                Self { size: args.size.plus(fixed(TEXT)), ..args }.and_steps(args.size)
            }
        })
    }

    /// A list of these.
    fn list(elements: &[Self]) -> Self {
        let empty = Self { size: fixed(1), steps: fixed(1) };
        elements
            .iter()
            .fold(empty, |list, element| Self { size: list.size.plus(element.size), ..list }.and_steps(element.steps))
    }

    /// This, of what `inner` gives.
    const fn after(self, inner: Self) -> Self {
        Self { size: self.size.of(inner.size), steps: self.steps.of(inner.size).plus(inner.steps).plus(fixed(1)) }
    }

    /// This of each element of a list, as a list.
    const fn over_parts(self) -> Self {
        Self { size: self.size.over_parts().plus(fixed(1)), steps: self.steps.over_parts() }
    }

    /// What a function applies to each element is copied first: it has no more nodes than steps.
    const fn copied(self) -> Linear {
        fixed(self.steps.at(1))
    }

    const fn and_steps(self, more: Linear) -> Self {
        Self { size: self.size, steps: self.steps.plus(more).plus(fixed(1)) }
    }

    /// How many steps it takes at most, of a document of this size.
    pub(super) const fn steps(&self, size: u64) -> u64 {
        self.steps.at(size)
    }

    /// How large its result is at most, of a document of this size.
    #[cfg(test)]
    pub(super) const fn size(&self, size: u64) -> u64 {
        self.size.at(size)
    }
}

const fn is_applied(arg: &Ast) -> bool {
    matches!(arg, Ast::Expref { .. })
}

fn misplaced(offset: usize) -> Fault {
    Fault { offset, why: "`&` is only for what map, sort_by, max_by and min_by apply to each element".to_owned() }
}

const FUNCTIONS: &str = "abs, avg, ceil, contains, ends_with, floor, join, keys, length, map, max, max_by, merge, min, \
                         min_by, not_null, reverse, sort, sort_by, starts_with, sum, to_array, to_number, to_string, \
                         type and values";
