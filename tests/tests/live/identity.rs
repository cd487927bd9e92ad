//! Who it was: processes that live for a moment, and containers of a real containerd.

use std::{
    fs,
    net::SocketAddr,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use plainsight_tests::{
    containerd::{Containerd, Pod},
    nginx::Nginx,
    probe::{Outcome, Probe},
    record::Record,
};
use serde_json::{Value, json};

const WEB: &str = "localhost/shop/web:1.4";
const PORT: u16 = 8080;

/// A copy of curl under another name: what is told of it can be nobody else's.
fn copy_of_curl(folder: &Path) -> Result<String> {
    let path = folder.join("momentary");
    fs::copy("/usr/bin/curl", &path).context("curl is not there: `apt-get install curl` installs it")?;
    Ok(path.display().to_string())
}

fn with_path<'o>(outcome: &'o Outcome, side: &str, path: &str) -> Vec<&'o Record> {
    outcome.side(side).into_iter().filter(|record| record.text("url.path") == path).collect()
}

#[test]
fn processes_that_live_for_a_moment_are_named_with_program_service_and_parent() -> Result<()> {
    let nginx = Nginx::start()?;
    let folder = tempfile::tempdir()?;
    let program = copy_of_curl(folder.path())?;
    let probe = Probe::start(&["--port", &nginx.address.port().to_string(), "--command-lines"])?;
    let url = format!("http://{}/", nginx.address);
    let mut pids = Vec::new();
    for _ in 0..20 {
        let child = Command::new(&program)
            .args(["--silent", "--output", "/dev/null", &url])
            .env("OTEL_SERVICE_NAME", "moments")
            .env("OTEL_RESOURCE_ATTRIBUTES", "service.namespace=short%20lived")
            .spawn()?;
        pids.push(child.id());
        ensure!({ child }.wait()?.success(), "curl failed");
    }
    let outcome = probe.stop()?;
    let records = outcome.side("client");
    assert_eq!(records.len(), pids.len());
    for (record, pid) in records.into_iter().zip(pids) {
        let process = record.process.as_ref().context("a process")?;
        assert_eq!((process.pid, process.exe.as_deref()), (pid, Some(&*program)));
        assert_eq!(process.parent_pid, Some(std::process::id()));
        assert_eq!(process.user.as_deref(), Some("root"));
        assert!(process.started.as_deref().is_some_and(|started| *started <= *record.start), "{process:?}");
        assert!(process.command.as_deref().is_some_and(|command| command.ends_with(&url)), "{process:?}");
        let service = record.service.as_ref().context("a service")?;
        assert_eq!((&*service.name, service.namespace.as_deref()), ("moments", Some("short lived")));
    }
    Ok(())
}

#[test]
fn a_process_that_was_forked_and_ended_at_once_is_what_its_parent_is() -> Result<()> {
    let nginx = Nginx::start()?;
    let probe = Probe::of_server(nginx.address)?;
    let (host, port) = (nginx.address.ip(), nginx.address.port());
    // Ten subshells, none of which starts a program; each ends right behind its request.
    let script = format!(
        "for i in 1 2 3 4 5 6 7 8 9 10; do (exec 3<>/dev/tcp/{host}/{port}; \
         printf 'GET /forked HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n' >&3; read -r line <&3); done"
    );
    ensure!(Command::new("bash").args(["-c", &script]).status()?.success(), "the script failed");
    let outcome = probe.stop()?;
    let records = with_path(&outcome, "client", "/forked");
    assert_eq!(records.len(), 10);
    let mut pids: Vec<_> = records.iter().filter_map(|record| Some(record.process.as_ref()?.pid)).collect();
    pids.dedup();
    assert_eq!(pids.len(), 10);
    for record in records {
        let exe = record.process.as_ref().and_then(|process| process.exe.as_deref());
        assert!(exe.is_some_and(|exe| exe.ends_with("/bash")), "{record:?}");
    }
    Ok(())
}

#[test]
fn a_storm_of_processes_costs_no_exchange() -> Result<()> {
    let nginx = Nginx::start()?;
    let probe = Probe::of_server(nginx.address)?;
    // Some thousand processes, most of which start a program, beside the requests.
    let mut storm = Command::new("bash")
        .args(["-c", "for i in $(seq 3000); do /bin/true; ( : ); done"])
        .stdout(Stdio::null())
        .spawn()?;
    let url = format!("http://{}/", nginx.address);
    let began = Instant::now();
    let mut requests = 0;
    while storm.try_wait()?.is_none() {
        ensure!(began.elapsed() < Duration::from_secs(120), "the storm does not end");
        ensure!(
            Command::new("curl").args(["-s", "-o", "/dev/null", &url]).status()?.success(),
            "curl failed"
        );
        requests += 1;
    }
    let outcome = probe.stop()?;
    assert!(requests > 10, "only {requests} requests were made");
    let records = outcome.side("client");
    assert_eq!(records.len(), requests);
    let named = records.iter().filter(|record| {
        let exe = record.process.as_ref().and_then(|process| process.exe.as_deref());
        exe.is_some_and(|exe| exe.ends_with("/curl"))
    });
    assert_eq!(named.count(), requests, "some have no name");
    assert!(outcome.messages.iter().any(|line| line.contains(", 0 events lost")), "{:?}", outcome.messages);
    Ok(())
}

/// A probe that asks that containerd, for what goes to that port.
fn probe_of(containerd: &Containerd) -> Result<Probe> {
    let socket = containerd.socket().display().to_string();
    Probe::start(&["--port", &PORT.to_string(), "--container-runtime", &socket])
}

