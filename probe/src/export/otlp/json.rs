//! OTLP's form of JSON (OTLP 1.11, "JSON Protobuf Encoding"): hexadecimal ids, 64-bit integers as texts, numbers for
//! enumerations, lowerCamelCase names.

use opentelemetry_proto::tonic::collector::{
    logs::v1::ExportLogsServiceRequest, metrics::v1::ExportMetricsServiceRequest,
    trace::v1::ExportTraceServiceRequest,
};
use prost::Message;
use serde::{Deserialize, Serialize};

use super::answer::{Attempt, partial_success, text_of_stranger};
use crate::export::SignalKind;

/// A request in Protocol Buffers as JSON, on one line.
pub(super) fn request(kind: SignalKind, payload: &[u8]) -> Result<Vec<u8>, String> {
    match kind {
        SignalKind::Traces => convert::<ExportTraceServiceRequest>(payload),
        SignalKind::Metrics => convert::<ExportMetricsServiceRequest>(payload),
        SignalKind::Logs => convert::<ExportLogsServiceRequest>(payload),
    }
}

fn convert<Request: Message + Default + Serialize>(payload: &[u8]) -> Result<Vec<u8>, String> {
    let request =
        Request::decode(payload).map_err(|error| format!("the batch is not a request of OTLP: {error}"))?;
    serde_json::to_vec(&request).map_err(|error| format!("the batch cannot be written as JSON: {error}"))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Response {
    partial_success: Option<PartialSuccess>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct PartialSuccess {
    #[serde(alias = "rejectedDataPoints", alias = "rejectedLogRecords")]
    rejected_spans: Integer,
    error_message: String,
}

/// 64-bit integers are texts in JSON; some receivers write numbers, which is allowed to be read.
#[derive(Deserialize)]
#[serde(untagged)]
enum Integer {
    Number(i64),
    Text(String),
}

impl Default for Integer {
    fn default() -> Self {
        Self::Number(0)
    }
}

/// What a success says.
pub(super) fn success(body: &[u8]) -> Attempt {
    // A body that cannot be read does not undo the success that came before it.
    let partial = serde_json::from_slice(body).ok().and_then(|response: Response| response.partial_success);
    partial.map_or(Attempt::ACCEPTED, |partial| {
        let rejected = match partial.rejected_spans {
            Integer::Number(number) => number,
            Integer::Text(text) => text.parse().unwrap_or(0),
        };
        partial_success(rejected, &partial.error_message)
    })
}

/// The message of `google.rpc.Status`, which failures carry.
pub(super) fn failure_text(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Failure {
        message: String,
    }
    let failure: Failure = serde_json::from_slice(body).ok()?;
    (!failure.message.is_empty()).then(|| text_of_stranger(&failure.message))
}
