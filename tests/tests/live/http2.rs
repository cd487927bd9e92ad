//! HTTP/2 by nghttp2's server and load generator.

use std::{process::Command, time::Duration};

use anyhow::{Context, Result};
use plainsight_tests::{
    durations::median,
    nghttp2::{Load, Loaded, PACKAGES, PAGES, start_server},
    probe::{Outcome, Probe},
    process::{ServerProcess, run_well},
    record::Record,
};

/// What h2load asks for in turn.
const PATHS: [&str; 3] = [PAGES[0].0, PAGES[1].0, "/missing"];

fn watch(server: &ServerProcess) -> Result<Probe> {
    // What two cores do at once, the load and its observation, is not what is tested here.
    Probe::start(&["--port", &server.address.port().to_string(), "--ring-bytes", "128MiB"])
}

fn of_path<'r>(outcome: &'r Outcome, side: &str, path: &str) -> Vec<&'r Record> {
    outcome.side(side).into_iter().filter(|record| record.text("url.path") == path).collect()
}

fn size(record: &Record) -> Option<i64> {
    record.number("http.response.body.size")
}

/// What every record of this server has to be, wherever its observation began.
fn assert_true(record: &Record) {
    let context = format!("{record:?}");
    assert_eq!(record.protocol, "http2", "{context}");
    let path = record.text("url.path");
    assert!(path.is_empty() || PATHS.contains(&path), "{context}");
    assert!(["", "GET"].contains(&record.text("http.request.method")), "{context}");
    if let Some((_, bytes)) = PAGES.iter().find(|(name, _)| *name == path) {
        assert!(record.status().is_none_or(|status| status == 200), "{context}");
        assert!(record.outcome != "complete" || size(record) == i64::try_from(*bytes).ok(), "{context}");
    }
    match record.status() {
        Some(404) => assert!(["", "/missing"].contains(&path), "{context}"),
        Some(200) if record.outcome == "complete" => {
            let is_page = PAGES.iter().any(|(_, bytes)| size(record) == i64::try_from(*bytes).ok());
            assert!(is_page, "{context}");
        }
        status => assert!(matches!(status, None | Some(200)), "{context}"),
    }
    let error = match record.status() {
        // h2load closes its connections when its time is up.
        _ if record.outcome == "no_response" => Some("connection_closed"),
        Some(404) if record.side == "client" => Some("404"),
        _ => None,
    };
    assert_eq!(record.error_type.as_deref(), error, "{context}");
}

/// Every request of h2load, from both ends, with its path, status and size.
fn assert_all(outcome: &Outcome, loaded: &Loaded) -> Result<()> {
    let made = loaded.requests.len();
    let failed = loaded.requests.iter().filter(|request| request.status == 404).count();
    assert_eq!(failed, made / 3, "h2load asks in turn");
    for side in ["client", "server"] {
        let seen = outcome.side(side);
        assert_eq!(seen.len(), made, "{side}: {:?}", outcome.messages);
        for record in &seen {
            assert_true(record);
            assert_eq!(record.outcome, "complete", "{record:?}");
            assert_eq!(record.missing_bytes, 0, "{record:?}");
            assert_eq!(record.text("network.protocol.version"), "2", "{record:?}");
        }
        for path in PATHS {
            let of_path = of_path(outcome, side, path);
            assert_eq!(of_path.len(), made / 3, "{path} seen by the {side}");
            let status = if path == "/missing" { 404 } else { 200 };
            assert!(of_path.iter().all(|record| record.status() == Some(status)), "{path} {status}");
        }
        let bodies: i64 = seen.iter().filter_map(|record| size(record)).sum();
        assert_eq!(u64::try_from(bodies)?, loaded.body_bytes, "{side}");
        let responses: u64 = seen.iter().map(|record| record.response_bytes).sum();
        // The rest is what the connection itself needs: settings, windows, pings.
        let others = loaded.bytes.checked_sub(responses).context("more bytes than were received")?;
        assert!(others <= 4096 + made as u64 / 10, "{side}: {others} of {} bytes", loaded.bytes);
    }
    Ok(())
}

#[test]
fn one_stream_at_a_time_is_counted_sized_and_timed_as_h2load_does() -> Result<()> {
    let server = start_server()?;
    let probe = watch(&server)?;
    let loaded = Load::start(&server, &["-n", "3000", "-c", "1", "-m", "1"], &PATHS)?.finish()?;
    let outcome = probe.stop()?;
    assert_all(&outcome, &loaded)?;
    let own =
        median(loaded.requests.iter().map(|request| Duration::from_micros(request.microseconds)).collect());
    let durations = outcome.side("client").into_iter().filter_map(|record| record.duration_ns);
    let seen = median(durations.map(Duration::from_nanos).collect());
    let allowed = (own / 10).max(Duration::from_micros(50));
    assert!(own.abs_diff(seen) <= allowed, "h2load measured {own:?}, the probe {seen:?}");
    Ok(())
}

