//! The filters that watch, stat and replay share.

use clap::Args;
use plainsight_protocols::{Protocol, Side};

use super::values;
use crate::signal::{Filter, PathPattern, RemotePattern, StatusPattern, TimeSpan};

pub(super) const HEADING: &str =
    "Filters (each may be given again or take a list; of one kind any value will do)";

#[derive(Debug, Args)]
pub(super) struct FilterArguments {
    /// Only this protocol: http (which is HTTP/1), http2, grpc, redis, mysql, postgresql, kafka, dns, memcached, mongodb,
    /// tls (handshakes); or another of its names, such as h2, pg, mariadb, mongo
    #[arg(value_name = "PROTOCOL", value_parser = values::protocol, value_delimiter = ',')]
    pub(super) protocols: Vec<Protocol>,

    #[command(flatten)]
    pub(super) common: CommonFilterArguments,
}

#[derive(Debug, Args)]
#[command(next_help_heading = HEADING)]
pub(super) struct CommonFilterArguments {
    /// Process id
    #[arg(long = "pid", value_name = "PID", value_delimiter = ',', value_parser = values::pid)]
    pids: Vec<u32>,

    /// Name of the thread that reads or writes, usually the program's; compared to 15 bytes, as the kernel keeps it
    #[arg(long = "comm", value_name = "NAME", value_delimiter = ',')]
    comms: Vec<String>,

    /// Port of either end
    #[arg(long = "port", value_name = "PORT", value_delimiter = ',', value_parser = values::port)]
    ports: Vec<u16>,

    /// The other end, as this host sees it: an address, an address with its port, or a network such as 10.0.0.0/8
    #[arg(long = "remote", value_name = "ADDRESS", value_delimiter = ',')]
    remotes: Vec<RemotePattern>,

    /// Beginning of a container's id, or its name
    #[arg(long = "container", value_name = "ID", value_delimiter = ',', value_parser = values::id_or_name)]
    containers: Vec<String>,

    /// Beginning of a pod's uid, or its name, as in 'web-0' or 'shop/web-0'
    #[arg(long = "pod", value_name = "POD", value_delimiter = ',', value_parser = values::id_or_name)]
    pods: Vec<String>,

    /// Request method or operation, in any case: GET, SELECT, HGETALL, Produce, AAAA, SayHello
    #[arg(long = "method", value_name = "METHOD", value_delimiter = ',')]
    methods: Vec<String>,

    /// Beginning of a request's path or other target, or a pattern for all of it: /api, '/users/*/cart', a key, a table,
    /// a collection, a topic, a name that is looked up
    #[arg(long = "path", value_name = "PATH", value_delimiter = ',')]
    paths: Vec<PathPattern>,

    /// Status of the answer: 404, 5xx, 400-499, NXDOMAIN, unavailable, a vendor's code or SQLSTATE (1062, '23*'), the first
    /// word of an error (WRONGTYPE); or why there is none: timeout, 'connection_*'
    #[arg(long = "status", value_name = "STATUS", value_delimiter = ',')]
    statuses: Vec<StatusPattern>,

    /// Only what took at least this long: 10ms, 1s
    #[arg(long, value_name = "DURATION")]
    min_latency: Option<TimeSpan>,

    /// Only failures: a server's 5xx, a client's 4xx and 5xx, any error that a database, broker or name server answers, and
    /// requests that got no answer
    #[arg(long)]
    errors: bool,

    /// Only what this host saw from that end; traffic of the host with itself is seen from both
    #[arg(long, value_name = "client|server", value_parser = values::side)]
    side: Option<Side>,
}

impl FilterArguments {
    pub(super) fn filter(&self) -> Filter {
        self.common.filter(&self.protocols)
    }
}

impl CommonFilterArguments {
    pub(super) fn filter(&self, protocols: &[Protocol]) -> Filter {
        Filter {
            protocols: protocols.to_vec(),
            side: self.side,
            pids: self.pids.clone(),
            comms: self.comms.clone(),
            ports: self.ports.clone(),
            remotes: self.remotes.clone(),
            methods: self.methods.clone(),
            paths: self.paths.clone(),
            statuses: self.statuses.clone(),
            min_latency: self.min_latency.map(|least| least.0),
            errors_only: self.errors,
            containers: self.containers.clone(),
            pods: self.pods.clone(),
        }
    }
}
