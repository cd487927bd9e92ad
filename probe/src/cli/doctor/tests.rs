use std::{fs, os::unix::fs::symlink};

use tempfile::TempDir;

use super::*;

/// A made-up host on which everything is as it should be.
fn host() -> TempDir {
    let host = tempfile::tempdir().expect("a folder");
    write(&host, "proc/sys/kernel/osrelease", "6.18.44-test\n");
    write(&host, "proc/self/status", "Name:\tx\nCapEff:\t000001ffffffffff\n");
    write(
        &host,
        "proc/self/limits",
        "Max locked memory         8388608              8388608              bytes\n",
    );
    write(&host, "proc/meminfo", "MemTotal: 9 kB\nMemAvailable:    4194304 kB\n");
    write(&host, "sys/kernel/btf/vmlinux", "types");
    write(&host, "sys/kernel/security/lockdown", "none [integrity] confidentiality\n");
    write(&host, "sys/fs/cgroup/cgroup.controllers", "cpu memory\n");
    write(&host, "run/containerd/containerd.sock", "");
    fs::create_dir_all(host.path().join("proc/self/ns")).expect("a folder");
    symlink("pid:[4026531836]", host.path().join("proc/self/ns/pid")).expect("a link");
    host
}

fn write(host: &TempDir, path: &str, content: &str) {
    let path = host.path().join(path);
    fs::create_dir_all(path.parent().expect("a folder above")).expect("a folder");
    fs::write(path, content).expect("a file");
}

fn remove(host: &TempDir, path: &str) {
    fs::remove_file(host.path().join(path)).expect("it was there");
}

fn outcome(host: &TempDir, name: &str) -> (Outcome, String) {
    let checks = checks(host.path());
    let check = checks.iter().find(|check| check.name == name).expect("a check of that name");
    (check.outcome, check.line())
}

#[test]
fn a_host_as_it_should_be_passes_every_check() {
    for check in checks(host().path()) {
        assert_eq!(check.outcome, Outcome::Ok, "{}", check.line());
        assert_eq!(check.remedy, None, "{}", check.line());
    }
}

#[test]
fn what_is_essential_fails_with_its_remedy() {
    let old = host();
    write(&old, "proc/sys/kernel/osrelease", "5.9.16\n");
    assert_eq!(outcome(&old, "kernel").0, Outcome::Failed);
    let without_types = host();
    remove(&without_types, "sys/kernel/btf/vmlinux");
    assert!(outcome(&without_types, "kernel types").1.contains("CONFIG_DEBUG_INFO_BTF"));
    let locked = host();
    write(&locked, "sys/kernel/security/lockdown", "none integrity [confidentiality]\n");
    assert_eq!(outcome(&locked, "lockdown").0, Outcome::Failed);
    let unprivileged = host();
    write(&unprivileged, "proc/self/status", "CapEff:\t0000000000000000\n");
    let (failed, line) = outcome(&unprivileged, "capabilities");
    assert_eq!(failed, Outcome::Failed);
    assert!(line.contains("CAP_BPF and CAP_PERFMON missing") && line.contains("sudo"), "{line}");
}

#[test]
fn two_capabilities_are_enough_to_watch_and_others_name_processes() {
    let host = host();
    write(&host, "proc/self/status", "CapEff:\t000000c000000000\n");
    assert_eq!(outcome(&host, "capabilities").0, Outcome::Ok);
    let (warned, line) = outcome(&host, "other processes");
    assert_eq!(warned, Outcome::Warning);
    assert!(line.contains("CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH"), "{line}");
}

#[test]
fn what_is_less_than_essential_warns() {
    let inside = host();
    remove(&inside, "proc/self/ns/pid");
    symlink("pid:[4026532000]", inside.path().join("proc/self/ns/pid")).expect("a link");
    assert!(outcome(&inside, "pid namespace").1.contains("--pid=host"));
    let small = host();
    write(&small, "proc/meminfo", "MemAvailable: 1024 kB\n");
    assert_eq!(outcome(&small, "memory").0, Outcome::Warning);
}

#[test]
fn lockdown_without_securityfs_is_not_known_and_no_failure() {
    let host = host();
    remove(&host, "sys/kernel/security/lockdown");
    let (outcome, line) = outcome(&host, "lockdown");
    assert_eq!(outcome, Outcome::Unknown);
    assert!(line.contains("not mounted") && line.contains("mount -t securityfs"), "{line}");
}

#[test]
fn locked_memory_matters_to_old_kernels_only() {
    let host = host();
    assert!(!checks(host.path()).iter().any(|check| check.name == "locked memory"));
    write(&host, "proc/sys/kernel/osrelease", "5.10.0-32-amd64\n");
    assert!(outcome(&host, "locked memory").1.contains("can be raised"));
    write(&host, "proc/self/status", "CapEff:\t000000c000000000\n");
    assert_eq!(outcome(&host, "locked memory").0, Outcome::Failed);
}

#[test]
fn a_host_that_tells_nothing_is_survived() {
    let empty = tempfile::tempdir().expect("a folder");
    assert!(checks(empty.path()).iter().any(|check| check.outcome == Outcome::Failed));
}
