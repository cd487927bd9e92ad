//! What the process may do.

use std::{fs, path::Path};

use super::Check;

/// Numbers from `linux/capability.h`.
const DAC_READ_SEARCH: u32 = 2;
const SYS_PTRACE: u32 = 19;
const SYS_ADMIN: u32 = 21;
const PERFMON: u32 = 38;
const BPF: u32 = 39;

pub(super) fn checks(root: &Path) -> Vec<Check> {
    let Some(effective) = effective(root) else {
        return vec![Check::warning("capabilities", "cannot be read from /proc/self/status", "mount /proc")];
    };
    vec![programs(effective), processes(effective)]
}

/// Whether the process has a capability, in the mask of `/proc/PID/status`.
const fn has(effective: u64, capability: u32) -> bool {
    effective >> capability & 1 == 1
}

pub(super) fn effective(root: &Path) -> Option<u64> {
    let status = fs::read_to_string(root.join("proc/self/status")).ok()?;
    let mask = status.lines().find_map(|line| line.strip_prefix("CapEff:"))?;
    u64::from_str_radix(mask.trim(), 16).ok()
}

fn programs(effective: u64) -> Check {
    const NAME: &str = "capabilities";
    if has(effective, SYS_ADMIN) {
        return Check::ok(NAME, "CAP_SYS_ADMIN");
    }
    let needed = [(BPF, "CAP_BPF"), (PERFMON, "CAP_PERFMON")];
    let missing: Vec<_> =
        needed.iter().filter(|(capability, _)| !has(effective, *capability)).map(|(_, name)| *name).collect();
    if missing.is_empty() {
        return Check::ok(NAME, "CAP_BPF and CAP_PERFMON");
    }
    Check::failed(
        NAME,
        format!("{} missing: programs cannot be loaded into the kernel", missing.join(" and ")),
        "run as root (sudo plainsight), or give it CAP_BPF and CAP_PERFMON",
    )
}

fn processes(effective: u64) -> Check {
    const NAME: &str = "other processes";
    if has(effective, SYS_PTRACE) {
        return Check::ok(NAME, "can be named by their programs (CAP_SYS_PTRACE)");
    }
    let also = if has(effective, DAC_READ_SEARCH) { "" } else { " and CAP_DAC_READ_SEARCH" };
    Check::warning(
        NAME,
        "programs of other users will have no path (exe)",
        format!("run as root, or give it CAP_SYS_PTRACE{also}"),
    )
}
