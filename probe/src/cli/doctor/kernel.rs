//! The kernel: its version, its types, its locks.

use std::{fs, path::Path};

use super::Check;

/// Oldest kernel that the programs are tested on: ring buffers came with 5.8, and 5.10 is the oldest one still
/// maintained.
const OLDEST: (u32, u32) = (5, 10);

const ARCHITECTURES: [&str; 2] = ["x86_64", "aarch64"];

pub(super) fn checks(root: &Path) -> Vec<Check> {
    vec![version(root), architecture(std::env::consts::ARCH), types(root), lockdown(root)]
}

/// The running kernel's version, such as `(6, 18)`.
pub(super) fn running_version(root: &Path) -> Option<(u32, u32)> {
    let release = fs::read_to_string(root.join("proc/sys/kernel/osrelease")).ok()?;
    let mut parts = release.split(|character: char| !character.is_ascii_digit());
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

fn version(root: &Path) -> Check {
    const NAME: &str = "kernel";
    let release = fs::read_to_string(root.join("proc/sys/kernel/osrelease")).unwrap_or_default();
    let release = release.trim();
    let (major, minor) = OLDEST;
    match running_version(root) {
        Some(version) if version >= OLDEST => Check::ok(NAME, format!("Linux {release}")),
        Some(_) => Check::failed(
            NAME,
            format!("Linux {release} is older than {major}.{minor}"),
            format!("boot Linux {major}.{minor} or newer"),
        ),
        None => Check::warning(NAME, "the version cannot be read", "mount /proc"),
    }
}

fn architecture(name: &str) -> Check {
    if ARCHITECTURES.contains(&name) {
        Check::ok("architecture", name)
    } else {
        Check::failed("architecture", format!("{name} is not supported"), "use x86_64 or aarch64")
    }
}

fn types(root: &Path) -> Check {
    const NAME: &str = "kernel types";
    const PATH: &str = "sys/kernel/btf/vmlinux";
    match fs::metadata(root.join(PATH)) {
        Ok(file) => Check::ok(NAME, format!("BTF in /{PATH}, {} kB", file.len() / 1000)),
        Err(error) => Check::failed(
            NAME,
            format!("no BTF in /{PATH} ({error})"),
            "boot a kernel built with CONFIG_DEBUG_INFO_BTF=y, and mount /sys",
        ),
    }
}

/// Kernel lockdown (`man 7 kernel_lockdown`): "integrity" allows all that is needed here, "confidentiality" forbids
/// programs to read kernel memory.
fn lockdown(root: &Path) -> Check {
    const NAME: &str = "lockdown";
    let Ok(text) = fs::read_to_string(root.join("sys/kernel/security/lockdown")) else {
        return Check::unknown(
            NAME,
            "securityfs is not mounted",
            "to see: mount -t securityfs securityfs /sys/kernel/security",
        );
    };
    let mode = text.split('[').nth(1).and_then(|rest| rest.split(']').next()).unwrap_or("none");
    if mode == "confidentiality" {
        Check::failed(
            NAME,
            "confidentiality: programs may not read kernel memory",
            "boot with lockdown=integrity, or without Secure Boot",
        )
    } else {
        Check::ok(NAME, mode)
    }
}
