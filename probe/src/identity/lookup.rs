//! One process asked in `/proc`.

use std::{
    io::Read as _,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use procfs::process::{Process, Stat, StatFlags};

use super::{
    User, cgroup_path,
    environment::{Declared, ENVIRONMENT_BYTES},
    facts::{Facts, Place},
    users::Users,
};

/// Most of a command line that is kept.
const COMMAND_BYTES: u64 = 4096;

/// Most of `status` that is read; the kernel writes about 1.5 KiB.
const STATUS_BYTES: u64 = 16 * 1024;

/// Asks `/proc`.
#[derive(Debug)]
pub(super) struct Lookup {
    pub(super) users: Users,
    pub(super) command_lines: bool,
    /// Environments whose `OTEL_RESOURCE_ATTRIBUTES` could not be taken.
    pub(super) malformed: AtomicU64,
}

/// A process that is there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) parent: Option<u32>,
    /// In clock ticks after boot.
    pub(super) started_ticks: u64,
    pub(super) facts: Facts,
    /// Whether it lived until all was read. Otherwise what is missing may have been there.
    pub(super) is_whole: bool,
}

impl Lookup {
    /// What `/proc` says of a process now; `None` if there is no such process, or nothing is left of it but its id.
    pub(super) fn look_up(&self, proc: &Path, pid: u32) -> Option<Found> {
        let process = Process::new_with_root(proc.join(pid.to_string())).ok()?;
        // The directory stays open, so all answers are of one process even if its id is reused meanwhile.
        let exe = process.exe().ok().map(|path| {
            let path = path.to_string_lossy();
            // The kernel's mark for a program whose file is gone, as after an upgrade.
            path.strip_suffix(" (deleted)").unwrap_or(&path).into()
        });
        let stat = process.stat().ok()?;
        if exe.is_none() && ends(&stat) {
            return None;
        }
        let groups = process.cgroups().map(|groups| groups.0).unwrap_or_default();
        let paths = groups.iter().map(|group| group.pathname.as_str());
        let place = Place::of(paths.clone());
        let unit =
            if place.container.is_none() { paths.clone().find_map(cgroup_path::service) } else { None };
        let (declared, result) = Declared::read(&read(&process, "environ", ENVIRONMENT_BYTES));
        if result.is_err() {
            self.malformed.fetch_add(1, Ordering::Relaxed);
        }
        let user = effective_user(&read(&process, "status", STATUS_BYTES)).map(|id| User {
            id,
            // In a container the number may be another user's than the host's, except for root.
            name: if id == 0 || place.container.is_none() { self.users.name(id) } else { None },
        });
        Some(Found {
            parent: u32::try_from(stat.ppid).ok().filter(|&parent| parent != 0),
            started_ticks: stat.starttime,
            facts: Facts {
                exe,
                command: self
                    .command_lines
                    .then(|| command(&read(&process, "cmdline", COMMAND_BYTES)))
                    .flatten(),
                user,
                unit: unit.map(Into::into),
                place,
                declared,
            },
            is_whole: process.stat().is_ok_and(|stat| !ends(&stat)),
        })
    }
}

/// Whether a process is at its end. Its memory goes first, and with it its program and environment; until it is a zombie
/// it may be in any other state.
fn ends(stat: &Stat) -> bool {
    matches!(stat.state, 'Z' | 'X') || stat.flags().is_ok_and(|flags| flags.contains(StatFlags::PF_EXITING))
}

/// As much of a file as may be read; nothing if it cannot be.
fn read(process: &Process, name: &str, most: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Ok(file) = process.open_relative(name) {
        // What was read before an error is right as far as it goes.
        let _ = file.take(most).read_to_end(&mut bytes);
    }
    bytes
}

/// `Uid:` with the real, effective, saved and file system user (proc_pid_status(5)).
fn effective_user(status: &[u8]) -> Option<u32> {
    let line = status.split(|&byte| byte == b'\n').find_map(|line| line.strip_prefix(b"Uid:"))?;
    str::from_utf8(line).ok()?.split_ascii_whitespace().nth(1)?.parse().ok()
}

