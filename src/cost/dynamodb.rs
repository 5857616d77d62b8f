//! DynamoDB's request units (developer guide, "DynamoDB on-demand capacity mode").

use super::data::{Calls, Function};

/// A write costs a unit for each KiB of the item that is started, twice that in a transaction.
const WRITE: u64 = 1024;
/// A strongly consistent read costs a unit for each 4 KiB; all reads here are such.
const READ: u64 = 4096;

/// The write request units of an order. Accepting also writes `index_writes` entries of at most 1 KiB; later writes change no
/// attribute that an index has.
pub fn write_units(calls: &Calls, index_writes: f64) -> f64 {
    let units = |function: &Function, call: &str| {
        let order = function.order_bytes.div_ceil(WRITE);
        let lines = u64::from(calls.lines) * calls.product_bytes.div_ceil(WRITE);
        match call {
            "DynamoDB.PutItem" => order as f64 + index_writes,
            "DynamoDB.UpdateItem" => order as f64,
            "DynamoDB.TransactWriteItems" => 2.0 * (order + lines) as f64,
            _ => 0.0,
        }
    };
    sum(calls, units)
}

/// The read request units of an order.
pub fn read_units(calls: &Calls) -> f64 {
    let units = |function: &Function, call: &str| match call {
        "DynamoDB.GetItem" => function.order_bytes.div_ceil(READ) as f64,
        "DynamoDB.BatchGetItem" => (u64::from(calls.lines) * calls.product_bytes.div_ceil(READ)) as f64,
        _ => 0.0,
    };
    sum(calls, units)
}

fn sum(calls: &Calls, units: impl Fn(&Function, &str) -> f64) -> f64 {
    let of = |function: &Function| -> f64 {
        function.calls.iter().map(|(call, count)| f64::from(*count) * units(function, call)).sum()
    };
    calls.functions.values().map(of).sum()
}
