//! What a service needs for an order when it has many: memory, and time per order, in one life of one service. Beside each of its
//! loads, in turns, one on a service that has few, because the machine is never the same for long.

use crate::speed::number;
use crate::speed::service::Service;
use crate::statistics::median;

/// So many samples beside each other, of so many orders, at each size.
const SAMPLES: u64 = 5;
const ORDERS: u64 = 2_000;
const STEP: u64 = 20_000;
const MOST: u64 = 100_000;
/// For the allocator and the page cache; and what a service with few has.
const BEFORE: u64 = 1_000;

pub(super) fn measure() -> Result<(), String> {
    let service = Service::start()?;
    load(&service, BEFORE)?;
    println!("{:>9}  {:>12}  {:>12}  {:>6}  {:>10}", "stored", "ms per order", "with 1,000", "ratio", "RssAnon MB");
    for stored in (BEFORE..=BEFORE + MOST).step_by(STEP as usize) {
        if stored > BEFORE {
            load(&service, STEP - SAMPLES * ORDERS)?;
        }
        let few = Service::start_at("speed-few")?;
        load(&few, BEFORE)?;
        let (mut with_many, mut with_few) = (Vec::new(), Vec::new());
        for _ in 0..SAMPLES {
            with_few.push(load(&few, ORDERS)?);
            with_many.push(load(&service, ORDERS)?);
        }
        let (many, few) = (median(&with_many), median(&with_few));
        let [anonymous, _] = service.memory()?;
        println!("{stored:>9}  {many:>12.4}  {few:>12.4}  {:>6.2}  {anonymous:>10.1}", many / few);
    }
    Ok(())
}

/// Milliseconds per order.
fn load(service: &Service, orders: u64) -> Result<f64, String> {
    let report = service.load(&["--closed", "--connections", "64", "--orders", &orders.to_string()])?;
    Ok(1_000.0 / number(&report, "/throughput"))
}
