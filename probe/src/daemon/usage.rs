//! What this process uses, and what its cgroup lets it use.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use procfs::process::Process;

/// What this process uses.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Usage {
    /// Processors it kept busy since it was measured last: 0.5 is half of one.
    pub processors: f64,
    /// Bytes of memory it holds (resident set).
    pub memory: u64,
}

/// Measures this process.
#[derive(Debug)]
pub struct Meter {
    last: (Instant, Duration),
}

impl Meter {
    /// Begins to measure.
    ///
    /// # Errors
    /// If `/proc` does not tell.
    pub fn start() -> io::Result<Self> {
        Ok(Self { last: (Instant::now(), busy_time()?) })
    }

    /// What was used since the last call, or the start.
    ///
    /// # Errors
    /// If `/proc` does not tell.
    pub fn measure(&mut self) -> io::Result<Usage> {
        let (now, busy) = (Instant::now(), busy_time()?);
        let (last, last_busy) = std::mem::replace(&mut self.last, (now, busy));
        let elapsed = now.duration_since(last).as_secs_f64();
        let used = busy.saturating_sub(last_busy).as_secs_f64();
        let processors = if elapsed > 0.0 { used / elapsed } else { 0.0 };
        Ok(Usage { processors, memory: memory()? })
    }
}

/// Time that all threads of this process, those that have ended included, kept processors busy.
fn busy_time() -> io::Result<Duration> {
    let (user, system) = busy_times()?;
    Ok(user.saturating_add(system))
}

/// The same, of programs and of the kernel for them.
pub(super) fn busy_times() -> io::Result<(Duration, Duration)> {
    let stat = Process::myself().and_then(|process| process.stat()).map_err(io::Error::other)?;
    let per_second = u128::from(procfs::ticks_per_second().max(1));
    let time = |ticks: u64| {
        let nanos = u128::from(ticks) * 1_000_000_000 / per_second;
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    };
    Ok((time(stat.utime), time(stat.stime)))
}

/// Bytes of memory that this process holds.
pub(super) fn memory() -> io::Result<u64> {
    let statm = Process::myself().and_then(|process| process.statm()).map_err(io::Error::other)?;
    Ok(statm.resident.saturating_mul(procfs::page_size()))
}

/// The memory that this process's cgroup may have, if there is a bound.
#[must_use]
pub fn cgroup_memory_limit() -> Option<u64> {
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    memory_limit(&groups, Path::new("/sys/fs/cgroup"))
}

/// The bound of the cgroup that `/proc/self/cgroup` names: of version 2, else of version 1.
fn memory_limit(groups: &str, root: &Path) -> Option<u64> {
    // ID:CONTROLLERS:PATH, and no controllers in version 2 (cgroups(7)).
    let mut limits = groups.lines().filter_map(|line| {
        let mut parts = line.splitn(3, ':').skip(1);
        let (controllers, path) = (parts.next()?, parts.next()?);
        let (root, file) = match controllers {
            "" => (root.to_owned(), "memory.max"),
            _ if controllers.split(',').any(|controller| controller == "memory") => {
                (root.join("memory"), "memory.limit_in_bytes")
            }
            _ => return None,
        };
        smallest_upwards(&root, path, file)
    });
    let first = limits.next()?;
    Some(limits.fold(first, u64::min))
}

/// The smallest bound of a cgroup and those above it. In a container the path may name a place outside of what is mounted:
/// then the mount's own root is the container's cgroup.
fn smallest_upwards(root: &Path, path: &str, file: &str) -> Option<u64> {
    // What version 1 says where there is no bound: the largest number of whole pages, about 2^63.
    const UNBOUNDED: u64 = 1 << 60;
    let below: PathBuf = root.join(path.trim_start_matches('/'));
    let read = |folder: &Path| {
        let limit: u64 = fs::read_to_string(folder.join(file)).ok()?.trim().parse().ok()?;
        (limit < UNBOUNDED).then_some(limit)
    };
    below.ancestors().take_while(|folder| folder.starts_with(root)).filter_map(read).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_measured() {
        let mut meter = Meter::start().expect("/proc");
        let began = Instant::now();
        let mut sum = 0_u64;
        while began.elapsed() < Duration::from_millis(300) {
            sum = sum.wrapping_add(std::hint::black_box(1));
        }
        let usage = meter.measure().expect("/proc");
        // Other tests of this process may run beside it, and other programs may take the processor.
        assert!(usage.processors > 0.05 && usage.processors < 1024.0, "{usage:?} {sum}");
        assert!((1 << 20..1 << 36).contains(&usage.memory), "{usage:?}");
    }

    fn limit(groups: &str, files: &[(&str, &str)]) -> Option<u64> {
        let folder = tempfile::tempdir().expect("a folder");
        for (path, text) in files {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            fs::write(path, text).expect("a file");
        }
        memory_limit(groups, folder.path())
    }

    #[test]
    fn the_smallest_bound_of_a_cgroup_and_those_above_counts() {
        let files = [("a/memory.max", "1000\n"), ("a/b/memory.max", "5000\n"), ("a/b/c/memory.max", "max\n")];
        assert_eq!(limit("0::/a/b/c\n", &files), Some(1000));
        assert_eq!(limit("0::/x\n", &files), None);
        let v1 = [
            ("memory/memory.limit_in_bytes", "9223372036854771712\n"),
            ("memory/docker/1/memory.limit_in_bytes", "4096\n"),
        ];
        assert_eq!(limit("5:cpu,cpuacct:/docker/1\n4:memory:/docker/1\n0::/\n", &v1), Some(4096));
        assert_eq!(limit("4:memory:/elsewhere\n", &v1), None);
    }

    #[test]
    fn in_a_container_the_mounts_root_is_the_cgroup() {
        assert_eq!(limit("0::/kubepods/pod1/2\n", &[("memory.max", "2048\n")]), Some(2048));
        assert_eq!(limit("0::/../../x\n", &[("memory.max", "2048\n")]), Some(2048));
        assert_eq!(limit("nonsense\n", &[("memory.max", "2048\n")]), None);
    }
}
