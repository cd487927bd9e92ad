//! One way to a receiver, whichever it is.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::{
    Destination, Encoding, Receiver, StartError, Target, address, answer::Attempt, file::FileTransport,
    grpc::GrpcTransport, http::HttpTransport, remedy::no_answer_sentence,
};
use crate::export::Batch;

pub(super) struct Transport {
    way: Way,
    timeout: Duration,
    shown: String,
    receiver: Receiver,
}

enum Way {
    Http(Box<HttpTransport>),
    Grpc(Box<GrpcTransport>),
    File(FileTransport),
}

fn receiver(target: &Target, url: Option<&reqwest::Url>) -> Receiver {
    let way = match target {
        Target::Grpc { .. } => "otlp_grpc",
        Target::Http { encoding: Encoding::Protobuf, .. } => "otlp_http",
        Target::Http { encoding: Encoding::Json, .. } => "otlp_http_json",
        Target::File { .. } => "otlp_file",
    };
    Receiver {
        way,
        // An address of IPv6 stands in brackets in URLs only.
        address: url.and_then(|url| url.host_str()).map(|host| host.trim_matches(['[', ']']).into()),
        port: url.and_then(reqwest::Url::port_or_known_default),
    }
}

/// Names that this program sets itself, or that would break the protocol.
const RESERVED: [&str; 7] =
    ["content-type", "content-length", "content-encoding", "transfer-encoding", "connection", "te", "host"];

impl Transport {
    /// Must be called inside the runtime that will send.
    pub(super) fn new(destination: &Destination) -> Result<Self, StartError> {
        let name = || destination.name.clone();
        let url = address::parse(&destination.target).map_err(|reason| StartError::Endpoint {
            name: name(),
            endpoint: endpoint(destination),
            reason,
        })?;
        let headers = header_map(destination)?;
        let receiver = receiver(&destination.target, url.as_ref());
        let (way, shown) = match (&destination.target, url) {
            (Target::Http { exact, encoding, .. }, Some(url)) => {
                let shown = address::without_secrets(&url);
                (
                    Way::Http(Box::new(HttpTransport::new(destination, &url, *exact, *encoding, headers)?)),
                    shown,
                )
            }
            (Target::Grpc { .. }, Some(url)) => {
                let shown = address::without_secrets(&url);
                (Way::Grpc(Box::new(GrpcTransport::new(destination, &url, headers)?)), shown)
            }
            (Target::File { path }, _) => {
                let file = FileTransport::new(path.clone()).map_err(|source| StartError::File {
                    name: name(),
                    path: path.clone(),
                    source,
                })?;
                (Way::File(file), path.display().to_string())
            }
            (Target::Http { .. } | Target::Grpc { .. }, None) => {
                let reason = "it is empty".to_owned();
                return Err(StartError::Endpoint { name: name(), endpoint: endpoint(destination), reason });
            }
        };
        Ok(Self { way, timeout: destination.timeout, shown, receiver })
    }

    /// Where it goes, without secrets.
    pub(super) fn shown(&self) -> &str {
        &self.shown
    }

    /// The same for metrics.
    pub(super) const fn receiver(&self) -> &Receiver {
        &self.receiver
    }

    /// What goes out for a batch, made once for all attempts.
    pub(super) async fn prepare(&self, batch: &Batch) -> Result<Bytes, String> {
        match &self.way {
            Way::Http(http) => http.prepare(batch).await,
            Way::Grpc(_) | Way::File(_) => Ok(batch.payload.clone()),
        }
    }

    pub(super) async fn send(&self, batch: &Batch, prepared: &Bytes) -> Attempt {
        let attempt = async {
            match &self.way {
                Way::Http(http) => http.send(batch.kind, prepared.clone()).await,
                Way::Grpc(grpc) => grpc.send(batch.kind, prepared.clone(), self.timeout).await,
                Way::File(file) => file.send(batch).await,
            }
        };
        match tokio::time::timeout(self.timeout, attempt).await {
            Ok(attempt) => attempt,
            Err(_) => {
                if let Way::Grpc(grpc) = &self.way {
                    grpc.reconnect();
                }
                Attempt::Later { sentence: no_answer_sentence(&self.shown), after: None }
            }
        }
    }
}

fn endpoint(destination: &Destination) -> String {
    match &destination.target {
        Target::Grpc { endpoint, .. } | Target::Http { endpoint, .. } => endpoint.clone(),
        Target::File { path } => path.display().to_string(),
    }
}

fn header_map(destination: &Destination) -> Result<HeaderMap, StartError> {
    let mut map = HeaderMap::new();
    for (header, value) in &destination.headers.0 {
        let refuse =
            |reason| StartError::Header { name: destination.name.clone(), header: header.clone(), reason };
        let name = HeaderName::try_from(header.as_str())
            .map_err(|_| refuse("its name has characters that none may have"))?;
        if RESERVED.contains(&name.as_str()) || name.as_str().starts_with("grpc-") {
            return Err(refuse("it is set by plainsight itself"));
        }
        let mut value = HeaderValue::try_from(value.as_str())
            .map_err(|_| refuse("its value has characters that none may have"))?;
        value.set_sensitive(true);
        map.append(name, value);
    }
    Ok(map)
}