/// Arguments, each followed by a zero byte, as one line.
fn command(bytes: &[u8]) -> Option<Arc<str>> {
    let bytes = bytes.strip_suffix(b"\0").unwrap_or(bytes);
    let text: String =
        String::from_utf8_lossy(bytes).chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    (!text.is_empty()).then(|| text.into())
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
        let stat = format!("{pid} (a name) S 41 {}{started} {}", "1 ".repeat(17), "1 ".repeat(30));
        fs::write(folder.join("stat"), stat).expect("a file");
    }

    fn lookup(command_lines: bool) -> Lookup {
        Lookup { users: Users::below(Path::new("/")), command_lines, malformed: AtomicU64::new(0) }
    }

    #[test]
    fn this_process_is_known_by_its_program_parent_and_user() {
        let found = lookup(true).look_up(Path::new("/proc"), std::process::id()).expect("it is there");
        let exe = std::env::current_exe().expect("a path");
        assert_eq!(found.facts.exe.as_deref(), exe.to_str());
        assert_eq!(found.parent, Some(std::os::unix::process::parent_id()));
        assert!(found.facts.user.is_some() && found.started_ticks > 0);
        let command = found.facts.command.expect("a command line");
        assert!(command.contains("plainsight"), "{command}");
    }

    #[test]
    fn a_command_line_is_kept_only_if_it_is_asked_for() {
        let found = lookup(false).look_up(Path::new("/proc"), std::process::id()).expect("it is there");
        assert_eq!(found.facts.command, None);
    }

    #[test]
    fn a_process_that_does_not_exist_is_not_known() {
        assert_eq!(lookup(false).look_up(Path::new("/proc"), u32::MAX), None);
    }

    #[test]
    fn the_container_is_found_in_whichever_hierarchy_names_it() {
        let proc = tempfile::tempdir().expect("a folder");
        let id = "ab".repeat(32);
        let cgroup = format!("9:name=systemd:/docker/{id}\n8:pids:/\n0::/\n");
        make_process(proc.path(), 9, "/usr/bin/app (deleted)", 77, &cgroup);
        let found = lookup(false).look_up(proc.path(), 9).expect("it is there");
        assert_eq!(found.facts.exe.as_deref(), Some("/usr/bin/app"));
        assert_eq!((found.started_ticks, found.parent), (77, Some(41)));
        assert_eq!(found.facts.place, Place { container: Some(id.into()), pod_uid: None });
        assert_eq!(found.facts.unit, None);
    }

    #[test]
    fn environment_user_and_unit_are_read_and_a_container_hides_the_name_of_the_user() {
        let proc = tempfile::tempdir().expect("a folder");
        let root = tempfile::tempdir().expect("a folder");
        fs::create_dir(root.path().join("etc")).expect("a folder");
        fs::write(root.path().join("etc/passwd"), "web:x:33:33::/:/bin/sh\n").expect("a file");
        let lookup = Lookup { users: Users::below(root.path()), ..lookup(false) };
        let find = |cgroup: &str, environment: &str| {
            make_process(proc.path(), 9, "/usr/bin/app", 77, cgroup);
            fs::write(proc.path().join("9/status"), "Name:\tapp\nUid:\t1\t33\t1\t1\n").expect("a file");
            fs::write(proc.path().join("9/environ"), environment).expect("a file");
            lookup.look_up(proc.path(), 9).expect("it is there").facts
        };
        let facts = find("0::/system.slice/web.service\n", "OTEL_SERVICE_NAME=shop\0");
        assert_eq!(facts.user, Some(User { id: 33, name: Some("web".into()) }));
        assert_eq!(facts.unit.as_deref(), Some("web"));
        assert_eq!(facts.declared.service_name.as_deref(), Some("shop"));
        let facts = find(&format!("0::/docker/{}\n", "ab".repeat(32)), "OTEL_RESOURCE_ATTRIBUTES=%\0");
        assert_eq!(facts.user, Some(User { id: 33, name: None }));
        assert_eq!(lookup.malformed.load(Ordering::Relaxed), 1);
    }

    /// Gives a made-up process that state, and those flags of the kernel.
    pub(in super::super) fn make_state(proc: &Path, pid: u32, state: char, flags: u32, started: u64) {
        // Of the fields before `starttime`, the fifth after the parent is `flags` (proc_pid_stat(5)).
        let (before, after, rest) = ("1 ".repeat(4), "1 ".repeat(12), "1 ".repeat(30));
        let text = format!("{pid} (a name) {state} 41 {before}{flags} {after}{started} {rest}");
        fs::write(proc.join(pid.to_string()).join("stat"), text).expect("a file");
    }

    /// `PF_EXITING` (include/linux/sched.h).
    pub(in super::super) const EXITING: u32 = 4;

    #[test]
    fn a_process_that_ends_says_nothing_once_its_program_has_gone() {
        let proc = tempfile::tempdir().expect("a folder");
        make_process(proc.path(), 9, "/usr/bin/app", 7, "0::/\n");
        let with = |state, flags| {
            make_state(proc.path(), 9, state, flags, 7);
            lookup(false).look_up(proc.path(), 9)
        };
        let found = with('R', EXITING).expect("it still has its program");
        assert!(found.facts.exe.is_some() && !found.is_whole);
        fs::remove_file(proc.path().join("9/exe")).expect("a link");
        assert_eq!(with('R', EXITING), None);
        assert_eq!(with('Z', 0), None);
        let found = with('R', 0).expect("a thread of the kernel has no program");
        assert!(found.started_ticks == 7 && found.is_whole);
    }

    #[test]
    fn a_command_line_is_one_line() {
        assert_eq!(command(b"sh\0-c\0a\nb\0").as_deref(), Some("sh -c a b"));
        assert_eq!(command(b""), None);
    }
}
