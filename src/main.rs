//! orderflow
fn main() {}
