//! plainsight with the rights that the unit and the DaemonSet give it, and no others.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::apps::v1::DaemonSet;
use plainsight_tests::{
    nginx::Nginx,
    otlp::Receiver,
    probe::{Probe, binary},
    record::Record,
    systemd::Machine,
};
use serde::Deserialize;

/// A user without rights, whose processes it must name all the same.
const NOBODY: &str = "65534";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy")
}

/// The capabilities of the unit, as setpriv writes them.
fn of_the_unit() -> Result<Vec<String>> {
    let text = fs::read_to_string(folder().join("systemd/plainsight.service"))?;
    let line = text.lines().find_map(|line| line.strip_prefix("CapabilityBoundingSet="));
    Ok(line.context("a set")?.split(' ').map(|name| name.trim_start_matches("CAP_").to_lowercase()).collect())
}

/// The capabilities of the DaemonSet, likewise.
fn of_the_daemon_set() -> Result<Vec<String>> {
    let text = fs::read_to_string(folder().join("kubernetes/daemonset.yaml"))?;
    let set: DaemonSet = serde_json::from_value(serde_saphyr::from_str(&text)?)?;
    let pod = set.spec.template.spec.context("a pod")?;
    let context = pod.containers.into_iter().next().and_then(|container| container.security_context);
    let added = context.and_then(|context| context.capabilities).and_then(|capabilities| capabilities.add);
    Ok(added.context("capabilities")?.iter().map(|name| name.to_lowercase()).collect())
}

/// A command that becomes plainsight with these capabilities and without a way to others.
fn restricted(capabilities: &[String]) -> Result<Command> {
    let set: Vec<String> = capabilities.iter().map(|name| format!("+{name}")).collect();
    let mut command = Command::new("setpriv");
    command.arg("--no-new-privs").arg(format!("--bounding-set=-all,{}", set.join(",")));
    command.arg(binary()?);
    Ok(command)
}

#[derive(Debug, Deserialize)]
struct Diagnosis {
    checks: Vec<DiagnosisCheck>,
}

#[derive(Debug, Deserialize)]
struct DiagnosisCheck {
    name: String,
    outcome: String,
    found: String,
}

/// What `doctor` says of the hooks: those that are attached, or what hinders them.
fn hooks(mut command: Command) -> Result<Vec<(String, String)>> {
    let output = command.args(["doctor", "--json"]).output()?;
    let said: Diagnosis = serde_json::from_slice(&output.stdout)
        .with_context(|| format!("{}", String::from_utf8_lossy(&output.stderr)))?;
    let hooks = said.checks.into_iter().filter(|check| check.found.starts_with("attaches"));
    Ok(hooks.map(|check| (check.name, check.outcome)).collect())
}

/// Watches a server and a client of another user, and expects both ends with their programs.
fn sees_both_ends(mut command: Command) -> Result<()> {
    let nginx = Nginx::start()?;
    let port = nginx.address.port().to_string();
    command.args(["watch", "--json", "--port", &port]);
    let probe = Probe::start_as(command)?;
    // The second file keeps it busy while it is asked for its program because of the first.
    let fetched = Command::new("setpriv")
        .args(["--reuid", NOBODY, "--regid", NOBODY, "--clear-groups"])
        .args(["curl", "-sS", "--limit-rate", "20M", "-o", "/dev/null", "-o", "/dev/null"])
        .args(["page.txt", "large.bin"].map(|file| format!("http://{}/{file}", nginx.address)))
        .status()?;
    ensure!(fetched.success(), "curl ended with {fetched}");
    let outcome = probe.stop()?;
    for (side, program) in [("client", "/curl"), ("server", "/nginx")] {
        let mut records = outcome.side(side);
        records.retain(|record| record.text("url.path") == "/page.txt");
        let [record] = records.as_slice() else {
            panic!("{} records of the {side}; it said {:?}", records.len(), outcome.messages)
        };
        assert_eq!(record.status(), Some(200));
        let exe = record.process.as_ref().and_then(|process| process.exe.as_deref());
        assert!(exe.is_some_and(|exe| exe.contains(program)), "{side}: {exe:?}");
    }
    Ok(())
}

