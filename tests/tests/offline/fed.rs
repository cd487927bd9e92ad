//! Everything between the kernel and the exporter, fed with bytes of connections by a test that has the clock in hand.

use std::{net::SocketAddr, sync::Arc};

use plainsight::{
    capture::{Chunk, Closed, ConnectionId, Event, Flow, Opened, Process, Role, Transport},
    flow::{ConnectionFacts, Observed, Observer, Worker, WorkerSettings},
    identity::Resource,
    signal::{
        Clock, IdGenerator, WallTime,
        metrics::{MetricPlan, MetricRecorder, MetricSettings, MetricStore, Names, ValueView},
        spool::{Buffer, Spool, SpoolLimits},
        traces::{SpanRecorder, TraceSettings, TraceTables},
    },
};
use plainsight_protocols::Timestamp;

/// When the tests begin, in nanoseconds since 1970.
const START: u64 = 1_700_000_000_000_000_000;

/// Seconds, in nanoseconds.
pub(crate) const SECOND: u64 = 1_000_000_000;

/// Attributes of a series, by name.
pub(crate) type Attributes = Vec<(String, String)>;

/// What a worker of the daemon makes of exchanges and connections.
pub(crate) struct Telemetry {
    pub(crate) exchanges: u64,
    metrics: MetricRecorder,
    spans: SpanRecorder,
}

impl Observer for Telemetry {
    fn exchange(&mut self, observed: &Observed<'_>) {
        self.exchanges += 1;
        self.metrics.record(observed, None);
        self.spans.record(observed);
    }

    fn unobserved(&mut self, count: u64) {
        panic!("{count} exchanges were not seen");
    }

    fn opened(&mut self, opened: &Opened) {
        self.spans.opened(opened);
    }

    fn tick(&mut self, now: Timestamp) {
        self.spans.tick(now);
    }

    fn ignore(&mut self, _: ConnectionId) {}

    fn forgotten(&mut self, _: ConnectionId) {}

    fn connection_opened(&mut self, connection: &ConnectionFacts) {
        self.metrics.connection_opened(connection);
    }

    fn connection_moved(&mut self, connection: &ConnectionFacts, received: u64, sent: u64) {
        self.metrics.connection_moved(connection, received, sent);
    }

    fn connection_closed(&mut self, connection: &ConnectionFacts, closed: Option<&Closed>) {
        self.metrics.connection_closed(connection, closed);
    }
}

/// A connection that the test speaks on.
pub(crate) struct Spoken {
    id: ConnectionId,
    serves: bool,
    process: Process,
    /// Where the streams of the client and of the server are.
    sequences: [u32; 2],
}

/// One worker, and what its telemetry comes together in.
pub(crate) struct Fed {
    pub(crate) worker: Worker<Telemetry>,
    pub(crate) store: Arc<MetricStore>,
    spool: Spool,
    buffers: Vec<Buffer>,
    /// Spans that were made.
    pub(crate) spans: u64,
    /// Nanoseconds since the test began.
    pub(crate) now: u64,
    next: u64,
}

impl Fed {
    /// `service` names the service of a process.
    pub(crate) fn new(settings: MetricSettings, service: fn(u32) -> String) -> Self {
        let resource = |name: &str| Arc::new(Resource { service_name: name.into(), ..Resource::default() });
        let names = Names::new(move |pid| Some(resource(&service(pid))), |_| None);
        let plan = MetricPlan::new(settings).expect("settings without faults");
        let store = MetricStore::new(plan, resource("plainsight"), names, WallTime::from_unix_nanos(START));
        let spool = Spool::new(8 << 20);
        let traces = TraceSettings { spans_per_second: Some(1_000), ..TraceSettings::default() };
        let spans = SpanRecorder::new(
            traces,
            Clock::boot_time(),
            IdGenerator::from_system(),
            Arc::<TraceTables>::default(),
            spool.writer(SpoolLimits::default()),
        );
        let telemetry = Telemetry { exchanges: 0, metrics: store.recorder(), spans };
        let worker = Worker::new(WorkerSettings::live(), telemetry);
        Self { worker, store, spool, buffers: Vec::new(), spans: 0, now: SECOND, next: 1 }
    }

    fn at(&self) -> Timestamp {
        Timestamp::from_nanos(self.now)
    }

    pub(crate) fn wall(&self) -> WallTime {
        WallTime::from_unix_nanos(START + self.now)
    }

