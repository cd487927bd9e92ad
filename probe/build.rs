//! Compiles the kernel programs for the BPF target and leaves the object where `include_bytes_aligned!` finds it.
//!
//! The BPF target has no compiled standard library, and building `core` for it is an unstable feature of cargo, which
//! `RUSTC_BOOTSTRAP` admits for that nested build alone: everything in userspace is compiled as stable Rust.

use std::{env, fs, path::PathBuf, process::Command};

use anyhow::{Context as _, Result, bail};

/// Set to leave the kernel programs out: for lints and tests that do not capture, and need no BPF tool-chain then.
const SKIP: &str = "AYA_BUILD_SKIP";
/// The kernel programs' binary.
const OBJECT: &str = "plainsight-probe";
/// The target for machines of little byte order, which all the supported ones are.
const TARGET: &str = "bpfel-unknown-none";

fn main() -> Result<()> {
    let out = PathBuf::from(env::var_os("OUT_DIR").context("OUT_DIR is not set")?);
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../probe-ebpf");
    println!("cargo:rerun-if-env-changed={SKIP}");
    println!("cargo:rerun-if-changed={root}/src");
    println!("cargo:rerun-if-changed={root}/Cargo.toml");
    let object = out.join(OBJECT);
    if env::var_os(SKIP).is_some() {
        // What would attach these programs says that they were left out.
        return fs::write(object, []).context("leaving an empty object in place of the kernel programs");
    }
    let architecture = env::var("CARGO_CFG_TARGET_ARCH")?;
    if !["x86_64", "aarch64"].contains(&architecture.as_str()) {
        bail!("the kernel programs know the registers of x86_64 and aarch64, not of {architecture}");
    }
    // A directory of its own: cargo holds the lock of the usual one while this runs.
    let target = out.join("ebpf");
    let flags = [&format!("--cfg=bpf_target_arch=\"{architecture}\""), "-Cdebuginfo=2", "-Clink-arg=--btf"];
    let output = Command::new(env::var_os("CARGO").context("CARGO is not set")?)
        .current_dir(root)
        .args(["build", "--package", "probe-ebpf", "--bins", "--release"])
        .args(["--target", TARGET, "-Z", "build-std=core", "--target-dir"])
        .arg(&target)
        .env("RUSTC_BOOTSTRAP", "1")
        .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f"))
        .env_remove("RUSTC")
        .env_remove("RUSTC_WRAPPER")
        .env_remove("RUSTC_WORKSPACE_WRAPPER")
        .output()
        .context("starting cargo to compile the kernel programs")?;
    if !output.status.success() {
        bail!(
            "compiling the kernel programs failed; `cargo xtask setup` installs what it needs (bpf-linker and the \
             standard library's sources)\n{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    fs::copy(target.join(TARGET).join("release").join(OBJECT), object)
        .context("taking the compiled programs")?;
    Ok(())
}
