//! How an observation is going: what was seen, and what was not.

use std::fmt;

use plainsight_protocols::Limit;

/// Where and why events were lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LossReason {
    /// What happened, as the status line says it, such as "ring full".
    pub reason: &'static str,
    /// What helps, as an order to the person, such as "raise --ring-bytes"; empty if nothing does.
    pub remedy: &'static str,
    /// How many events it cost.
    pub events: u64,
}

impl LossReason {
    /// So many events for that reason.
    #[must_use]
    pub const fn new(reason: &'static str, remedy: &'static str, events: u64) -> Self {
        Self { reason, remedy, events }
    }
}

/// Counters of an observation since its start. Rates are made by whoever compares two of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Status {
    /// Events read: system calls or packets, and what happened to connections.
    pub events: u64,
    /// Connections in the table now.
    pub connections: u64,
    /// Exchanges reported, before any filter of the command.
    pub exchanges: u64,
    /// Exchanges that took place and of which nothing could be reported, because their bytes were lost.
    pub unobserved: u64,
    /// Events lost by reason, zero counts included or not.
    pub losses: Vec<LossReason>,
    /// What was left out without an event having been lost, zero counts included or not: bytes that no hook shows, what
    /// parsers gave up for their bounds.
    pub left_out: Vec<LossReason>,
    /// Things that a person should know of, such as a capture file that ends in the middle of a packet.
    pub warnings: Vec<String>,
}

impl Status {
    /// What was left out, in a few words; empty if nothing was.
    #[must_use]
    pub fn left_out(&self) -> String {
        let noted = self.left_out.iter().filter(|note| note.events > 0);
        noted.map(|note| format!("{} {}", note.events, note.reason)).collect::<Vec<_>>().join(", ")
    }

    /// Events lost, whatever the reason.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.losses.iter().map(|loss| loss.events).sum()
    }
}

impl fmt::Display for Status {
    /// The line that ends every command: exchanges seen, events lost.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = |count: u64| if count == 1 { "" } else { "s" };
        write!(formatter, "{} exchange{} seen", self.exchanges, plural(self.exchanges))?;
        if self.unobserved > 0 {
            write!(formatter, ", {} more not observed", self.unobserved)?;
        }
        let lost = self.lost();
        write!(formatter, ", {lost} event{} lost", plural(lost))?;
        let mut separator = " (";
        for loss in self.losses.iter().filter(|loss| loss.events > 0) {
            write!(formatter, "{separator}{} {}", loss.reason, loss.events)?;
            if !loss.remedy.is_empty() {
                write!(formatter, ": {}", loss.remedy)?;
            }
            separator = "; ";
        }
        if lost > 0 {
            formatter.write_str(")")?;
        }
        let left_out = self.left_out();
        if left_out.is_empty() { Ok(()) } else { write!(formatter, "; left out: {left_out}") }
    }
}

/// What parsers gave up, counted by `count`.
pub fn limit_notes(count: impl Fn(Limit) -> u64) -> impl Iterator<Item = LossReason> {
    Limit::ALL.into_iter().map(move |limit| LossReason {
        reason: match limit {
            Limit::HeadBytes => "heads too long",
            Limit::WaitingRequests => "requests beyond those that may wait",
            Limit::HeldResponses => "responses beyond those that may wait",
            Limit::DetectionAttempts => "connections not recognised",
            Limit::ResyncAttempts => "connections given up after a loss",
            Limit::PreparedStatements => "prepared statements forgotten",
            // Whoever adds one without a text here sees the name of its counter.
            other => other.name(),
        },
        remedy: "",
        events: count(limit),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_is_one_line_that_names_each_loss_and_its_remedy() {
        let status = Status { exchanges: 1, ..Status::default() };
        assert_eq!(status.to_string(), "1 exchange seen, 0 events lost");
        let status = Status {
            exchanges: 1234,
            unobserved: 3,
            losses: vec![
                LossReason { reason: "ring full", remedy: "raise --ring-bytes", events: 50 },
                LossReason { reason: "table full", remedy: "", events: 0 },
                LossReason { reason: "copy fault", remedy: "", events: 7 },
            ],
            ..Status::default()
        };
        assert_eq!(
            status.to_string(),
            "1234 exchanges seen, 3 more not observed, 57 events lost (ring full 50: raise --ring-bytes; copy fault 7)"
        );
    }

    #[test]
    fn what_was_left_out_is_said_and_is_no_loss() {
        let mut left_out = vec![LossReason { reason: "calls without bytes", remedy: "", events: 4 }];
        left_out.extend(limit_notes(|limit| u64::from(limit == Limit::HeadBytes)));
        let status = Status { exchanges: 2, left_out, ..Status::default() };
        assert_eq!(status.lost(), 0);
        assert_eq!(
            status.to_string(),
            "2 exchanges seen, 0 events lost; left out: 4 calls without bytes, 1 heads too long"
        );
    }

    #[test]
    fn every_limit_is_told_in_words() {
        for note in limit_notes(|_| 1) {
            assert!(!note.reason.contains('_'), "{}", note.reason);
        }
    }
}
