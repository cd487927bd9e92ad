//! Log files of containers of a real containerd: what they write to their output, and files within them.

use std::{
    fs,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use plainsight_tests::{
    containerd::{Containerd, Wanted},
    log_probe::LogProbe,
    log_receiver::{Arrived, LogReceiver},
};
use serde_json::Value;
use tempfile::TempDir;

const IMAGE: &str = "localhost/shop/jobs:1.4";

/// How long anything may take to arrive.
const PATIENCE: Duration = Duration::from_secs(30);

/// containerd, a receiver, and the probe between them.
struct Rig {
    probe: LogProbe,
    containerd: Containerd,
    receiver: LogReceiver,
    folder: TempDir,
}

impl Rig {
    /// `containers` is what the configuration says of them.
    fn new(snapshotter: &'static str, containers: &str, more: &str) -> Result<Self> {
        let containerd = Containerd::start_with(snapshotter)?;
        containerd.import(IMAGE, &["/bin/sh"])?;
        let receiver = LogReceiver::start()?;
        let folder = tempfile::tempdir()?;
        let probe = LogProbe::new(folder.path().join("plainsight.yaml"), PATIENCE);
        let rig = Self { probe, containerd, receiver, folder };
        rig.configure(containers, more)?;
        Ok(rig)
    }

    fn configure(&self, containers: &str, more: &str) -> Result<()> {
        let text = format!(
            "daemon: {{ state: '{}', drain_deadline: 5s }}\n\
             identity: {{ runtimes: ['{}'], kubernetes: off }}\n\
             export: {{ otlp: {{ endpoint: 'http://127.0.0.1:{}' }} }}\n\
             logs:\n  - {{ name: containers, containers: {{ pod_logs: '{}', {containers} }}, {more} }}\n",
            self.folder.path().join("state").display(),
            self.containerd.socket().display(),
            self.receiver.port,
            self.containerd.pod_logs().display(),
        );
        Ok(fs::write(self.folder.path().join("plainsight.yaml"), text)?)
    }

    /// Starts a container that runs a script of busybox's shell.
    fn run(&self, pod: &plainsight_tests::containerd::Pod, name: &str, script: &str) -> Result<String> {
        let command = ["/bin/sh", "-c", script];
        self.containerd
            .start_container(pod, &Wanted { name, image: IMAGE, command: &command, ..Wanted::default() })
    }

    /// Waits for so many records, and a moment for more.
    fn expect(&self, count: usize) -> Result<Vec<Arrived>> {
        let began = Instant::now();
        while self.receiver.arrived().len() < count {
            if began.elapsed() > PATIENCE {
                let arrived = self.receiver.arrived();
                bail!("{} of {count} records arrived; status: {:#}", arrived.len(), self.probe.status()?);
            }
            thread::sleep(Duration::from_millis(50));
        }
        thread::sleep(Duration::from_secs(1));
        let arrived = self.receiver.arrived();
        ensure!(arrived.len() == count, "{} instead of {count} records: {:?}", arrived.len(), arrived.last());
        Ok(arrived)
    }
}

fn bodies(arrived: &[Arrived], of: impl Fn(&Arrived) -> bool) -> Vec<&str> {
    arrived.iter().filter(|record| of(record)).map(|record| record.body.as_str()).collect()
}

fn numbers(from: usize, to: usize) -> Vec<String> {
    (from..=to).map(|number| number.to_string()).collect()
}

/// Every number once and in order; says where that ends.
fn check_order(bodies: &[&str], count: usize) -> Result<()> {
    ensure!(bodies.len() == count, "{} instead of {count} lines", bodies.len());
    for (position, body) in bodies.iter().enumerate() {
        ensure!(*body == (position + 1).to_string(), "{body} came where {} belongs", position + 1);
    }
    Ok(())
}

#[test]
fn output_of_containers_arrives_with_what_names_pod_container_image_and_service() -> Result<()> {
    let mut rig = Rig::new("native", "", "")?;
    rig.probe.start()?;
    let pod = rig.containerd.pod(
        "shop",
        "web-7d4b9c-x2x4z",
        &[("pod-template-hash", "7d4b9c")],
        &[("resource.opentelemetry.io/team", "red")],
    )?;
    let long = "x".repeat(40_000);
    let script = format!("echo hello; echo oops >&2; echo {long}; sleep 100");
    let id = rig.run(&pod, "app", &script)?;
    let arrived = rig.expect(3)?;
    assert_eq!(bodies(&arrived, |record| record.attributes["log.iostream"] == "stderr"), ["oops"]);
    // The runtime splits lines at 16 KiB, and they are joined.
    assert_eq!(bodies(&arrived, |record| record.attributes["log.iostream"] == "stdout"), ["hello", &long]);
    let path = Containerd::log_of(&pod, "app", 0).display().to_string();
    for record in &arrived {
        for (name, value) in [
            ("k8s.namespace.name", "shop"),
            ("k8s.pod.name", "web-7d4b9c-x2x4z"),
            ("k8s.pod.uid", pod.uid.as_str()),
            ("k8s.container.name", "app"),
            ("k8s.container.restart_count", "0"),
            ("k8s.deployment.name", "web"),
            ("container.id", id.as_str()),
            ("container.image.name", "localhost/shop/jobs"),
            ("container.image.tags", "1.4"),
            ("service.name", "web"),
            ("service.namespace", "shop"),
            ("team", "red"),
        ] {
            assert_eq!(record.of(name), value, "{name}");
        }
        assert!(!record.of("host.name").is_empty() && record.of("telemetry.sdk.name").is_empty());
        assert_eq!(record.attributes["log.file.path"], path);
    }
    rig.probe.stop()
}

#[test]
fn a_job_that_prints_ten_thousand_lines_and_ends_within_a_second_is_read_to_its_end() -> Result<()> {
    let mut rig = Rig::new("overlayfs", "files: ['/var/log/job.log']", "")?;
    rig.probe.start()?;
    let pod = rig.containerd.pod("jobs", "once-abcde", &[("job-name", "once")], &[])?;
    // containerd 1.6 itself cuts off what a process wrote just before it ended: half of such jobs lose lines before they are
    // in any file. A third of a second is enough for it.
    let script = "mkdir -p /var/log; seq 1 10000; seq 10001 20000 > /var/log/job.log; sleep 0.3";
    let id = rig.run(&pod, "once", script)?;
    rig.containerd.wait_for_end(&id)?;
    let began = Instant::now();
    let written = || fs::read_to_string(Containerd::log_of(&pod, "once", 0)).map(|text| text.lines().count());
    while written()? < 10_000 {
        ensure!(began.elapsed() < PATIENCE, "containerd itself wrote only {} lines", written()?);
        thread::sleep(Duration::from_millis(20));
    }
    let arrived = rig.expect(20_000)?;
    assert_eq!(bodies(&arrived, |record| record.attributes.contains_key("log.iostream")), numbers(1, 10_000));
    let within = |record: &Arrived| record.attributes["log.file.path"] == "/var/log/job.log";
    assert_eq!(bodies(&arrived, within), numbers(10_001, 20_000));
    assert!(
        arrived.iter().all(|record| record.of("container.id") == id && record.of("k8s.job.name") == "once")
    );
    rig.probe.stop()
}

#[test]
fn files_within_containers_are_read_from_layers_and_volumes_and_links_lead_nowhere_else() -> Result<()> {
    let mut rig = Rig::new(
        "overlayfs",
        "output: false, files: ['/var/log/app/*.log', '/current/*']",
        "exclude: ['*.old']",
    )?;
    rig.probe.start()?;
    let secret = rig.folder.path().join("secret");
    fs::write(&secret, "a secret of the host\n")?;
    let (volume, by_link) = (rig.folder.path().join("volume"), rig.folder.path().join("linked"));
    fs::create_dir(&volume)?;
    fs::create_dir(&by_link)?;
    let pod = rig.containerd.pod("shop", "web-0", &[], &[])?;
    let script = format!(
        "mkdir -p /var/log/app; echo layer > /var/log/app/a.log; echo old > /current.old; \
         ln -s {} /var/log/app/evil.log; ln -s ../../../../../../../../etc/passwd /var/log/app/passwd.log; \
         ln -s /data /current; echo volume > /data/b; echo old > /data/b.old; echo seen >> /linked/x; \
         ln -s /linked/x /var/log/app/x.log; sleep 3; echo later >> /var/log/app/a.log; sleep 100",
        secret.display()
    );
    let command = ["/bin/sh", "-c", script.as_str()];
    let mounts = [("/data", volume.as_path()), ("/linked", by_link.as_path())];
    let wanted =
        Wanted { name: "app", image: IMAGE, command: &command, mounts: &mounts, ..Wanted::default() };
    rig.containerd.start_container(&pod, &wanted)?;
    let arrived = rig.expect(4)?;
    let by_path = |path: &str| bodies(&arrived, |record| record.attributes["log.file.path"] == path);
    assert_eq!(by_path("/var/log/app/a.log"), ["layer", "later"]);
    assert_eq!(by_path("/current/b"), ["volume"]);
    assert_eq!(by_path("/var/log/app/x.log"), ["seen"]);
    for record in &arrived {
        assert_eq!((record.of("k8s.pod.name"), record.of("k8s.container.name")), ("web-0", "app"));
        assert!(Path::new(&record.attributes["log.file.path_resolved"]).exists(), "{record:?}");
    }
    rig.probe.stop()
}

#[test]
fn a_file_within_a_container_is_read_to_its_end_though_the_container_was_removed_long_before() -> Result<()> {
    let mut rig = Rig::new("overlayfs", "output: false, files: ['/app.log']", "bytes_per_second: 150KiB")?;
    rig.probe.start()?;
    let pod = rig.containerd.pod("shop", "web-0", &[], &[])?;
    let id = rig.run(&pod, "app", "seq 1 120000 > /app.log; sleep 100")?;
    let began = Instant::now();
    while rig.receiver.arrived().is_empty() {
        ensure!(began.elapsed() < PATIENCE, "nothing arrives: {:#}", rig.probe.status()?);
        thread::sleep(Duration::from_millis(20));
    }
    rig.containerd.stop_container(&id)?;
    rig.containerd.remove_container(&id)?;
    let at_removal = rig.receiver.arrived().len();
    assert!(at_removal < 120_000, "all of it was read before the container was removed");
    let arrived = rig.expect(120_000)?;
    check_order(&bodies(&arrived, |_| true), 120_000)?;
    rig.probe.stop()
}

#[test]
fn a_probe_that_starts_again_goes_on_where_it_was_in_a_container_that_has_ended_meanwhile() -> Result<()> {
    let mut rig = Rig::new("overlayfs", "files: ['/app.log', '/dev/memory.log']", "")?;
    rig.probe.start()?;
    let pod = rig.containerd.pod("shop", "web-0", &[], &[])?;
    // What is written to the container's own memory is there only while it lives.
    let script = "seq 1 1000; seq 1001 2000 > /app.log; echo memory > /dev/memory.log; sleep 6; \
                  seq 1001 1500; seq 2001 2500 >> /app.log";
    let id = rig.run(&pod, "app", script)?;
    let arrived = rig.expect(2001)?;
    assert_eq!(
        bodies(&arrived, |record| record.attributes["log.file.path"] == "/dev/memory.log"),
        ["memory"]
    );
    // An acknowledgement is on disk a moment after it came.
    rig.probe.stop()?;
    rig.containerd.wait_for_end(&id)?;
    rig.probe.start()?;
    let arrived = rig.expect(3001)?;
    let within = |record: &Arrived| record.attributes["log.file.path"] == "/app.log";
    assert_eq!(bodies(&arrived, within), numbers(1001, 2500));
    assert_eq!(
        bodies(&arrived, |record| record.attributes.contains_key("log.iostream")),
        [numbers(1, 1000), numbers(1001, 1500)].concat()
    );
    rig.probe.stop()
}

#[test]
fn each_start_of_a_container_is_told_apart_also_when_its_runtime_has_forgotten_it() -> Result<()> {
    let mut rig = Rig::new("native", "select: { labels: { app: web } }", "")?;
    let pod = rig.containerd.pod("shop", "web-0", &[("app", "web")], &[])?;
    let start = |rig: &Rig, attempt| {
        let script = format!("echo start {attempt}; sleep 100");
        let command = ["/bin/sh", "-c", script.as_str()];
        let wanted = Wanted { name: "app", attempt, image: IMAGE, command: &command, ..Wanted::default() };
        rig.containerd.start_container(&pod, &wanted)
    };
    let first = start(&rig, 0)?;
    thread::sleep(Duration::from_millis(300));
    rig.containerd.stop_container(&first)?;
    rig.containerd.remove_container(&first)?;
    let second = start(&rig, 1)?;
    rig.probe.start()?;
    rig.expect(2)?;
    rig.containerd.stop_container(&second)?;
    let third = start(&rig, 2)?;
    let arrived = rig.expect(3)?;
    for (attempt, id) in [("0", ""), ("1", second.as_str()), ("2", third.as_str())] {
        let of = |record: &Arrived| record.of("k8s.container.restart_count") == attempt;
        assert_eq!(bodies(&arrived, of), [format!("start {attempt}")]);
        assert!(arrived.iter().filter(|record| of(record)).all(|record| {
            record.of("container.id") == id
                && record.of("k8s.pod.uid") == pod.uid
                && record.of("k8s.container.name") == "app"
        }));
    }
    rig.probe.stop()
}

#[test]
fn output_that_is_rotated_as_a_kubelet_does_loses_nothing() -> Result<()> {
    let mut rig = Rig::new("native", "", "")?;
    rig.probe.start()?;
    let pod = rig.containerd.pod("shop", "loud-0", &[], &[])?;
    let script =
        "for i in $(seq 1 60); do seq $((i * 1000 - 999)) $((i * 1000)); sleep 0.05; done; sleep 100";
    let id = rig.run(&pod, "loud", script)?;
    let path = Containerd::log_of(&pod, "loud", 0);
    for rotation in 0..10 {
        thread::sleep(Duration::from_millis(250));
        fs::rename(&path, path.with_file_name(format!("0.log.20260102-1504{rotation:02}")))?;
        rig.containerd.reopen_log(&id)?;
    }
    let arrived = rig.expect(60_000)?;
    check_order(&bodies(&arrived, |_| true), 60_000)?;
    assert!(arrived.iter().all(|record| record.of("container.id") == id));
    rig.probe.stop()
}

#[test]
fn containers_are_selected_by_what_they_are_called_and_carry_and_shown_in_preview_and_status() -> Result<()> {
    let mut rig = Rig::new("native", "", "")?;
    let mut start =
        |namespace: &str, labels: &[(&str, &str)], annotations: &[(&str, &str)], variable: &str| {
            let name = format!("pod-{namespace}-{}", labels.len() + annotations.len());
            let pod = rig.containerd.pod(namespace, &name, labels, annotations)?;
            let script = format!("echo {name} $LOG; sleep 100");
            let command = ["/bin/sh", "-c", script.as_str()];
            let environment = [("LOG", variable)];
            let environment = if variable.is_empty() { &environment[..0] } else { &environment[..] };
            let wanted =
                Wanted { name: "app", image: IMAGE, command: &command, environment, ..Wanted::default() };
            rig.containerd.start_container(&pod, &wanted)
        };
    start("shop", &[], &[], "")?;
    start("shop", &[("app", "web")], &[], "")?;
    start("shop", &[("app", "web")], &[("logs", "off")], "")?;
    start("other", &[("app", "web")], &[], "yes")?;
    thread::sleep(Duration::from_millis(500));
    let selected = |containers: &str| -> Result<Vec<String>> {
        rig.configure(containers, "")?;
        let output = rig.probe.command(&["logs", "preview", "--json"])?.output()?;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let shown: Value = serde_json::from_slice(&output.stdout)?;
        let files = shown["files"].as_array().context("files")?;
        let containers = shown["containers"].as_array().context("containers")?;
        ensure!(files.len() == containers.len(), "{shown:#}");
        Ok(containers.iter().filter_map(|container| Some(container["name"].as_str()?.to_owned())).collect())
    };
    let names = |names: &[&str]| names.iter().map(|name| format!("{name}/app")).collect::<Vec<_>>();
    let all = ["other/pod-other-1", "shop/pod-shop-0", "shop/pod-shop-1", "shop/pod-shop-2"];
    for (containers, expected) in [
        ("", &all[..]),
        ("select: { labels: { app: web } }", &[all[0], all[2], all[3]][..]),
        (
            "select: { namespaces: [shop], labels: { app: 'w*' } }, except: { annotations: { logs: off } }",
            &[all[2]],
        ),
        ("except: { labels: { app: '*' } }", &[all[1]]),
        ("select: { environment: { LOG: yes } }", &[all[0]]),
        ("select: { pods: ['*-2', '*-0'] }, except: { containers: [sidecar] }", &[all[1], all[3]]),
    ] {
        assert_eq!(selected(containers)?, names(expected), "{containers}");
    }
    rig.configure("select: { labels: { app: web }, environment: { LOG: '*' } }", "")?;
    rig.probe.start()?;
    let arrived = rig.expect(1)?;
    assert_eq!(bodies(&arrived, |_| true), ["pod-other-1 yes"]);
    let status = rig.probe.status()?;
    let shown = &status["pipelines"][0]["containers"];
    assert_eq!(shown.as_array().map(Vec::len), Some(1), "{status:#}");
    assert_eq!((&shown[0]["name"], &shown[0]["phase"]), (&"other/pod-other-1/app".into(), &"running".into()));
    let text = String::from_utf8(rig.probe.command(&["logs", "status"])?.output()?.stdout)?;
    assert!(text.contains("container other/pod-other-1/app") && text.contains("(running)"), "{text}");
    rig.probe.stop()
}
