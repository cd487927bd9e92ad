//! Real servers, real clients, real kernel programs: what the probe reports must be what the client knows.

use std::{
    net::SocketAddr,
    process::Command,
    sync::{Arc, Barrier},
};

use anyhow::{Context, Result, ensure};
use plainsight_tests::{
    client::{Answer, Client},
    durations,
    nginx::{LARGE_FILE_BYTES, Nginx},
    probe::{Outcome, Probe},
    record::Record,
    server::PythonServer,
};

fn observe(address: SocketAddr) -> Result<Probe> {
    Probe::start(&["--port", &address.port().to_string()])
}

/// Both sides must have seen the same requests in the same order, all of them whole.
fn assert_both_sides(outcome: &Outcome, expected: &[(&str, &str, u16)]) {
    for side in ["client", "server"] {
        let seen = outcome.side(side);
        let lines: Vec<_> = seen.iter().map(|record| record.line()).collect();
        assert_eq!(seen.len(), expected.len(), "{side}: {lines:#?}");
        for (record, (method, path, status)) in seen.iter().zip(expected) {
            assert_eq!(record.text("http.request.method"), *method, "{}", record.line());
            assert_eq!(record.text("url.path"), *path, "{}", record.line());
            assert_eq!(record.status(), Some(i64::from(*status)), "{}", record.line());
            assert_eq!(record.outcome, "complete", "{}", record.line());
            assert_eq!(record.protocol, "http");
            assert_eq!(record.missing_bytes, 0);
        }
    }
}

fn assert_sizes(records: &[&Record], answers: &[Answer]) {
    for (record, answer) in records.iter().zip(answers) {
        assert_eq!(record.response_bytes, answer.bytes, "{}", record.line());
        let body = record.number("http.response.body.size");
        assert_eq!(body, i64::try_from(answer.body_bytes).ok(), "{}", record.line());
    }
}

#[test]
fn small_answers_on_a_kept_connection_are_seen_from_both_sides_with_sizes_and_durations() -> Result<()> {
    let nginx = Nginx::start()?;
    let probe = observe(nginx.address)?;
    let mut client = Client::connect(nginx.address)?;
    let answers = (0..200).map(|_| client.get("/tiny")).collect::<Result<Vec<_>>>()?;
    let outcome = probe.stop()?;
    assert_both_sides(&outcome, &[("GET", "/tiny", 200); 200]);
    for side in ["client", "server"] {
        assert_sizes(&outcome.side(side), &answers);
    }
    let own = answers.iter().map(|answer| answer.elapsed).collect();
    durations::assert_agree(&outcome.side("client"), own);
    let server = outcome.side("server")[0];
    assert_eq!(server.process.as_ref().map(|process| process.comm.as_str()), Some("nginx"));
    let client_record = outcome.side("client")[0];
    assert_eq!(client_record.process.as_ref().map(|process| process.pid), Some(std::process::id()));
    assert_eq!(client_record.server.port, nginx.address.port());
    assert_eq!(client_record.text("server.address"), "test.example");
    Ok(())
}

#[test]
fn errors_redirects_heads_and_empty_answers_keep_their_status() -> Result<()> {
    let nginx = Nginx::start()?;
    let probe = observe(nginx.address)?;
    let mut client = Client::connect(nginx.address)?;
    let requests = [
        ("GET", "/missing", 404),
        ("GET", "/fails", 500),
        ("GET", "/nothing", 204),
        ("HEAD", "/page.txt", 200),
    ];
    for (method, path, status) in requests {
        let request = format!("{method} {path} HTTP/1.1\r\nHost: test.example\r\n\r\n");
        let answer = client.exchange(request.as_bytes())?;
        assert_eq!(answer.status, status);
    }
    client.get("/tiny")?;
    let outcome = probe.stop()?;
    assert_both_sides(&outcome, &[requests.as_slice(), &[("GET", "/tiny", 200)]].concat());
    let errors =
        |side| -> Vec<_> { outcome.side(side).iter().map(|record| record.error_type.clone()).collect() };
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(errors("server"), [None, some("500"), None, None, None], "a 404 is no error of the server");
    assert_eq!(errors("client"), [some("404"), some("500"), None, None, None]);
    Ok(())
}