#[test]
fn a_hundred_streams_at_once_on_several_connections_keep_their_own_answers() -> Result<()> {
    let server = start_server()?;
    let probe = watch(&server)?;
    let loaded = Load::start(&server, &["-n", "2997", "-c", "3", "-m", "100"], &PATHS)?.finish()?;
    let outcome = probe.stop()?;
    assert_all(&outcome, &loaded)
}

#[test]
fn bodies_of_requests_are_measured_in_both_directions() -> Result<()> {
    const BYTES: i64 = 100_000;
    let server = start_server()?;
    let body = server.directory.path().join("upload");
    std::fs::write(&body, "y".repeat(usize::try_from(BYTES)?))?;
    let probe = watch(&server)?;
    let upload = format!("--data={}", body.display());
    let loaded = Load::start(&server, &["-n", "60", "-c", "2", "-m", "10", &upload], &["/echo"])?.finish()?;
    assert_eq!(loaded.requests.len(), 60);
    let outcome = probe.stop()?;
    for side in ["client", "server"] {
        let seen = outcome.side(side);
        assert_eq!(seen.len(), 60, "{side}: {:?}", outcome.messages);
        for record in seen {
            assert_eq!(record.line().split(' ').nth(1), Some("POST"), "{record:?}");
            assert_eq!((record.text("url.path"), record.status()), ("/echo", Some(200)), "{record:?}");
            assert_eq!(record.number("http.request.body.size"), Some(BYTES), "{record:?}");
            assert_eq!(size(record), Some(BYTES), "{record:?}");
            assert_eq!(record.outcome, "complete", "{record:?}");
        }
    }
    Ok(())
}

#[test]
fn a_client_with_priorities_and_other_methods_is_understood() -> Result<()> {
    let server = start_server()?;
    let probe = watch(&server)?;
    let url = |path: &str| format!("http://{}{path}", server.address);
    run_well(Command::new("nghttp").args(["-n", "-H", ":method: HEAD", &url(PAGES[1].0)]), PACKAGES)?;
    run_well(Command::new("nghttp").args(["-n", &url(PAGES[1].0), &url(PAGES[0].0)]), PACKAGES)?;
    let outcome = probe.stop()?;
    for side in ["client", "server"] {
        let mut seen: Vec<_> = outcome
            .side(side)
            .into_iter()
            .map(|record| (record.text("http.request.method"), record.text("url.path"), record.status()))
            .collect();
        seen.sort_unstable();
        let [(small, _), (medium, _)] = PAGES;
        let expected = [("GET", medium, Some(200)), ("GET", small, Some(200)), ("HEAD", medium, Some(200))];
        assert_eq!(seen, expected, "{side}: {:#?}", outcome.records);
        assert!(outcome.side(side).iter().all(|record| record.outcome == "complete"), "{side}");
    }
    Ok(())
}

/// `rate` bounds what there is to compare: h2load sends a hundredth of a second's requests at once.
fn join(streams: &str, rate: &str) -> Result<()> {
    let server = start_server()?;
    let load = Load::start(&server, &["-D", "4", "-c", "1", "-m", streams, "--rps", rate], &PATHS)?;
    std::thread::sleep(Duration::from_millis(300));
    let probe = watch(&server)?;
    let loaded = load.finish()?;
    let outcome = probe.stop()?;
    for side in ["client", "server"] {
        let seen = outcome.side(side);
        for record in &seen {
            assert_true(record);
        }
        let whole = seen.iter().filter(|record| record.outcome == "complete").count();
        assert!(whole > 100, "{side}: {whole} of {}: {:?}", seen.len(), outcome.messages);
        assert!(
            seen.len() <= loaded.requests.len() + 400,
            "{side}: {} of {}",
            seen.len(),
            loaded.requests.len()
        );
    }
    Ok(())
}

#[test]
fn a_connection_joined_while_it_is_busy_gives_nothing_that_is_not_so() -> Result<()> {
    join("1", "1000")
}

#[test]
fn a_connection_joined_amid_many_streams_gives_nothing_that_is_not_so() -> Result<()> {
    join("100", "5000")
}
