//! The service graph: who asks whom, each edge counted once.
//!
//! Both ends of a connection may be on this node. They have the same two addresses, the other way round, so what is
//! observed is held for [`PAIRING_WAIT`], until what the other end saw has come as well. Then the server's end counts
//! requests, and gives their duration as the server saw it; the client's end gives its own view of the duration
//! and counts only where no server's end was seen. Names come from the process at each end that is on this node, from
//! whoever knows the address of one that is not, and else say no more than what kind of address it is.
//!
//! Name servers are left out: every service asks them, so they would be in the middle of each graph and say nothing.

use std::{
    collections::VecDeque,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use hashbrown::HashMap;
use plainsight_protocols::{Protocol, Side};

use super::{
    SpanRef,
    key::Stored,
    point::{Distribution, Point},
    settings::{CLIENT, CLIENT_NAMESPACE, CONNECTION_TYPE, MetricPlan, SERVER, SERVER_NAMESPACE},
    state::{OWN, State},
    store::Names,
    table::{Family, Measure},
};
use crate::{flow::Observed, identity::Resource};

/// How long an observation waits for that of the other end: two hand-overs.
const PAIRING_WAIT: Duration = Duration::from_secs(2);
/// Observations that wait at most, one for each connection and hand-over; more and the oldest is decided upon at once.
const HELD: usize = 65_536;
/// Connections whose ends are remembered: at most twice as many, of which those not used for longest are forgotten.
const PAIRS: usize = 32_768;

/// The name of a process that nobody knows.
const UNKNOWN_SERVICE: &str = "unknown_service";
/// The name of a client that is not on this node and that nobody knows: what Tempo calls one that sends no spans.
const UNKNOWN_CLIENT: &str = "user";

/// What is known of an address that belongs to no process on this node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// The name of the service, or of the host.
    pub name: Arc<str>,
    /// The service's namespace.
    pub namespace: Option<Arc<str>>,
    /// Another probe stands there. Then that one counts the requests that go to it.
    pub is_observed: bool,
}

/// What one connection, seen from one end, carried since the last hand-over.
#[derive(Debug, Clone)]
pub(super) struct EdgeDelta {
    pid: u32,
    local: SocketAddr,
    remote: SocketAddr,
    side: Side,
    protocol: Protocol,
    requests: u64,
    failed: u64,
    seconds: Option<Distribution>,
}

impl EdgeDelta {
    pub(super) fn new(observed: &Observed<'_>, plan: &MetricPlan) -> Self {
        let measure = match observed.side {
            Side::Server => Measure::ServerSeconds,
            Side::Client => Measure::ClientSeconds,
        };
        let family = &plan.families[Family::Edge as usize];
        let shape =
            family.place(measure).and_then(|place| plan.metrics[family.metrics[place]].shape.as_ref());
        Self {
            pid: observed.process.pid,
            local: canonical(observed.local),
            remote: canonical(observed.remote),
            side: observed.side,
            protocol: observed.exchange.protocol,
            requests: 0,
            failed: 0,
            seconds: shape.map(Distribution::new),
        }
    }

    #[inline]
    pub(super) fn record(
        &mut self,
        observed: &Observed<'_>,
        nanos: Option<u64>,
        is_error: bool,
        plan: &MetricPlan,
        exemplar: Option<&SpanRef>,
    ) {
        self.pid = observed.process.pid;
        self.protocol = observed.exchange.protocol;
        self.requests += 1;
        self.failed += u64::from(is_error);
        let family = &plan.families[Family::Edge as usize];
        let measure = if self.side == Side::Server { Measure::ServerSeconds } else { Measure::ClientSeconds };
        if let (Some(seconds), Some(nanos), Some(place)) = (&mut self.seconds, nanos, family.place(measure))
            && let Some(shape) = &plan.metrics[family.metrics[place]].shape
        {
            seconds.record(nanos, shape, exemplar);
        }
    }

    /// The client's address and the server's.
    const fn ends(&self) -> Ends {
        match self.side {
            Side::Client => (self.local, self.remote),
            Side::Server => (self.remote, self.local),
        }
    }
}

/// IPv4 as such also where it is mapped into IPv6: the ends of a connection may have sockets of either kind.
fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

/// Client and server of a connection.
type Ends = (SocketAddr, SocketAddr);

/// The processes at the ends of a connection, as far as they were seen on this node.
#[derive(Debug, Clone, Copy, Default)]
struct Pair {
    client: Option<u32>,
    server: Option<u32>,
}

/// Observations that wait, and connections whose ends are known.
#[derive(Debug, Default)]
pub(super) struct Graph {
    held: VecDeque<(u64, EdgeDelta)>,
    recent: HashMap<Ends, Pair>,
    earlier: HashMap<Ends, Pair>,
    /// Observations that were decided upon before the other end's could come.
    pub(super) hurried: u64,
}

impl Graph {
    /// Takes an observation in.
    pub(super) fn hold(&mut self, edge: EdgeDelta, now: u64) {
        let ends = edge.ends();
        let pair = self.pair(&edge);
        if self.recent.len() >= PAIRS && !self.recent.contains_key(&ends) {
            self.earlier = std::mem::take(&mut self.recent);
        }
        self.recent.insert(ends, pair);
        self.held.push_back((now, edge));
    }

    /// Whether the oldest observation must be decided upon before another can be taken in.
    pub(super) fn is_full(&self) -> bool {
        self.held.len() >= HELD
    }

