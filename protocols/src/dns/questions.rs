//! Questions that wait for an answer: found by who was asked and the message's id, given up in the order in which they
//! were asked. Entries are reused, so that a question costs no allocation once the table has grown.

use std::{
    collections::{HashMap, hash_map},
    net::{IpAddr, SocketAddr},
};

use super::{
    message::{Edns, Flags, Message},
    name::{self, NAME_BYTES},
};
use crate::Timestamp;

/// The place that stands for none.
const NONE: u32 = u32::MAX;

/// Questions with the same key, at most. Ids are random where forgery must be feared, so that many are no accident, and
/// each is compared with every answer.
const SAME_KEY: usize = 32;

/// What finds a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Key {
    /// The other end; `None` if a group was asked, whose members answer each for itself.
    pub(super) remote: Option<SocketAddr>,
    /// The message's id.
    pub(super) id: u16,
    /// Whether the observed end asked.
    pub(super) sent: bool,
}

impl Key {
    /// A number for this key with a question's name and type, to recognise it among few.
    pub(super) fn digest(&self, name: &[u8], name_at: usize, kind: u16) -> u64 {
        let mut hash = name::digest(name, name_at);
        let mut mix = |byte: u8| hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        self.id.to_be_bytes().into_iter().chain(kind.to_be_bytes()).for_each(&mut mix);
        mix(u8::from(self.sent));
        if let Some(remote) = self.remote {
            match remote.ip() {
                IpAddr::V4(address) => address.octets().into_iter().for_each(&mut mix),
                IpAddr::V6(address) => address.octets().into_iter().for_each(&mut mix),
            }
            remote.port().to_be_bytes().into_iter().for_each(&mut mix);
        }
        hash
    }

    /// The same of a message.
    pub(super) fn digest_of(&self, message: &Message<'_>) -> u64 {
        match message.question {
            Some(question) => self.digest(message.bytes, question.name_at, question.kind),
            None => self.digest(&[0], 0, 0),
        }
    }
}

/// What was asked.
#[derive(Debug, Clone, Default)]
pub(super) struct Asked {
    /// The name, without pointers; empty if the message has no question.
    pub(super) name: Vec<u8>,
    pub(super) kind: u16,
    pub(super) class: u16,
    pub(super) flags: Flags,
    pub(super) edns: Option<Edns>,
}

impl Asked {
    pub(super) fn read(&mut self, message: &Message<'_>) {
        self.name.clear();
        (self.kind, self.class) = (0, 0);
        if let Some(question) = message.question
            && name::expand(message.bytes, question.name_at, &mut self.name)
        {
            (self.kind, self.class) = (question.kind, question.class);
        }
        (self.flags, self.edns) = (message.flags, message.edns);
    }

    /// Whether the message repeats the question, be it to ask again or to answer it.
    pub(super) fn is_repeated_by(&self, message: &Message<'_>) -> bool {
        let same = |question: super::message::Question| {
            question.kind == self.kind
                && question.class == self.class
                && name::equals(message.bytes, question.name_at, &self.name)
        };
        self.flags.opcode() == message.flags.opcode()
            && match message.question {
                Some(question) => !self.name.is_empty() && same(question),
                None => self.name.is_empty(),
            }
    }
}

/// A question that waits.
#[derive(Debug)]
pub(super) struct Entry<P> {
    pub(super) asked: Asked,
    /// What the matcher keeps with it.
    pub(super) facts: P,
    key: Key,
    /// Counts up with each question.
    pub(super) number: u64,
    /// When it was last asked.
    pub(super) asked_at: Timestamp,
    /// The next older one with the same key.
    next_of_key: u32,
    older: u32,
    newer: u32,
}

impl<P> Entry<P> {
    pub(super) const fn key(&self) -> &Key {
        &self.key
    }

    /// Identity of the question among those settled lately.
    pub(super) fn digest(&self) -> u64 {
        self.key.digest(&self.asked.name, 0, self.asked.kind)
    }
}

/// What a question counts for, at most, beside what it is made of: the table that finds it.
const ENTRY_OVERHEAD: usize = 64;

/// The table.
#[derive(Debug)]
pub(super) struct Questions<P> {
    entries: Vec<Entry<P>>,
    free: Vec<u32>,
    /// The newest question of each key.
    places: HashMap<Key, u32>,
    oldest: u32,
    newest: u32,
    asked: u64,
    limit: usize,
}

impl<P> Questions<P> {
    /// What one question may hold, in bytes.
    pub(super) const ENTRY_BYTES: usize = size_of::<Entry<P>>() + NAME_BYTES + ENTRY_OVERHEAD;

