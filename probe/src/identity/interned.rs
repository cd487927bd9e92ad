//! Resources shared by all processes of which the same is known.

use std::{
    collections::HashSet,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use super::Resource;

/// Most resources that are shared; about 2 KiB each. Those that nobody uses any more make room.
const CAPACITY: usize = 4096;

/// The resources in use.
#[derive(Debug, Default)]
pub(super) struct Interned {
    known: Mutex<HashSet<Arc<Resource>>>,
    unshared: AtomicU64,
}

impl Interned {
    /// The one resource that equals this one.
    pub(super) fn share(&self, resource: Resource) -> Arc<Resource> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(same) = known.get(&resource) {
            return Arc::clone(same);
        }
        let resource = Arc::new(resource);
        if known.len() >= CAPACITY {
            known.retain(|resource| Arc::strong_count(resource) > 1);
        }
        if known.len() < CAPACITY {
            known.insert(Arc::clone(&resource));
        } else {
            self.unshared.fetch_add(1, Ordering::Relaxed);
        }
        resource
    }

    /// Resources that could not be shared because there were too many in use: they are right, and more than they need be.
    pub(super) fn unshared(&self) -> u64 {
        self.unshared.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(number: usize) -> Resource {
        Resource { service_name: number.to_string().into(), ..Resource::default() }
    }

    #[test]
    fn equal_resources_are_one() {
        let interned = Interned::default();
        assert!(Arc::ptr_eq(&interned.share(named(1)), &interned.share(named(1))));
        assert!(!Arc::ptr_eq(&interned.share(named(1)), &interned.share(named(2))));
    }

    #[test]
    fn those_that_nobody_uses_make_room_and_beyond_the_bound_none_is_kept() {
        let interned = Interned::default();
        for number in 0..CAPACITY + 10 {
            drop(interned.share(named(number)));
        }
        assert_eq!(interned.unshared(), 0);
        let held: Vec<_> = (0..CAPACITY + 10).map(|number| interned.share(named(number))).collect();
        assert_eq!(interned.unshared(), 10);
        assert_eq!(held[CAPACITY + 9], Arc::new(named(CAPACITY + 9)));
        assert!(interned.known.lock().expect("not poisoned").len() <= CAPACITY);
    }
}
