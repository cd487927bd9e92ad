//! OTLP 1.11 as bytes: what spans, log records and data points have in common.
//!
//! [`Item`] appends one span's or log record's attributes to a buffer, [`Assembler`] makes requests of many buffers, each with the
//! resource it came from. Both write what `opentelemetry-proto` reads back equal; the tests say so.

mod attribute;
mod envelope;
pub(crate) mod log_record;
mod resource;

use super::protobuf;

pub use attribute::{Item, Limits, TextWriter};
pub use envelope::{Assembler, BatchLimits};
pub use resource::encode_resource;

/// The conventions that all names follow.
pub const SCHEMA_URL: &str = "https://opentelemetry.io/schemas/1.44.0";

/// Name of the instrumentation scope.
pub const SCOPE_NAME: &str = "plainsight";

/// Version of the instrumentation scope.
pub const SCOPE_VERSION: &str = env!("CARGO_PKG_VERSION");

/// Appends the field `scope`, which has the number 1 among spans, log records and metrics alike.
pub(crate) fn append_scope(out: &mut Vec<u8>) {
    protobuf::nested(out, 1, |out| {
        protobuf::text(out, 1, SCOPE_NAME);
        protobuf::text(out, 2, SCOPE_VERSION);
    });
}
