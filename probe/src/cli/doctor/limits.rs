//! Memory.

use std::{fs, path::Path};

use super::{Check, capabilities, kernel};

/// Memory that maps, ring and tables take with default settings.
const NEEDED_BYTES: u64 = 64 << 20;

/// From this version on, the memory of maps is no longer counted against RLIMIT_MEMLOCK (commit 3ac1f01b43b6).
const WITHOUT_LOCK_LIMIT: (u32, u32) = (5, 11);

/// `CAP_SYS_RESOURCE`, with which a process may raise its limits.
const SYS_RESOURCE: u32 = 24;

pub(super) fn checks(root: &Path) -> Vec<Check> {
    let mut checks = vec![memory(root)];
    checks.extend(locked_memory(root));
    checks
}

fn memory(root: &Path) -> Check {
    const NAME: &str = "memory";
    let available = fs::read_to_string(root.join("proc/meminfo")).ok().and_then(|text| {
        let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
        line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()
    });
    match available.map(|kilobytes| kilobytes << 10) {
        Some(bytes) if bytes >= NEEDED_BYTES => Check::ok(NAME, format!("{} MiB available", bytes >> 20)),
        Some(bytes) => Check::warning(
            NAME,
            format!("{} MiB available, {} MiB wanted", bytes >> 20, NEEDED_BYTES >> 20),
            "free some, or lower --ring-bytes",
        ),
        None => Check::warning(NAME, "cannot be read from /proc/meminfo", "mount /proc"),
    }
}

/// Only of interest to old kernels.
fn locked_memory(root: &Path) -> Option<Check> {
    const NAME: &str = "locked memory";
    if kernel::running_version(root)? >= WITHOUT_LOCK_LIMIT {
        return None;
    }
    let limits = fs::read_to_string(root.join("proc/self/limits")).ok()?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max locked memory"))?;
    let soft = line.split_whitespace().next()?;
    let is_enough = soft == "unlimited" || soft.parse::<u64>().is_ok_and(|bytes| bytes >= NEEDED_BYTES);
    let can_raise = capabilities::effective(root).is_some_and(|mask| mask >> SYS_RESOURCE & 1 == 1);
    Some(match (is_enough, can_raise) {
        (true, _) => Check::ok(NAME, format!("limit {soft}")),
        (false, true) => Check::ok(NAME, format!("limit {soft}, which can be raised (CAP_SYS_RESOURCE)")),
        (false, false) => Check::failed(
            NAME,
            format!("limit {soft} bytes, which this kernel counts maps against"),
            "raise it (ulimit -l unlimited, LimitMEMLOCK=infinity), or give CAP_SYS_RESOURCE",
        ),
    })
}