#[test]
fn a_large_file_sent_by_sendfile_is_whole_though_its_bytes_are_never_copied() -> Result<()> {
    let nginx = Nginx::start()?;
    let probe = observe(nginx.address)?;
    let mut client = Client::connect(nginx.address)?;
    let answers = [client.get("/large.bin")?, client.get("/tiny")?];
    assert_eq!(answers[0].body_bytes, LARGE_FILE_BYTES);
    let outcome = probe.stop()?;
    assert_both_sides(&outcome, &[("GET", "/large.bin", 200), ("GET", "/tiny", 200)]);
    for side in ["client", "server"] {
        assert_sizes(&outcome.side(side), &answers);
    }
    Ok(())
}

#[test]
fn compressed_answers_count_the_bytes_on_the_wire() -> Result<()> {
    let nginx = Nginx::start()?;
    let probe = observe(nginx.address)?;
    let output = Command::new("curl")
        .args([
            "-sS",
            "-H",
            "Accept-Encoding: gzip",
            "-o",
            "/dev/null",
            "-w",
            "%{size_download} %{size_header}",
        ])
        .arg(format!("http://{}/gzip.txt", nginx.address))
        .output()
        .context("curl")?;
    let text = String::from_utf8(output.stdout)?;
    let (body, head) = text.split_once(' ').context("two numbers")?;
    let (body, head): (u64, u64) = (body.parse()?, head.parse()?);
    assert!(body < 1000, "ten thousand equal bytes compress well: {body}");
    let outcome = probe.stop()?;
    assert_both_sides(&outcome, &[("GET", "/gzip.txt", 200)]);
    for record in &outcome.records {
        let size = record.number("http.response.body.size").context("a size")?;
        // What curl counts as the body leaves out the lines that frame its chunks, if there are any.
        assert_eq!(u64::try_from(size)?, body);
        assert!(record.response_bytes >= head + body);
        assert!(record.response_bytes <= head + body + 32, "no more than the frames of a few chunks");
        assert!(record.text("user_agent.original").starts_with("curl/") || record.side == "client");
    }
    Ok(())
}

#[test]
fn pipelined_requests_get_their_own_answers() -> Result<()> {
    let nginx = Nginx::start()?;
    let probe = observe(nginx.address)?;
    let mut client = Client::connect(nginx.address)?;
    let targets = ["/tiny", "/missing", "/fails", "/nothing"];
    let statuses = [200, 404, 500, 204];
    let requests: String = targets
        .iter()
        .cycle()
        .take(20)
        .map(|target| format!("GET {target} HTTP/1.1\r\nHost: test.example\r\n\r\n"))
        .collect();
    client.send(requests.as_bytes())?;
    for status in statuses.iter().cycle().take(20) {
        assert_eq!(client.read_answer(false)?.0, *status);
    }
    let outcome = probe.stop()?;
    let expected: Vec<_> =
        targets.iter().zip(statuses).cycle().take(20).map(|(&path, status)| ("GET", path, status)).collect();
    assert_both_sides(&outcome, &expected);
    Ok(())
}

#[test]
fn a_server_that_writes_one_byte_at_a_time_is_understood() -> Result<()> {
    let server = PythonServer::start("byte_by_byte.py")?;
    let probe = observe(server.address)?;
    let mut client = Client::connect(server.address)?;
    let answers = (0..10).map(|number| client.get(&format!("/{number}"))).collect::<Result<Vec<_>>>()?;
    let outcome = probe.stop()?;
    let paths: Vec<_> = (0..10).map(|number| format!("/{number}")).collect();
    let expected: Vec<_> = paths.iter().map(|path| ("GET", path.as_str(), 200)).collect();
    assert_both_sides(&outcome, &expected);
    for side in ["client", "server"] {
        assert_sizes(&outcome.side(side), &answers);
    }
    Ok(())
}

