//! Prepared statements and portals, resolved to the text that they stand for.

use std::{
    collections::HashMap,
    sync::{Arc, OnceLock},
};

use super::frame::TEXT_BYTES;
use crate::sql::{self, Dialect, Statement};

/// Statements remembered. Drivers that prepare on their own keep some hundreds a connection.
const STATEMENTS: usize = 256;
/// Bytes that they may hold, all together.
const STATEMENT_BYTES: usize = 256 * 1024;
/// Portals remembered: cursors that are open at once.
const PORTALS: usize = 64;
/// Longest name that is remembered; servers cut names to 63 bytes.
const NAME_BYTES: usize = 128;
/// What an analysis holds beside its text: a summary of 255 bytes, and the parts' own sizes.
const ANALYSIS_BYTES: usize = 512;

/// Texts remembered beside their names, because the same ones are sent again and again, and bytes of such a text.
const RECENT: usize = 4;
const RECENT_BYTES: usize = 512;

/// Bytes that all names hold at most. Unnamed ones, and what only a portal refers to any more, come on top.
pub(super) const HELD_BYTES_LIMIT: usize = STATEMENT_BYTES
    + (PORTALS + 2) * (2 * TEXT_BYTES + ANALYSIS_BYTES + 2 * NAME_BYTES)
    + RECENT * (2 * RECENT_BYTES + ANALYSIS_BYTES);

/// The text of a statement, analysed once and only if somebody asks.
#[derive(Debug, Default)]
pub(super) struct Sql {
    text: Box<[u8]>,
    analysed: OnceLock<Statement>,
}

impl Sql {
    fn new(text: &[u8]) -> Arc<Self> {
        Arc::new(Self { text: text.into(), analysed: OnceLock::new() })
    }

    /// What may be shown of it.
    pub(super) fn statement(&self) -> &Statement {
        self.analysed.get_or_init(|| sql::analyse(&self.text, Dialect::Postgresql))
    }

    /// Bytes that it holds, once analysed.
    pub(super) fn held_bytes(&self) -> usize {
        2 * self.text.len() + ANALYSIS_BYTES
    }
}

/// What an `Execute` runs.
#[derive(Debug, Clone, Default)]
pub(super) struct Bound {
    /// The statement's text, `None` if it was prepared before anybody looked.
    pub(super) sql: Option<Arc<Sql>>,
    /// The name of such a statement, if it had one.
    pub(super) unknown: Option<Box<[u8]>>,
}

#[derive(Debug)]
struct Known<T> {
    value: T,
    used: u64,
}

/// The names of one connection.
#[derive(Debug, Default)]
pub(super) struct Names {
    statements: HashMap<Box<[u8]>, Known<Arc<Sql>>>,
    portals: HashMap<Box<[u8]>, Known<Bound>>,
    unnamed_statement: Option<Arc<Sql>>,
    unnamed_portal: Bound,
    statement_bytes: usize,
    recent: [Option<Arc<Sql>>; RECENT],
    clock: u64,
    forgot: bool,
}

impl Names {
    /// A text that was sent, the one that is known already if it was sent not long ago.
    pub(super) fn text(&mut self, text: &[u8]) -> Arc<Sql> {
        let text = text.get(..TEXT_BYTES).unwrap_or(text);
        if text.len() > RECENT_BYTES {
            return Sql::new(text);
        }
        // Texts of one application differ in their length or in their end more often than not.
        let place = text
            .iter()
            .rev()
            .take(16)
            .fold(text.len(), |sum, &byte| sum.wrapping_mul(31) ^ usize::from(byte));
        let Some(recent) = self.recent.get_mut((place ^ place >> 7) % RECENT) else { return Sql::new(text) };
        match recent {
            Some(known) if *known.text == *text => Arc::clone(known),
            _ => Arc::clone(recent.insert(Sql::new(text))),
        }
    }

    /// A statement was given this name.
    pub(super) fn prepare(&mut self, name: &[u8], sql: &Arc<Sql>) {
        if name.is_empty() {
            self.unnamed_statement = Some(Arc::clone(sql));
            return;
        }
        self.close_statement(name);
        if name.len() > NAME_BYTES {
            return;
        }
        self.clock += 1;
        self.statement_bytes += sql.held_bytes() + name.len();
        self.statements.insert(name.into(), Known { value: Arc::clone(sql), used: self.clock });
        if self.statements.len() > STATEMENTS || self.statement_bytes > STATEMENT_BYTES {
            self.forget_old();
        }
    }

