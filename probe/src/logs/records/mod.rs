//! From the bytes of a log file to log records.
//!
//! A [`Maker`] takes the bytes of one file in order and gives [`LogRecord`]s to a [`Sink`]. The way of the data, each step in
//! its own file: line ends (`lines`), another encoding (`encoding`), the container runtime's wrapping (`container`), parts
//! and lines that belong together (`lane`, `multiline`), repair, parsing (`formats`), time, severity and trace
//! (`time`, `severity`, `trace`), filters, changes and masks. An [`Encoder`] makes OTLP requests of records, and
//! [`append_json`] lines for people and tools.
//!
//! Nothing grows beyond [`Settings::record_bytes`] however the bytes are, and [`Maker::counts`] tells what was cut, repaired, left out, or not
//! understood. [`Maker::safe_offset`] is where reading may begin again after a restart without losing anything.

mod container;
mod counts;
mod encoder;
mod encoding;
mod fields;
mod filter;
mod formats;
mod json;
mod lane;
mod lines;
mod maker;
mod mask;
mod multiline;
mod ndjson;
mod record;
mod refine;
mod roles;
mod settings;
mod severity;
mod time;
mod trace;

pub use counts::Counts;
pub use encoder::{Encoder, EncoderLimits, RecordUid, Source};
pub use fields::{FieldValue, Fields};
pub use maker::{Maker, Plan};
pub use ndjson::append_json;
pub use record::{LogRecord, Severity, Sink, Stream};
pub use settings::{
    Change, Container, Encoding, Filter, FilterAction, Mask, MaskKind, Multiline, MultilineRule, Parse,
    Preset, Settings, SettingsError, SeveritySettings, TimeFormat, TimeSettings, TimeSource,
};

#[cfg(test)]
mod tests;
