//! OTLP over gRPC: payloads go out as they are, without being decoded and encoded again.

use std::{
    error::Error,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use bytes::{Buf, BufMut, Bytes};
use http::{HeaderMap, Uri, uri::PathAndQuery};
use prost::Message;
use reqwest::Url;
use tonic::{
    Code, Request, Status,
    client::Grpc,
    codec::{BufferSettings, Codec, CompressionEncoding, DecodeBuf, Decoder, EncodeBuf, Encoder},
    metadata::MetadataMap,
    transport::{Channel, Endpoint},
};

use super::{
    Compression, Destination, StartError, USER_AGENT,
    address::without_secrets,
    answer::{Attempt, ExportResponse, partial_success, retry_info, text_of_stranger},
    http::LONGEST_ANSWER,
    remedy::unreachable_sentence,
    tls::Material,
};
use crate::{causes::with_causes, export::SignalKind};

pub(super) struct GrpcTransport {
    endpoint: Endpoint,
    channel: Mutex<Channel>,
    metadata: MetadataMap,
    compression: Compression,
    shown: String,
}

impl GrpcTransport {
    /// Must be called inside the runtime that will send.
    pub(super) fn new(destination: &Destination, url: &Url, headers: HeaderMap) -> Result<Self, StartError> {
        let invalid = |reason: String| StartError::Client { name: destination.name.clone(), reason };
        // A path has no meaning in gRPC; user and password would be sent nowhere.
        let authority = match url.port_or_known_default() {
            Some(port) => format!("{}:{port}", url.host_str().unwrap_or_default()),
            None => url.host_str().unwrap_or_default().to_owned(),
        };
        let uri: Uri = format!("{}://{authority}", url.scheme())
            .parse()
            .map_err(|error: http::uri::InvalidUri| invalid(error.to_string()))?;
        let mut endpoint = Endpoint::from(uri)
            .user_agent(USER_AGENT)
            .map_err(|error| invalid(with_causes(&error)))?
            .connect_timeout(destination.timeout)
            .tcp_keepalive(Some(Duration::from_secs(60)))
            .tcp_nodelay(true);
        if url.scheme() == "https" {
            let material = Material::read(&destination.tls, true)
                .map_err(|source| StartError::tls(destination, source))?;
            endpoint = endpoint
                .tls_config(material.grpc().timeout(destination.timeout))
                .map_err(|error| invalid(with_causes(&error)))?;
        }
        Ok(Self {
            channel: Mutex::new(endpoint.connect_lazy()),
            endpoint,
            metadata: MetadataMap::from_headers(headers),
            compression: destination.compression,
            shown: without_secrets(url),
        })
    }

    /// After silence: a connection whose other end vanished without a word looks alive until the kernel gives up, which
    /// takes a quarter of an hour. Pings would find out, but receivers punish clients that ping often.
    pub(super) fn reconnect(&self) {
        *self.channel.lock().unwrap_or_else(PoisonError::into_inner) = self.endpoint.connect_lazy();
    }

    pub(super) async fn send(&self, kind: SignalKind, payload: Bytes, timeout: Duration) -> Attempt {
        let channel = self.channel.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut client = Grpc::new(channel).max_decoding_message_size(LONGEST_ANSWER);
        match self.compression {
            Compression::None => {}
            Compression::Gzip => client = client.send_compressed(CompressionEncoding::Gzip),
            Compression::Zstd => client = client.send_compressed(CompressionEncoding::Zstd),
        }
        if let Err(error) = client.ready().await {
            return Attempt::Later {
                sentence: unreachable_sentence(&self.shown, &error, |_| false),
                after: None,
            };
        }
        let mut request = Request::new(payload);
        *request.metadata_mut() = self.metadata.clone();
        // The receiver may stop working on what nobody waits for any more. Tonic watches this as well: a little later than
        // the caller does, so that there is one clock.
        request.set_timeout(timeout + Duration::from_secs(1));
        match client.unary(request, method(kind), RawCodec).await {
            Ok(response) => response.into_inner().partial_success.map_or(Attempt::ACCEPTED, |partial| {
                partial_success(partial.rejected, &partial.error_message)
            }),
            Err(status) => self.failure(&status),
        }
    }

    fn failure(&self, status: &Status) -> Attempt {
        // What has a cause was not said by the receiver: the connection failed or broke. Nor was this, which is tonic's
        // word for an answer that something between here and there cut off.
        let is_cut = status.code() == Code::Unknown && status.message().contains("missing grpc-status");
        if status.source().is_some() || is_cut {
            return Attempt::Later {
                sentence: unreachable_sentence(&self.shown, status, |_| false),
                after: None,
            };
        }
        let after = retry_info(status.details());
        let sentence = sentence(status, &self.shown);
        if is_transient(status.code(), after.is_some()) {
            Attempt::Later { sentence, after }
        } else {
            Attempt::Refused(sentence)
        }
    }
}

/// The specification's table (OTLP 1.11, "Failures").
const fn is_transient(code: Code, has_retry_info: bool) -> bool {
    match code {
        Code::Cancelled
        | Code::DeadlineExceeded
        | Code::Aborted
        | Code::OutOfRange
        | Code::Unavailable
        | Code::DataLoss => true,
        // Only a receiver that says when it will have room again will have it.
        Code::ResourceExhausted => has_retry_info,
        _ => false,
    }
}

fn sentence(status: &Status, target: &str) -> String {
    let remedy = match status.code() {
        Code::Unauthenticated | Code::PermissionDenied => "Check the credentials in the headers",
        Code::Unimplemented => "Check that this port takes OTLP over gRPC, and this kind of telemetry",
        Code::ResourceExhausted => "The receiver asks for less, or for smaller batches",
        Code::InvalidArgument => "The receiver cannot read the request",
        code if is_transient(code, false) => "Batches wait until the receiver is back",
        _ => "The receiver's log may say more",
    };
    let said = match status.message() {
        "" => String::new(),
        said => format!(", saying {:?}", text_of_stranger(said)),
    };
    format!("{target} answered {:?}{said}. {remedy}", status.code())
}

fn method(kind: SignalKind) -> PathAndQuery {
    PathAndQuery::from_static(match kind {
        SignalKind::Traces => "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
        SignalKind::Metrics => "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
        SignalKind::Logs => "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
    })
}

/// Bytes out as they are; the one shape of answers in.
struct RawCodec;

impl Codec for RawCodec {
    type Encode = Bytes;
    type Decode = ExportResponse;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for RawCodec {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.reserve(item.len());
        buffer.put(item);
        Ok(())
    }

    fn buffer_settings(&self) -> BufferSettings {
        BufferSettings::default()
    }
}

impl Decoder for RawCodec {
    type Item = ExportResponse;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<ExportResponse>, Status> {
        let body = buffer.copy_to_bytes(buffer.remaining());
        // A body that cannot be read does not undo the success that comes with it.
        Ok(Some(ExportResponse::decode(body).unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_codes_that_are_tried_again_are_those_of_the_specification() {
        use Code::*;
        let transient = [Cancelled, DeadlineExceeded, Aborted, OutOfRange, Unavailable, DataLoss];
        for number in 0..=16 {
            let code = Code::from_i32(number);
            assert_eq!(is_transient(code, false), transient.contains(&code), "{code:?}");
            let with_info = transient.contains(&code) || code == ResourceExhausted;
            assert_eq!(is_transient(code, true), with_info, "{code:?} with RetryInfo");
        }
    }
}
