//! Where signals go.

mod batch;
mod handover;
mod json_text;
mod output;
mod record_json;
mod visible;

pub use batch::{Batch, SignalKind};
pub use handover::{Handover, Outbox, Progress};
pub use output::{Output, OutputError};
pub use record_json::append_record;
pub use visible::{is_hidden, is_plain, visible};
