//! What ops do, on the embedded service: over the ports, over the HTTP API, and with the command.
//!
//! Proves: a replay that is killed anywhere loses nothing and doubles no effect; the incident of docs/OPERATIONS.md, as
//! scripted there; the verbs and their refusals; the events. Misses: the same on AWS (`tests/emulator`), and what the ports promise
//! (`tests/contract`).

#![allow(clippy::unwrap_used)] // a test

#[path = "../service/mod.rs"]
mod service;

mod api;
mod cursors;
mod driving;
mod hostile;
mod import;
mod incident;
mod kill;
mod killed_service;
mod mail_outage;
mod night;
mod outages;
mod shop;
mod smtp_server;
mod stuck;
mod verbs;
mod words;
