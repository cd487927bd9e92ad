//! Redis by its own benchmark, by a driver of Python and by bytes of the test's own: counts are the server's.

use std::{collections::BTreeMap, process::Command};

use anyhow::Result;
use plainsight_tests::{
    durations,
    probe::{Outcome, Probe},
    process::{python, run_well},
    raw::Raw,
    record::Record,
    redis::{PACKAGES, Redis},
};

/// Names of the commands whose counts are compared. Not those that the server does not count, since it refuses them
/// before it looks them up or never runs them.
const COUNTED: [&str; 22] = [
    "ACL",
    "AUTH",
    "BLPOP",
    "CONFIG",
    "EVAL",
    "EXEC",
    "FLUSHALL",
    "GET",
    "HELLO",
    "HGET",
    "HGETALL",
    "HSET",
    "INCRBY",
    "LPUSH",
    "MULTI",
    "PING",
    "PUBLISH",
    "SET",
    "SUBSCRIBE",
    "UNSUBSCRIBE",
    "WATCH",
    "SELECT",
];

fn texts(outcome: &Outcome, side: &str, name: &str) -> Vec<String> {
    outcome.named(side, name).iter().map(|record| record.text("db.query.text").to_owned()).collect()
}

fn errors(records: &[&Record]) -> Vec<String> {
    records.iter().filter_map(|record| record.error_type.clone()).collect()
}

/// Calls of each command, without regard to its subcommands.
fn by_command(calls: &BTreeMap<String, u64>) -> BTreeMap<&str, u64> {
    let mut total = BTreeMap::new();
    for (name, count) in calls {
        *total.entry(name.split(' ').next().unwrap_or(name)).or_default() += count;
    }
    total
}

/// `command` with its arguments as RESP writes them.
fn command(words: &[&str]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", words.len());
    for word in words {
        bytes.push_str(&format!("${}\r\n{word}\r\n", word.len()));
    }
    bytes.into_bytes()
}

#[test]
fn every_command_of_a_pipelining_benchmark_is_seen_from_both_ends() -> Result<()> {
    let redis = Redis::start()?;
    let probe = Probe::of_server(redis.address)?;
    let arguments = ["-p", &redis.port(), "-t", "set,get", "-n", "20000", "-c", "8", "-P", "16", "-q"];
    run_well(Command::new("redis-benchmark").args(arguments), PACKAGES)?;
    let outcome = probe.stop()?;
    let calls = redis.calls()?;
    for side in ["client", "server"] {
        for name in ["SET", "GET"] {
            let seen = outcome.named(side, name);
            assert_eq!(calls.get(name), Some(&20_000), "{name} counted by the server");
            assert_eq!(seen.len(), 20_000, "{name} seen by the {side}; {:?}", outcome.messages);
            let whole = seen.iter().filter(|record| record.outcome == "complete").count();
            assert_eq!(whole, 20_000, "{name} seen whole by the {side}");
            assert!(seen.iter().all(|record| record.protocol == "redis" && record.error_type.is_none()));
        }
    }
    Ok(())
}

#[test]
fn values_longer_than_a_call_s_first_bytes_leave_the_pipeline_in_step() -> Result<()> {
    let redis = Redis::start()?;
    let probe = Probe::of_server(redis.address)?;
    let arguments =
        ["-p", &redis.port(), "-t", "set", "-n", "2000", "-c", "2", "-P", "8", "-d", "3000", "-q"];
    run_well(Command::new("redis-benchmark").args(arguments), PACKAGES)?;
    let outcome = probe.stop()?;
    for side in ["client", "server"] {
        let seen = outcome.named(side, "SET");
        let whole = seen.iter().filter(|record| record.outcome == "complete").count();
        assert_eq!((whole, seen.len()), (2000, 2000), "{side}: {:?}", outcome.messages);
    }
    Ok(())
}

#[test]
fn a_driver_s_commands_are_counted_as_the_server_does_with_keys_errors_and_no_secrets() -> Result<()> {
    let redis = Redis::start()?;
    let before = redis.calls()?;
    let probe = Probe::of_server(redis.address)?;
    let printed = run_well(&mut python("redis_client.py", [redis.port()])?, "python3-venv")?;
    let outcome = probe.stop()?;
    let after = redis.calls()?;
    let (before, after) = (by_command(&before), by_command(&after));
    for side in ["client", "server"] {
        let seen = outcome.names(side);
        for name in COUNTED {
            let made = after.get(name).unwrap_or(&0) - before.get(name).unwrap_or(&0);
            assert_eq!(*seen.get(name).unwrap_or(&0) as u64, made, "{name} seen by the {side}: {seen:?}");
        }
        // What follows is the same for either version of the protocol.
        assert_eq!(texts(&outcome, side, "SET"), ["SET user:17 ?", "SET watched ?"].repeat(2), "{side}");
        assert_eq!(texts(&outcome, side, "GET"), ["GET user:17", "GET nobody"].repeat(2), "{side}");
        assert_eq!(texts(&outcome, side, "PUBLISH"), ["PUBLISH news ?"; 6], "{side}");
        assert_eq!(outcome.named(side, "INCRBY").len(), 102, "{side}");
        assert_eq!(errors(&outcome.named(side, "LPUSH")), ["WRONGTYPE"; 2], "{side}: not those only queued");
        assert_eq!(errors(&outcome.named(side, "NOSUCH")), ["ERR"; 2], "{side}");
        assert_eq!(errors(&outcome.named(side, "EXEC")), ["WRONGTYPE"; 2], "{side}: of what was run");
        let logins: Vec<_> = [outcome.named(side, "AUTH"), outcome.named(side, "HELLO")].concat();
        assert_eq!(errors(&logins), ["WRONGPASS", "WRONGPASS", "NOAUTH"], "{side}");
        assert_eq!(errors(&outcome.named(side, "PING")), ["NOAUTH"], "{side}");
        assert!(outcome.named(side, "LPUSH").iter().all(|record| {
            record.text("db.response.status_code") == record.error_type.as_deref().unwrap_or_default()
        }));
    }
    durations::assert_agree(&outcome.named("client", "BLPOP"), durations::printed(&printed)?);
    for record in &outcome.records {
        assert_eq!((record.protocol.as_str(), record.outcome.as_str()), ("redis", "complete"), "{record:?}");
        assert_eq!(record.missing_bytes, 0, "{record:?}");
        let shown = format!("{record:?}");
        for secret in ["hunter2", "hunter3", "bob"] {
            assert!(!shown.contains(secret), "{secret} is shown: {shown}");
        }
    }
    Ok(())
}

