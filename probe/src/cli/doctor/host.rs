//! Namespaces, control groups and container runtimes.

use std::{fs, path::Path};

use super::Check;

/// Inode of the initial process namespace (`PROC_PID_INIT_INO` in `include/linux/proc_ns.h`).
const INITIAL_PID_NAMESPACE: &str = "pid:[4026531836]";

/// Sockets by which container runtimes are known.
const RUNTIMES: [(&str, &str); 5] = [
    ("containerd", "run/containerd/containerd.sock"),
    ("k3s", "run/k3s/containerd/containerd.sock"),
    ("CRI-O", "run/crio/crio.sock"),
    ("Docker", "run/docker.sock"),
    ("Podman", "run/podman/podman.sock"),
];

pub(super) fn checks(root: &Path) -> Vec<Check> {
    vec![process_namespace(root), control_groups(root), runtimes(root)]
}

/// Process ids of events are those of the initial namespace; elsewhere `/proc` knows others by them, or nobody.
fn process_namespace(root: &Path) -> Check {
    const NAME: &str = "pid namespace";
    match fs::read_link(root.join("proc/self/ns/pid")) {
        Ok(link) if link == Path::new(INITIAL_PID_NAMESPACE) => Check::ok(NAME, "the host's"),
        Ok(_) => Check::warning(
            NAME,
            "a container's: processes will have no exe, container or pod",
            "run in the host's namespace (docker run --pid=host, hostPID: true)",
        ),
        Err(error) => Check::warning(NAME, format!("cannot be read ({error})"), "mount /proc"),
    }
}

fn control_groups(root: &Path) -> Check {
    const NAME: &str = "control groups";
    if root.join("sys/fs/cgroup/cgroup.controllers").exists() {
        Check::ok(NAME, "version 2")
    } else if root.join("sys/fs/cgroup/unified/cgroup.procs").exists() {
        Check::ok(NAME, "both versions; containers are known by their paths")
    } else if root.join("sys/fs/cgroup").is_dir() {
        Check::ok(NAME, "version 1; containers are known by their paths")
    } else {
        Check::warning(NAME, "not mounted: containers cannot be told apart", "mount /sys/fs/cgroup")
    }
}

fn runtimes(root: &Path) -> Check {
    let found: Vec<_> =
        RUNTIMES.iter().filter(|(_, socket)| root.join(socket).exists()).map(|(name, _)| *name).collect();
    let found = if found.is_empty() { "none found".to_owned() } else { found.join(", ") };
    Check::ok("runtimes", found)
}
