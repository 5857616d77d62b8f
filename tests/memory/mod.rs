//! The pipeline's world in memory, on a virtual clock, with a fault to order at every port call.
//!
//! For the simulation (every fault at every call) and as the third subject of the contract suites, which keep it honest.

#![allow(dead_code)] // each test binary uses its part

pub mod clock;
pub mod faults;
pub mod gateway;
pub mod mailer;
pub mod queues;
pub mod store;
pub mod workflow;
