//! Compiles the kernel programs for the BPF target and leaves the object where `include_bytes_aligned!` finds it.

use anyhow::Context as _;
use aya_build::{Package, Toolchain, build_ebpf};

fn main() -> anyhow::Result<()> {
    // The BPF target has no compiled standard library, and building `core` for it is an unstable feature of cargo. This
    // admits it for the nested build alone; everything in userspace is compiled as stable Rust.
    // SAFETY: the build script has one thread.
    unsafe { std::env::set_var("RUSTC_BOOTSTRAP", "1") };
    let root_dir = concat!(env!("CARGO_MANIFEST_DIR"), "/../probe-ebpf");
    let toolchain = std::env::var("RUSTUP_TOOLCHAIN").unwrap_or_else(|_| "stable".to_owned());
    if std::env::var_os("AYA_BUILD_SKIP").is_some() {
        let object = std::path::Path::new(&std::env::var("OUT_DIR")?).join("plainsight-probe");
        if !object.exists() {
            std::fs::write(object, []).context("leaving an empty object in place of the kernel programs")?;
        }
    }
    build_ebpf(
        [Package { name: "probe-ebpf", root_dir, ..Package::default() }],
        Toolchain::Custom(&toolchain),
    )
    .context(
        "compiling the kernel programs; `cargo xtask setup` installs what that needs (bpf-linker and the \
         standard library's sources)",
    )
}
