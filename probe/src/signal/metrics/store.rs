//! Where all workers' measurements come together.

use std::{
    fmt,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use hashbrown::HashMap;

use super::{
    graph::{Graph, Peer, nanos},
    key,
    own::{OwnReading, Readers},
    recorder::{Deltas, MetricRecorder, Points},
    request::Requests,
    settings::MetricPlan,
    state::State,
    status::MetricStatus,
};
use crate::{export::Batch, identity::Resource, signal::WallTime};

/// Hand-overs that may wait. With more, a worker adds its own to the series, so that whoever makes them pays.
const INBOX: usize = 16;
/// Keys of processes that are not known yet, at most; more are counted as those of an unknown one.
const WAITING: usize = 8192;

type FindResource = Box<dyn Fn(u32) -> Option<Arc<Resource>> + Send + Sync>;
type FindPeer = Box<dyn Fn(IpAddr) -> Option<Peer> + Send + Sync>;

/// Who knows who is who. Both are asked with a lock held, so they must answer from what they know.
pub struct Names {
    resource: FindResource,
    peer: FindPeer,
}

impl fmt::Debug for Names {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Names").finish_non_exhaustive()
    }
}

impl Names {
    /// `resource` gives what is known of a process, `None` if that may yet come; `peer` what is known of an address that
    /// belongs to no process on this node.
    #[must_use]
    pub fn new(
        resource: impl Fn(u32) -> Option<Arc<Resource>> + Send + Sync + 'static,
        peer: impl Fn(IpAddr) -> Option<Peer> + Send + Sync + 'static,
    ) -> Self {
        Self { resource: Box::new(resource), peer: Box::new(peer) }
    }

    pub(super) fn resource(&self, pid: u32) -> Option<Arc<Resource>> {
        if pid == 0 { None } else { (self.resource)(pid) }
    }

    pub(super) fn peer(&self, address: IpAddr) -> Option<Peer> {
        (self.peer)(address)
    }
}

/// What was measured of a process before anybody knew it.
#[derive(Debug)]
struct Waiting {
    since: u64,
    points: HashMap<Vec<u8>, Points>,
}

#[derive(Debug)]
struct Inner {
    state: State,
    graph: Graph,
    waiting: HashMap<u32, Waiting>,
    waiting_keys: usize,
}

/// The metrics of this node.
#[derive(Debug)]
pub struct MetricStore {
    plan: Arc<MetricPlan>,
    names: Names,
    readers: Readers,
    inbox: Mutex<Vec<Deltas>>,
    inner: Mutex<Inner>,
}

impl MetricStore {
    /// No measurements yet. `own` is the probe's own resource: the service graph and what is known of the metrics
    /// themselves belong to it.
    #[must_use]
    pub fn new(plan: Arc<MetricPlan>, own: Arc<Resource>, names: Names, now: WallTime) -> Arc<Self> {
        let state = State::new(Arc::clone(&plan), own, now.as_unix_nanos());
        let inner = Inner { state, graph: Graph::default(), waiting: HashMap::new(), waiting_keys: 0 };
        Arc::new(Self {
            plan,
            names,
            readers: Readers::default(),
            inbox: Mutex::default(),
            inner: Mutex::new(inner),
        })
    }

    /// What a worker counts with.
    #[must_use]
    pub fn recorder(self: &Arc<Self>) -> MetricRecorder {
        MetricRecorder::new(Arc::clone(self), Arc::clone(&self.plan))
    }