/// A pod with a server that has answered.
fn web(containerd: &mut Containerd) -> Result<(Pod, String)> {
    let labels = [("pod-template-hash", "7d4b9c"), ("tier", "front")];
    let annotations = [("resource.opentelemetry.io/service.namespace", "annotated")];
    let pod = containerd.pod("shop", "web-7d4b9c-x2x4z", &labels, &annotations)?;
    let command = ["/bin/httpd", "-f", "-p", "8080", "-h", "/www"];
    let id = containerd.container(&pod, "server", WEB, &command, &[])?;
    let address = SocketAddr::new(pod.address, PORT);
    let deadline = Instant::now() + Duration::from_secs(30);
    while std::net::TcpStream::connect(address).is_err() {
        ensure!(Instant::now() < deadline, "the server in the container does not listen");
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok((pod, id))
}

fn member<'v>(value: Option<&'v Value>, name: &str) -> &'v Value {
    value.and_then(|value| value.get(name)).unwrap_or(&Value::Null)
}

#[test]
fn containers_that_talk_to_each_other_are_named_at_both_ends() -> Result<()> {
    let mut containerd = Containerd::start()?;
    containerd.import(WEB, &["/bin/httpd"])?;
    containerd.import("localhost/tools:2", &["/bin/sh"])?;
    let (web, web_id) = web(&mut containerd)?;
    let probe = probe_of(&containerd)?;
    let client =
        containerd.pod("shop", "buyer-0", &[("statefulset.kubernetes.io/pod-name", "buyer-0")], &[])?;
    let script = format!(
        "for i in 1 2 3 4 5; do /bin/wget -q -O /dev/null http://{}:{PORT}/; done; /bin/sleep 100",
        web.address
    );
    let environment = [("OTEL_RESOURCE_ATTRIBUTES", "service.name=buyers")];
    let client_id = containerd.container(
        &client,
        "buyer",
        "localhost/tools:2",
        &["/bin/sh", "-c", &script],
        &environment,
    )?;
    std::thread::sleep(Duration::from_secs(3));
    let outcome = probe.stop()?;
    let (servers, clients) = (outcome.side("server"), outcome.side("client"));
    assert_eq!((servers.len(), clients.len()), (5, 5));
    for record in servers {
        let container = record.container.as_ref();
        assert_eq!(member(container, "id"), &json!(web_id));
        assert_eq!(member(container, "name"), &json!("server"));
        assert_eq!(member(container, "image"), &json!(WEB));
        let k8s = record.k8s.as_ref();
        assert_eq!(member(k8s, "pod_uid"), &json!(web.uid));
        assert_eq!(member(k8s, "namespace"), &json!("shop"));
        assert_eq!(member(k8s, "pod"), &json!("web-7d4b9c-x2x4z"));
        assert_eq!(member(k8s, "container"), &json!("server"));
        assert_eq!(member(k8s, "labels"), &json!({"pod-template-hash": "7d4b9c", "tier": "front"}));
        assert_eq!((member(k8s, "owner_kind"), member(k8s, "owner")), (&json!("Deployment"), &json!("web")));
        let service = record.service.as_ref().context("a service")?;
        assert_eq!((&*service.name, service.namespace.as_deref()), ("web", Some("annotated")));
        assert_eq!(member(record.peer.as_ref(), "name"), &json!("buyer-0"));
        assert_eq!(record.process.as_ref().and_then(|process| process.exe.as_deref()), Some("/bin/busybox"));
    }
    for record in clients {
        assert_eq!(member(record.container.as_ref(), "id"), &json!(client_id));
        assert_eq!(member(record.container.as_ref(), "image"), &json!("localhost/tools:2"));
        assert_eq!(member(record.k8s.as_ref(), "pod"), &json!("buyer-0"));
        assert_eq!(member(record.k8s.as_ref(), "owner_kind"), &json!("StatefulSet"));
        assert_eq!(record.service.as_ref().map(|service| &*service.name), Some("buyers"));
        let expected =
            json!({"kind": "pod", "name": "web-7d4b9c-x2x4z", "namespace": "shop", "service": "web"});
        assert_eq!(record.peer, Some(expected));
    }
    Ok(())
}

#[test]
fn containers_that_live_for_a_fifth_of_a_second_are_named_also_after_the_runtime_started_again() -> Result<()>
{
    let mut containerd = Containerd::start()?;
    containerd.import(WEB, &["/bin/httpd"])?;
    let (web, _) = web(&mut containerd)?;
    let probe = probe_of(&containerd)?;
    let brief = containerd.pod("jobs", "brief-abcde", &[("job-name", "brief")], &[])?;
    for number in 0..6 {
        if number == 3 {
            containerd.restart()?;
        }
        let script =
            format!("/bin/wget -q -O /dev/null http://{}:{PORT}/; exec /bin/sleep 0.15", web.address);
        containerd.container(&brief, &format!("brief-{number}"), WEB, &["/bin/sh", "-c", &script], &[])?;
        std::thread::sleep(Duration::from_millis(500));
    }
    let outcome = probe.stop()?;
    let clients = outcome.side("client");
    let names: Vec<_> =
        clients.iter().map(|record| member(record.container.as_ref(), "name").clone()).collect();
    assert_eq!(names, (0..6).map(|number| json!(format!("brief-{number}"))).collect::<Vec<_>>());
    for record in clients {
        assert_eq!(member(record.k8s.as_ref(), "pod"), &json!("brief-abcde"));
        assert_eq!(record.service.as_ref().map(|service| &*service.name), Some("brief"));
    }
    Ok(())
}
