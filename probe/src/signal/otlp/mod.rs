//! OTLP 1.11 as bytes: what spans and log records have in common.
//!
//! [`Item`] appends one span's or log record's attributes to a buffer, [`Assembler`] makes requests of many buffers, each with the
//! resource it came from. Both write what `opentelemetry-proto` reads back equal; the tests say so.

mod attribute;
mod envelope;
mod resource;

pub use attribute::{Item, Limits, TextWriter};
pub use envelope::{Assembler, BatchLimits};
pub use resource::encode_resource;

/// The conventions that all names follow.
pub const SCHEMA_URL: &str = "https://opentelemetry.io/schemas/1.44.0";

/// Name of the instrumentation scope.
pub const SCOPE_NAME: &str = "plainsight";
