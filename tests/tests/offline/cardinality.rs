//! A million different paths, hosts, statements and users, as bytes of real conversations: series stay under their caps,
//! no request is missing from a sum, memory stays flat, and one wild service does not fold a calm one.

use std::collections::BTreeMap;

use plainsight::signal::metrics::{MetricChange, MetricSettings};

use super::fed::{Fed, SECOND, is_alone, memory};

/// How many different values of each are offered: a million, where the code is fast enough for a test.
const MANY: u32 = if cfg!(debug_assertions) { 100_000 } else { 1_000_000 };

/// A server that is asked for ever other things.
const WILD: u32 = 1;

/// A client that asks for ever other things.
const CALLER: u32 = 2;

/// A server with five pages.
const CALM: u32 = 3;

/// What memory may grow by in the second half of the load.
const GROWTH_BYTES: u64 = 8 << 20;

fn service(pid: u32) -> String {
    ["", "wild", "caller", "calm"][pid as usize].to_owned()
}

/// A word for each number, in which nobody sees a number.
fn word(mut number: u32) -> String {
    let mut word = "w".to_owned();
    for _ in 0..5 {
        word.push(char::from(b'a' + u8::try_from(number % 26).expect("a letter")));
        number /= 26;
    }
    word
}

/// A message of PostgreSQL: its kind, its length, its body.
fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).expect("a short body").to_be_bytes();
    [&[kind][..], &length, body].concat()
}

/// What opens a connection as a user of a database (PostgreSQL, "Message Formats", StartupMessage).
fn startup(user: &str) -> Vec<u8> {
    let body = [
        &196_608_u32.to_be_bytes()[..],
        b"user\0",
        user.as_bytes(),
        b"\0database\0",
        user.as_bytes(),
        b"\0\0",
    ];
    message(0, &body.concat())[1..].to_vec()
}

fn as_settings() -> MetricSettings {
    let add = |name: &str, attribute: &str| MetricChange {
        name: name.to_owned(),
        add: vec![attribute.to_owned()],
        ..MetricChange::default()
    };
    let changes = vec![
        add("http.server.request.duration", "url.path"),
        add("http.server.request.duration", "server.address"),
        add("db.client.operation.duration", "db.query.text"),
    ];
    MetricSettings { changes, ..MetricSettings::default() }
}

#[test]
fn a_million_of_everything_stays_under_the_caps_exact_and_flat() {
    if !is_alone("cardinality::a_million_of_everything_stays_under_the_caps_exact_and_flat") {
        return;
    }
    let mut fed = Fed::new(as_settings(), service);
    let ready = message(b'Z', b"I");
    let welcome = [message(b'R', &[0; 4]), ready.clone()].concat();
    let done = [message(b'C', b"SELECT 1\0"), ready].concat();
    let (mut server, mut client, mut calm) =
        (fed.open(WILD, true), fed.open(CALLER, false), fed.open(CALM, true));
    let response = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    let mut calm_requests: BTreeMap<String, u64> = BTreeMap::new();
    let mut settled = 0;
    for number in 0..MANY {
        let name = word(number);
        let request = format!("GET /{name}/{name} HTTP/1.1\r\nHost: {name}.example\r\n\r\n");
        fed.ask(&mut server, request.as_bytes(), response);
        fed.ask(&mut client, request.as_bytes(), response);
        let mut database = fed.open(CALLER, false);
        fed.ask(&mut database, &startup(&name), &welcome);
        let statement = format!("SELECT {name} FROM t{name}\0");
        fed.ask(&mut database, &message(b'Q', statement.as_bytes()), &done);
        fed.say(&mut database, true, &message(b'X', b""));
        fed.close(&database);
        if number % 100 == 0 {
            let path = format!("/calm/{}", word(number / 100 % 5));
            fed.ask(&mut calm, format!("GET {path} HTTP/1.1\r\nHost: calm\r\n\r\n").as_bytes(), response);
            *calm_requests.entry(path).or_default() += 1;
        }
        if number % 1_000 == 0 {
            fed.now += SECOND;
            fed.second();
        }
        // By now the tables of addresses and ports, which have bounds of their own, have found their size.
        if number == MANY / 2 {
            settled = memory();
        }
    }
    fed.second();
    let grown = memory().saturating_sub(settled);
    println!("{MANY} of each: memory {} KiB after half, grown by {} KiB", settled >> 10, grown >> 10);
    assert!(grown < GROWTH_BYTES, "memory grew by {grown} bytes");

    let calm_count: u64 = calm_requests.values().sum();
    for (metric, expected) in [
        ("http.server.request.duration", u64::from(MANY) + calm_count),
        ("http.client.request.duration", u64::from(MANY)),
        // Opening a session is an exchange of its own.
        ("db.client.operation.duration", u64::from(MANY) * 2),
    ] {
        let counts = fed.counts(metric);
        assert_eq!(
            counts.iter().map(|(.., count)| count).sum::<u64>(),
            expected,
            "{metric}: no request is missing"
        );
        let overflows = |attributes: &[(String, String)]| {
            attributes.iter().any(|(name, _)| name == "otel.metric.overflow")
        };
        let kept = counts.iter().filter(|(_, attributes, _)| !overflows(attributes)).count();
        assert!(kept <= 2_000, "{metric}: {kept} series");
        let mut values: BTreeMap<(&str, &str), std::collections::BTreeSet<&str>> = BTreeMap::new();
        for (service, attributes, _) in &counts {
            for (name, value) in attributes.iter().filter(|(_, value)| value != "*") {
                values.entry((service, name)).or_default().insert(value);
            }
        }
        for ((service, name), values) in &values {
            assert!(values.len() <= 100, "{metric}: {} values of {name} in {service}", values.len());
        }
        let offered: &[&str] = match metric {
            "http.server.request.duration" => &["url.path", "server.address"],
            "http.client.request.duration" => &["server.address"],
            _ => &["db.namespace", "db.query.text"],
        };
        for name in offered {
            let of_wild = values.iter().filter(|((service, key), _)| *service != "calm" && key == name);
            let shown = of_wild.map(|(_, values)| values.len()).max();
            assert_eq!(shown, Some(100), "{metric}: values of {name} were offered in earnest");
        }
    }
    let mut of_calm: BTreeMap<String, u64> = BTreeMap::new();
    for (service, attributes, count) in fed.counts("http.server.request.duration") {
        if service == "calm" {
            let path = attributes.into_iter().find(|(name, _)| name == "url.path").map(|(_, path)| path);
            *of_calm.entry(path.expect("no overflow")).or_default() += count;
        }
    }
    assert_eq!(of_calm, calm_requests, "the calm service keeps all its paths");
    assert_eq!(fed.worker.observer().exchanges, u64::from(MANY) * 4 + calm_count);
}
