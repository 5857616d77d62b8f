//! What a service needs for an order when it has many: memory, and time per order, in one life of one service.

use crate::speed::number;
use crate::speed::service::Service;
use crate::statistics::median;

/// So many samples beside each other, of so many orders, at each size.
const SAMPLES: usize = 5;
const ORDERS: &str = "2000";
const STEP: u64 = 20_000;
const MOST: u64 = 100_000;

pub(super) fn measure() -> Result<(), String> {
    let service = Service::start()?;
    let mut stored = 0;
    let mut first = f64::NAN;
    let load = |orders: &str| service.load(&["--closed", "--connections", "64", "--orders", orders]);
    println!("{:>9}  {:>12}  {:>8}  {:>12}  {:>10}", "stored", "ms per order", "to first", "RssAnon MB", "VmRSS MB");
    // For the allocator and the page cache.
    load("1000")?;
    stored += 1_000;
    loop {
        let throughputs =
            (0..SAMPLES).map(|_| Ok(number(&load(ORDERS)?, "/throughput"))).collect::<Result<Vec<_>, String>>()?;
        let each = 1_000.0 / median(&throughputs);
        if first.is_nan() {
            first = each;
        }
        let (anonymous, resident) = service.memory()?;
        println!("{stored:>9}  {each:>12.4}  {:>8.2}  {anonymous:>12.1}  {resident:>10.1}", each / first);
        stored += SAMPLES as u64 * 2_000;
        if stored >= MOST {
            return Ok(());
        }
        let more = STEP.saturating_sub(SAMPLES as u64 * 2_000);
        load(&more.to_string())?;
        stored += more;
    }
}
