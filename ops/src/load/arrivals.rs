//! When orders arrive at an open loop: whatever the service does, and whether or not it keeps up.

use std::time::Duration;

/// How the rate goes over time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// The same all the time.
    Constant,
    /// From nothing up to the rate, evenly.
    Ramp,
    /// Five times the rate in the middle fifth of the time.
    Spike,
}

const SPIKE: f64 = 5.0;
/// When the spike begins and ends, as parts of the time.
const BEGINS: f64 = 0.4;
const ENDS: f64 = 0.6;

impl Shape {
    /// Orders at this shape, for each at the constant rate over the same time.
    fn share(self) -> f64 {
        match self {
            Self::Constant => 1.0,
            Self::Ramp => 0.5,
            Self::Spike => 1.0 + (SPIKE - 1.0) * (ENDS - BEGINS),
        }
    }
}

/// The arrivals of one load.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Arrivals {
    shape: Shape,
    rate: f64,
    seconds: f64,
}

impl Arrivals {
    /// At `rate` orders a second, over so long.
    pub fn over(shape: Shape, rate: f64, time: Duration) -> Self {
        Self { shape, rate, seconds: time.as_secs_f64() }
    }

    /// At `rate` orders a second, until there were so many.
    pub fn of(shape: Shape, rate: f64, orders: u64) -> Self {
        Self { shape, rate, seconds: orders as f64 / (rate * shape.share()) }
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        (self.rate * self.seconds * self.shape.share()).round() as u64
    }

    /// When the `n`th is due (the first is 0), after the start.
    pub fn due(&self, n: u64) -> Duration {
        let (n, rate, seconds) = (n as f64, self.rate, self.seconds);
        let due = match self.shape {
            Shape::Constant => n / rate,
            Shape::Ramp => (2.0 * n * seconds / rate).sqrt(),
            Shape::Spike => {
                let before = rate * seconds * BEGINS;
                let within = rate * seconds * (ENDS - BEGINS) * SPIKE;
                if n < before {
                    n / rate
                } else if n < before + within {
                    seconds * BEGINS + (n - before) / (rate * SPIKE)
                } else {
                    seconds * ENDS + (n - before - within) / rate
                }
            }
        };
        Duration::from_secs_f64(due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn within(arrivals: &Arrivals, from: f64, to: f64) -> usize {
        let due = (0..arrivals.count()).map(|n| arrivals.due(n).as_secs_f64());
        due.filter(|due| (from..to).contains(due)).count()
    }

    #[test]
    fn each_shape_has_its_rate_at_its_time() {
        let over = |shape| Arrivals::over(shape, 100.0, Duration::from_secs(10));
        assert_eq!((0..10).map(|s| within(&over(Shape::Constant), s.into(), (s + 1).into())).max(), Some(100));
        let ramp = over(Shape::Ramp);
        assert_eq!((ramp.count(), within(&ramp, 0.0, 5.0)), (500, 125));
        let spike = over(Shape::Spike);
        assert_eq!((spike.count(), within(&spike, 0.0, 4.0), within(&spike, 4.0, 6.0)), (1800, 400, 1000));
    }

    #[test]
    fn arrivals_never_go_back_in_time_and_all_fit() {
        for shape in [Shape::Constant, Shape::Ramp, Shape::Spike] {
            let arrivals = Arrivals::of(shape, 50.0, 1000);
            assert_eq!(arrivals.count(), 1000);
            let due: Vec<_> = (0..1000).map(|n| arrivals.due(n)).collect();
            assert!(due.is_sorted() && due[999].as_secs_f64() <= arrivals.seconds, "{shape:?}");
        }
    }
}
