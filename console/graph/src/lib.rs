//! tmp
mod flow;
pub mod layout;
mod model;
pub mod status;
mod text;
mod words;
pub use model::{EdgeKind, Kind};