    pub(super) fn new(limit: usize) -> Self {
        Self {
            entries: Vec::new(),
            free: Vec::new(),
            places: HashMap::new(),
            oldest: NONE,
            newest: NONE,
            asked: 0,
            limit,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len() - self.free.len()
    }

    pub(super) fn is_full(&self) -> bool {
        self.len() >= self.limit
    }

    /// How many questions were ever entered.
    pub(super) const fn asked(&self) -> u64 {
        self.asked
    }

    /// Frees memory that a burst of questions took, if none waits.
    pub(super) fn shrink(&mut self) {
        const KEPT: usize = 64;
        if self.len() == 0 && self.entries.capacity() > KEPT {
            (self.entries, self.free, self.places) = (Vec::new(), Vec::new(), HashMap::new());
        }
    }

    /// The question that has waited for longest.
    pub(super) fn oldest(&self) -> Option<u32> {
        (self.oldest != NONE).then_some(self.oldest)
    }

    pub(super) fn get(&self, place: u32) -> Option<&Entry<P>> {
        self.entries.get(place as usize)
    }

    pub(super) fn get_mut(&mut self, place: u32) -> Option<&mut Entry<P>> {
        self.entries.get_mut(place as usize)
    }

    /// The questions of a key, newest first.
    pub(super) fn of(&self, key: &Key) -> impl Iterator<Item = (u32, &Entry<P>)> {
        let mut place = self.places.get(key).copied().unwrap_or(NONE);
        std::iter::from_fn(move || {
            let (here, entry) = (place, self.get(place)?);
            place = entry.next_of_key;
            Some((here, entry))
        })
    }

    /// The questions of any key, newest first.
    pub(super) fn newest_first(&self) -> impl Iterator<Item = (u32, &Entry<P>)> {
        let mut place = self.newest;
        std::iter::from_fn(move || {
            let (here, entry) = (place, self.get(place)?);
            place = entry.older;
            Some((here, entry))
        })
    }

    /// The oldest question of a key that has as many as it may have.
    pub(super) fn crowded(&self, key: &Key) -> Option<u32> {
        self.of(key)
            .enumerate()
            .last()
            .filter(|(index, _)| index + 1 >= SAME_KEY)
            .map(|(_, (place, _))| place)
    }

    /// Enters a question. The table must not be full, nor its key crowded.
    pub(super) fn insert(&mut self, key: Key, message: &Message<'_>, at: Timestamp, facts: P) {
        self.asked += 1;
        let number = self.asked;
        let place = self.free.pop();
        match place.and_then(|place| self.get_mut(place)) {
            Some(entry) => (entry.facts, entry.key, entry.number, entry.asked_at) = (facts, key, number, at),
            None => self.entries.push(Entry {
                asked: Asked::default(),
                facts,
                key,
                number,
                asked_at: at,
                next_of_key: NONE,
                older: NONE,
                newer: NONE,
            }),
        }
        let newest = || u32::try_from(self.entries.len() - 1).unwrap_or(NONE);
        self.enter(place.unwrap_or_else(newest), key, message);
    }

    fn enter(&mut self, place: u32, key: Key, message: &Message<'_>) {
        let next_of_key = match self.places.entry(key) {
            hash_map::Entry::Occupied(mut newest) => newest.insert(place),
            hash_map::Entry::Vacant(vacant) => {
                vacant.insert(place);
                NONE
            }
        };
        if let Some(entry) = self.get_mut(place) {
            entry.asked.read(message);
            entry.next_of_key = next_of_key;
        }
        self.append(place);
    }

    /// Lets a question wait anew: it was asked again, or answered in part.
    pub(super) fn wait_on(&mut self, place: u32, at: Timestamp) {
        self.unlink(place);
        self.append(place);
        if let Some(entry) = self.get_mut(place) {
            entry.asked_at = entry.asked_at.max(at);
        }
    }

    /// Takes a question out; what it was can be read until the next one is entered.
    pub(super) fn take(&mut self, place: u32) -> Option<&Entry<P>> {
        let key = self.get(place)?.key;
        let next_of_key = self.get(place)?.next_of_key;
        let before = self.of(&key).find(|(_, entry)| entry.next_of_key == place).map(|(before, _)| before);
        match before {
            Some(before) => self.get_mut(before)?.next_of_key = next_of_key,
            None if next_of_key == NONE => {
                self.places.remove(&key);
            }
            None => {
                self.places.insert(key, next_of_key);
            }
        }
        self.unlink(place);
        self.free.push(place);
        self.get(place)
    }

    fn append(&mut self, place: u32) {
        let before = std::mem::replace(&mut self.newest, place);
        match self.get_mut(before) {
            Some(entry) => entry.newer = place,
            None => self.oldest = place,
        }
        if let Some(entry) = self.get_mut(place) {
            (entry.older, entry.newer) = (before, NONE);
        }
    }

    fn unlink(&mut self, place: u32) {
        let Some(&Entry { older, newer, .. }) = self.get(place) else { return };
        match self.get_mut(older) {
            Some(entry) => entry.newer = newer,
            None => self.oldest = newer,
        }
        match self.get_mut(newer) {
            Some(entry) => entry.older = older,
            None => self.newest = older,
        }
    }
}
