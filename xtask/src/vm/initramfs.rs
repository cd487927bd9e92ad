//! The whole system of a virtual machine: busybox, the probe, and a script.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};

use super::cpio::Archive;
use crate::{
    apt::{Repositories, Section, Suite},
    elf,
    workspace::Workspace,
};

/// Runs as the first process.
const INIT: &str = include_str!("init.sh");

/// Builds the image with that `plainsight`, and returns where it is.
pub(crate) fn build(workspace: &Workspace, plainsight: &Path) -> Result<PathBuf> {
    let busybox = busybox(workspace)?;
    let mut archive = Archive::default();
    for folder in ["bin", "dev", "sys", "proc"] {
        archive.directory(folder)?;
    }
    // The kernel opens it for the first process before anything is mounted.
    archive.character_device("dev/console", 5, 1)?;
    archive.program("bin/busybox", &static_program(&busybox)?)?;
    archive.program("bin/plainsight", &static_program(plainsight)?)?;
    archive.link("bin/sh", "busybox")?;
    archive.program("init", INIT.as_bytes())?;
    let image = workspace.cache("vm")?.join("initramfs.cpio");
    fs::write(&image, archive.finish()?).with_context(|| format!("cannot write {}", image.display()))?;
    Ok(image)
}

fn static_program(path: &Path) -> Result<Vec<u8>> {
    let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    if let Some(interpreter) =
        elf::interpreter(&bytes).with_context(|| format!("{} is not a program", path.display()))?
    {
        bail!(
            "{} is not static (it asks for {interpreter}); the virtual machine has no libraries",
            path.display()
        );
    }
    Ok(bytes)
}

/// A static busybox, out of its package: installing that would push out the busybox this machine may have.
fn busybox(workspace: &Workspace) -> Result<PathBuf> {
    let folder = workspace.cache("vm")?.join("busybox");
    let program = |folder: &Path| {
        ["bin/busybox", "usr/bin/busybox"]
            .map(|path| folder.join(path))
            .into_iter()
            .find(|path| path.is_file())
    };
    if let Some(program) = program(&folder) {
        return Ok(program);
    }
    let repositories = Repositories::of_this_machine(workspace)?;
    let release = repositories.release().context("this machine's apt sources name no Debian release")?;
    Suite::open(workspace, &repositories, Section::Main, release)?.unpack("busybox-static", None, &folder)?;
    program(&folder)
        .with_context(|| format!("the package busybox-static of Debian {release} has no bin/busybox"))
}
