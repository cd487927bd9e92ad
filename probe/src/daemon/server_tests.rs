use std::{
    io::{Read, Write},
    net::{Ipv4Addr, TcpStream as Stream},
    thread,
};

use tokio::sync::oneshot;

use super::{
    super::{Health, Page, State, places},
    *,
};

const LOOPBACK: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// Runs a server on a thread of its own while `ask` talks to it.
fn with_server(pages: Pages, idle: Duration, ask: impl FnOnce(SocketAddr, &AtomicU64)) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let mut server = runtime.block_on(Server::listen(LOOPBACK, "daemon.health.listen")).expect("a port");
    server.listener.idle = idle;
    let (address, refused) = (server.address(), server.refused());
    let (end, ended) = oneshot::channel::<()>();
    let running = thread::spawn(move || {
        runtime.block_on(server.run(pages, async {
            let _ = ended.await;
        }))
    });
    ask(address, &refused);
    drop(end);
    running.join().expect("no panic").expect("a clean end");
}

fn get(address: SocketAddr, path: &str, accept: &str) -> String {
    let mut stream = Stream::connect(address).expect("a connection");
    let request = format!("GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\naccept: {accept}\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}

#[test]
fn health_and_metrics_are_shown_with_reasons() {
    let health = Health::default();
    let capture = health.register("capture");
    let pages = Pages::default().with_health(health).with_metrics(|accept| Page {
        content_type: "text/plain; version=0.0.4",
        body: format!("accepted {accept}\n"),
    });
    with_server(pages, IDLE, |address, _| {
        let starting = get(address, "/readyz", "*/*");
        assert!(starting.starts_with("HTTP/1.1 503 "), "{starting}");
        assert!(starting.contains("content-type: application/json"), "{starting}");
        let json = r#"{"status":"failing","components":{"capture":{"status":"starting","reason":"it has only begun"}}}"#;
        assert!(starting.ends_with(&format!("{json}\n")), "{starting}");
        assert!(get(address, "/healthz", "*/*").starts_with("HTTP/1.1 200 "));
        capture.set(State::Well);
        let ready = get(address, "/readyz", "*/*");
        assert!(ready.starts_with("HTTP/1.1 200 "), "{ready}");
        assert!(
            ready.ends_with("{\"status\":\"ok\",\"components\":{\"capture\":{\"status\":\"ok\"}}}\n"),
            "{ready}"
        );
        capture.set(State::Dead("the ring is gone".to_owned()));
        let dead = get(address, "/healthz", "*/*");
        assert!(dead.starts_with("HTTP/1.1 503 ") && dead.contains("the ring is gone"), "{dead}");
        let metrics = get(address, "/metrics", "application/openmetrics-text");
        assert!(metrics.contains("content-type: text/plain; version=0.0.4"), "{metrics}");
        assert!(metrics.ends_with("accepted application/openmetrics-text\n"), "{metrics}");
        let other = get(address, "/", "*/*");
        assert!(other.starts_with("HTTP/1.1 404 "), "{other}");
        assert!(other.ends_with("plainsight has /healthz, /readyz, /metrics here\n"), "{other}");
    });
}

#[test]
fn too_many_scrapes_and_connections_are_refused_and_counted() {
    let pages = Pages::default().with_metrics(|_| {
        thread::sleep(Duration::from_millis(300));
        Page { content_type: "text/plain", body: String::new() }
    });
    with_server(pages, IDLE, |address, refused| {
        let asked: Vec<_> = (0..6).map(|_| thread::spawn(move || get(address, "/metrics", "*/*"))).collect();
        let answers: Vec<String> = asked.into_iter().map(|asked| asked.join().expect("no panic")).collect();
        let busy = answers.iter().filter(|answer| answer.starts_with("HTTP/1.1 503 "));
        assert!(
            busy.clone().count() >= 1 && answers.iter().any(|answer| answer.starts_with("HTTP/1.1 200 "))
        );
        assert!(busy.clone().all(|answer| answer.contains("retry-after: 1")));
        let held: Vec<Stream> =
            (0..CONNECTIONS).map(|_| Stream::connect(address).expect("a connection")).collect();
        let mut more = Stream::connect(address).expect("the kernel takes it");
        more.set_read_timeout(Some(Duration::from_secs(10))).expect("a time-out");
        // Closed at once, with or without a reset.
        assert_eq!(more.read(&mut [0; 1]).unwrap_or(0), 0);
        assert_eq!(refused.load(Ordering::Relaxed), 1);
        drop(held);
    });
}

#[test]
fn a_connection_that_idles_is_closed() {
    with_server(Pages::default().with_health(Health::default()), Duration::from_millis(100), |address, _| {
        let mut idle = Stream::connect(address).expect("a connection");
        idle.write_all(b"GET /healthz HT").expect("sent");
        idle.set_read_timeout(Some(Duration::from_secs(10))).expect("a time-out");
        let mut answer = Vec::new();
        // However it ends, it ends, and long before the time-out.
        let ended = idle.read_to_end(&mut answer).map_err(|error| error.kind());
        assert_ne!(ended, Err(io::ErrorKind::WouldBlock), "{answer:?}");
    });
}

#[test]
fn an_address_that_cannot_be_had_is_named_with_key_and_remedy() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let listen = |address: &str| {
        let address = address.parse().expect("an address");
        runtime.block_on(Server::listen(address, "daemon.health.listen"))
    };
    let taken = listen("127.0.0.1:0").expect("a port");
    let address = taken.address();
    let said = listen(&address.to_string()).err().expect("it is taken").to_string();
    let expected = format!(
        "cannot listen on {address} (daemon.health.listen): another program listens there; stop it, or choose another port"
    );
    assert_eq!(said, expected);
    let said = listen("192.0.2.1:9464").err().expect("not ours").to_string();
    assert!(said.contains("192.0.2.1:9464") && said.contains("`ip address`, or 0.0.0.0"), "{said}");
}

#[test]
fn one_address_is_one_server() {
    let [a, b] = ["127.0.0.1:1", "127.0.0.1:2"].map(|address| address.parse().expect("an address"));
    assert_eq!(places(Some(a), Some(a)), [(a, true)]);
    assert_eq!(places(Some(a), Some(b)), [(a, true), (b, false)]);
    assert_eq!(places(None, Some(b)), [(b, false)]);
    assert_eq!(places(Some(a), None), [(a, true)]);
    assert_eq!(places(None, None), []);
}
