//! Every system call that moves bytes through a socket, used for one exchange from each end.

use std::collections::BTreeSet;

use anyhow::Result;
use plainsight_tests::{probe::Probe, server::PythonServer};

const SENDERS: [&str; 7] = ["write", "sendto", "writev", "sendmsg", "sendmmsg", "splice", "large"];
const RECEIVERS: [&str; 6] = ["read", "recvfrom", "readv", "recvmsg", "recvmmsg", "peek"];

fn exchanges_by(arguments: &[&str]) -> Result<()> {
    let mut server = PythonServer::start("calls.py")?;
    let port = server.address.port().to_string();
    let probe = Probe::start(&[&["--port", &port], arguments].concat())?;
    server.say("begin")?;
    assert_eq!(server.listen()?, "done");
    let outcome = probe.stop()?;
    for side in ["client", "server"] {
        let seen = outcome.side(side);
        let mut expected: BTreeSet<_> = SENDERS
            .iter()
            .flat_map(|sender| RECEIVERS.map(|receiver| format!("/{sender}/{receiver}")))
            .collect();
        for record in &seen {
            let path = record.text("url.path");
            assert!(
                expected.remove(path),
                "{side}: {path:?} was not asked for, or is seen twice: {}",
                record.line()
            );
            assert_eq!(record.status(), Some(200), "{}", record.line());
            assert_eq!(record.outcome, "complete", "{}", record.line());
            assert_eq!(record.missing_bytes, 0, "{}", record.line());
            let size = if path.starts_with("/large") { 100_000 } else { 100 };
            assert_eq!(record.number("http.response.body.size"), Some(size), "{}", record.line());
        }
        assert!(expected.is_empty(), "{side} did not see {expected:?}");
    }
    Ok(())
}

#[test]
fn every_call_is_captured_by_the_best_hook() -> Result<()> {
    exchanges_by(&[])
}

#[test]
fn every_call_is_captured_by_the_exit_of_system_calls() -> Result<()> {
    exchanges_by(&["--hook", "exit"])
}

#[test]
fn every_call_is_captured_by_the_raw_tracepoint() -> Result<()> {
    exchanges_by(&["--hook", "raw"])
}

/// The hook that sees splice read is attached once something was read unseen: what is read so for the first time is
/// partial, and whole from then on.
#[test]
fn what_splice_reads_is_whole_once_it_was_seen_to_be_used() -> Result<()> {
    let mut server = PythonServer::start("splicing.py")?;
    let port = server.address.port().to_string();
    let probe = Probe::start(&["--port", &port])?;
    server.say("begin")?;
    assert_eq!(server.listen()?, "done");
    let outcome = probe.stop()?;
    let client = outcome.side("client");
    assert_eq!(client.len(), 7);
    for record in &client[2..] {
        assert_eq!(record.outcome, "complete", "{}", record.line());
        assert_eq!(record.number("http.response.body.size"), Some(50_000), "{}", record.line());
        assert!(record.duration_ns.is_some_and(|duration| duration < 50_000_000), "{}", record.line());
    }
    Ok(())
}

#[test]
fn every_call_is_captured_when_its_bytes_take_several_records() -> Result<()> {
    exchanges_by(&["--payload-bytes", "65536"])
}

#[test]
fn every_call_is_captured_when_only_its_first_bytes_are_copied() -> Result<()> {
    exchanges_by(&["--payload-bytes", "256"])
}
