//! Where signals go.

mod batch;
mod handover;
mod identity_json;
mod json_text;
pub mod otlp;
mod output;
mod prometheus;
mod queue;
mod record_json;
mod visible;

pub use batch::{Batch, SignalKind};
pub use handover::{Handover, Outbox, Progress};
pub(crate) use json_text::{append_integer, append_number, append_text};
pub use output::{Output, OutputError};
pub use prometheus::{TextFormat, append_metrics};
pub use record_json::append_record;
pub(crate) use record_json::{append_id, append_name};
pub use visible::{is_hidden, is_plain, visible};
