//! A receiver of log records by OTLP over HTTP that keeps all of them.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Write as _},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use anyhow::Result;
use opentelemetry_proto::tonic::{
    collector::logs::v1::ExportLogsServiceRequest,
    common::v1::{AnyValue, KeyValue, any_value::Value},
};
use prost::Message as _;

/// A record as it came.
#[derive(Debug, Clone)]
pub struct Arrived {
    /// What it says.
    pub body: String,
    /// Attributes of its resource; numbers as text.
    pub resource: BTreeMap<String, String>,
    /// Its own.
    pub attributes: BTreeMap<String, String>,
}

impl Arrived {
    /// An attribute of its resource; empty if it has none.
    #[must_use]
    pub fn of(&self, name: &str) -> &str {
        self.resource.get(name).map_or("", String::as_str)
    }
}

/// The receiver. Clones are the same.
#[derive(Debug, Clone)]
pub struct LogReceiver {
    arrived: Arc<Mutex<Vec<Arrived>>>,
    /// Its port on loopback.
    pub port: u16,
}

impl LogReceiver {
    /// Listens until the process ends.
    ///
    /// # Errors
    /// If no port is free.
    pub fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let receiver = Self { arrived: Arc::default(), port: listener.local_addr()?.port() };
        let shared = receiver.clone();
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let shared = shared.clone();
                // A sender that hangs up early is the sender's test's business.
                thread::spawn(move || shared.serve(connection));
            }
        });
        Ok(receiver)
    }

    /// All that came so far, in order.
    #[must_use]
    pub fn arrived(&self) -> Vec<Arrived> {
        self.arrived.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn serve(&self, connection: TcpStream) -> Result<()> {
        let mut reader = BufReader::new(connection.try_clone()?);
        let mut writer = connection;
        while let Some(request) = read_request(&mut reader)? {
            for of_resource in request.resource_logs {
                let resource = attributes(of_resource.resource.unwrap_or_default().attributes);
                let records = of_resource.scope_logs.into_iter().flat_map(|scope| scope.log_records);
                let records = records.map(|record| Arrived {
                    body: record.body.map(text).unwrap_or_default(),
                    resource: resource.clone(),
                    attributes: attributes(record.attributes),
                });
                self.arrived.lock().unwrap_or_else(PoisonError::into_inner).extend(records);
            }
            writer.write_all(TAKEN)?;
        }
        Ok(())
    }
}

/// The answer to a request of which everything was taken.
pub const TAKEN: &[u8] =
    b"HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\n\r\n";

/// Reads the next request of a connection; nothing if there is none.
///
/// # Errors
/// If it breaks off, or is no request for logs.
pub fn read_request(reader: &mut impl BufRead) -> Result<Option<ExportLogsServiceRequest>> {
    let (mut length, mut header) = (0, String::new());
    while reader.read_line(&mut header)? > 2 {
        if let Some(value) = header.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse()?;
        }
        header.clear();
    }
    if length == 0 {
        return Ok(None);
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(Some(ExportLogsServiceRequest::decode(body.as_slice())?))
}

fn attributes(list: Vec<KeyValue>) -> BTreeMap<String, String> {
    list.into_iter().map(|pair| (pair.key, pair.value.map(text).unwrap_or_default())).collect()
}

fn text(value: AnyValue) -> String {
    match value.value {
        Some(Value::StringValue(text)) => text,
        Some(Value::IntValue(number)) => number.to_string(),
        Some(Value::ArrayValue(array)) => array.values.into_iter().map(text).collect::<Vec<_>>().join(","),
        _ => String::new(),
    }
}
