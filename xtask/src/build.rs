//! Builds of the probe: for this machine, static for virtual machines, and the kernel object for arm64.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail};

use crate::{command, elf, setup::Rustc, workspace::Workspace};

/// Builds `plainsight` with optimisation and returns where it is.
pub(crate) fn release(workspace: &Workspace) -> Result<PathBuf> {
    println!("building plainsight with optimisation");
    command::run(command::cargo(workspace.root()).args(["build", "--release", "--package", "plainsight"]))?;
    Ok(workspace.build_output().join("release/plainsight"))
}

/// Builds `plainsight` without any dependency on shared libraries, and returns where it is.
pub(crate) fn static_release(workspace: &Workspace) -> Result<PathBuf> {
    println!("building plainsight as a static program");
    let host = Rustc::ask(workspace)?.host;
    command::run(
        command::cargo(workspace.root())
            .args(["build", "--release", "--package", "plainsight", "--target", &host])
            // Stripped: it is carried into virtual machines whole. Not by cargo's own setting, which the nested build of
            // the kernel programs would follow too, and lose the BTF that the kernel wants of them.
            .env("RUSTFLAGS", "-C target-feature=+crt-static -C strip=symbols"),
    )?;
    let program = workspace.build_output().join(host).join("release/plainsight");
    let bytes = fs::read(&program).with_context(|| format!("cannot read {}", program.display()))?;
    if let Some(interpreter) = elf::interpreter(&bytes)? {
        bail!("{} is not static: it asks for {interpreter}", program.display());
    }
    Ok(program)
}

/// Which of the kernel programs' layouts to compile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KernelArchitecture {
    /// `x86_64`.
    X86,
    /// `aarch64`.
    Arm,
}

impl KernelArchitecture {
    /// The compiler's name for it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::X86 => "x86_64",
            Self::Arm => "aarch64",
        }
    }
}

/// A cargo command on the kernel programs, compiled for the kernel's virtual machine in a folder of its own.
///
/// Stable Rust refuses `-Z build-std` unless told to act as a nightly; only this command is told.
pub(crate) fn kernel_programs(
    workspace: &Workspace,
    subcommand: &str,
    architecture: KernelArchitecture,
) -> Result<Command> {
    let output = workspace.cache("kernel-programs")?.join(architecture.name());
    let flags = [
        format!("--cfg=bpf_target_arch=\"{}\"", architecture.name()),
        "-Cdebuginfo=2".to_owned(),
        "-Clink-arg=--btf".to_owned(),
    ];
    let mut command = command::cargo(workspace.root());
    command
        .args([subcommand, "--package", "probe-ebpf", "--bins", "--release"])
        .args(["--target", "bpfel-unknown-none", "-Z", "build-std=core"])
        .env("RUSTC_BOOTSTRAP", "1")
        .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f"))
        .env("CARGO_TARGET_DIR", output);
    if let Some(path) = search_path_with_cargo() {
        command.env("PATH", path);
    }
    Ok(command)
}

/// Compiles the kernel object for arm64 and checks that it is one.
pub(crate) fn arm_object(workspace: &Workspace) -> Result<()> {
    command::run(&mut kernel_programs(workspace, "build", KernelArchitecture::Arm)?)?;
    let object = workspace
        .cache("kernel-programs")?
        .join(KernelArchitecture::Arm.name())
        .join("bpfel-unknown-none/release/plainsight-probe");
    let bytes = fs::read(&object).with_context(|| format!("cannot read {}", object.display()))?;
    if !elf::is_bpf(&bytes)? {
        bail!("{} is not an object for the kernel's virtual machine", object.display());
    }
    println!("compiled {} ({} bytes)", object.display(), bytes.len());
    Ok(())
}

/// The search path with the folder where `cargo install` puts bpf-linker, which not every shell has.
pub(crate) fn search_path_with_cargo() -> Option<std::ffi::OsString> {
    let path = std::env::var_os("PATH")?;
    let cargo_programs = command::cargo_home()?.join("bin");
    let folders = std::env::split_paths(&path).chain([cargo_programs]);
    std::env::join_paths(folders).ok()
}

/// What a freshly built program calls itself; proves that it starts.
pub(crate) fn version(program: &Path) -> Result<String> {
    command::output(Command::new(program).arg("--version"))
}