#[test]
fn small_commands_take_as_long_as_their_client_measures() -> Result<()> {
    let redis = Redis::start()?;
    let mut client = Raw::connect(redis.address)?;
    let probe = Probe::of_server(redis.address)?;
    let request = command(&["SET", "user:17", "hunter2"]);
    let own = (0..300).map(|_| client.ask(&request, b"+OK\r\n")).collect::<Result<Vec<_>>>()?;
    let outcome = probe.stop()?;
    assert_eq!(outcome.named("server", "SET").len(), 300);
    durations::assert_agree(&outcome.named("client", "SET"), own);
    Ok(())
}

#[test]
fn pushes_and_silenced_commands_leave_a_connection_in_step() -> Result<()> {
    let redis = Redis::start()?;
    let probe = Probe::of_server(redis.address)?;
    let mut other = Raw::connect(redis.address)?;
    let mut client = Raw::connect(redis.address)?;
    client.ask(b"SET plain hunter2\r\nGET plain\r\n", b"+OK\r\n$7\r\nhunter2\r\n")?;
    let silenced = command(&["SET", "silent", "hunter2"]);
    let commands = [
        command(&["CLIENT", "REPLY", "OFF"]),
        silenced.repeat(3),
        command(&["CLIENT", "REPLY", "ON"]),
        command(&["GET", "silent"]),
    ];
    client.ask(&commands.concat(), b"+OK\r\n$7\r\nhunter2\r\n")?;
    client.send(&command(&["HELLO", "3"]))?;
    client.skip_to(b"modules\r\n*0\r\n")?;
    client.ask(&command(&["CLIENT", "TRACKING", "ON"]), b"+OK\r\n")?;
    client.ask(&command(&["GET", "silent"]), b"$7\r\nhunter2\r\n")?;
    other.ask(&command(&["SET", "silent", "hunter3"]), b"+OK\r\n")?;
    // The server tells of the change at a time of its own; the answers follow it.
    let pushed = b">2\r\n$10\r\ninvalidate\r\n*1\r\n$6\r\nsilent\r\n$-1\r\n";
    client.ask(&command(&["GET", "nobody"]), &[&pushed[..pushed.len() - 5], b"_\r\n"].concat())?;
    let outcome = probe.stop()?;
    for side in ["client", "server"] {
        assert_eq!(
            texts(&outcome, side, "GET"),
            ["GET plain", "GET silent", "GET silent", "GET nobody"],
            "{side}"
        );
        assert_eq!(outcome.named(side, "SET").len(), 5, "{side}");
        let silent = outcome.named(side, "SET").into_iter().filter(|record| record.response_bytes == 0);
        assert_eq!(silent.count(), 3, "{side}: answers that the client forbade");
        assert_eq!(texts(&outcome, side, "CLIENT").len(), 3, "{side}");
        assert_eq!(outcome.side(side).len(), 13, "{side}: {:?}", outcome.names(side));
    }
    assert!(outcome.records.iter().all(|record| record.outcome == "complete" && record.error_type.is_none()));
    Ok(())
}

#[test]
fn a_connection_joined_in_the_middle_is_followed_and_its_database_not_guessed() -> Result<()> {
    let redis = Redis::start()?;
    let mut client = Raw::connect(redis.address)?;
    client.ask(&command(&["SELECT", "3"]), b"+OK\r\n")?;
    client.ask(&command(&["SET", "user:17", "hunter2"]), b"+OK\r\n")?;
    let probe = Probe::of_server(redis.address)?;
    for _ in 0..10 {
        let commands = [command(&["GET", "user:17"]), command(&["LPUSH", "user:17", "hunter2"])].concat();
        let answer =
            b"$7\r\nhunter2\r\n-WRONGTYPE Operation against a key holding the wrong kind of value\r\n";
        client.ask(&commands, answer)?;
    }
    client.ask(&command(&["SELECT", "5"]), b"+OK\r\n")?;
    client.ask(&command(&["GET", "user:17"]), b"$-1\r\n")?;
    let outcome = probe.stop()?;
    for side in ["client", "server"] {
        let read = outcome.named(side, "GET");
        let databases: Vec<_> = read.iter().map(|record| record.text("db.namespace")).collect();
        assert_eq!(databases, [&[""; 10][..], &["5"]].concat(), "{side}");
        assert_eq!(errors(&outcome.named(side, "LPUSH")), ["WRONGTYPE"; 10], "{side}");
        assert!(
            outcome
                .side(side)
                .iter()
                .all(|record| { record.outcome == "complete" && record.server.port == redis.address.port() })
        );
    }
    Ok(())
}
