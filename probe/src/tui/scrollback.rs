//! The last exchanges, and those of them that a person wants to see.

use std::collections::VecDeque;

use super::row;
use crate::signal::Record;

/// Exchanges kept; about one kilobyte each.
pub(super) const LIMIT: usize = 10_000;

/// What a person typed on the screen to see less.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Sift {
    /// Failures only.
    pub(super) errors_only: bool,
    /// Only what has this text in it, in any case.
    pub(super) text: String,
}

impl Sift {
    fn passes(&self, record: &Record) -> bool {
        (!self.errors_only || record.is_failure())
            && (self.text.is_empty() || searched_text(record).contains(&self.text.to_lowercase()))
    }
}

fn searched_text(record: &Record) -> String {
    let error = record.error_type.as_deref().unwrap_or("");
    let process = row::process(record);
    let ends = row::ends(record);
    format!("{}\n{process}\n{ends}\n{error}\n{}", record.summary, record.protocol.name()).to_lowercase()
}

/// The last exchanges. Each is known by its number, which stays the same while older ones are forgotten.
#[derive(Debug, Default)]
pub(super) struct Scrollback {
    records: VecDeque<Record>,
    /// Number of the oldest record kept.
    first: u64,
    /// Numbers of the records that pass, in order.
    shown: VecDeque<u64>,
    sift: Sift,
}

impl Scrollback {
    pub(super) fn push(&mut self, record: Record) {
        if self.records.len() >= LIMIT {
            self.records.pop_front();
            if self.shown.front() == Some(&self.first) {
                self.shown.pop_front();
            }
            self.first += 1;
        }
        if self.sift.passes(&record) {
            self.shown.push_back(self.first + self.records.len() as u64);
        }
        self.records.push_back(record);
    }

    pub(super) fn sift(&self) -> &Sift {
        &self.sift
    }

    pub(super) fn set_sift(&mut self, sift: Sift) {
        self.sift = sift;
        let numbered = (self.first..).zip(&self.records);
        self.shown =
            numbered.filter(|(_, record)| self.sift.passes(record)).map(|(number, _)| number).collect();
    }

    /// Records kept, whether they pass or not.
    pub(super) fn kept(&self) -> usize {
        self.records.len()
    }

    /// Records that pass.
    pub(super) fn len(&self) -> usize {
        self.shown.len()
    }

    /// The number of the record in that place among those that pass.
    pub(super) fn number_at(&self, place: usize) -> Option<u64> {
        self.shown.get(place).copied()
    }

    /// The place of a record among those that pass; of one that does not, that of the next.
    pub(super) fn place_of(&self, number: u64) -> usize {
        self.shown.partition_point(|&shown| shown < number)
    }

    /// The record in that place among those that pass.
    pub(super) fn at(&self, place: usize) -> Option<&Record> {
        let index = self.number_at(place)?.checked_sub(self.first)?;
        self.records.get(usize::try_from(index).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::{Clock, Example, ExampleDetails, IdGenerator, RecordBuilder};

    fn record(path: &'static str, status: i64) -> Record {
        let example = Example { details: ExampleDetails::http("GET", path, status), ..Example::default() };
        let ids = IdGenerator::from_seed([1; 32]);
        example.observe(|observed| RecordBuilder::new(Clock::WallTime, ids, true).build(observed))
    }

    #[test]
    fn old_records_make_room_and_numbers_stay() {
        let mut scrollback = Scrollback::default();
        for _ in 0..LIMIT {
            scrollback.push(record("/old", 200));
        }
        scrollback.push(record("/new", 200));
        assert_eq!((scrollback.kept(), scrollback.len()), (LIMIT, LIMIT));
        assert_eq!(scrollback.number_at(0), Some(1));
        assert_eq!(scrollback.at(LIMIT - 1).map(|record| &*record.summary), Some("GET /new 200"));
        assert_eq!(scrollback.place_of(0), 0);
    }

    #[test]
    fn sifting_shows_what_passes_before_and_after() {
        let mut scrollback = Scrollback::default();
        for (path, status) in [("/a", 200), ("/b", 500), ("/ab", 503)] {
            scrollback.push(record(path, status));
        }
        scrollback.set_sift(Sift { errors_only: true, text: "/A".into() });
        assert_eq!(scrollback.len(), 1);
        scrollback.push(record("/aa", 500));
        scrollback.push(record("/aa", 200));
        assert_eq!((scrollback.len(), scrollback.kept()), (2, 5));
        assert_eq!(scrollback.at(1).map(|record| &*record.summary), Some("GET /aa 500"));
        scrollback.set_sift(Sift::default());
        assert_eq!(scrollback.len(), 5);
    }

    #[test]
    fn the_text_is_looked_for_in_process_and_addresses_too() {
        let mut scrollback = Scrollback::default();
        scrollback.push(record("/a", 200));
        for (text, passes) in
            [("NGINX(4242", true), ("10.0.0.9:8080", true), ("http", true), ("apache", false)]
        {
            scrollback.set_sift(Sift { text: text.into(), ..Sift::default() });
            assert_eq!(scrollback.len() == 1, passes, "{text}");
        }
    }
}
