//! OTLP over HTTP/1.1: one request in flight on each connection, connections kept between requests.

use std::{
    io::Write,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use flate2::write::GzEncoder;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use prost::Message;
use reqwest::{Client, Response, Url, redirect};

use super::{
    Compression, Destination, Encoding, StartError, USER_AGENT,
    address::{signal_url, without_secrets},
    answer::{Attempt, RpcStatus, retry_after, success, text_of_stranger},
    json,
    remedy::unreachable_sentence,
    tls::Material,
};
use crate::{
    causes::with_causes,
    export::{Batch, SignalKind},
};

/// What is read of an answer (OTLP 1.11, "OTLP/HTTP Response").
pub(super) const LONGEST_ANSWER: usize = 4 << 20;

/// Payloads of this size or more are packed by a helper thread, so that other destinations' answers need not wait.
const LARGE: usize = 32 << 10;

/// The variables that name a proxy for http.
const PROXIES: [&str; 4] = ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"];

/// The level of gzip: of telemetry, which repeats itself, higher ones save a few per cent and cost several times as much.
const GZIP_LEVEL: u32 = 4;

pub(super) struct HttpTransport {
    client: Client,
    urls: [Url; 3],
    encoding: Encoding,
    compression: Compression,
}

impl HttpTransport {
    pub(super) fn new(
        destination: &Destination,
        endpoint: &Url,
        exact: bool,
        encoding: Encoding,
        headers: HeaderMap,
    ) -> Result<Self, StartError> {
        let invalid = |reason: String| StartError::Client { name: destination.name.clone(), reason };
        let mut builder = Client::builder()
            .user_agent(USER_AGENT)
            .default_headers(headers)
            // A redirected POST would become a GET, and credentials would go to another host.
            .redirect(redirect::Policy::none())
            .connect_timeout(destination.timeout)
            .timeout(destination.timeout)
            .pool_max_idle_per_host(destination.max_in_flight)
            .pool_idle_timeout(Duration::from_secs(90))
            .tcp_keepalive(Duration::from_secs(60))
            // Retries are this module's, by OTLP's own table.
            .retry(reqwest::retry::never())
            .http1_only();
        // Without https in the endpoint there may still be a proxy that is reached by TLS.
        let may_be_tls =
            endpoint.scheme() == "https" || PROXIES.iter().any(|name| std::env::var_os(name).is_some());
        let material = Material::read(&destination.tls, may_be_tls)
            .map_err(|source| StartError::tls(destination, source))?;
        let config = material.http().map_err(|error| invalid(error.to_string()))?;
        builder = builder.tls_backend_preconfigured(config);
        let client = builder.build().map_err(|error| invalid(with_causes(&error)))?;
        let urls =
            SignalKind::ALL.map(|kind| if exact { endpoint.clone() } else { signal_url(endpoint, kind) });
        Ok(Self { client, urls, encoding, compression: destination.compression })
    }

    /// The body of the request for a batch, made once for all attempts.
    pub(super) async fn prepare(&self, batch: &Batch) -> Result<Bytes, String> {
        let (encoding, compression) = (self.encoding, self.compression);
        if encoding == Encoding::Protobuf && compression == Compression::None {
            return Ok(batch.payload.clone());
        }
        if batch.payload.len() < LARGE {
            return pack(batch, encoding, compression);
        }
        let batch = batch.clone();
        match tokio::task::spawn_blocking(move || pack(&batch, encoding, compression)).await {
            Ok(packed) => packed,
            Err(error) => Err(format!("the batch could not be packed: {error}")),
        }
    }

    pub(super) async fn send(&self, kind: SignalKind, body: Bytes) -> Attempt {
        let url = &self.urls[kind as usize];
        let content_type = match self.encoding {
            Encoding::Protobuf => "application/x-protobuf",
            Encoding::Json => "application/json",
        };
        let mut request = self.client.post(url.clone()).header(header::CONTENT_TYPE, content_type).body(body);
        if let Some(name) = self.compression.name() {
            request = request.header(header::CONTENT_ENCODING, HeaderValue::from_static(name));
        }
        match request.send().await {
            Ok(response) => self.read_answer(response, url).await,
            Err(error) if error.is_builder() => {
                Attempt::Refused(format!("cannot make a request: {}", with_causes(&error)))
            }
            Err(error) => Attempt::Later {
                sentence: unreachable_sentence(&without_secrets(url), &error.without_url(), error_is_timeout),
                after: None,
            },
        }
    }

    async fn read_answer(&self, response: Response, url: &Url) -> Attempt {
        let status = response.status();
        let after = response
            .headers()
            .get(header::RETRY_AFTER)
            .and_then(|value| retry_after(value.to_str().ok()?, SystemTime::now()));
        let is_json = response
            .headers()
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .is_some_and(|value| value.trim_start().starts_with("application/json"));
        // The status says what became of the batch: when the rest of the answer is lost, sending it again would only
        // make it arrive twice.
        let body = read_body(response).await;
        if status.is_success() {
            return if is_json { json::success(&body) } else { success(&body) };
        }
        let said = if is_json { json::failure_text(&body) } else { failure_text(&body) };
        let sentence = status_sentence(status, &without_secrets(url), said);
        match status {
            StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT => Attempt::Later { sentence, after },
            _ => Attempt::Refused(sentence),
        }
    }
}

fn error_is_timeout(error: &reqwest::Error) -> bool {
    error.is_timeout()
}

async fn read_body(mut response: Response) -> Vec<u8> {
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        if body.len() + chunk.len() > LONGEST_ANSWER {
            // What does not fit is not an answer of OTLP.
            return Vec::new();
        }
        body.extend_from_slice(&chunk);
    }
    body
}

fn pack(batch: &Batch, encoding: Encoding, compression: Compression) -> Result<Bytes, String> {
    let body = match encoding {
        Encoding::Protobuf => batch.payload.clone(),
        Encoding::Json => Bytes::from(json::request(batch.kind, &batch.payload)?),
    };
    let packed = match compression {
        Compression::None => return Ok(body),
        Compression::Gzip => {
            let mut encoder =
                GzEncoder::new(Vec::with_capacity(body.len() / 4), flate2::Compression::new(GZIP_LEVEL));
            encoder.write_all(&body).and_then(|()| encoder.finish())
        }
        Compression::Zstd => zstd::bulk::compress(&body, zstd::DEFAULT_COMPRESSION_LEVEL),
    };
    packed.map(Bytes::from).map_err(|error| format!("the batch could not be packed: {error}"))
}

/// The message of `google.rpc.Status`, which failures carry.
fn failure_text(body: &[u8]) -> Option<String> {
    let status = RpcStatus::decode(body).ok()?;
    (!status.message.is_empty()).then(|| text_of_stranger(&status.message))
}

fn status_sentence(status: StatusCode, url: &str, said: Option<String>) -> String {
    let remedy = match status.as_u16() {
        400 => "The receiver cannot read the request; another protocol or encoding may be wanted there",
        401 | 403 => "Check the credentials in the headers",
        404 | 405 => "Check the path of the endpoint, and that the receiver takes this kind of telemetry",
        413 => "Make batches smaller, or let the receiver take larger ones",
        415 => "The receiver wants another encoding or compression",
        429 => "The receiver asks for less or slower; batches wait meanwhile",
        300..=399 => "Redirects are not followed: set the endpoint to where it points",
        502..=504 => "Batches wait until the receiver is back",
        _ => "The receiver's log may say more",
    };
    let said = said.map(|said| format!(", saying {said:?}")).unwrap_or_default();
    format!("{url} answered {status}{said}. {remedy}")
}
