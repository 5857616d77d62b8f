//! What a service needs for an order when it has many: memory, and time per order, in one life of one service.

use crate::speed::number;
use crate::speed::service::Service;
use crate::statistics::median;

/// So many samples beside each other, of so many orders, at each size.
const SAMPLES: u64 = 5;
const ORDERS: u64 = 2_000;
const STEP: u64 = 20_000;
const MOST: u64 = 100_000;
/// For the allocator and the page cache.
const BEFORE: u64 = 1_000;

pub(super) fn measure() -> Result<(), String> {
    let service = Service::start()?;
    let load = |orders: u64| service.load(&["--closed", "--connections", "64", "--orders", &orders.to_string()]);
    println!("{:>9}  {:>12}  {:>8}  {:>12}  {:>10}", "stored", "ms per order", "to first", "RssAnon MB", "VmRSS MB");
    load(BEFORE)?;
    let mut first = None;
    for stored in (BEFORE..=BEFORE + MOST).step_by(STEP as usize) {
        if stored > BEFORE {
            load(STEP - SAMPLES * ORDERS)?;
        }
        let throughputs = (0..SAMPLES).map(|_| Ok(number(&load(ORDERS)?, "/throughput")));
        let each = 1_000.0 / median(&throughputs.collect::<Result<Vec<_>, String>>()?);
        let to_first = each / *first.get_or_insert(each);
        let [anonymous, resident] = service.memory()?;
        println!("{stored:>9}  {each:>12.4}  {to_first:>8.2}  {anonymous:>12.1}  {resident:>10.1}");
    }
    Ok(())
}