    /// From now on, `read` is asked for its values at each collection and each look. It is called by whoever collects, with
    /// no lock held; what it tells belongs to the probe's own resource.
    pub fn read_also(&self, read: impl Fn(&mut dyn FnMut(OwnReading<'_>)) + Send + Sync + 'static) {
        self.readers.add(Arc::new(read));
    }

    /// Adds what workers have handed over. Wanted about once a second.
    pub fn absorb(&self, now: WallTime) {
        let mut inner = self.inner();
        inner.state.now = now.as_unix_nanos();
        inner.absorb(self.take_inbox(), &self.names, false);
    }

    /// All metrics, as OTLP requests of less than 4 MiB each. Points cover the time up to `now`. Collected by one caller
    /// only: the next collection starts where this one ended.
    pub fn collect(&self, now: WallTime) -> Vec<Batch> {
        self.collect_with(now, false)
    }

    /// The last collection: nothing waits any longer for a process to be known or the other end of a connection to be
    /// seen.
    pub fn finish(&self, now: WallTime) -> Vec<Batch> {
        self.collect_with(now, true)
    }

    fn collect_with(&self, now: WallTime, is_last: bool) -> Vec<Batch> {
        let nanos = now.as_unix_nanos();
        let own = self.readers.ask(&self.plan);
        let mut inner = self.inner();
        inner.state.now = nanos;
        inner.absorb(self.take_inbox(), &self.names, is_last);
        inner.state.own.set(own);
        inner.state.read(&self.names);
        let batches = Requests::new(&inner.state, nanos).write();
        inner.state.collected(nanos);
        batches
    }

    /// Calls `with` with all series as they are now, those that a collection would give.
    pub(super) fn look<R>(&self, now: WallTime, with: impl FnOnce(&State) -> R) -> R {
        let own = self.readers.ask(&self.plan);
        let mut inner = self.inner();
        inner.state.now = now.as_unix_nanos();
        inner.absorb(self.take_inbox(), &self.names, false);
        inner.state.own.set(own);
        inner.state.read(&self.names);
        with(&inner.state)
    }

    /// How many series there are and what the fences did.
    #[must_use]
    pub fn status(&self) -> MetricStatus {
        let inner = self.inner();
        MetricStatus::of(&inner.state, inner.graph.hurried)
    }

    /// Takes a hand-over. Nothing is ever dropped: when too many wait, this adds its own to the series at once.
    pub(super) fn accept(&self, deltas: Deltas) {
        let mut inbox = self.inbox.lock().unwrap_or_else(PoisonError::into_inner);
        if inbox.len() < INBOX {
            inbox.push(deltas);
            return;
        }
        drop(inbox);
        self.inner().absorb(vec![deltas], &self.names, false);
    }

    fn take_inbox(&self) -> Vec<Deltas> {
        std::mem::take(&mut *self.inbox.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        // What a panicking thread left behind is a sum that may lack its last measurement, and still worth having.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn absorb(&mut self, handed: Vec<Deltas>, names: &Names, is_last: bool) {
        let mut known: HashMap<u32, Option<usize>> = HashMap::new();
        for deltas in handed {
            let Deltas { points, edges, active } = deltas;
            for (key, points) in points {
                let Some((pid, family, attributes)) = key::split(&key) else { continue };
                let service = *known.entry(pid).or_insert_with(|| {
                    match names.resource(pid) {
                        Some(resource) => Some(self.state.service(&resource)),
                        // Nobody will ever know who that was.
                        None if pid == 0 => {
                            let unknown = self.state.unknown();
                            Some(self.state.service(&unknown))
                        }
                        None => None,
                    }
                });
                match service {
                    Some(service) => self.state.add_points(service, family, attributes, &points),
                    None => self.wait(pid, key, points),
                }
            }
            let now = self.state.now;
            for edge in edges.into_values() {
                if self.graph.is_full() {
                    self.graph.settle(&mut self.state, names, now, false);
                }
                self.graph.hold(edge, now);
            }
            for (end, change) in active {
                *self.state.active.entry(end).or_default() += change;
            }
        }
        self.resolve_waiting(names, is_last);
        let now = self.state.now;
        self.graph.settle(&mut self.state, names, now, is_last);
    }

    /// Keeps what was measured of a process that is not known yet.
    fn wait(&mut self, pid: u32, key: Vec<u8>, points: Points) {
        if self.waiting_keys >= WAITING {
            self.give_up(&key, &points);
            return;
        }
        let since = self.state.now;
        let waiting = self.waiting.entry(pid).or_insert_with(|| Waiting { since, points: HashMap::new() });
        match waiting.points.get_mut(&key) {
            Some(known) => known.iter_mut().zip(&points).for_each(|(known, point)| known.merge(point)),
            None => {
                waiting.points.insert(key, points);
                self.waiting_keys += 1;
            }
        }
    }

    fn resolve_waiting(&mut self, names: &Names, is_last: bool) {
        let (now, patience) = (self.state.now, nanos(self.state.plan.settings.identity_wait));
        let decided: Vec<_> = self
            .waiting
            .iter()
            .filter_map(|(&pid, waiting)| {
                let resource = names.resource(pid);
                let is_over = is_last || now.saturating_sub(waiting.since) >= patience;
                (resource.is_some() || is_over).then_some((pid, resource))
            })
            .collect();
        for (pid, resource) in decided {
            let Some(waiting) = self.waiting.remove(&pid) else { continue };
            self.waiting_keys -= waiting.points.len();
            let service = resource.map(|resource| self.state.service(&resource));
            for (key, points) in waiting.points {
                match (service, key::split(&key)) {
                    (Some(service), Some((_, family, attributes))) => {
                        self.state.add_points(service, family, attributes, &points);
                    }
                    _ => self.give_up(&key, &points),
                }
            }
        }
    }

    /// Counts measurements as those of an unknown process.
    fn give_up(&mut self, key: &[u8], points: &Points) {
        let Some((_, family, attributes)) = key::split(key) else { return };
        let unknown = self.state.unknown();
        let service = self.state.service(&unknown);
        self.state.add_points(service, family, attributes, points);
    }
}
