//! The functions as Lambda takes them: a zip each, made by `cargo-lambda` (with `zig` as the linker, so that they run on
//! Amazon Linux 2023 wherever they were built). `sam build` makes the same from `infra/aws/template.yaml`.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::venv::{run, venv};
use crate::workspace;

/// The processor that the functions are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    /// Graviton, which the template asks for.
    Arm64,
    /// What CI and most machines are.
    X86_64,
}

impl Target {
    fn triple(self) -> &'static str {
        match self {
            Self::Arm64 => "aarch64-unknown-linux-gnu",
            Self::X86_64 => "x86_64-unknown-linux-gnu",
        }
    }
}

/// A packaged function.
pub(crate) struct Package {
    pub(crate) name: String,
    /// As it was linked.
    pub(crate) binary: PathBuf,
    /// What is uploaded.
    pub(crate) zip: PathBuf,
}

/// `cargo xtask package [--target arm64|x86-64] [--out DIRECTORY]`
pub(crate) fn package(arguments: &[String]) -> Result<(), String> {
    let (mut target, mut out) = (Target::Arm64, zips()?);
    let mut arguments = arguments.iter().map(String::as_str);
    while let Some(flag) = arguments.next() {
        match (flag, arguments.next()) {
            ("--target", Some("arm64")) => target = Target::Arm64,
            ("--target", Some("x86-64")) => target = Target::X86_64,
            ("--out", Some(directory)) => out = PathBuf::from(directory),
            _ => return Err("usage: cargo xtask package [--target arm64|x86-64] [--out DIRECTORY]".to_owned()),
        }
    }
    let packages = build(target, &out)?;
    println!("\n{:10} {:>9} {:>9}", "function", "binary", "zip");
    for Package { name, binary, zip } in packages {
        println!("{name:10} {:>6.2} MB {:>6.2} MB  {}", megabytes(&binary)?, megabytes(&zip)?, zip.display());
    }
    Ok(())
}

/// Builds all functions and zips them to `out/<name>/bootstrap.zip`.
pub(crate) fn build(target: Target, out: &Path) -> Result<Vec<Package>, String> {
    let names = functions()?;
    cargo_lambda(target, &["--bins", "--output-format", "zip", "--lambda-dir", &out.to_string_lossy()])?;
    let built = built(target)?;
    let package = |name: String| {
        let (binary, zip) = (built.join(&name), out.join(&name).join("bootstrap.zip"));
        Package { name, binary, zip }
    };
    Ok(names.into_iter().map(package).collect())
}

/// Builds the function that does nothing, with the same flags. Returns its binary.
pub(crate) fn build_nothing(target: Target) -> Result<PathBuf, String> {
    let out = zips()?;
    cargo_lambda(target, &["--example", "nothing", "--lambda-dir", &out.to_string_lossy()])?;
    Ok(out.join("nothing/bootstrap"))
}

/// A file's size in MB, of 10^6 bytes.
pub(crate) fn megabytes(file: &Path) -> Result<f64, String> {
    let metadata = file.metadata().map_err(|error| format!("{}: {error}", file.display()))?;
    Ok(metadata.len() as f64 / 1e6)
}

/// As `sam build` does it: in the crate's directory, with the template's flags.
fn cargo_lambda(target: Target, flags: &[&str]) -> Result<(), String> {
    can_compile_for(target.triple())?;
    let root = workspace::root()?;
    let bin = venv("package", &root.join("xtask/requirements/package.txt"))?;
    let mut command = Command::new(bin.join("cargo-lambda"));
    command.current_dir(root.join("infra/aws")).args(["lambda", "build", "--release", "--config", "functions.toml"]);
    // Without the check it would ask `rustup` to download a target.
    command
        .args(["--locked", "--skip-target-check", "--target", target.triple()])
        .args(flags)
        .env("PATH", first_in_path(&bin)?);
    eprintln!("\n==> cargo lambda build --release --target {} {}", target.triple(), flags.join(" "));
    run(&mut command)
}

/// Whether the standard library is there for that target.
fn can_compile_for(triple: &str) -> Result<(), String> {
    let libraries = Command::new("rustc").args(["--print", "target-libdir", "--target", triple]).output();
    let libraries = libraries.map_err(|error| format!("rustc: {error}"))?;
    match Path::new(String::from_utf8_lossy(&libraries.stdout).trim()).is_dir() {
        true => Ok(()),
        false => Err(format!(
            "this Rust can't compile for {triple} yet:\n\n    rustup target add {triple}\n\n\
             adds that. `--target x86-64` needs nothing more on most machines; the template then needs \
             `Architectures: [x86_64]`."
        )),
    }
}

/// The search path, so that `cargo-lambda` finds the `zig` beside it.
fn first_in_path(bin: &Path) -> Result<OsString, String> {
    let rest = env::var_os("PATH").unwrap_or_default();
    env::join_paths(std::iter::once(bin.to_owned()).chain(env::split_paths(&rest))).map_err(|error| error.to_string())
}

/// The functions are the crate's binaries.
fn functions() -> Result<Vec<String>, String> {
    let directory = workspace::root()?.join("infra/aws/src/bin");
    let files = std::fs::read_dir(&directory).map_err(|error| format!("{}: {error}", directory.display()))?;
    let name = |file: PathBuf| file.file_stem().map(|name| name.to_string_lossy().into_owned());
    let mut names: Vec<String> = files.flatten().filter_map(|file| name(file.path())).collect();
    names.sort();
    Ok(names)
}

fn built(target: Target) -> Result<PathBuf, String> {
    Ok(workspace::target()?.join(target.triple()).join("release"))
}

/// Where the zips are, unless they shall be elsewhere.
pub(crate) fn zips() -> Result<PathBuf, String> {
    Ok(workspace::target()?.join("lambda"))
}
