//! What the command line accepts.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use super::{
    capture_arguments::{CaptureArguments, ReadingArguments},
    filter_arguments::FilterArguments,
    values,
};
use crate::signal::{KeyField, TimeSpan};

const EXAMPLES: &str = "\
Examples:
  plainsight                              every request of this host, live
  plainsight http --status 5xx            HTTP answers that say the server failed
  plainsight redis --path user: --min-latency 5ms
  plainsight dns,tls --errors             names that were not found, handshakes that failed
  plainsight --json > exchanges.ndjson    one JSON object a line
  plainsight stat --by comm,method,path   rates, errors, latencies by program and path
  plainsight replay capture.pcapng        the same from a capture file, without privileges
  plainsight doctor                       what this host allows, and what to do about the rest

Exit codes: 0 done, 1 failed while running, 2 bad usage or configuration, 3 this host lacks something.";

/// Shows every request on this host without touching the applications. Without a command it watches.
#[derive(Debug, Parser)]
#[command(
    name = "plainsight",
    version,
    after_help = EXAMPLES,
    args_conflicts_with_subcommands = true,
    disable_help_subcommand = true,
    max_term_width = 110
)]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub(super) command: Option<Command>,

    #[command(flatten)]
    pub(super) watch: WatchArguments,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Live exchanges, one by one (the default command)
    #[command(after_help = WATCH_EXAMPLES)]
    Watch(WatchArguments),
    /// Live aggregates: rate, errors, p50, p90, p99, bytes
    #[command(after_help = STAT_EXAMPLES)]
    Stat(StatArguments),
    /// Exchanges of pcap and pcapng files; needs no privileges
    #[command(after_help = REPLAY_EXAMPLES)]
    Replay(ReplayArguments),
    /// The daemon's configuration
    #[command(after_help = RUN_EXAMPLES)]
    Run(RunArguments),
    /// Log files: how far they are, what settings would do, following them alone
    #[command(subcommand)]
    Logs(LogsCommand),
    /// Whether a configuration can be used, and what is wrong with it if not
    #[command(after_help = CHECK_EXAMPLES)]
    Check(CheckArguments),
    /// What this host allows: kernel, BTF, capabilities, hooks
    #[command(after_help = DOCTOR_EXAMPLES)]
    Doctor(DoctorArguments),
}

#[derive(Debug, Subcommand)]
pub(super) enum LogsCommand {
    /// How far the daemon is with each pipeline and file, and what endangers completeness
    Status(LogsStatusArguments),
    /// Which files settings match, and the first records that would come of them; sends nothing
    Preview(LogsPreviewArguments),
    /// Follow log files without watching requests; needs no privileges but to read them
    Run(LogsRunArguments),
}

#[derive(Debug, Args)]
pub(super) struct LogsStatusArguments {
    /// The configuration of the daemon, for its state folder
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,

    /// Print one JSON object instead of lines
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
pub(super) struct LogsPreviewArguments {
    /// The configuration
    #[arg(long, value_name = "FILE")]
    pub(super) config: PathBuf,

    /// Files to show of each pipeline
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub(super) files: usize,

    /// Records to show of each file
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub(super) records: usize,

    /// Print one JSON object for each pipeline instead of lines
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
pub(super) struct LogsRunArguments {
    /// The configuration
    #[arg(long, value_name = "FILE")]
    pub(super) config: PathBuf,
}

const WATCH_EXAMPLES: &str = "\
Examples:
  plainsight watch http --errors
  plainsight watch pg --method UPDATE --path orders
  plainsight watch mysql --status 1213            deadlocks
  plainsight watch kafka --method Produce --path audit
  plainsight watch --port 8080,8443 --side server --path '/api/*/cart'
  plainsight watch --remote 10.0.0.0/8 --for 30s --json | jq .attributes

On a terminal, press ? for the keys.";

const STAT_EXAMPLES: &str = "\
Examples:
  plainsight stat                                 by program, side, protocol and name
  plainsight stat http --by route,status --comm nginx
  plainsight stat --by error --errors             what fails, and how often
  plainsight stat dns                             by type and name of the question
  plainsight stat --by container --interval 10s   one table every ten seconds
  plainsight stat --for 1m --json                 one object for each key after a minute";

const REPLAY_EXAMPLES: &str = "\
Examples:
  plainsight replay capture.pcap
  plainsight replay *.pcapng --status 5xx --json
  plainsight replay capture.pcap --protocol mysql,redis --errors
  plainsight replay capture.pcap --stat --by server,path";

const RUN_EXAMPLES: &str = "\
Examples:
  plainsight run --print-default-config > plainsight.yaml";

const CHECK_EXAMPLES: &str = "\
Examples:
  plainsight check /etc/plainsight/plainsight.yaml

Exits with 0 when the file can be used, and with 2 when it cannot: then one line says for each thing that is wrong where
it stands, and what to write instead.";

const DOCTOR_EXAMPLES: &str = "\
Exits with 0 when requests can be watched here, and with 3 when something essential is missing.";

#[derive(Debug, Args)]
pub(super) struct WatchArguments {
    /// Print one JSON object a line, instead of a live table on a terminal and lines of text elsewhere
    #[arg(long)]
    pub(super) json: bool,

