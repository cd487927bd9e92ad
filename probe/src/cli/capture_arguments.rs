//! How live capture is set up.

use clap::{Args, ValueEnum};

use super::values;

const HEADING: &str = "Capture";

/// Options of live capture.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = HEADING)]
pub(super) struct CaptureArguments {
    /// Memory for events on their way from the kernel, rounded up to a power of two; raise it when events are lost
    #[arg(long, value_name = "SIZE", default_value = "16MiB", value_parser = values::ring_bytes)]
    pub(super) ring_bytes: u32,

    /// Most bytes copied of one system call; up to 64 KiB where a protocol cannot be followed otherwise
    #[arg(long, value_name = "SIZE", default_value = "4096", value_parser = values::payload_bytes)]
    pub(super) payload_bytes: u32,

    /// Where calls are watched: `exit` and `raw` cost more, and are what kernels before 6.3 and 5.11 get anyway
    #[arg(long, value_name = "FORM", default_value = "best")]
    pub(super) hook: HookForm,

    /// Threads that parse [default: one for every four processors]
    #[arg(long, value_name = "N", value_parser = values::workers)]
    pub(super) workers: Option<usize>,

    /// Report this header of requests and responses as an attribute; may be given again. Credentials never are
    #[arg(long = "header", value_name = "NAME", value_parser = values::header_name)]
    pub(super) headers: Vec<String>,
}

/// Where calls are watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum HookForm {
    /// The socket layer if the kernel lets it be watched, else as `exit`
    Best,
    /// The exit of system calls by BTF tracepoint if the kernel takes it, else as `raw`
    Exit,
    /// The exit of system calls by raw tracepoint
    Raw,
}

/// What the parsers are told by the command line.
pub(super) fn parser_settings(headers: &[String]) -> plainsight_protocols::Settings {
    let mut settings = plainsight_protocols::Settings::default();
    settings.http.captured_headers = headers.iter().cloned().collect();
    settings
}
