//! TLS live: what the hello says is shown and the connection counted, at both ends; of what it hides nothing is made up.

use anyhow::Result;
use plainsight_tests::{
    probe::{Outcome, Probe},
    server::PythonServer,
};

/// Asks for one connection after the other. Gives what was agreed on, and what the probe saw.
fn observe(kinds: &[&str]) -> Result<(Vec<String>, Outcome)> {
    let mut server = PythonServer::start("tls.py")?;
    let probe = Probe::of_server(server.address)?;
    let mut agreed = Vec::new();
    for kind in kinds {
        server.say(kind)?;
        agreed.push(server.listen()?.trim().to_owned());
    }
    Ok((agreed, probe.stop()?))
}

#[test]
fn a_handshake_shows_who_was_asked_for_and_what_was_agreed_on_and_nothing_after_it() -> Result<()> {
    let (agreed, outcome) = observe(&["1.2", "1.3", "1.2"])?;
    for side in ["client", "server"] {
        let records = outcome.side(side);
        assert_eq!(records.len(), 3, "{side}: {records:?} {:?}", outcome.messages);
        for (record, agreed) in records.iter().zip(&agreed) {
            let context = format!("{agreed} {record:?}");
            assert_eq!((record.protocol.as_str(), record.outcome.as_str()), ("tls", "complete"), "{context}");
            assert_eq!(record.text("server.address"), "shop.example.test", "{context}");
            let offered: Vec<_> = record.attributes["plainsight.tls.client.protocols"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|name| name.as_str())
                .collect();
            assert_eq!(offered, ["h2", "http/1.1"], "{context}");
            let version = format!("\"TLSv{}\"", record.text("tls.protocol.version"));
            assert!(agreed.contains(&version), "{context}");
            assert!(record.duration_ns.is_some() && record.error_type.is_none(), "{context}");
            // Version 1.3 encrypts what was chosen.
            let chosen = if version.contains("1.2") { "http/1.1" } else { "" };
            assert_eq!(record.text("tls.next_protocol"), chosen, "{context}");
            assert!(!context.contains("secret"), "{context}");
        }
    }
    assert_eq!(outcome.records.len(), 6, "twenty requests went over each connection, and none can be read");
    Ok(())
}

#[test]
fn a_client_that_does_not_trust_its_server_is_shown_as_far_as_it_can_be_read() -> Result<()> {
    let (agreed, outcome) = observe(&["distrust"])?;
    assert_eq!(agreed, ["\"refused\""]);
    for side in ["client", "server"] {
        let records = outcome.side(side);
        assert_eq!(records.len(), 1, "{side}: {records:?} {:?}", outcome.messages);
        assert_eq!(records[0].protocol, "tls");
        assert_eq!(records[0].text("server.address"), "shop.example.test");
    }
    Ok(())
}
