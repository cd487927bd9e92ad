//! The pods that a watch knows, by uid and by address.

use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use dashmap::DashMap;
use hashbrown::HashSet;

use super::super::{Owner, Peer, PeerKind, Pod};

/// Most pods that are kept, those that have gone included. A node runs a few hundred at most; about 2 KiB each.
pub(super) const CAPACITY: usize = 10_000;

/// How long a pod that has gone is kept: exchanges of its last moments are still on their way.
const REMEMBERED: Duration = Duration::from_secs(60);

/// Pods of one node. Many read, one watch writes.
#[derive(Debug, Default)]
pub(super) struct PodTable {
    pods: DashMap<Box<str>, Entry>,
    /// The uid of the pod that has an address now.
    addresses: DashMap<IpAddr, Box<str>>,
    generation: AtomicU64,
    refused: AtomicU64,
}

#[derive(Debug, Clone)]
struct Entry {
    pod: Arc<Pod>,
    gone: Option<Instant>,
}

impl PodTable {
    /// The pod of that uid.
    pub(super) fn pod(&self, uid: &str) -> Option<Arc<Pod>> {
        self.pods.get(uid).map(|entry| Arc::clone(&entry.pod))
    }

    /// The pod that has, or had last, that address.
    pub(super) fn peer(&self, address: IpAddr) -> Option<Arc<Peer>> {
        let uid = self.addresses.get(&address)?.clone();
        let pod = self.pod(&uid)?;
        Some(Arc::new(Peer {
            kind: PeerKind::Pod,
            name: pod.name.clone()?,
            namespace: pod.namespace.clone(),
            service: pod.workload().map(|owner| owner.name.clone()),
        }))
    }

