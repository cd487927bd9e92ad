//! Where signals go.

mod handover;
mod json_text;
mod output;
mod visible;

pub use handover::{Handover, Outbox, Progress};
pub use output::{Output, OutputError};
pub use visible::{is_hidden, visible};
