//! The root of the cgroup hierarchy, where a program is attached that every process is to pass.

use std::{fs, fs::File, path::PathBuf};

/// Opens the root of the version 2 hierarchy, which exists beside a version 1 one, too; the text says what is missing.
pub(super) fn open_root() -> Result<File, String> {
    let mounts = fs::read_to_string("/proc/self/mountinfo")
        .map_err(|error| format!("the mounts cannot be read (/proc/self/mountinfo: {error})"))?;
    let path = root(&mounts).ok_or("no cgroup version 2 hierarchy is mounted")?;
    File::open(&path).map_err(|error| format!("{} cannot be opened: {error}", path.display()))
}

/// Where the whole hierarchy is mounted, by lines of proc_pid_mountinfo(5): the fourth field is the root of the mount
/// within the file system, the fifth where it is mounted; behind a dash stands the type.
fn root(mounts: &str) -> Option<PathBuf> {
    mounts.lines().find_map(|line| {
        let (place, kind) = line.split_once(" - ")?;
        let mut fields = place.split(' ').skip(3);
        let (within, at) = (fields.next()?, fields.next()?);
        (within == "/" && kind.starts_with("cgroup2 ")).then(|| PathBuf::from(at))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_is_found_in_pure_and_hybrid_hierarchies() {
        let pure = "25 1 0:22 / /proc rw - proc proc rw\n\
                    30 24 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";
        assert_eq!(root(pure), Some(PathBuf::from("/sys/fs/cgroup")));
        let hybrid = "31 24 0:27 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n\
                      32 24 0:28 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";
        assert_eq!(root(hybrid), Some(PathBuf::from("/sys/fs/cgroup/unified")));
    }

    #[test]
    fn a_part_of_the_hierarchy_is_not_the_root() {
        assert_eq!(root("32 24 0:28 /kubepods/pod1 /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"), None);
        assert_eq!(root(""), None);
    }
}
