//! Exchanges as lines of text, for pipes, files and terminals that know no commands.

use jiff::tz::TimeZone;

use super::{
    columns::{Column, Widths},
    row::{self, Notable},
    text,
};
use crate::{export::visible, signal::Record};

/// The order on a line: what varies most in length comes last, so that the rest stays in columns.
const ORDER: [Column; 9] = [
    Column::Mark,
    Column::Time,
    Column::Side,
    Column::Process,
    Column::Ends,
    Column::Protocol,
    Column::Duration,
    Column::Sizes,
    Column::Summary,
];

/// Makes lines of records.
pub struct PlainLines {
    zone: TimeZone,
    widths: Widths,
    colours: bool,
}

impl PlainLines {
    /// Lines in local time.
    #[must_use]
    pub fn new(colours: bool) -> Self {
        Self::in_zone(TimeZone::system(), colours)
    }

    fn in_zone(zone: TimeZone, colours: bool) -> Self {
        Self { zone, widths: Widths::default(), colours }
    }

    /// The line of a record, without its end.
    pub fn line(&mut self, record: &Record) -> String {
        let mut line = String::with_capacity(160);
        let colour = if self.colours { Notable::of(record).escape_sequence() } else { "" };
        line.push_str(colour);
        for column in ORDER {
            let cell = row::cell(record, column, &self.zone);
            if column == Column::Summary {
                line.push_str(&visible(&cell));
            } else {
                self.widths.grow(column, text::width(&cell));
                text::pad(&mut line, &cell, self.widths.of(column), column.is_right());
                line.push(' ');
            }
        }
        if !colour.is_empty() {
            line.push_str("\x1b[0m");
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::{Clock, Example, ExampleDetails, IdGenerator, RecordBuilder};

    fn line(example: &Example, colours: bool) -> String {
        let ids = IdGenerator::from_seed([1; 32]);
        let record =
            example.observe(|observed| RecordBuilder::new(Clock::WallTime, ids, true).build(observed));
        PlainLines::in_zone(TimeZone::UTC, colours).line(&record)
    }

    #[test]
    fn a_line_says_what_the_table_says() {
        assert_eq!(
            line(&Example::default(), false),
            "  03:04:05.678 server nginx(4242)  10.0.0.7:41822 → 10.0.0.9:8080 http     812µs   312B 1.80kB \
             GET /users/17 200"
        );
    }

    #[test]
    fn a_failure_is_marked_without_colours_and_with() {
        let failed = Example::without_response();
        let plain = line(&failed, false);
        assert!(plain.starts_with("✗ ") && plain.ends_with("[no response: reset]"), "{plain}");
        assert!(!plain.contains('\x1b'));
        assert_eq!(line(&failed, true), format!("\x1b[1;31m{plain}\x1b[0m"));
    }

    #[test]
    fn escape_sequences_of_strangers_are_spelled_out() {
        let details = ExampleDetails {
            summary: "GET /\x1b]0;owned\x07\n\u{9b}31m".to_owned(),
            ..ExampleDetails::default()
        };
        let line = line(&Example { comm: "e\x1b[2Jvil", details, ..Example::default() }, false);
        assert!(!line.contains(char::is_control), "{line:?}");
        assert!(line.contains("\\x1b]0;owned\\x07\\n\\x9b31m"), "{line}");
    }
}