    /// Forgets the half of the statements that were not used for longest.
    fn forget_old(&mut self) {
        let mut uses: Vec<_> = self.statements.values().map(|known| known.used).collect();
        uses.sort_unstable();
        let median = uses.get(uses.len() / 2).copied().unwrap_or_default();
        self.statements.retain(|_, known| known.used >= median);
        let held = self.statements.iter().map(|(name, known)| name.len() + known.value.held_bytes());
        self.statement_bytes = held.sum();
        self.forgot = true;
    }

    /// A portal was made of a statement. Gives what it stands for.
    pub(super) fn bind(&mut self, portal: &[u8], statement: &[u8]) -> Bound {
        let sql = self.statement(statement);
        let named = sql.is_none() && !statement.is_empty();
        let unknown = named.then(|| statement.get(..NAME_BYTES).unwrap_or(statement).into());
        let bound = Bound { sql, unknown };
        if portal.is_empty() {
            self.unnamed_portal = bound.clone();
        } else if portal.len() <= NAME_BYTES {
            if self.portals.len() >= PORTALS && !self.portals.contains_key(portal) {
                self.portals.clear();
                self.forgot = true;
            }
            self.clock += 1;
            self.portals.insert(portal.into(), Known { value: bound.clone(), used: self.clock });
        }
        bound
    }

    /// The text of a statement.
    pub(super) fn statement(&mut self, name: &[u8]) -> Option<Arc<Sql>> {
        if name.is_empty() {
            return self.unnamed_statement.clone();
        }
        self.clock += 1;
        let known = self.statements.get_mut(name)?;
        known.used = self.clock;
        Some(Arc::clone(&known.value))
    }

    /// What a portal runs. A cursor of SQL is a portal that nobody bound.
    pub(super) fn portal(&self, name: &[u8]) -> Bound {
        if name.is_empty() {
            return self.unnamed_portal.clone();
        }
        self.portals.get(name).map(|known| known.value.clone()).unwrap_or_default()
    }

    pub(super) fn close_statement(&mut self, name: &[u8]) {
        if name.is_empty() {
            self.unnamed_statement = None;
        } else if let Some(known) = self.statements.remove(name) {
            self.statement_bytes -= known.value.held_bytes() + name.len();
        }
    }

    pub(super) fn close_portal(&mut self, name: &[u8]) {
        if name.is_empty() {
            self.unnamed_portal = Bound::default();
        } else {
            self.portals.remove(name);
        }
    }

    /// A simple query replaces the unnamed statement and the unnamed portal.
    pub(super) fn close_unnamed(&mut self) {
        self.unnamed_statement = None;
        self.unnamed_portal = Bound::default();
    }

    /// The server did not take this statement, so that its name stands for nothing, or for what it did before.
    pub(super) fn refused(&mut self, sql: &Arc<Sql>) {
        if self.unnamed_statement.as_ref().is_some_and(|unnamed| Arc::ptr_eq(unnamed, sql)) {
            self.unnamed_statement = None;
        }
        let mut freed = 0;
        self.statements.retain(|name, known| {
            let refused = Arc::ptr_eq(&known.value, sql);
            freed += if refused { known.value.held_bytes() + name.len() } else { 0 };
            !refused
        });
        self.statement_bytes -= freed;
    }

    /// Requests were lost: any name may stand for something else by now.
    pub(super) fn clear(&mut self) {
        *self = Self { forgot: self.forgot, ..Self::default() };
    }

    /// Whether something was forgotten for want of room since the last call.
    pub(super) fn take_forgot(&mut self) -> bool {
        std::mem::take(&mut self.forgot)
    }

    pub(super) fn held_bytes(&self) -> usize {
        let sql = |sql: &Option<Arc<Sql>>| sql.as_ref().map_or(0, |sql| sql.held_bytes());
        let unknown = |bound: &Bound| bound.unknown.as_ref().map_or(0, |name| name.len());
        let portals = self.portals.iter();
        self.statement_bytes
            + self.recent.iter().map(sql).sum::<usize>()
            + sql(&self.unnamed_statement)
            + sql(&self.unnamed_portal.sql)
            + unknown(&self.unnamed_portal)
            + portals
                .map(|(name, known)| name.len() + sql(&known.value.sql) + unknown(&known.value))
                .sum::<usize>()
    }
}
