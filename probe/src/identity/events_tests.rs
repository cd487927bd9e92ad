//! Processes as the kernel tells of them.

use std::{fs, path::Path, time::Duration};

use super::*;
use crate::identity::{IdentitySettings, lookup::tests::make_process, runtime::Containers};

fn shared(proc: &Path) -> Shared {
    let settings =
        IdentitySettings { proc: proc.into(), runtimes: Vec::new(), ..IdentitySettings::default() };
    let (containers, _) = Containers::new(&settings);
    Shared::new(settings, containers)
}

fn started(pid: u32, started_ns: u64, at_ns: u64, path: Option<&str>) -> ProcessEvent {
    ProcessEvent::Started { parent: 1, pid, started_ns, at_ns, path: path.map(Into::into) }
}

fn forked(parent: u32, pid: u32, started_ns: u64) -> ProcessEvent {
    ProcessEvent::Forked { parent, pid, started_ns }
}

fn exe(shared: &Shared, pid: u32) -> Option<String> {
    shared.entries.map.get(&pid).and_then(|entry| entry.identity.exe.as_deref().map(ToOwned::to_owned))
}

fn apply(shared: &Shared, events: &[ProcessEvent]) {
    let mut budget = Budget::new(Instant::now());
    events.iter().for_each(|event| shared.apply(event, &mut budget));
}

#[test]
fn a_program_is_read_when_it_starts_and_remembered_when_it_has_ended() {
    let proc = tempfile::tempdir().expect("a folder");
    let shared = shared(proc.path());
    make_process(proc.path(), 50, "/bin/short", 2, "0::/system.slice/cron.service\n");
    apply(&shared, &[started(50, 20_000_000, 30_000_000, Some("/bin/short"))]);
    fs::remove_dir_all(proc.path().join("50")).expect("a folder");
    apply(&shared, &[ProcessEvent::Ended { pid: 50 }]);
    assert_eq!(exe(&shared, 50).as_deref(), Some("/bin/short"));
    let entry = shared.entries.map.get(&50).expect("known");
    assert!(entry.ended.is_some());
    assert_eq!((entry.identity.parent, &*entry.identity.resource.service_name), (Some(41), "cron"));
}

#[test]
fn a_program_that_is_gone_before_it_is_read_is_what_the_kernel_said_where_its_parent_was() {
    let proc = tempfile::tempdir().expect("a folder");
    let shared = shared(proc.path());
    let id = "ab".repeat(32);
    make_process(proc.path(), 40, "/bin/sh", 1, &format!("0::/docker/{id}\n"));
    apply(&shared, &[forked(40, 50, 20_000_000), started(50, 20_000_000, 21_000_000, Some("/bin/true"))]);
    let entry = shared.entries.map.get(&50).expect("known");
    assert_eq!(entry.identity.exe.as_deref(), Some("/bin/true"));
    assert_eq!(entry.identity.container.as_ref().map(|container| &*container.id), Some(&*id));
    assert_eq!(entry.identity.started_ticks, Some(2));
    // What it was before it started the program was its parent's program.
    let before = entry.before.as_ref().expect("it was forked");
    assert_eq!(before.identity.exe.as_deref(), Some("/bin/sh"));
}

#[test]
fn a_path_that_names_no_file_for_certain_is_none() {
    let proc = tempfile::tempdir().expect("a folder");
    let shared = shared(proc.path());
    make_process(proc.path(), 40, "/bin/sh", 1, "0::/\n");
    for path in ["./tool", "/proc/self/fd/6"] {
        apply(&shared, &[forked(40, 50, 20_000_000), started(50, 20_000_000, 21_000_000, Some(path))]);
        assert_eq!(exe(&shared, 50), None, "{path}");
    }
}

#[test]
fn a_program_that_starts_itself_anew_is_the_same_program() {
    let proc = tempfile::tempdir().expect("a folder");
    let shared = shared(proc.path());
    make_process(proc.path(), 40, "/bin/busybox", 1, "0::/\n");
    apply(
        &shared,
        &[forked(40, 50, 20_000_000), started(50, 20_000_000, 21_000_000, Some("/proc/self/exe"))],
    );
    assert_eq!(exe(&shared, 50).as_deref(), Some("/bin/busybox"));
}