#[test]
fn the_units_capabilities_are_enough() -> Result<()> {
    sees_both_ends(restricted(&of_the_unit()?)?)
}

#[test]
fn the_daemon_sets_capabilities_are_enough() -> Result<()> {
    sees_both_ends(restricted(&of_the_daemon_set()?)?)
}

#[test]
fn with_them_the_same_hooks_are_attached_as_by_an_unrestricted_root() -> Result<()> {
    let unrestricted = hooks(Command::new(binary()?))?;
    ensure!(!unrestricted.is_empty(), "no hook can be attached here; the live tests need root");
    for capabilities in [of_the_unit()?, of_the_daemon_set()?] {
        assert_eq!(hooks(restricted(&capabilities)?)?, unrestricted, "{capabilities:?}");
    }
    Ok(())
}

/// A control group of its own, as a container has.
struct Group(PathBuf);

impl Group {
    fn new(root: &Path) -> Result<Self> {
        let path = root.join(format!("plainsight-test-{}", std::process::id()));
        fs::create_dir(&path).with_context(|| format!("making {}", path.display()))?;
        Ok(Self(path))
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.0);
    }
}

/// In a container `/sys/fs/cgroup` shows the container's own group as if it were the root. The host's, mounted beside it,
/// is where datagrams of all others are seen.
#[test]
fn in_a_cgroup_namespace_the_hosts_root_is_found_beside_its_own() -> Result<()> {
    let mounts = fs::read_to_string("/proc/self/mounts")?;
    let root = mounts.lines().find(|line| line.split(' ').nth(2) == Some("cgroup2"));
    let root = Path::new(root.and_then(|line| line.split(' ').nth(1)).context("no cgroup2 is mounted")?);
    let group = Group::new(root)?;
    let places = tempfile::tempdir()?;
    let inside = |host: bool| -> Result<Command> {
        let script = format!(
            "set -e; mkdir -p {places}/own {places}/host; mount -t cgroup2 none {places}/own; \
             mount --bind {root} {places}/host; {host} umount --lazy {root}; exec {binary}",
            places = places.path().display(),
            root = root.display(),
            host = if host { String::new() } else { format!("umount {}/host;", places.path().display()) },
            binary = binary()?.display(),
        );
        let enter = format!(
            "echo $$ >{}/cgroup.procs; exec unshare --cgroup --mount sh -c '{script} \"$@\"' sh \"$@\"",
            group.0.display()
        );
        let mut command = Command::new("sh");
        command.args(["-c", &enter, "sh"]);
        Ok(command)
    };
    let unrestricted = hooks(Command::new(binary()?))?;
    assert_eq!(hooks(inside(true)?)?, unrestricted);
    // Without the host's, the container's own is not taken for it: calls are watched another way.
    let alone = hooks(inside(false)?)?;
    assert!(alone.iter().any(|(name, _)| name == "sys_exit"), "{alone:?}");
    sees_both_ends(inside(true)?)
}

/// What the unit starts for this test: an observation that ends by itself and needs neither backend nor configuration.
/// Everything else is the unit's own.
const OBSERVE: &str = "Type=exec\nNotifyAccess=none\nWatchdogSec=0\nExecStartPre=\nExecStart=\n\
                       ExecStart=/opt/plainsight watch --json --for 8s\nRestart=no\n";