#[test]
fn ipv6_addresses_are_shown_as_such() -> Result<()> {
    let nginx = Nginx::start()?;
    let probe = observe(nginx.address_v6)?;
    Client::connect(nginx.address_v6)?.get("/tiny")?;
    let outcome = probe.stop()?;
    assert_both_sides(&outcome, &[("GET", "/tiny", 200)]);
    for record in &outcome.records {
        assert_eq!(record.server.address, "::1");
        assert_eq!(record.client.address, "::1");
        assert_eq!(record.server.port, nginx.address_v6.port());
    }
    Ok(())
}

#[test]
fn a_connection_older_than_the_probe_is_seen_with_its_sides_the_right_way_round() -> Result<()> {
    let nginx = Nginx::start()?;
    let mut client = Client::connect(nginx.address)?;
    client.get("/tiny")?;
    let probe = observe(nginx.address)?;
    client.get("/missing")?;
    client.get("/tiny")?;
    let outcome = probe.stop()?;
    assert_both_sides(&outcome, &[("GET", "/missing", 404), ("GET", "/tiny", 200)]);
    for record in &outcome.records {
        assert_eq!(record.server.port, nginx.address.port());
    }
    Ok(())
}

#[test]
fn a_thousand_connections_at_once_are_all_seen() -> Result<()> {
    const CONNECTIONS: usize = 1000;
    let nginx = Nginx::start()?;
    let probe = observe(nginx.address)?;
    let barrier = Arc::new(Barrier::new(CONNECTIONS));
    let threads: Vec<_> = (0..CONNECTIONS)
        .map(|number| {
            let barrier = Arc::clone(&barrier);
            let address = nginx.address;
            std::thread::Builder::new().stack_size(512 << 10).spawn(move || -> Result<()> {
                let client = Client::connect(address);
                barrier.wait();
                let mut client = client?;
                for round in 0..3 {
                    let answer = client.get(&format!("/id/{number}-{round}"))?;
                    ensure!(answer.status == 200);
                }
                barrier.wait();
                Ok(())
            })
        })
        .collect::<std::io::Result<_>>()?;
    for thread in threads {
        thread.join().map_err(|_| anyhow::anyhow!("a client failed"))??;
    }
    let outcome = probe.stop()?;
    for side in ["client", "server"] {
        let mut paths: Vec<_> =
            outcome.side(side).iter().map(|record| record.text("url.path").to_owned()).collect();
        paths.sort_unstable();
        paths.dedup();
        assert_eq!(outcome.side(side).len(), 3 * CONNECTIONS, "{side}");
        assert_eq!(paths.len(), 3 * CONNECTIONS, "{side}: every request has its own path");
        assert!(outcome.side(side).iter().all(|record| record.outcome == "complete"), "{side}");
    }
    Ok(())
}

#[test]
fn wrk_and_the_probe_count_the_same_number_of_requests() -> Result<()> {
    let nginx = Nginx::start()?;
    let probe = observe(nginx.address)?;
    let before = nginx.requests()?;
    let url = format!("http://{}/tiny", nginx.address);
    let output = Command::new("wrk").args(["-t1", "-c8", "-d1s", &url]).output().context("wrk")?;
    ensure!(output.status.success(), "wrk: {}", String::from_utf8_lossy(&output.stderr));
    let made = nginx.requests()? - before - 1;
    let outcome = probe.stop()?;
    let seen = outcome.side("server").iter().filter(|record| record.text("url.path") == "/tiny").count();
    assert!(made > 1000, "wrk made {made} requests");
    assert_eq!(seen as u64, made, "nginx counted {made} requests");
    Ok(())
}

#[test]
fn the_probe_never_reports_itself() -> Result<()> {
    let nginx = Nginx::start()?;
    let probe = Probe::start(&[])?;
    let own = probe.pid();
    Client::connect(nginx.address)?.get("/tiny")?;
    let outcome = probe.stop()?;
    assert!(outcome.records.len() >= 2, "the exchange with nginx was seen");
    assert!(
        outcome.records.iter().all(|record| record.process.as_ref().map(|process| process.pid) != Some(own))
    );
    Ok(())
}
