//! Whether the kernel may interrupt one of the programs to run another on the same CPU.

use std::{fs, sync::LazyLock};

use probe_ebpf::ring::LANES;

/// From this version on a thread may be preempted while a program runs at one of its tracepoints. Before, preemption
/// was off around every tracepoint (include/linux/tracepoint.h, `__DO_TRACE`).
const SINCE: (u32, u32) = (7, 0);

/// How many programs may be at work on a CPU at once. Taking one of several lanes costs each a locked exchange. Where the
/// version is not told, there are several.
pub(super) fn lanes() -> u32 {
    /// The kernel stays the same as long as this process runs.
    static OF_THIS_KERNEL: LazyLock<u32> = LazyLock::new(|| {
        let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        if preempts(&release) { LANES } else { 1 }
    });
    *OF_THIS_KERNEL
}

fn preempts(release: &str) -> bool {
    version(release).is_none_or(|version| version >= SINCE)
}

/// The first two numbers of a kernel's release.
fn version(release: &str) -> Option<(u32, u32)> {
    let mut parts = release.split(|character: char| !character.is_ascii_digit());
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_of_distributions_are_understood() {
        assert_eq!(version("5.10.0-32-amd64\n"), Some((5, 10)));
        assert_eq!(version("7.0-rc1"), Some((7, 0)));
        assert_eq!(version("6.18.44-fc-v669"), Some((6, 18)));
        assert_eq!(version(""), None);
    }

    #[test]
    fn an_unknown_version_is_taken_for_one_that_preempts() {
        assert!(preempts("") && preempts("7.0.1") && preempts("10.2"));
        assert!(!preempts("6.19.3") && !preempts("5.10.0"));
    }
}
