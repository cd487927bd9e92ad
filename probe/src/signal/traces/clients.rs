//! Which ends of connections that dial are observed on this host.

use std::{
    net::{IpAddr, SocketAddr},
    sync::atomic::{AtomicU64, Ordering},
};

use plainsight_protocols::Timestamp;

/// Places; a power of two. Two that fall together push each other out, and the one that is gone counts as not observed.
const PLACES: usize = 1 << 14;

/// How long an end counts as observed after it was last seen.
const LIFETIME_SECONDS: u64 = 600;

/// The addresses, port included, of client ends whose exchanges are reported on this host. Shared by all workers without a lock, of fixed size.
///
/// The server's end of such a connection sees that address as its peer, unless it is translated on the way; then the two
/// are not known to be one. Where the server's own address is translated, as by Kubernetes' services, nothing changes.
#[derive(Debug)]
pub struct ObservedClients(Box<[AtomicU64]>);

impl Default for ObservedClients {
    fn default() -> Self {
        Self((0..PLACES).map(|_| AtomicU64::new(0)).collect())
    }
}

impl ObservedClients {
    /// A client's end at that address is observed.
    pub fn note(&self, client: SocketAddr, now: Timestamp) {
        let (place, mark) = self.place(client);
        let seconds = seconds(now);
        let before = place.load(Ordering::Relaxed);
        // Written now and then only: workers would wait for each other's caches.
        if before >> 32 != mark || (before & 0xffff_ffff) + LIFETIME_SECONDS / 10 < seconds {
            place.store(mark << 32 | seconds, Ordering::Relaxed);
        }
    }

    /// Whether the client's end at that address is observed here, as seen by the server's end.
    #[must_use]
    pub fn knows(&self, client: SocketAddr, now: Timestamp) -> bool {
        let (place, mark) = self.place(client);
        let found = place.load(Ordering::Relaxed);
        found >> 32 == mark && (found & 0xffff_ffff) + LIFETIME_SECONDS >= seconds(now)
    }

    /// Where the address belongs, and what tells it from most others that belong there: together 46 bits of its hash.
    fn place(&self, client: SocketAddr) -> (&AtomicU64, u64) {
        let [high, low] = match client.ip().to_canonical() {
            IpAddr::V4(address) => [u64::MAX, u64::from(address.to_bits())],
            IpAddr::V6(address) => {
                let bits = address.to_bits();
                [(bits >> 64) as u64, bits as u64]
            }
        };
        let mixed = mix(mix(high ^ u64::from(client.port()) << 48) ^ low);
        (&self.0[mixed as usize & (PLACES - 1)], (mixed >> 32).max(1))
    }
}

/// Never zero, which means "nothing there".
fn seconds(now: Timestamp) -> u64 {
    (now.as_nanos() / 1_000_000_000 + 1) & 0xffff_ffff
}

/// Spreads a number over 64 bits: the finaliser of SplitMix64 (Steele, Lea, Flood, 2014).
const fn mix(mut value: u64) -> u64 {
    value = (value ^ value >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    value = (value ^ value >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ value >> 31
}
