//! What there is to say of a metric: how it is put together, what it is about, and what is measured of that.

/// How measurements of a metric are put together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// A distribution, with the bounds of its explicit buckets, which are inclusive at the top.
    Histogram(&'static [f64]),
    /// A sum that only grows.
    Counter,
    /// A sum that may fall as well.
    UpDownCounter,
}

/// What is observed together, under one key: exchanges of a kind at one side, connections, edges of the service graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Family {
    /// HTTP requests that a process answers.
    HttpServer,
    /// HTTP requests that a process makes.
    HttpClient,
    /// Calls that a process answers.
    RpcServer,
    /// Calls that a process makes.
    RpcClient,
    /// Operations that a database carries out.
    DbServer,
    /// Operations that a process asks a database for.
    DbClient,
    /// Requests that a broker answers.
    MessagingServer,
    /// Requests to a broker.
    MessagingClient,
    /// Questions that a name server answers.
    DnsServer,
    /// Questions that a process asks.
    DnsClient,
    /// Exchanges whose duration is not known.
    Untimed,
    /// TCP connections that were dialled and did not come to be.
    FailedDial,
    /// TCP connections.
    Connection,
    /// Edges of the service graph.
    Edge,
    /// What is known of the metrics themselves.
    Own,
    /// What the probe tells of itself, read from whoever keeps it.
    Probe,
}

impl Family {
    /// Number of families.
    pub const COUNT: usize = Self::Probe as usize + 1;
}

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Measure {
    /// Time from the first byte of a request to the last of its response.
    Duration,
    /// Bytes of a request's body.
    RequestBody,
    /// Bytes of a response's body.
    ResponseBody,
    /// Rows that an answer brought.
    ReturnedRows,
    /// Messages sent to a broker.
    SentMessages,
    /// Messages got from a broker.
    ConsumedMessages,
    /// Exchanges, connections that did not come to be, or requests over an edge.
    Count,
    /// Connections that began.
    Opened,
    /// Connections that ended.
    Closed,
    /// Connections that are open.
    Active,
    /// Bytes that the observed end read.
    Received,
    /// Bytes that the observed end wrote.
    Sent,
    /// Segments that were sent again.
    Retransmits,
    /// Smoothed round-trip time at the end of a connection.
    RoundTrip,
    /// Time that it took to make a connection.
    Handshake,
    /// Requests over an edge that failed.
    FailedRequests,
    /// Their duration as the server saw it.
    ServerSeconds,
    /// Their duration as the client saw it.
    ClientSeconds,
    /// Measurements of which an attribute's value was replaced.
    Folded,
    /// Measurements that were added to the overflow point.
    Overflowed,
    /// Series that are kept.
    Series,
    /// A value that is kept elsewhere. Such metrics are found by their names.
    Read,
}

impl Measure {
    /// Number of measures.
    pub const COUNT: usize = Self::Read as usize + 1;
}

/// A metric.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// What it says, in one line.
    pub description: &'static str,
    /// Its unit in UCUM.
    pub unit: &'static str,
    /// How measurements are put together.
    pub kind: Kind,
    /// What it is about.
    pub family: Family,
    /// What is measured of that.
    pub measure: Measure,
    /// Whether it is made unless settings say otherwise.
    pub default_on: bool,
    /// Attributes that it carries unless settings say otherwise.
    pub attributes: &'static [&'static str],
}

impl Metric {
    /// Whether its sum is no whole number: of seconds, where what is kept are nanoseconds.
    pub(crate) fn is_fraction(&self) -> bool {
        self.unit == "s" && !matches!(self.kind, Kind::Histogram(_))
    }
}