#[test]
fn a_child_is_what_its_parent_is() {
    let proc = tempfile::tempdir().expect("a folder");
    let shared = shared(proc.path());
    make_process(proc.path(), 40, "/usr/sbin/postgres", 1, "0::/system.slice/postgresql.service\n");
    apply(&shared, &[forked(40, 51, 20_000_000), forked(51, 52, 30_000_000)]);
    for (pid, parent, ticks) in [(51, 40, 2), (52, 51, 3)] {
        let entry = shared.entries.map.get(&pid).expect("known");
        assert_eq!(entry.identity.exe.as_deref(), Some("/usr/sbin/postgres"));
        assert_eq!((entry.identity.parent, entry.identity.started_ticks), (Some(parent), Some(ticks)));
    }
    // It is read when somebody asks, and then known better.
    assert!(!shared.is_fresh(51));
    make_process(proc.path(), 51, "/usr/sbin/postgres", 2, "0::/\n");
    assert!(shared.look_up(51, None) && shared.is_fresh(51));
}

#[test]
fn a_child_whose_parent_nobody_knows_is_read_itself() {
    let proc = tempfile::tempdir().expect("a folder");
    let shared = shared(proc.path());
    make_process(proc.path(), 51, "/bin/orphan", 2, "0::/\n");
    apply(&shared, &[forked(40, 51, 20_000_000)]);
    assert_eq!(exe(&shared, 51).as_deref(), Some("/bin/orphan"));
    // Where no more may be read, it is read when somebody asks, whoever had its id.
    let mut spent = Budget { left: 0, filled: Instant::now() + Duration::from_secs(3600) };
    make_process(proc.path(), 51, "/bin/other", 9, "0::/\n");
    shared.apply(&forked(39, 51, 90_000_000), &mut spent);
    assert!(!shared.is_fresh(51));
}

#[test]
fn an_id_that_is_used_again_is_the_new_process_and_was_the_old_one() {
    let proc = tempfile::tempdir().expect("a folder");
    let shared = shared(proc.path());
    make_process(proc.path(), 50, "/bin/first", 2, "0::/\n");
    apply(&shared, &[started(50, 20_000_000, 20_500_000, None), ProcessEvent::Ended { pid: 50 }]);
    make_process(proc.path(), 50, "/bin/second", 900, "0::/\n");
    apply(&shared, &[started(50, 9_000_000_000, 9_000_500_000, None)]);
    let entry = shared.entries.map.get(&50).expect("known");
    let moment = entry.identity.started.expect("known");
    assert_eq!(entry.at(moment + Duration::from_secs(1)).exe.as_deref(), Some("/bin/second"));
    assert_eq!(entry.at(moment - Duration::from_secs(1)).exe.as_deref(), Some("/bin/first"));
    assert!(entry.ended.is_none());
}

#[test]
fn a_process_that_starts_another_program_was_the_first_until_then() {
    let proc = tempfile::tempdir().expect("a folder");
    let shared = shared(proc.path());
    make_process(proc.path(), 50, "/bin/sh", 2, "0::/\n");
    apply(&shared, &[started(50, 20_000_000, 20_500_000, None)]);
    make_process(proc.path(), 50, "/bin/curl", 2, "0::/\n");
    apply(&shared, &[started(50, 20_000_000, 8_000_000_000, None)]);
    let entry = shared.entries.map.get(&50).expect("known");
    assert_eq!(entry.identity.exe.as_deref(), Some("/bin/curl"));
    let until = entry.before.as_ref().expect("it ran another program").until;
    assert_eq!(entry.at(until - Duration::from_millis(10)).exe.as_deref(), Some("/bin/sh"));
}

#[test]
fn a_storm_of_programs_is_read_as_far_as_the_budget_goes_and_the_rest_is_counted() {
    let proc = tempfile::tempdir().expect("a folder");
    let shared = shared(proc.path());
    let mut budget = Budget { left: 3, filled: Instant::now() + Duration::from_secs(3600) };
    for pid in 100..110 {
        make_process(proc.path(), pid, "/bin/read", 2, "0::/\n");
        shared.apply(&started(pid, 20_000_000, 20_500_000, Some("/bin/told")), &mut budget);
    }
    let read = (100..110).filter(|&pid| exe(&shared, pid).as_deref() == Some("/bin/read")).count();
    let told = (100..110).filter(|&pid| exe(&shared, pid).as_deref() == Some("/bin/told")).count();
    assert_eq!((read, told), (3, 7));
    assert_eq!(shared.programs_unread.load(Ordering::Relaxed), 7);
    assert_eq!(shared.programs_started.load(Ordering::Relaxed), 10);
}

#[test]
fn a_budget_fills_with_time_and_not_beyond_its_bound() {
    let start = Instant::now();
    let mut budget = Budget::new(start);
    let mut taken = |at: Instant| (0..10_000).take_while(|_| budget.take(at)).count();
    assert_eq!(taken(start), READS_AT_ONCE as usize);
    assert_eq!(taken(start + Duration::from_millis(10)), 20);
    assert_eq!(taken(start + Duration::from_secs(60)), READS_AT_ONCE as usize);
}
