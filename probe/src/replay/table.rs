//! A bounded table that forgets what was silent for longest.

use std::{
    collections::HashMap,
    hash::{Hash, Hasher},
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use plainsight_protocols::Timestamp;

use crate::capture::Transport;

/// Most connections remembered at a time, those that are over but may still have packets in flight included: some
/// 20 MiB.
pub const MAX_CONNECTIONS: usize = 65_536;

/// Silence, in the time of the capture, after which a TCP connection is forgotten, and announced again if it goes on.
///
/// Shorter than the ten minutes after which the flow room gives a connection up: it could do nothing with bytes of a
/// connection that it has forgotten and that nobody announces again.
pub const TCP_IDLE: Duration = Duration::from_secs(590);

/// How long a closed connection is remembered, so that late packets are not taken for a new one: the longest that Linux
/// keeps one in `TIME-WAIT`.
pub const CLOSED_IDLE: Duration = Duration::from_secs(60);

/// Silence after which a pair of UDP addresses is forgotten, as in Linux's own connection tracking.
pub const UDP_IDLE: Duration = Duration::from_secs(120);

/// The two ends of a connection, the same for packets of either direction.
///
/// The VLAN and the interface are no part of it: the two directions may be tagged differently, and a packet captured
/// on several interfaces is one packet, which its sequence number shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Key {
    /// The transport, and the two ends in the order of their bytes.
    bytes: [u8; 1 + 2 * END],
}

/// Length of one end of a [`Key`]: address family, address, port.
const END: usize = 1 + 16 + 2;

impl Key {
    pub(super) fn new(transport: Transport, one: SocketAddr, other: SocketAddr) -> Self {
        let (one, other) = (Self::end(one), Self::end(other));
        let (lower, higher) = if one <= other { (one, other) } else { (other, one) };
        let mut bytes = [0; 1 + 2 * END];
        bytes[0] = transport as u8;
        bytes[1..=END].copy_from_slice(&lower);
        bytes[1 + END..].copy_from_slice(&higher);
        Self { bytes }
    }

    fn end(address: SocketAddr) -> [u8; END] {
        let mut bytes = [0; END];
        match address.ip() {
            IpAddr::V4(ip) => bytes[1..5].copy_from_slice(&ip.octets()),
            IpAddr::V6(ip) => {
                bytes[0] = 1;
                bytes[1..17].copy_from_slice(&ip.octets());
            }
        }
        bytes[17..].copy_from_slice(&address.port().to_be_bytes());
        bytes
    }
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // In one piece: the hasher works once for every packet, and most of its cost is by the piece.
        state.write(&self.bytes);
    }
}

/// What decides how long an entry may be silent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A TCP connection that is over.
    Closed,
    /// A pair of UDP addresses.
    Udp,
    /// A TCP connection.
    Tcp,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Closed, Self::Udp, Self::Tcp];

    const fn idle(self) -> Duration {
        match self {
            Self::Closed => CLOSED_IDLE,
            Self::Udp => UDP_IDLE,
            Self::Tcp => TCP_IDLE,
        }
    }
}

/// Place of an entry, valid until the entry is removed or evicted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place(u32);

impl Place {
    const NONE: Self = Self(u32::MAX);
}

/// Entries by [`Key`], each [`Kind`] in the order in which it was last seen.
pub(super) struct Table<T> {
    places: HashMap<Key, Place>,
    entries: Vec<Entry<T>>,
    free: Vec<Place>,
    /// By kind: where its order begins and ends.
    orders: [Order; 3],
    capacity: usize,
}

struct Entry<T> {
    key: Key,
    value: T,
    seen: Timestamp,
    kind: Kind,
    older: Place,
    newer: Place,
}

#[derive(Clone, Copy)]
struct Order {
    oldest: Place,
    newest: Place,
}

