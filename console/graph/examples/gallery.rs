//! Writes pictures to look at: `cargo run -p asl-graph --example gallery -- DIRECTORY [NAME…]`, or all of them.

#[path = "../tests/story/mod.rs"]
mod story;

use std::path::PathBuf;

use story::pictures::PICTURES;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = PathBuf::from(arguments.next().ok_or("which directory?")?);
    let names: Vec<String> = arguments.collect();
    for (name, picture) in PICTURES {
        if names.is_empty() || names.iter().any(|it| it == name) {
            std::fs::write(folder.join(name).with_extension("svg"), picture() + "\n")?;
        }
    }
    Ok(())
}
