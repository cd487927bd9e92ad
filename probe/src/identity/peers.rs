//! What addresses belong to, as far as this host can tell by itself: containers that run here, and names that it saw resolved.

use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use dashmap::DashMap;

use super::{Peer, PeerKind};

/// Most addresses remembered of either kind; about 200 bytes each.
const CAPACITY: usize = 16_384;

/// A name is remembered for at least so long: a connection outlives the answer that led to it, and answers that may not be
/// kept at all are common.
const SHORTEST: Duration = Duration::from_secs(300);

/// A name is remembered for no longer, whatever the answer says.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// Longest name that is kept: RFC 1035 section 2.3.4.
const NAME_BYTES: usize = 255;

/// Addresses with whom they belong to.
#[derive(Debug, Default)]
pub(super) struct Peers {
    names: DashMap<IpAddr, Resolved>,
    containers: DashMap<IpAddr, Arc<Peer>>,
    evicted: AtomicU64,
}

#[derive(Debug)]
struct Resolved {
    peer: Arc<Peer>,
    expires: Instant,
}

impl Peers {
    pub(super) fn find(&self, address: IpAddr) -> Option<Arc<Peer>> {
        if let Some(peer) = self.containers.get(&address) {
            return Some(Arc::clone(&peer));
        }
        let resolved = self.names.get(&address)?;
        (Instant::now() < resolved.expires).then(|| Arc::clone(&resolved.peer))
    }

    /// Of several names for an address the latest counts.
    pub(super) fn saw_resolved(&self, name: &str, address: IpAddr, lifetime: Duration) {
        let name = name.trim_end_matches('.');
        let tells_nothing = address.is_loopback() || address.is_unspecified();
        if name.is_empty() || name.len() > NAME_BYTES || tells_nothing {
            return;
        }
        let expires = Instant::now() + lifetime.clamp(SHORTEST, LONGEST);
        if let Some(mut known) = self.names.get_mut(&address)
            && *known.peer.name == *name
        {
            known.expires = expires;
            return;
        }
        if self.names.len() >= CAPACITY {
            self.make_room();
        }
        let peer = Peer { kind: PeerKind::DnsName, name: name.into(), namespace: None, service: None };
        self.names.insert(address, Resolved { peer: Arc::new(peer), expires });
    }

    /// Adds the address of a container that was met between two times that all of them are asked for.
    pub(super) fn add_container(&self, address: IpAddr, peer: Arc<Peer>) {
        if self.containers.len() < CAPACITY {
            self.containers.insert(address, peer);
        } else {
            self.evicted.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Replaces the addresses of containers by those that are there now.
    pub(super) fn set_containers(&self, containers: impl IntoIterator<Item = (IpAddr, Arc<Peer>)>) {
        let mut left = CAPACITY;
        let mut present = std::collections::HashSet::new();
        for (address, peer) in containers {
            if left == 0 {
                self.evicted.fetch_add(1, Ordering::Relaxed);
                continue;
            }
            left -= 1;
            present.insert(address);
            self.containers.insert(address, peer);
        }
        self.containers.retain(|address, _| present.contains(address));
    }

    /// Names that were forgotten because there were too many.
    pub(super) fn evicted(&self) -> u64 {
        self.evicted.load(Ordering::Relaxed)
    }

    fn make_room(&self) {
        let now = Instant::now();
        self.names.retain(|_, resolved| now < resolved.expires);
        let before = self.names.len();
        if before >= CAPACITY {
            let mut odd = false;
            self.names.retain(|_, _| {
                odd = !odd;
                odd
            });
        }
        let forgotten = before.saturating_sub(self.names.len());
        self.evicted.fetch_add(u64::try_from(forgotten).unwrap_or(0), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn address(number: u32) -> IpAddr {
        IpAddr::V4(Ipv4Addr::from(0x0a00_0000 + number))
    }

    fn name(peers: &Peers, number: u32) -> Option<String> {
        peers.find(address(number)).map(|peer| peer.name.to_string())
    }

    #[test]
    fn an_address_is_called_by_the_latest_name_that_was_resolved_to_it() {
        let peers = Peers::default();
        peers.saw_resolved("old.example.", address(1), Duration::from_secs(60));
        peers.saw_resolved("shop.example.", address(1), Duration::from_secs(60));
        assert_eq!(name(&peers, 1).as_deref(), Some("shop.example"));
        assert_eq!(name(&peers, 2), None);
    }

    #[test]
    fn loopback_and_empty_names_tell_nothing() {
        let peers = Peers::default();
        peers.saw_resolved("ads.example", IpAddr::V4(Ipv4Addr::UNSPECIFIED), Duration::from_secs(60));
        peers.saw_resolved("me.example", IpAddr::V4(Ipv4Addr::LOCALHOST), Duration::from_secs(60));
        peers.saw_resolved(".", address(1), Duration::from_secs(60));
        assert!(peers.names.is_empty());
    }

    #[test]
    fn names_stay_within_their_bound_and_those_forgotten_are_counted() {
        let peers = Peers::default();
        let count = u32::try_from(CAPACITY).expect("a small number") + 10;
        for number in 0..count {
            peers.saw_resolved("a.example", address(number), Duration::from_secs(60));
        }
        assert!(peers.names.len() <= CAPACITY && peers.evicted() > 0);
        assert_eq!(name(&peers, count - 1).as_deref(), Some("a.example"));
    }

    #[test]
    fn addresses_of_containers_stay_within_their_bound_and_those_left_out_are_counted() {
        let peers = Peers::default();
        let peer = Arc::new(Peer { kind: PeerKind::Pod, name: "web".into(), namespace: None, service: None });
        let count = u32::try_from(CAPACITY).expect("a small number");
        peers.set_containers((0..count + 3).map(|number| (address(number), Arc::clone(&peer))));
        peers.add_container(address(count + 9), peer);
        assert_eq!((peers.containers.len(), peers.evicted()), (CAPACITY, 4));
    }

    #[test]
    fn a_container_of_this_host_counts_before_a_name_and_leaves_with_it() {
        let peers = Peers::default();
        let container =
            Arc::new(Peer { kind: PeerKind::Container, name: "web".into(), namespace: None, service: None });
        peers.saw_resolved("web.local.example", address(1), Duration::from_secs(60));
        peers.add_container(address(1), Arc::clone(&container));
        peers.set_containers([(address(1), container)]);
        assert_eq!(name(&peers, 1).as_deref(), Some("web"));
        peers.set_containers([]);
        assert_eq!(name(&peers, 1).as_deref(), Some("web.local.example"));
    }
}