    /// A new connection of a process, which serves it or has dialled.
    pub(crate) fn open(&mut self, pid: u32, serves: bool) -> Spoken {
        let id = ConnectionId(self.next);
        self.next += 1;
        let port = u16::try_from(20_000 + self.next % 40_000).expect("a port");
        let [own, other] = [SocketAddr::from(([10, 0, 0, 1], 8080)), SocketAddr::from(([10, 0, 0, 2], port))];
        self.worker.event(&Event::Opened(Opened {
            connection: id,
            at: self.at(),
            transport: Transport::Tcp,
            local: if serves { own } else { other },
            remote: if serves { other } else { own },
            role: if serves { Role::Server } else { Role::Client },
            from_start: true,
            handshake_ns: (!serves).then_some(200_000),
            network_namespace: 0,
        }));
        Spoken { id, serves, process: Process { pid, ..Process::default() }, sequences: [1_000, 9_000] }
    }

    /// The client or the server says something; a microsecond passes.
    pub(crate) fn say(&mut self, spoken: &mut Spoken, by_client: bool, bytes: &[u8]) {
        let own = usize::from(!by_client);
        let length = u32::try_from(bytes.len()).expect("a short text");
        self.worker.event(&Event::Chunk(Chunk {
            connection: spoken.id,
            at: self.at(),
            flow: if by_client == spoken.serves { Flow::Received } else { Flow::Sent },
            sequence: Some(spoken.sequences[own]),
            opposite_sequence: Some(spoken.sequences[1 - own]),
            length,
            bytes,
            lost_calls: 0,
            process: spoken.process,
        }));
        spoken.sequences[own] = spoken.sequences[own].wrapping_add(length);
        self.now += 1_000;
    }

    /// A question and its answer.
    pub(crate) fn ask(&mut self, spoken: &mut Spoken, question: &[u8], answer: &[u8]) {
        self.say(spoken, true, question);
        self.say(spoken, false, answer);
    }

    pub(crate) fn close(&mut self, spoken: &Spoken) {
        self.worker.event(&Event::Closed(Closed {
            connection: spoken.id,
            at: self.at(),
            reset: false,
            received_bytes: None,
            sent_bytes: None,
            round_trip_ns: Some(100_000),
            retransmits: Some(0),
            lost_calls: [0; 2],
        }));
    }

    /// What the daemon does about once a second.
    pub(crate) fn second(&mut self) {
        let now = self.at();
        self.worker.tick(now);
        self.worker.observer_mut().metrics.hand_over();
        self.store.absorb(self.wall());
        self.spool.take(&mut self.buffers);
        self.spans += self.buffers.drain(..).map(|buffer| u64::from(buffer.items)).sum::<u64>();
    }

    /// Counts of a histogram's series, with the service and the attributes of each.
    pub(crate) fn counts(&self, metric: &str) -> Vec<(String, Attributes, u64)> {
        let mut counts = Vec::new();
        self.store.visit(self.wall(), &mut |series| {
            if let (true, ValueView::Histogram(histogram)) = (series.metric.name == metric, &series.value) {
                let text = |(name, value): &(&str, String)| ((*name).to_owned(), value.clone());
                let attributes = series.attributes.iter().map(text).collect();
                counts.push((series.resource.service_name.to_string(), attributes, histogram.count));
            }
        });
        counts
    }
}

/// Set in the process that a test has to itself.
const ALONE: &str = "PLAINSIGHT_TEST_ALONE";

/// Whether this process runs the test of that name and no other, so that its memory is the test's. Otherwise runs it in
/// one that does, which must succeed.
pub(crate) fn is_alone(test: &str) -> bool {
    if std::env::var_os(ALONE).is_some() {
        return true;
    }
    let program = std::env::current_exe().expect("this program");
    let mut command = std::process::Command::new(program);
    command.args(["--exact", test, "--nocapture"]).env(ALONE, "1");
    let output = command.output().expect("this program again");
    let said = String::from_utf8_lossy(&output.stdout);
    println!("{said}");
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("1 passed"), "{test} is the name of a test: {said}");
    false
}

/// Bytes of memory that this process holds.
pub(crate) fn memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("a status");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("a size");
    let kib: u64 = line.split_whitespace().nth(1).and_then(|text| text.parse().ok()).expect("a number");
    kib << 10
}