    /// A number that changes with every change.
    pub(super) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// Pods that there was no room for.
    pub(super) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Number of pods that are kept.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.pods.len()
    }

    /// A pod is there, or has changed. What owns its owner is kept from before, for the pod itself does not tell.
    pub(super) fn apply(&self, mut pod: Pod, now: Instant) {
        let known = self.pods.get(&pod.pod_uid).map(|entry| Arc::clone(&entry.pod));
        match &known {
            Some(known) if known.owners.first() == pod.owners.first() => pod.owners.clone_from(&known.owners),
            Some(_) => {}
            None if self.pods.len() >= CAPACITY && self.forget_gone(now, Duration::ZERO) == 0 => {
                self.refused.fetch_add(1, Ordering::Relaxed);
                return;
            }
            None => {}
        }
        if let Some(old) = known.and_then(|known| known.address).filter(|old| Some(*old) != pod.address) {
            self.release(old, &pod.pod_uid);
        }
        if let Some(address) = pod.address {
            self.addresses.insert(address, pod.pod_uid.clone());
        }
        self.pods.insert(pod.pod_uid.clone(), Entry { pod: Arc::new(pod), gone: None });
        self.changed();
    }

    /// The owner of a pod's owner has become known.
    pub(super) fn add_owner(&self, uid: &str, owner: Owner) {
        let Some(mut entry) = self.pods.get_mut(uid) else { return };
        if entry.pod.owners.len() == 1 {
            Arc::make_mut(&mut entry.pod).owners.push(owner);
            drop(entry);
            self.changed();
        }
    }

    /// A pod has gone. It keeps its name for a while.
    pub(super) fn remove(&self, uid: &str, now: Instant) {
        if let Some(mut entry) = self.pods.get_mut(uid) {
            entry.gone.get_or_insert(now);
        }
    }

    /// All pods that are there have been listed: others have gone while nobody watched.
    pub(super) fn retain(&self, listed: &HashSet<Box<str>>, now: Instant) {
        for mut entry in self.pods.iter_mut() {
            if !listed.contains(entry.key()) {
                entry.gone.get_or_insert(now);
            }
        }
    }

    /// Forgets those that have gone long ago.
    pub(super) fn expire(&self, now: Instant) {
        self.forget_gone(now, REMEMBERED);
    }

    /// Forgets those that have gone at least so long ago; how many that were.
    fn forget_gone(&self, now: Instant, age: Duration) -> usize {
        let mut forgotten = Vec::new();
        self.pods.retain(|_, entry| {
            let keep = entry.gone.is_none_or(|gone| now.saturating_duration_since(gone) < age);
            if !keep {
                forgotten.push(Arc::clone(&entry.pod));
            }
            keep
        });
        for pod in &forgotten {
            if let Some(address) = pod.address {
                self.release(address, &pod.pod_uid);
            }
        }
        if !forgotten.is_empty() {
            self.changed();
        }
        forgotten.len()
    }

    /// The address is no longer that pod's. Another may have it already, and keeps it.
    fn release(&self, address: IpAddr, uid: &str) {
        self.addresses.remove_if(&address, |_, owner| **owner == *uid);
    }

    fn changed(&self) {
        self.generation.fetch_add(1, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::{super::super::OwnerKind, *};

    fn pod(number: usize, address: &str) -> Pod {
        Pod {
            pod_uid: format!("uid-{number}").into(),
            name: Some(format!("web-{number}").into()),
            namespace: Some("shop".into()),
            address: Some(address.parse().expect("an address")),
            owners: vec![Owner { kind: OwnerKind::ReplicaSet, name: "web-7d4b9c".into() }],
            ..Pod::default()
        }
    }

    fn name_at(table: &PodTable, address: &str) -> Option<Box<str>> {
        table.peer(address.parse().expect("an address")).map(|peer| peer.name.clone())
    }

    #[test]
    fn a_pod_that_has_gone_is_known_for_a_while() {
        let (table, now) = (PodTable::default(), Instant::now());
        table.apply(pod(1, "10.0.0.1"), now);
        table.remove("uid-1", now);
        table.expire(now + Duration::from_secs(59));
        assert!(table.pod("uid-1").is_some());
        table.expire(now + Duration::from_secs(60));
        assert!(table.pod("uid-1").is_none());
        assert_eq!(name_at(&table, "10.0.0.1"), None);
    }

    #[test]
    fn an_address_belongs_to_the_pod_that_had_it_last_whatever_becomes_of_the_one_before() {
        let (table, now) = (PodTable::default(), Instant::now());
        table.apply(pod(1, "10.0.0.1"), now);
        table.apply(pod(2, "10.0.0.1"), now);
        table.remove("uid-1", now);
        table.expire(now + Duration::from_secs(3600));
        assert_eq!(name_at(&table, "10.0.0.1").as_deref(), Some("web-2"));
    }

    #[test]
    fn a_pod_that_moves_leaves_its_address() {
        let (table, now) = (PodTable::default(), Instant::now());
        table.apply(pod(1, "10.0.0.1"), now);
        table.apply(pod(1, "10.0.0.2"), now);
        assert_eq!(
            (name_at(&table, "10.0.0.1"), name_at(&table, "10.0.0.2").as_deref()),
            (None, Some("web-1"))
        );
    }

    #[test]
    fn what_was_not_listed_has_gone() {
        let (table, now) = (PodTable::default(), Instant::now());
        table.apply(pod(1, "10.0.0.1"), now);
        table.apply(pod(2, "10.0.0.2"), now);
        table.retain(&HashSet::from(["uid-2".into()]), now);
        table.expire(now + REMEMBERED);
        assert_eq!((table.pod("uid-1").is_some(), table.pod("uid-2").is_some()), (false, true));
    }

    #[test]
    fn the_owner_of_an_owner_survives_changes_of_the_pod_and_names_its_service() {
        let (table, now) = (PodTable::default(), Instant::now());
        table.apply(pod(1, "10.0.0.1"), now);
        let before = table.generation();
        table.add_owner("uid-1", Owner { kind: OwnerKind::Deployment, name: "web".into() });
        assert_ne!(table.generation(), before);
        table.apply(pod(1, "10.0.0.1"), now);
        let peer = table.peer("10.0.0.1".parse().expect("an address")).expect("a peer");
        assert_eq!(peer.service.as_deref(), Some("web"));
    }

    #[test]
    fn a_full_table_forgets_who_has_gone_and_then_refuses_and_counts() {
        let (table, now) = (PodTable::default(), Instant::now());
        for number in 0..CAPACITY {
            table.apply(pod(number, "10.0.0.1"), now);
        }
        table.remove("uid-5", now);
        table.apply(pod(CAPACITY, "10.0.0.2"), now);
        assert_eq!((table.len(), table.refused()), (CAPACITY, 0));
        table.apply(pod(CAPACITY + 1, "10.0.0.3"), now);
        assert_eq!((table.len(), table.refused()), (CAPACITY, 1));
        table.apply(pod(6, "10.0.0.4"), now);
        assert_eq!(name_at(&table, "10.0.0.4").as_deref(), Some("web-6"), "one that is known may change");
    }
}
