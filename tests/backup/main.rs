//! `orderflow backup` and `restore` on the real binary, and which files `serve` lets in beside which WAL.

#![allow(clippy::unwrap_used)] // a test

#[path = "../ops/night.rs"]
mod night;
#[path = "../service/mod.rs"]
mod service;

mod mixed_up;
mod restored;
mod taken;
