//! What is captured and how it is read.

use plainsight_protocols::{Protocol, route::RoutePattern};
use probe_ebpf::filter::{MOST_NAMES, MOST_PORTS};

use super::{
    kinds::{ByteSize, HeaderName, Port},
    scalar::{Auto, at_most, between, if_given, not_empty},
    setting::{choice, section},
};

section! {
    /// How calls are captured from the kernel.
    Capture {
        /// Most bytes copied of one call where its beginning suffices, as of HTTP/1; up to 64KiB of others.
        restart payload_bytes: ByteSize = ByteSize(4096), if between(ByteSize(64), ByteSize::kib(64));
        /// Memory for events on their way from the kernel, rounded up to a power of two. Raise it when events are lost.
        restart ring_bytes: ByteSize = ByteSize::mib(16), if between(ByteSize::kib(64), ByteSize::mib(1024));
        /// How many TCP connections are known at once.
        restart connections: usize = 65_536, if between(1_024, 4_194_304);
        /// Where calls are watched. `best`: in the socket layer if the kernel lets it be watched (from Linux 6.3), else as
        /// `exit`. `exit`: at the exit of system calls by BTF tracepoint, else as `raw`. `raw`: by raw tracepoint.
        restart hook: Hook = Hook::Best;
        /// Threads that parse; `auto` is one for every four processors.
        restart workers: Auto<usize> = Auto::Auto, if if_given(between(1, 256));
        /// What alone is captured; an empty list captures everything.
        restart only: Only = Only::default();
        /// What is not captured.
        restart exclude: Exclude = Exclude::default();
    }
}

/// Names of each of the two lists, which the kernel keeps together.
const NAMES: usize = MOST_NAMES as usize / 2;

/// The same of ports.
const PORTS: usize = MOST_PORTS as usize / 2;

section! {
    /// What alone is captured.
    Only {
        /// Names of threads, the first 15 bytes, as in `ps -o comm`: [nginx, java].
        restart comm: Vec<String> = Vec::new(), if at_most(NAMES);
        /// Ports at either end of a connection: [80, 8080].
        restart port: Vec<Port> = Vec::new(), if at_most(PORTS);
    }
}

section! {
    /// What is not captured.
    Exclude {
        /// Names of threads, the first 15 bytes.
        restart comm: Vec<String> = vec!["sshd".to_owned()], if at_most(NAMES);
        /// Ports at either end of a connection.
        restart port: Vec<Port> = Vec::new(), if at_most(PORTS);
    }
}

choice! {
    /// Where calls are watched.
    Hook {
        /// The socket layer if the kernel lets it be watched, else as `exit`.
        Best = "best",
        /// The exit of system calls by BTF tracepoint if the kernel takes it, else as `raw`.
        Exit = "exit",
        /// The exit of system calls by raw tracepoint.
        Raw = "raw",
    }
}

section! {
    /// What is parsed.
    Protocols {
        /// Protocols whose exchanges are reported. Of the others only bytes and connections are counted.
        restart enabled: Vec<Protocol> = Protocol::ALL.to_vec(), if not_empty;
    }
}

section! {
    /// How HTTP is reported, HTTP/2 and gRPC included.
    Http {
        /// Routes that you know: requests whose path matches are named by the first that does, as in
        /// ["/api/{tenant}/files/*"]. Others get a route made from their path.
        restart route_patterns: Vec<RoutePattern> = Vec::new();
        /// Headers of requests and responses to report as attributes, as in [x-request-id]. Values of credentials are
        /// masked whatever is asked for.
        restart captured_headers: Vec<HeaderName> = Vec::new();
        /// Methods reported by their name; all others read _OTHER.
        /// Environment: OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS, separated by commas.
        restart known_methods: Vec<String> = KNOWN_METHODS.map(str::to_owned).to_vec(), if not_empty;
    }
}

/// The methods that OpenTelemetry's conventions know.
const KNOWN_METHODS: [&str; 10] =
    ["GET", "POST", "PUT", "HEAD", "DELETE", "PATCH", "OPTIONS", "CONNECT", "TRACE", "QUERY"];
