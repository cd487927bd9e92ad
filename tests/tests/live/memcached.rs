//! memcached by bytes of the test's own, the text protocol and its meta commands: counts are the server's.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use plainsight_tests::{durations, memcached::Memcached, probe::Probe, raw::Raw, record::Record};

/// An exchange in a line: what was asked, masked, and the error.
fn line(record: &Record) -> String {
    let text = record.text("db.query.text");
    record.error_type.as_ref().map_or_else(|| text.to_owned(), |error| format!("{text} {error}"))
}

/// The server's counters of commands.
fn counters(client: &mut Raw) -> Result<BTreeMap<String, u64>> {
    client.send(b"stats\r\n")?;
    let page = String::from_utf8(client.skip_to(b"END\r\n")?)?;
    let numbers = page.lines().filter_map(|line| line.strip_prefix("STAT ")?.split_once(' '));
    Ok(numbers.filter_map(|(name, value)| Some((name.to_owned(), value.parse().ok()?))).collect())
}

#[test]
fn commands_of_the_text_protocol_keep_their_keys_and_errors_and_no_values() -> Result<()> {
    let memcached = Memcached::start()?;
    let probe = Probe::of_server(memcached.address)?;
    let mut client = Raw::connect(memcached.address)?;
    let steps: [(&str, &str, &[&str]); 17] = [
        ("set user:17 0 0 7\r\nhunter2\r\n", "STORED\r\n", &["set user:17 ?"]),
        ("get user:17\r\n", "VALUE user:17 0 7\r\nhunter2\r\nEND\r\n", &["get user:17"]),
        ("get nobody\r\n", "END\r\n", &["get nobody"]),
        ("get user:17 nobody\r\n", "VALUE user:17 0 7\r\nhunter2\r\nEND\r\n", &["get user:17 nobody"]),
        ("add user:17 0 0 7\r\nhunter2\r\n", "NOT_STORED\r\n", &["add user:17 ?"]),
        ("cas user:17 0 0 7 99\r\nhunter2\r\n", "EXISTS\r\n", &["cas user:17 ?"]),
        (
            "incr user:17 1\r\n",
            "CLIENT_ERROR cannot increment or decrement non-numeric value\r\n",
            &["incr user:17 ? CLIENT_ERROR"],
        ),
        ("delete nobody\r\n", "NOT_FOUND\r\n", &["delete nobody"]),
        ("touch user:17 100\r\n", "TOUCHED\r\n", &["touch user:17 ?"]),
        ("nosuch\r\n", "ERROR\r\n", &["nosuch ERROR"]),
        (
            "set quiet 0 0 7 noreply\r\nhunter2\r\nget quiet\r\n",
            "VALUE quiet 0 7\r\nhunter2\r\nEND\r\n",
            &["set quiet ?", "get quiet"],
        ),
        ("ms m 7\r\nhunter2\r\n", "HD\r\n", &["ms m ?"]),
        ("mg m v\r\n", "VA 7\r\nhunter2\r\n", &["mg m v"]),
        ("mg nobody v\r\n", "EN\r\n", &["mg nobody v"]),
        (
            "mg nobody v q k\r\nmg m v q k\r\nmn\r\n",
            "VA 7 km\r\nhunter2\r\nMN\r\n",
            &["mg nobody v q k", "mg m v q k", "mn"],
        ),
        ("md m\r\n", "HD\r\n", &["md m"]),
        ("flush_all\r\n", "OK\r\n", &["flush_all"]),
    ];
    for (request, answer, _) in steps {
        client.ask(request.as_bytes(), answer.as_bytes())?;
    }
    let outcome = probe.stop()?;
    outcome.assert_whole_and_masked("memcached", "hunter2");
    let expected: Vec<_> = steps.iter().flat_map(|(_, _, lines)| *lines).copied().collect();
    for side in ["client", "server"] {
        assert_eq!(outcome.lines(side, line), expected, "{side}");
        assert!(outcome.side(side).iter().all(|record| {
            record.text("db.system.name") == "memcached"
                && record.text("db.response.status_code") == record.error_type.as_deref().unwrap_or_default()
        }));
    }
    Ok(())
}

#[test]
fn pipelined_commands_and_large_values_are_as_many_as_the_server_counts() -> Result<()> {
    const ROUNDS: usize = 200;
    let memcached = Memcached::start()?;
    let mut other = Raw::connect(memcached.address)?;
    let probe = Probe::of_server(memcached.address)?;
    let mut client = Raw::connect(memcached.address)?;
    let value = "x".repeat(500_000);
    client.ask(format!("set large 0 0 {}\r\n{value}\r\n", value.len()).as_bytes(), b"STORED\r\n")?;
    let answer = format!("VALUE large 0 {}\r\n{value}\r\nEND\r\n", value.len());
    client.ask(b"get large\r\n", answer.as_bytes())?;
    for round in 0..ROUNDS {
        let (mut requests, mut answers) = (String::new(), String::new());
        for number in 0..10 {
            requests
                .push_str(&format!("set k{round}-{number} 0 0 7\r\nhunter2\r\nget k{round}-{number}\r\n"));
            answers.push_str(&format!("STORED\r\nVALUE k{round}-{number} 0 7\r\nhunter2\r\nEND\r\n"));
        }
        client.ask(requests.as_bytes(), answers.as_bytes())?;
    }
    let outcome = probe.stop()?;
    outcome.assert_whole_and_masked("memcached", "hunter2");
    let counters = counters(&mut other)?;
    for side in ["client", "server"] {
        for name in ["get", "set"] {
            let seen = outcome.named(side, name);
            let made = counters.get(&format!("cmd_{name}")).context("a counter")?;
            assert_eq!(seen.len(), 10 * ROUNDS + 1, "{name} seen by the {side}");
            assert_eq!(seen.len() as u64, *made, "{name} counted by the server");
        }
        assert_eq!(outcome.named(side, "get")[0].response_bytes, answer.len() as u64, "{side}");
    }
    Ok(())
}

#[test]
fn a_connection_joined_in_the_middle_is_followed_with_durations_of_its_client_s() -> Result<()> {
    let memcached = Memcached::start()?;
    let mut client = Raw::connect(memcached.address)?;
    client.ask(b"set user:17 0 0 7\r\nhunter2\r\n", b"STORED\r\n")?;
    let probe = Probe::of_server(memcached.address)?;
    let own = (0..300)
        .map(|_| client.ask(b"get user:17\r\n", b"VALUE user:17 0 7\r\nhunter2\r\nEND\r\n"))
        .collect::<Result<Vec<_>>>()?;
    let outcome = probe.stop()?;
    outcome.assert_whole_and_masked("memcached", "hunter2");
    for side in ["client", "server"] {
        assert_eq!(outcome.lines(side, line), ["get user:17"; 300], "{side}");
        assert!(
            outcome.side(side).iter().all(|record| record.server.port == memcached.address.port()),
            "{side}"
        );
    }
    durations::assert_agree(&outcome.side("client"), own);
    Ok(())
}