    /// Who is at the ends, the end of this observation included.
    fn pair(&self, edge: &EdgeDelta) -> Pair {
        let ends = edge.ends();
        let mut pair =
            self.recent.get(&ends).or_else(|| self.earlier.get(&ends)).copied().unwrap_or_default();
        match edge.side {
            Side::Client => pair.client = Some(edge.pid),
            Side::Server => pair.server = Some(edge.pid),
        }
        pair
    }

    /// Decides upon what has waited for long enough; upon all if `all`.
    pub(super) fn settle(&mut self, state: &mut State, names: &Names, now: u64, all: bool) {
        let wait = nanos(PAIRING_WAIT);
        let patience = nanos(state.plan.settings.identity_wait).max(wait);
        while let Some((since, edge)) = self.held.front() {
            let waited = now.saturating_sub(*since);
            let is_late = all || self.is_full() || waited >= patience;
            if waited < wait && !is_late {
                break;
            }
            let pair = self.pair(edge);
            let Some(named) = name(edge, pair, names, is_late) else { break };
            self.hurried += u64::from(waited < wait && !all);
            count(edge, pair, &named, state);
            self.held.pop_front();
        }
    }
}

/// One end of an edge.
enum End {
    Process(Arc<Resource>),
    /// A process on this node that could not be found out about.
    Unknown,
    Peer(Peer),
    Address(IpAddr),
}

struct Named {
    client: End,
    server: End,
}

/// Who is at both ends; `None` if a process may yet become known.
fn name(edge: &EdgeDelta, pair: Pair, names: &Names, is_late: bool) -> Option<Named> {
    let (client, server) = edge.ends();
    let end = |pid: Option<u32>, address: SocketAddr| match pid {
        Some(pid) => match names.resource(pid) {
            Some(resource) => Some(End::Process(resource)),
            None if is_late || pid == 0 => Some(End::Unknown),
            None => None,
        },
        None => Some(names.peer(address.ip()).map_or(End::Address(address.ip()), End::Peer)),
    };
    Some(Named { client: end(pair.client, client)?, server: end(pair.server, server)? })
}

impl End {
    const fn is_known(&self) -> bool {
        matches!(self, Self::Process(_) | Self::Peer(_))
    }

    fn namespace(&self) -> Option<&str> {
        match self {
            Self::Process(resource) => resource.service_namespace.as_deref(),
            Self::Peer(peer) => peer.namespace.as_deref(),
            Self::Unknown | Self::Address(_) => None,
        }
    }

    /// The name, where no address must become one: there would be as many as addresses.
    fn name(&self, side: Side, protocol: Protocol) -> &str {
        match self {
            Self::Process(resource) => &resource.service_name,
            Self::Peer(peer) => &peer.name,
            Self::Unknown => UNKNOWN_SERVICE,
            Self::Address(_) if side == Side::Client => UNKNOWN_CLIENT,
            Self::Address(_) if !connection_type(protocol).is_empty() => protocol.name(),
            Self::Address(address) => address_class(*address),
        }
    }
}

/// What kind of address it is.
const fn address_class(address: IpAddr) -> &'static str {
    let (is_loopback, is_private) = match address {
        IpAddr::V4(address) => (address.is_loopback(), address.is_private() || address.is_link_local()),
        IpAddr::V6(address) => {
            (address.is_loopback(), address.is_unique_local() || address.is_unicast_link_local())
        }
    };
    if is_loopback {
        "localhost"
    } else if is_private {
        "private network"
    } else {
        "internet"
    }
}

const fn connection_type(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Redis
        | Protocol::Mysql
        | Protocol::Postgresql
        | Protocol::Memcached
        | Protocol::Mongodb => "database",
        Protocol::Kafka => "messaging_system",
        _ => "",
    }
}

fn count(edge: &EdgeDelta, pair: Pair, named: &Named, state: &mut State) {
    let counts = match edge.side {
        Side::Server => true,
        Side::Client => {
            let is_counted_elsewhere = matches!(&named.server, End::Peer(peer) if peer.is_observed);
            pair.server.is_none() && !is_counted_elsewhere
        }
    };
    let kind = match connection_type(edge.protocol) {
        "" if !named.client.is_known() || !named.server.is_known() => "virtual_node",
        kind => kind,
    };
    let attributes = [
        (CLIENT, Some(named.client.name(Side::Client, edge.protocol))),
        (SERVER, Some(named.server.name(Side::Server, edge.protocol))),
        (CONNECTION_TYPE, Some(kind).filter(|kind| !kind.is_empty())),
        (CLIENT_NAMESPACE, named.client.namespace()),
        (SERVER_NAMESPACE, named.server.namespace()),
    ];
    let attributes: Vec<_> =
        attributes.into_iter().filter_map(|(number, text)| Some((number, Stored::Text(text?)))).collect();
    let sum = |value| Point::Sum { value, measurements: value };
    let seconds = match edge.side {
        Side::Server => Measure::ServerSeconds,
        Side::Client => Measure::ClientSeconds,
    };
    let durations = edge.seconds.clone().filter(|seconds| seconds.count > 0);
    for (measure, point) in [
        (Measure::Count, Some(sum(edge.requests)).filter(|_| counts)),
        (Measure::FailedRequests, Some(sum(edge.failed)).filter(|_| counts && edge.failed > 0)),
        (seconds, durations.map(Point::Distribution)),
    ] {
        let family = &state.plan.families[Family::Edge as usize];
        if let (Some(place), Some(point)) = (family.place(measure), point) {
            let metric = family.metrics[place];
            state.add(OWN, metric, &attributes, &point);
        }
    }
}

/// Nanoseconds of a duration.
pub(super) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
