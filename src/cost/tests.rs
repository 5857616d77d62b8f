use super::*;

const TEMPLATE: &str = include_str!("../../infra/aws/template.yaml");

fn data() -> Data {
    Data::embedded().unwrap()
}

#[test]
fn the_page_is_up_to_date() {
    let page = markdown::page(&data());
    assert!(page == include_str!("../../docs/COST.md"), "`cargo run -- cost --markdown > docs/COST.md`");
}

#[test]
fn every_price_and_every_assumption_is_used_and_every_line_has_its_price() {
    let data = data();
    let lines = Design::ALL.map(|design| [design.per_order(&data), design.per_month(&data)]);
    let used: Vec<_> = lines.iter().flatten().flatten().map(|line| line.price).collect();
    for (name, price) in &data.prices.prices {
        assert!(used.contains(&name.as_str()), "{name}");
        assert!(price.usd > 0.0 && price.source.starts_with("https://"), "{name}");
    }
    assert!(used.iter().all(|name| data.prices.prices.contains_key(*name)));
    let code = [include_str!("bill.rs"), include_str!("dynamodb.rs")].concat();
    assert!(data.assumptions.keys().all(|name| code.contains(&format!("\"{name}\""))));
}

#[test]
fn services_come_dearest_first_and_add_up() {
    let data = data();
    let lines = Design::Standard.per_order(&data);
    let services = by_service(&lines, &data);
    assert!(services.is_sorted_by(|one, other| one.1 >= other.1), "{services:?}");
    let sum: f64 = services.iter().map(|(_, usd)| usd).sum();
    assert!((sum - total(&lines, &data)).abs() < 1e-12);
}

#[test]
fn three_transitions_cost_75_dollars_a_million_orders() {
    let data = data();
    let services = by_service(&Design::Standard.per_order(&data), &data);
    let (_, usd) = services.iter().find(|(service, _)| *service == "Step Functions").unwrap();
    assert_eq!(dollars(usd * 1e6), "75.00");
}

#[test]
fn writes_round_up_to_a_kibibyte_and_count_twice_in_a_transaction() {
    let mut data = data();
    let function = |calls: [(&str, u32); 2], order_bytes| data::Function {
        calls: calls.map(|(call, count)| (call.to_owned(), count)).into(),
        log_bytes: 0,
        order_bytes,
    };
    data.calls.lines = 2;
    data.calls.product_bytes = 200;
    data.calls.functions = [
        ("accept".to_owned(), function([("DynamoDB.PutItem", 1), ("DynamoDB.GetItem", 1)], 1024)),
        ("reserve".to_owned(), function([("DynamoDB.TransactWriteItems", 1), ("DynamoDB.BatchGetItem", 1)], 1025)),
        ("pay".to_owned(), function([("DynamoDB.UpdateItem", 3), ("DynamoDB.GetItem", 1)], 4097)),
    ]
    .into();
    assert_eq!(dynamodb::write_units(&data.calls, 2.0), (1.0 + 2.0) + 2.0 * (2.0 + 2.0) + 3.0 * 5.0);
    assert_eq!(dynamodb::read_units(&data.calls), 1.0 + 2.0 + 2.0);
}

#[test]
fn what_is_assumed_of_the_template_is_in_it() {
    let data = data();
    assert!(TEMPLATE.contains(&format!("    MemorySize: {}\n", data.assumed("memory_mb"))));
    assert_eq!(TEMPLATE.matches("MemorySize:").count(), 1);
    let orders = TEMPLATE.split("  OrdersTable:\n").nth(1).unwrap().split("  ProductsTable:\n").next().unwrap();
    assert_eq!(orders.matches("IndexName:").count() as f64, data.assumed("index_writes"));
}

#[test]
fn amounts_are_readable() {
    let readable = [0.0, 3.0, 3.24159, 999.5, 1000.0, 12_345_678.4].map(amount);
    assert_eq!(readable, ["0", "3", "3.24", "999.50", "1,000", "12,345,678"]);
}