impl<T> Table<T> {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            places: HashMap::new(),
            entries: Vec::new(),
            free: Vec::new(),
            orders: [Order { oldest: Place::NONE, newest: Place::NONE }; 3],
            capacity,
        }
    }

    pub(super) fn find(&self, key: &Key) -> Option<Place> {
        self.places.get(key).copied()
    }

    pub(super) fn value(&mut self, place: Place) -> &mut T {
        &mut self.entry(place).value
    }

    /// Notes that an entry was seen and what it is now.
    pub(super) fn touch(&mut self, place: Place, kind: Kind, at: Timestamp) {
        let entry = self.entry(place);
        // Packets are not always in the order of their times.
        entry.seen = entry.seen.max(at);
        if entry.kind == kind && entry.newer == Place::NONE {
            return;
        }
        self.unlink(place);
        self.link(place, kind);
    }

    /// Adds an entry whose key is not there yet. Says whether another had to make room.
    pub(super) fn insert(&mut self, key: Key, value: T, kind: Kind, at: Timestamp) -> (Place, bool) {
        let full = self.places.len() >= self.capacity;
        if full && let Some(place) = self.least_missed() {
            self.remove(place);
        }
        let entry = Entry { key, value, seen: at, kind, older: Place::NONE, newer: Place::NONE };
        let place = match self.free.pop() {
            Some(place) => {
                *self.entry(place) = entry;
                place
            }
            None => {
                self.entries.push(entry);
                Place(self.entries.len() as u32 - 1)
            }
        };
        self.places.insert(key, place);
        self.link(place, kind);
        (place, full)
    }

    pub(super) fn remove(&mut self, place: Place) {
        self.unlink(place);
        let key = self.entry(place).key;
        self.places.remove(&key);
        self.free.push(place);
    }

    /// Forgets what has been silent for too long by now; gives how many that were. Closed connections are not counted:
    /// nothing is missed by forgetting them.
    pub(super) fn evict_idle(&mut self, now: Timestamp) -> u64 {
        let mut evicted = 0;
        for kind in Kind::ALL {
            while let Some((place, seen)) = self.oldest(kind)
                && now.since(seen) > kind.idle()
            {
                self.remove(place);
                evicted += u64::from(kind != Kind::Closed);
            }
        }
        evicted
    }

    /// The entry to give up when the table is full: a closed connection, else what was silent for longest.
    fn least_missed(&self) -> Option<Place> {
        let closed = self.oldest(Kind::Closed).map(|(place, _)| place);
        closed.or_else(|| {
            let open = [Kind::Udp, Kind::Tcp].into_iter().filter_map(|kind| self.oldest(kind));
            open.min_by_key(|&(_, seen)| seen).map(|(place, _)| place)
        })
    }

    fn oldest(&self, kind: Kind) -> Option<(Place, Timestamp)> {
        let place = self.orders[kind as usize].oldest;
        (place != Place::NONE).then(|| (place, self.entries[place.0 as usize].seen))
    }

    fn entry(&mut self, place: Place) -> &mut Entry<T> {
        &mut self.entries[place.0 as usize]
    }

    /// Takes an entry out of the order of its kind.
    fn unlink(&mut self, place: Place) {
        let Entry { kind, older, newer, .. } = *self.entry(place);
        match older {
            Place::NONE => self.orders[kind as usize].oldest = newer,
            older => self.entry(older).newer = newer,
        }
        match newer {
            Place::NONE => self.orders[kind as usize].newest = older,
            newer => self.entry(newer).older = older,
        }
    }

    /// Puts an entry at the newest end of a kind's order.
    fn link(&mut self, place: Place, kind: Kind) {
        let newest = self.orders[kind as usize].newest;
        let entry = self.entry(place);
        (entry.kind, entry.older, entry.newer) = (kind, newest, Place::NONE);
        match newest {
            Place::NONE => self.orders[kind as usize].oldest = place,
            newest => self.entry(newest).newer = place,
        }
        self.orders[kind as usize].newest = place;
    }
}
