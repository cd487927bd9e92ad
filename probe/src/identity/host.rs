//! The host that processes run on.

use std::{fs, path::Path};

/// What names a host in resources.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Host {
    /// `host.name`.
    pub(super) name: Option<Box<str>>,
    /// `host.id`: the machine id (machine-id(5)), as semantic conventions 1.44 have it for Linux.
    pub(super) id: Option<Box<str>>,
}

impl Host {
    /// The host whose file system is mounted there. In a container the kernel tells the container's name, so the host's
    /// file comes first.
    pub(super) fn new(root: &Path, proc: &Path) -> Self {
        let file = |path: &str| first_line(&root.join(path));
        let of_the_kernel = || first_line(&proc.join("sys/kernel/hostname"));
        let name = if root == Path::new("/") {
            of_the_kernel().or_else(|| file("etc/hostname"))
        } else {
            file("etc/hostname").or_else(of_the_kernel)
        };
        Self { name, id: file("etc/machine-id").or_else(|| file("var/lib/dbus/machine-id")) }
    }
}

fn first_line(path: &Path) -> Option<Box<str>> {
    let text = fs::read_to_string(path).ok()?;
    let line = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#'))?;
    Some(line.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hosts_own_files_are_believed_where_they_are_mounted() {
        let root = tempfile::tempdir().expect("a folder");
        fs::create_dir_all(root.path().join("etc")).expect("a folder");
        fs::write(root.path().join("etc/hostname"), "# comment\n node-7 \n").expect("a file");
        fs::write(root.path().join("etc/machine-id"), "0123456789abcdef0123456789abcdef\n").expect("a file");
        let host = Host::new(root.path(), Path::new("/proc"));
        assert_eq!(host.name.as_deref(), Some("node-7"));
        assert_eq!(host.id.as_deref(), Some("0123456789abcdef0123456789abcdef"));
    }

    #[test]
    fn without_such_files_the_system_tells_its_name_and_the_id_is_absent() {
        let root = tempfile::tempdir().expect("a folder");
        let host = Host::new(root.path(), Path::new("/proc"));
        assert!(host.name.is_some() && host.id.is_none());
    }
}
