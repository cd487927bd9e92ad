//! What metrics cost: nanoseconds that counting an exchange adds for its worker, and for each point of a collection.
//!
//! Exchanges are those of keep-alive connections, through a worker, first with an observer that counts nothing, then with
//! one that makes metrics; the difference is what is shown. The fastest of several rounds counts: it is the one that was
//! disturbed least. The last part offers a million different values and shows what that costs and leaves behind.
//!
//! Run it with `cargo bench --package plainsight --bench metrics`.

use std::hint::black_box;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use plainsight::capture::{Chunk, ConnectionId, Event, Flow, Opened, Process, Role, Transport};
use plainsight::flow::{Observed, Observer, Worker, WorkerSettings};
use plainsight::identity::Resource;
use plainsight::signal::WallTime;
use plainsight::signal::metrics::{MetricPlan, MetricRecorder, MetricSettings, MetricStore, Names};
use plainsight_protocols::Timestamp;

const EXCHANGES: u64 = 200_000;
const ROUNDS: usize = 7;
const CONNECTIONS: u64 = 64;

/// Counts, and makes metrics if it is to.
struct Count {
    exchanges: u64,
    recorder: Option<MetricRecorder>,
}

impl Observer for Count {
    fn exchange(&mut self, observed: &Observed<'_>) {
        self.exchanges += 1;
        match &mut self.recorder {
            Some(recorder) => recorder.record(observed, None),
            None => {
                black_box(observed);
            }
        }
    }

    fn unobserved(&mut self, _: u64) {}

    fn ignore(&mut self, _: ConnectionId) {}

    fn forgotten(&mut self, _: ConnectionId) {}
}

fn store() -> Arc<MetricStore> {
    let resource = |name: &str| Arc::new(Resource { service_name: name.into(), ..Resource::default() });
    let service = resource("shop");
    let names = Names::new(move |_| Some(Arc::clone(&service)), |_| None);
    let plan = MetricPlan::new(MetricSettings::default()).expect("the defaults are right");
    MetricStore::new(plan, resource("plainsight"), names, WallTime::from_unix_nanos(1))
}

/// Requests and responses, each pair one exchange.
type Talk = Vec<(Vec<u8>, Vec<u8>)>;

/// Nanoseconds for each exchange of a talk that all connections have over and over.
fn through_worker(talk: &Talk, role: Role, recorder: Option<MetricRecorder>) -> f64 {
    let address = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut worker = Worker::new(WorkerSettings::live(), Count { exchanges: 0, recorder });
    let serves = role == Role::Server;
    for id in 1..=CONNECTIONS {
        let (own, other) = (address(8080), address(50_000 + id as u16));
        worker.event(&Event::Opened(Opened {
            connection: ConnectionId(id),
            at: Timestamp::from_nanos(1_000_000_000),
            transport: Transport::Tcp,
            local: if serves { own } else { other },
            remote: if serves { other } else { own },
            role,
            from_start: true,
            handshake_ns: None,
            network_namespace: 0,
        }));
    }
    let mut sequences = vec![[1_000_u32, 9_000]; CONNECTIONS as usize + 1];
    let process = Process { pid: 4242, ..Process::default() };
    let begun = Instant::now();
    for number in 0..EXCHANGES {
        let id = 1 + number % CONNECTIONS;
        let (request, response) = &talk[(number / CONNECTIONS) as usize % talk.len()];
        for (is_request, bytes) in [(true, request), (false, response)] {
            let sequences = &mut sequences[id as usize];
            let own = usize::from(!is_request);
            worker.event(&Event::Chunk(Chunk {
                connection: ConnectionId(id),
                at: Timestamp::from_nanos(1_000_000_000 + number * 2_000 + own as u64 * 700),
                flow: if is_request == serves { Flow::Received } else { Flow::Sent },
                sequence: Some(sequences[own]),
                opposite_sequence: Some(sequences[1 - own]),
                length: bytes.len() as u32,
                bytes,
                lost_calls: 0,
                process,
            }));
            sequences[own] += bytes.len() as u32;
        }
    }
    let elapsed = begun.elapsed();
    assert_eq!(worker.observer().exchanges, EXCHANGES, "each is found");
    elapsed.as_nanos() as f64 / EXCHANGES as f64
}

