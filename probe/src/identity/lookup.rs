//! One process asked in `/proc`.

use std::path::Path;

use procfs::process::Process;

use super::{Identity, cgroup_path};

/// What `/proc` says of a process now; everything is absent if there is no such process.
pub(super) fn look_up(proc: &Path, pid: u32) -> Identity {
    let Ok(process) = Process::new_with_root(proc.join(pid.to_string())) else {
        return Identity::default();
    };
    // The directory stays open, so all answers are of one process even if its id is reused meanwhile.
    let exe = process.exe().ok().map(|path| {
        let path = path.to_string_lossy();
        // The kernel's mark for a program whose file is gone, as after an upgrade.
        path.strip_suffix(" (deleted)").unwrap_or(&path).into()
    });
    let paths: Vec<String> = process
        .cgroups()
        .map(|groups| groups.into_iter().map(|group| group.pathname).collect())
        .unwrap_or_default();
    Identity {
        exe,
        started_ticks: process.stat().ok().map(|stat| stat.starttime),
        // On hosts with both versions, some hierarchies do not know of containers; any that does will do.
        container: paths.iter().find_map(|path| cgroup_path::container(path)),
        pod: paths.iter().find_map(|path| cgroup_path::pod(path)),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::{fs, os::unix::fs::symlink};

    use super::*;

    /// Leaves a process in a made-up `/proc`.
    pub(in super::super) fn make_process(proc: &Path, pid: u32, exe: &str, started: u64, cgroup: &str) {
        let folder = proc.join(pid.to_string());
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).expect("a folder");
        symlink(exe, folder.join("exe")).expect("a link");
        fs::write(folder.join("cgroup"), cgroup).expect("a file");
        let stat = format!("{pid} (a name) S {}{started} {}", "1 ".repeat(18), "1 ".repeat(30));
        fs::write(folder.join("stat"), stat).expect("a file");
    }

    #[test]
    fn this_process_is_known_by_its_program() {
        let identity = look_up(Path::new("/proc"), std::process::id());
        let exe = std::env::current_exe().expect("a path");
        assert_eq!(identity.exe.as_deref(), exe.to_str());
        assert!(identity.started_ticks.is_some());
    }

    #[test]
    fn a_process_that_does_not_exist_is_not_known() {
        assert_eq!(look_up(Path::new("/proc"), u32::MAX), Identity::default());
    }

    #[test]
    fn the_container_is_found_in_whichever_hierarchy_names_it() {
        let proc = tempfile::tempdir().expect("a folder");
        let id = "ab".repeat(32);
        let cgroup = format!("9:name=systemd:/docker/{id}\n8:pids:/\n0::/\n");
        make_process(proc.path(), 9, "/usr/bin/app (deleted)", 77, &cgroup);
        let identity = look_up(proc.path(), 9);
        assert_eq!(identity.exe.as_deref(), Some("/usr/bin/app"));
        assert_eq!(identity.started_ticks, Some(77));
        assert_eq!(identity.container.map(|container| container.id.into_string()), Some(id));
        assert_eq!(identity.pod, None);
    }
}
