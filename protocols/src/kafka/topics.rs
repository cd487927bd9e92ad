//! Which topic has which id.
//!
//! Since Kafka 3.1 (KIP-516) requests name topics by id alone. Which name it stands for is said in Metadata responses,
//! which a client asks of any broker, on any of its connections: one table therefore serves all connections. Ids are
//! random UUIDs, unique among all clusters, and a topic keeps its id for life.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

/// Topics remembered at most, in each of two generations: when the younger one is full, the older one is forgotten.
/// Clusters have hundreds of topics, the largest some ten thousands.
const GENERATION: usize = 16 * 1024;

/// Longest name that Kafka allows.
const NAME_LENGTH: usize = 249;

/// An id.
pub(super) type TopicId = [u8; 16];

/// The names of topics by id. A clone is the same table.
#[derive(Debug, Clone, Default)]
pub struct TopicNames(Arc<RwLock<Generations>>);

#[derive(Debug, Default)]
struct Generations {
    young: HashMap<TopicId, Arc<str>>,
    old: HashMap<TopicId, Arc<str>>,
}

impl Generations {
    fn find(&self, id: &TopicId) -> Option<&Arc<str>> {
        self.young.get(id).or_else(|| self.old.get(id))
    }
}

impl TopicNames {
    /// The name of a topic.
    pub(super) fn find(&self, id: &TopicId) -> Option<Arc<str>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).find(id).cloned()
    }

    /// Remembers a topic, unless its name is none that Kafka allows.
    pub(super) fn learn(&self, id: &TopicId, name: &[u8]) {
        let Some(name) = legal(name) else { return };
        if *id == TopicId::default() || self.find(id).is_some_and(|known| &*known == name) {
            return;
        }
        let mut generations = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if generations.young.len() >= GENERATION {
            generations.old = std::mem::take(&mut generations.young);
        }
        generations.young.insert(*id, Arc::from(name));
    }
}

/// A topic's name, if Kafka allows it: letters, digits, dot, underscore and hyphen.
pub(super) fn legal(name: &[u8]) -> Option<&str> {
    let fits = (1..=NAME_LENGTH).contains(&name.len())
        && name.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'));
    if fits { std::str::from_utf8(name).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: usize) -> TopicId {
        (number as u128 + 1).to_be_bytes()
    }

    #[test]
    fn names_are_found_by_id_in_every_clone_of_the_table() {
        let names = TopicNames::default();
        names.clone().learn(&id(0), b"orders");
        assert_eq!(names.find(&id(0)).as_deref(), Some("orders"));
        assert_eq!(names.find(&id(1)), None);
    }

    #[test]
    fn no_id_and_no_name_that_kafka_forbids_is_learned() {
        let names = TopicNames::default();
        names.learn(&TopicId::default(), b"orders");
        names.learn(&id(0), b"");
        names.learn(&id(1), b"a b");
        names.learn(&id(2), &[b'a'; 250]);
        for index in 0..3 {
            assert_eq!(names.find(&id(index)), None);
        }
        assert_eq!(names.find(&TopicId::default()), None);
    }

    #[test]
    fn the_table_forgets_the_oldest_and_never_grows_past_its_bound() {
        let names = TopicNames::default();
        for number in 0..3 * GENERATION {
            names.learn(&id(number), b"t");
        }
        let generations = names.0.read().expect("not poisoned");
        assert!(generations.young.len() + generations.old.len() <= 2 * GENERATION);
        drop(generations);
        assert_eq!(names.find(&id(0)), None);
        assert!(names.find(&id(3 * GENERATION - 1)).is_some());
    }
}