fn talks() -> Vec<(&'static str, Talk)> {
    let response = b"HTTP/1.1 200 OK\r\nServer: bench\r\nContent-Type: text/plain\r\nContent-Length: 13\r\n\r\nHello, world\n";
    let http = |paths: &[&str]| -> Talk {
        let request =
            |path| format!("GET {path} HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: bench\r\n\r\n");
        paths.iter().map(|path| (request(path).into_bytes(), response.to_vec())).collect()
    };
    let redis = ["GET", "SET", "INCR"].iter().map(|command| {
        let request = format!("*2\r\n$3\r\n{}\r\n$6\r\nuser:7\r\n", &command[..3]);
        (request.into_bytes(), b"$5\r\nhello\r\n".to_vec())
    });
    vec![
        ("HTTP, one plain path", http(&["/healthz"])),
        ("HTTP, a number in the path", http(&["/items/17"])),
        (
            "HTTP, eight paths",
            http(&[
                "/",
                "/login",
                "/items/17",
                "/items/18/reviews",
                "/static/app.js",
                "/cart",
                "/users/7",
                "/search",
            ]),
        ),
        ("Redis, three commands", redis.collect()),
    ]
}

/// A million different paths, which all become `*` but the first hundred.
fn wild() {
    let store = store();
    let resident = || -> u64 {
        let text = std::fs::read_to_string("/proc/self/statm").expect("needs a Linux /proc");
        text.split_whitespace().nth(1).and_then(|pages| pages.parse::<u64>().ok()).expect("pages") * 4
    };
    let mut seen = Vec::new();
    let begun = Instant::now();
    for part in 0..5_u64 {
        let talk: Talk = (0..200_000 / CONNECTIONS)
            .map(|number| {
                let word: String =
                    (0..12).map(|bit| char::from(b'a' + ((number >> bit & 1) * 3 + bit % 2) as u8)).collect();
                let request =
                    format!("GET /{word}/{}x HTTP/1.1\r\nHost: shop\r\n\r\n", char::from(b'a' + part as u8));
                (request.into_bytes(), b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".to_vec())
            })
            .collect();
        through_worker(&talk, Role::Server, Some(store.recorder()));
        store.absorb(WallTime::from_unix_nanos(2 + part));
        seen.push(resident());
    }
    let elapsed = begun.elapsed().as_nanos() as f64 / (5 * EXCHANGES) as f64;
    let batches = store.collect(WallTime::from_unix_nanos(100));
    println!(
        "wild paths: {elapsed:.0} ns/exchange all together; {:?}; {} points; resident KiB after each part: {seen:?}",
        store.status(),
        batches.iter().map(|batch| batch.items).sum::<u32>()
    );
}

/// What a collection of many series takes.
fn collection() {
    let settings = MetricSettings {
        values_per_attribute: 100_000,
        series_per_metric: 10_000,
        ..MetricSettings::default()
    };
    let resource = |name: &str| Arc::new(Resource { service_name: name.into(), ..Resource::default() });
    let service = resource("shop");
    let names = Names::new(move |_| Some(Arc::clone(&service)), |_| None);
    let plan = MetricPlan::new(settings).expect("right");
    let store = MetricStore::new(plan, resource("plainsight"), names, WallTime::from_unix_nanos(1));
    let words: Vec<String> = (0..3000_u32)
        .map(|number| {
            (0..12).map(|bit| char::from(b'a' + ((number >> bit & 1) * 3 + bit % 2) as u8)).collect()
        })
        .collect();
    let request = |word: &String| format!("GET /{word} HTTP/1.1\r\nHost: shop\r\n\r\n").into_bytes();
    let talk: Talk = words
        .iter()
        .map(|word| (request(word), b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".to_vec()))
        .collect();
    through_worker(&talk, Role::Server, Some(store.recorder()));
    let (mut best, mut items, mut bytes) = (f64::INFINITY, 0, 0);
    for round in 0..20 {
        let begun = Instant::now();
        let batches = store.collect(WallTime::from_unix_nanos(10 + round));
        let elapsed = begun.elapsed().as_nanos() as f64;
        items = batches.iter().map(|batch| batch.items).sum();
        bytes = batches.iter().map(|batch| batch.payload.len()).sum();
        best = best.min(elapsed / f64::from(items));
    }
    println!("collection: {best:.0} ns/point of {items} points, {bytes} bytes");
}

fn main() {
    println!("talk                            side    worker ns  with metrics ns  metrics ns/exchange");
    for (name, talk) in talks() {
        for (side, role) in [("server", Role::Server), ("client", Role::Client)] {
            let (mut without, mut with) = (f64::INFINITY, f64::INFINITY);
            for _ in 0..ROUNDS {
                without = without.min(through_worker(&talk, role, None));
                with = with.min(through_worker(&talk, role, Some(store().recorder())));
            }
            println!("{name:<30}  {side}  {without:>9.1}  {with:>15.1}  {:>19.1}", with - without);
        }
    }
    collection();
    wild();
}
