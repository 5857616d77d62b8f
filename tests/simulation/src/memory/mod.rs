//! The pipeline's world in memory, on a virtual clock, with a fault to order at every port call.
//!
//! For the simulation, and as the third subject of the contract suites (`tests/contract`), which keep it honest.

pub mod clock;
pub mod faults;
pub mod gateway;
pub mod mailer;
pub mod queues;
pub mod store;
pub mod told;
pub mod workflow;
