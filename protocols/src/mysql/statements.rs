//! The statements that a client has prepared, by the number that the server gave them.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, OnceLock},
};

use crate::sql::{self, Dialect, Statement};

/// Statements kept. Drivers cache some hundreds a connection.
const KEPT_STATEMENTS: usize = 1024;

/// Bytes that they may hold, all together.
pub(super) const KEPT_BYTES: usize = 256 * 1024;

/// What a statement holds beside its text: the entry, and the summary.
const ENTRY_BYTES: usize = 256;

/// A statement that was prepared.
#[derive(Debug)]
pub(super) struct Prepared {
    text: Box<[u8]>,
    statement: OnceLock<Statement>,
}

impl Prepared {
    /// A statement with this text, or as much of it as was kept.
    pub(super) fn new(text: &[u8]) -> Self {
        Self { text: text.into(), statement: OnceLock::new() }
    }

    /// What may be shown of it, found once.
    pub(super) fn statement(&self) -> &Statement {
        self.statement.get_or_init(|| sql::analyse(&self.text, Dialect::Mysql))
    }

    /// Bytes that it holds: the text, and the text without literals.
    fn weight(&self) -> usize {
        2 * self.text.len() + ENTRY_BYTES
    }
}

#[derive(Debug)]
struct Entry {
    prepared: Arc<Prepared>,
    serial: u64,
}

/// The statements of one connection. When there are too many, the one that was prepared first is forgotten.
#[derive(Debug, Default)]
pub(super) struct Statements {
    by_id: HashMap<u32, Entry>,
    order: VecDeque<(u64, u32)>,
    serial: u64,
    weight: usize,
    last: Option<u32>,
}

impl Statements {
    /// Bytes held.
    pub(super) fn held_bytes(&self) -> usize {
        self.weight
    }

    /// The server took a statement and gave it a number. `false` if another had to go for it.
    pub(super) fn insert(&mut self, id: u32, prepared: Arc<Prepared>) -> bool {
        self.remove(id);
        self.last = Some(id);
        self.serial += 1;
        self.weight += prepared.weight();
        self.order.push_back((self.serial, id));
        self.by_id.insert(id, Entry { prepared, serial: self.serial });
        let mut fits = true;
        while self.by_id.len() > KEPT_STATEMENTS || self.weight > KEPT_BYTES {
            let Some((serial, id)) = self.order.pop_front() else { break };
            if self.by_id.get(&id).is_some_and(|entry| entry.serial == serial) {
                self.remove(id);
                fits = false;
            }
        }
        if self.order.len() > 2 * self.by_id.len() + 16 {
            let by_id = &self.by_id;
            self.order.retain(|(serial, id)| by_id.get(id).is_some_and(|entry| entry.serial == *serial));
        }
        fits
    }

    /// A statement is no more.
    pub(super) fn remove(&mut self, id: u32) {
        if let Some(entry) = self.by_id.remove(&id) {
            self.weight = self.weight.saturating_sub(entry.prepared.weight());
        }
    }

    /// All are gone.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// What was prepared may have changed unseen: numbers say nothing any more.
    pub(super) fn forget_last(&mut self) {
        self.last = None;
    }

    /// The statement with this number.
    pub(super) fn get(&self, id: u32) -> Option<&Arc<Prepared>> {
        self.by_id.get(&id).map(|entry| &entry.prepared)
    }

    /// The statement prepared last, with its number.
    pub(super) fn last(&self) -> Option<(u32, &Arc<Prepared>)> {
        self.last.and_then(|id| self.get(id).map(|prepared| (id, prepared)))
    }
}
