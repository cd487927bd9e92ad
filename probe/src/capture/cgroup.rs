//! The root of the cgroup hierarchy, where a program is attached that every process is to pass.

use std::{fs, fs::File, path::PathBuf};

/// A file that every cgroup has save the root (Documentation/admin-guide/cgroup-v2.rst, "Core Interface Files").
const NOT_IN_THE_ROOT: &str = "cgroup.events";

/// Opens the root of the version 2 hierarchy, which exists beside a version 1 one, too; the text says what is missing.
pub(super) fn open_root() -> Result<File, String> {
    let mounts = fs::read_to_string("/proc/self/mountinfo")
        .map_err(|error| format!("the mounts cannot be read (/proc/self/mountinfo: {error})"))?;
    let path = roots(&mounts).find(|path| !path.join(NOT_IN_THE_ROOT).exists()).ok_or(
        "the root of the cgroup version 2 hierarchy is not mounted; in a container, mount the host's /sys/fs/cgroup as well",
    )?;
    File::open(&path).map_err(|error| format!("{} cannot be opened: {error}", path.display()))
}

/// Where the whole hierarchy may be mounted, by lines of proc_pid_mountinfo(5): the fourth field is the root of the mount
/// within the file system, the fifth where it is mounted; behind a dash stands the type.
///
/// In a cgroup namespace of its own a process reads `/` of the namespace's root and `/../..` of the host's, so neither
/// says for sure what is mounted.
fn roots(mounts: &str) -> impl Iterator<Item = PathBuf> {
    mounts.lines().filter_map(|line| {
        let (place, kind) = line.split_once(" - ")?;
        let mut fields = place.split(' ').skip(3);
        let (within, at) = (fields.next()?, fields.next()?);
        let is_upwards = within.split('/').all(|part| part.is_empty() || part == "..");
        (is_upwards && kind.starts_with("cgroup2 ")).then(|| PathBuf::from(at))
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_root_is_found_in_pure_and_hybrid_hierarchies() {
        let pure = "25 1 0:22 / /proc rw - proc proc rw\n\
                    30 24 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";
        assert_eq!(roots(pure).collect::<Vec<_>>(), [Path::new("/sys/fs/cgroup")]);
        let hybrid = "31 24 0:27 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n\
                      32 24 0:28 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";
        assert_eq!(roots(hybrid).collect::<Vec<_>>(), [Path::new("/sys/fs/cgroup/unified")]);
    }

    #[test]
    fn in_a_container_the_hosts_root_is_looked_for_beside_its_own() {
        let mounts = "32 24 0:28 / /sys/fs/cgroup ro - cgroup2 cgroup rw\n\
                      33 24 0:28 /../../.. /host/sys/fs/cgroup ro - cgroup2 cgroup2 rw\n\
                      34 24 0:28 /../other /elsewhere ro - cgroup2 cgroup2 rw\n";
        let expected = [Path::new("/sys/fs/cgroup"), Path::new("/host/sys/fs/cgroup")];
        assert_eq!(roots(mounts).collect::<Vec<_>>(), expected);
        assert_eq!(roots("32 24 0:28 /kubepods/pod1 /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n").count(), 0);
        assert_eq!(roots("").count(), 0);
    }
}