#[test]
fn under_systemd_the_units_hardening_lets_it_see_everything() -> Result<()> {
    let nginx = Nginx::start()?;
    let unit = folder().join("systemd/plainsight.service");
    let mut machine = Machine::boot(&unit, OBSERVE, &binary()?)?;
    machine.wait_for("watching", Duration::from_secs(60))?;
    for _ in 0..3 {
        let url = format!("http://{}/tiny", nginx.address);
        ensure!(Command::new("curl").args(["-sS", "-o", "/dev/null", &url]).status()?.success());
    }
    machine.wait(Duration::from_secs(60))?;
    let port = nginx.address.port();
    let lines = machine.read("var/output");
    let records = lines.lines().map(serde_json::from_str).collect::<Result<Vec<Record>, _>>()?;
    for side in ["client", "server"] {
        let seen = records.iter().filter(|record| record.side == side && record.server.port == port).count();
        assert_eq!(seen, 3, "{side}: {}", machine.read("var/messages"));
    }
    assert!(machine.read("var/messages").contains(", 0 events lost"), "{}", machine.read("var/messages"));
    // Its place for what waits on disk was made for it.
    assert!(machine.path("var/lib/plainsight").is_dir());
    Ok(())
}

/// The unit's own commands, with the program where the machine has it, and a watchdog that is quicker to bite. What
/// systemd runs after the start it runs once the daemon has said that it is ready.
fn as_shipped(unit: &Path) -> Result<String> {
    let text = fs::read_to_string(unit)?;
    let mut changes = String::new();
    for key in ["ExecStartPre=", "ExecStart=", "ExecReload="] {
        changes.push_str(&format!("{key}\n"));
        for line in text.lines().filter(|line| line.starts_with(key)) {
            changes.push_str(&format!("{}\n", line.replace("/usr/bin/plainsight", "/opt/plainsight")));
        }
    }
    ensure!(
        changes.contains("ExecStart=/opt/plainsight run --config /etc/plainsight/plainsight.yaml"),
        "{changes}"
    );
    ensure!(text.contains("\nType=notify\n"), "the unit waits to be told");
    changes.push_str("WatchdogSec=2s\nExecStartPost=+/bin/sh -c 'echo ready >/var/ready'\n");
    Ok(changes)
}

#[test]
fn under_systemd_the_shipped_command_is_ready_reloads_is_alive_and_ends_in_order() -> Result<()> {
    let nginx = Nginx::start()?;
    let receiver = Receiver::start(&[])?;
    let unit = folder().join("systemd/plainsight.service");
    let configuration = format!(
        "capture: {{ only: {{ port: [{}] }} }}\nmetrics: {{ enabled: false }}\naccess_log: errors\n\
         export: {{ otlp: {{ endpoint: 'http://127.0.0.1:{}' }}, prometheus: {{ listen: off }} }}\n\
         daemon: {{ health: {{ listen: off }} }}\n",
        nginx.address.port(),
        receiver.http
    );
    let path = "/etc/plainsight/plainsight.yaml";
    let mut machine = Machine::boot_with(&unit, &as_shipped(&unit)?, &binary()?, &[(path, &configuration)])?;
    machine.wait_for("watching this host", Duration::from_secs(60))?;
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    while !machine.read("var/ready").contains("ready") {
        ensure!(
            std::time::Instant::now() < deadline,
            "systemd was not told: {}",
            machine.read("var/messages")
        );
        std::thread::sleep(Duration::from_millis(50));
    }
    fs::write(machine.path(path), configuration.replace("access_log: errors", "access_log: all"))?;
    machine.wait_for("changed: access_log", Duration::from_secs(30))?;
    // Three times what its watchdog waits for a sign of life.
    std::thread::sleep(Duration::from_secs(6));
    for _ in 0..3 {
        let url = format!("http://{}/tiny", nginx.address);
        ensure!(Command::new("curl").args(["-sS", "-o", "/dev/null", &url]).status()?.success());
    }
    machine.end_unit(Duration::from_secs(60))?;
    let said = machine.read("var/messages");
    assert!(said.contains("delivered") && said.contains("0 events lost"), "it ended in order: {said}");
    assert_eq!(said.matches("watching this host").count(), 1, "no watchdog ended it: {said}");
    let taken = receiver.taken()?;
    for kind in ["traces", "logs"] {
        let items = taken.iter().filter(|taken| taken.kind == kind).flat_map(|taken| &taken.items);
        assert_eq!(items.count(), 6, "{kind}: three requests, two ends each; it said {said}");
    }
    Ok(())
}
