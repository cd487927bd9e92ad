//! How live capture is set up.

use clap::{Args, ValueEnum};
use plainsight_protocols::{Settings, Wanted, route::RoutePattern};

use super::{identity_arguments::IdentityArguments, values};
use crate::signal::Filter;

const HEADING: &str = "Capture";

/// Options of live capture.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = HEADING)]
pub(super) struct CaptureArguments {
    /// Memory for events on their way from the kernel, rounded up to a power of two; raise it when events are lost
    #[arg(long, value_name = "SIZE", default_value = "16MiB", value_parser = values::ring_bytes)]
    pub(super) ring_bytes: u32,

    /// Most bytes copied of one call where its beginning suffices, as of HTTP/1; up to 64 KiB of others
    #[arg(long, value_name = "SIZE", default_value = "4096", value_parser = values::payload_bytes)]
    pub(super) payload_bytes: u32,

    /// Where calls are watched: `exit` and `raw` cost more, and are what kernels before 6.3 and 5.12 get anyway
    #[arg(long, value_name = "FORM", default_value = "best")]
    pub(super) hook: HookForm,

    /// Threads that parse [default: one for every four processors]
    #[arg(long, value_name = "N", value_parser = values::workers)]
    pub(super) workers: Option<usize>,

    #[command(flatten)]
    pub(super) reading: ReadingArguments,

    #[command(flatten)]
    pub(super) identity: IdentityArguments,
}

/// Options of the parsers, live and in a replay.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Reading")]
pub(super) struct ReadingArguments {
    /// Report this header of requests and responses as an attribute; may be given again. Credentials never are
    #[arg(long = "header", value_name = "NAME", value_parser = values::header_name)]
    headers: Vec<String>,

    /// Name HTTP requests whose path matches by this route, such as '/api/{tenant}/files/*'; may be given again, and the
    /// first that matches counts
    #[arg(long = "route-pattern", value_name = "PATTERN")]
    route_patterns: Vec<RoutePattern>,
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

impl ReadingArguments {
    /// What the parsers are told. Of protocols that no filter lets pass they need not report anything.
    pub(super) fn settings(&self, filter: &Filter) -> Settings {
        let mut settings = Settings { wanted: Wanted::only(&filter.protocols), ..Settings::default() };
        settings.http.captured_headers = self.headers.iter().cloned().collect();
        settings.http.route_patterns = self.route_patterns.iter().cloned().collect();
        settings
    }
}

#[cfg(test)]
mod tests {
    use plainsight_protocols::Protocol;

    use super::*;

    #[test]
    fn parsers_are_told_which_protocols_pass_and_which_routes_are_known() {
        let route_patterns = vec!["/api/{tenant}".parse().expect("a pattern")];
        let reading = ReadingArguments { headers: vec!["x-a".into()], route_patterns };
        let filter = Filter { protocols: vec![Protocol::Redis], ..Filter::default() };
        let settings = reading.settings(&filter);
        assert!(settings.wanted.includes(Protocol::Redis) && !settings.wanted.includes(Protocol::Http));
        assert_eq!(settings.http.route_patterns[0].as_str(), "/api/{tenant}");
        assert_eq!(&*settings.http.captured_headers, ["x-a".to_owned()]);
    }
}
