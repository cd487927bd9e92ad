//! A receiver of OTLP over HTTP/1.1 with all its vices.

use std::{
    collections::HashMap,
    io::{BufRead, BufReader, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{Arc, Mutex, atomic::AtomicUsize, atomic::Ordering},
    thread,
    time::{Duration, Instant},
};

use crate::export::otlp::{Destination, Encoding, Target};

#[derive(Debug, Clone)]
pub(super) struct Received {
    pub(super) path: String,
    pub(super) headers: HashMap<String, String>,
    pub(super) body: Vec<u8>,
    pub(super) at: Instant,
    /// The sender's port.
    pub(super) peer: u16,
    /// Requests that were being answered at that time, this one included.
    pub(super) at_once: usize,
}

impl Received {
    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

#[derive(Debug, Clone)]
pub(super) enum Reply {
    Answer(u16, Vec<(&'static str, String)>, Vec<u8>),
    /// The connection ends without an answer.
    Disconnect,
    /// The connection ends in the middle of an answer.
    Break(u16),
    /// The answer comes late.
    Late(Duration),
}

impl Reply {
    pub(super) fn status(status: u16) -> Self {
        Self::Answer(status, Vec::new(), Vec::new())
    }

    pub(super) const fn ok() -> Self {
        Self::Answer(200, Vec::new(), Vec::new())
    }
}

type Script = dyn Fn(&Received, usize) -> Reply + Send + Sync;

#[derive(Clone)]
pub(super) struct HttpReceiver {
    pub(super) port: u16,
    received: Arc<Mutex<Vec<Received>>>,
    busy: Arc<AtomicUsize>,
}

impl HttpReceiver {
    /// The script is asked what to reply to the n-th request, counted from 0.
    pub(super) fn start(script: impl Fn(&Received, usize) -> Reply + Send + Sync + 'static) -> Self {
        Self::listen(TcpListener::bind("127.0.0.1:0").expect("a free port"), script)
    }

    pub(super) fn listen(
        listener: TcpListener,
        script: impl Fn(&Received, usize) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let port = listener.local_addr().expect("a bound socket").port();
        let receiver = Self { port, received: Arc::default(), busy: Arc::default() };
        let script: Arc<Script> = Arc::new(script);
        let accepting = receiver.clone();
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let (receiver, script) = (accepting.clone(), Arc::clone(&script));
                thread::spawn(move || receiver.serve(&connection, &*script));
            }
        });
        receiver
    }

    pub(super) fn received(&self) -> Vec<Received> {
        self.received.lock().expect("no panic").clone()
    }

    pub(super) fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(super) fn target(&self) -> Target {
        Target::Http { endpoint: self.endpoint(), exact: false, encoding: Encoding::Protobuf }
    }

    pub(super) fn destination(&self) -> Destination {
        super::quick(self.target())
    }

    fn serve(&self, connection: &TcpStream, script: &Script) {
        let mut reader = BufReader::new(connection);
        while let Some(request) = read_request(&mut reader) {
            let at_once = self.busy.fetch_add(1, Ordering::SeqCst) + 1;
            let peer = connection.peer_addr().map_or(0, |address| address.port());
            let request = Received { at_once, peer, ..request };
            let number = {
                let mut received = self.received.lock().expect("no panic");
                received.push(request.clone());
                received.len() - 1
            };
            let keep = reply(connection, script(&request, number), || {
                self.busy.fetch_sub(1, Ordering::SeqCst);
            });
            if !keep {
                let _ = connection.shutdown(Shutdown::Both);
                return;
            }
        }
    }
}

fn reply(mut connection: &TcpStream, reply: Reply, before: impl FnOnce()) -> bool {
    match reply {
        Reply::Answer(status, headers, body) => {
            before();
            let mut head = format!("HTTP/1.1 {status} Whatever\r\ncontent-length: {}\r\n", body.len());
            for (name, value) in headers {
                head += &format!("{name}: {value}\r\n");
            }
            head += "\r\n";
            connection.write_all(&[head.as_bytes(), &body].concat()).is_ok()
        }
        Reply::Disconnect => {
            before();
            false
        }
        Reply::Break(status) => {
            before();
            let _ = connection
                .write_all(format!("HTTP/1.1 {status} OK\r\ncontent-length: 100\r\n\r\nab").as_bytes());
            false
        }
        Reply::Late(wait) => {
            thread::sleep(wait);
            before();
            connection.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").is_ok()
        }
    }
}

fn read_request(reader: &mut impl BufRead) -> Option<Received> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|length| *length > 0)?;
    let path = line.split(' ').nth(1)?.to_owned();
    let mut headers = HashMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|length| *length > 0)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.insert(name.to_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length")?.parse().ok()?;
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Received { path, headers, body, at: Instant::now(), peer: 0, at_once: 0 })
}