    #[command(flatten)]
    pub(super) limit: LimitArguments,

    #[command(flatten)]
    pub(super) filter: FilterArguments,

    #[command(flatten)]
    pub(super) capture: CaptureArguments,
}

#[derive(Debug, Args)]
pub(super) struct StatArguments {
    /// Print one JSON object for each key, instead of a live table on a terminal and a table at the end elsewhere
    #[arg(long)]
    pub(super) json: bool,

    #[command(flatten)]
    pub(super) limit: LimitArguments,

    #[command(flatten)]
    pub(super) filter: FilterArguments,

    #[command(flatten)]
    pub(super) grouping: GroupingArguments,

    #[command(flatten)]
    pub(super) capture: CaptureArguments,
}

#[derive(Debug, Args)]
pub(super) struct ReplayArguments {
    /// Capture files, pcap or pcapng, read one after the other
    #[arg(required = true, value_name = "FILE")]
    pub(super) files: Vec<PathBuf>,

    /// Print one JSON object a line
    #[arg(long)]
    pub(super) json: bool,

    /// Print aggregates instead of exchanges
    #[arg(long)]
    pub(super) stat: bool,

    #[command(flatten)]
    pub(super) limit: LimitArguments,

    #[command(flatten)]
    pub(super) reading: ReadingArguments,

    /// Only this protocol: http (which is HTTP/1), http2, grpc, redis, mysql, postgresql, kafka, dns, memcached, mongodb,
    /// tls (handshakes)
    #[arg(long, value_name = "PROTOCOL", value_parser = values::protocol_option, value_delimiter = ',', help_heading = super::filter_arguments::HEADING)]
    pub(super) protocol: Vec<plainsight_protocols::Protocol>,

    #[command(flatten)]
    pub(super) filter: super::filter_arguments::CommonFilterArguments,

    /// What to aggregate by, with --stat, as in `plainsight stat` [default: server,protocol,name]
    #[arg(long, requires = "stat", value_name = "KEY", value_delimiter = ',', value_parser = values::key_field, help_heading = GROUPING)]
    pub(super) by: Vec<KeyField>,

    /// Keys to keep apart; all others are counted together, with --stat
    #[arg(long, requires = "stat", value_name = "N", default_value_t = values::KEYS, value_parser = values::keys, help_heading = GROUPING)]
    pub(super) keys: usize,
}

const GROUPING: &str = "Grouping";

#[derive(Debug, Args)]
#[command(next_help_heading = GROUPING)]
pub(super) struct GroupingArguments {
    /// What to aggregate by, one or more of: process, comm, pid, protocol, side, method, path, route, status, error,
    /// outcome, server, client, remote, connection, container, pod, name [default: comm,side,protocol,name; for one
    /// protocol what suits it]
    #[arg(long, value_name = "KEY", value_delimiter = ',', value_parser = values::key_field)]
    pub(super) by: Vec<KeyField>,

    /// Keys to keep apart; all others are counted together as …other
    #[arg(long, value_name = "N", default_value_t = values::KEYS, value_parser = values::keys)]
    pub(super) keys: usize,

    /// Report each stretch of this length by itself, instead of everything since the start
    #[arg(long, value_name = "DURATION", value_parser = values::interval)]
    pub(super) interval: Option<TimeSpan>,
}

#[derive(Debug, Args)]
pub(super) struct LimitArguments {
    /// Stop by itself after this long, such as 30s or 5m
    #[arg(long = "for", value_name = "DURATION")]
    pub(super) duration: Option<TimeSpan>,
}

#[derive(Debug, Args)]
pub(super) struct RunArguments {
    /// The configuration; without one, everything has its default, and OTEL_EXPORTER_OTLP_ENDPOINT says where to
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,

    /// Print a configuration with every key, what it means, and its default
    #[arg(long, conflicts_with = "config")]
    pub(super) print_default_config: bool,
}

#[derive(Debug, Args)]
pub(super) struct CheckArguments {
    /// The configuration
    #[arg(value_name = "FILE")]
    pub(super) file: PathBuf,
}

#[derive(Debug, Args)]
pub(super) struct DoctorArguments {
    /// Print one JSON object instead of lines
    #[arg(long)]
    pub(super) json: bool,
}
