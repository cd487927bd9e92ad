//! Aggregates as a table.

use std::time::Duration;

use super::text;
use crate::signal::{Aggregate, OVERFLOW, Report};

/// Widest column of a key; what is longer is cut.
const WIDEST_KEY: usize = 60;

/// Columns of figures, right of the key.
const FIGURES: [&str; 9] = ["COUNT", "RATE/s", "ERRORS", "P50", "P90", "P99", "MAX", "REQUEST", "RESPONSE"];

/// Figures in the order in which they are given up as a terminal gets narrower, by their places in [`FIGURES`]. Count,
/// errors and the median never are.
const DISPENSABLE: [usize; 6] = [8, 7, 6, 4, 5, 1];

/// Blanks between two columns.
const BETWEEN: usize = 2;

/// The table's cells as text, the titles first.
pub(super) struct Cells {
    pub(super) rows: Vec<Vec<String>>,
    widths: Vec<usize>,
    keys: usize,
    given_up: Vec<usize>,
}

/// The cells of the first `limit` rows.
pub(super) fn cells(report: &Report, limit: usize) -> Cells {
    let titles = report.fields.iter().map(|field| field.name().to_uppercase());
    let mut rows = vec![titles.chain(FIGURES.map(str::to_owned)).collect::<Vec<_>>()];
    for row in report.rows.iter().take(limit) {
        let keys = row
            .values
            .iter()
            .map(|value| text::cut(value.as_deref().unwrap_or("-"), WIDEST_KEY).into_owned());
        let rate = row.rate.map_or_else(|| "-".to_owned(), text::rate);
        rows.push(keys.chain(figures(&row.aggregate, rate)).collect());
    }
    let columns = rows.first().map_or(0, Vec::len);
    let widths = (0..columns)
        .map(|column| rows.iter().map(|row| text::width(&row[column])).max().unwrap_or(0))
        .collect();
    Cells { rows, widths, keys: report.fields.len(), given_up: Vec::new() }
}

fn figures(aggregate: &Aggregate, rate: String) -> [String; 9] {
    let time = |time: Option<Duration>| time.map_or_else(|| "-".to_owned(), text::duration);
    [
        text::grouped(aggregate.count),
        rate,
        errors(aggregate),
        time(aggregate.quantile(0.5)),
        time(aggregate.quantile(0.9)),
        time(aggregate.quantile(0.99)),
        time(aggregate.longest),
        text::bytes(aggregate.request_bytes),
        text::bytes(aggregate.response_bytes),
    ]
}

fn errors(aggregate: &Aggregate) -> String {
    if aggregate.errors == 0 {
        return "0".to_owned();
    }
    #[expect(clippy::cast_precision_loss, reason = "a share is for reading")]
    let percent = aggregate.errors as f64 * 100.0 / aggregate.count.max(1) as f64;
    let share = if percent < 0.1 { "<0.1".to_owned() } else { format!("{percent:.1}") };
    format!("{} ({share}%)", text::count(aggregate.errors))
}

impl Cells {
    /// Gives up figures until the rest fits into so many columns, or nothing more can be given up.
    pub(super) fn fit(mut self, columns: usize) -> Self {
        for figure in DISPENSABLE {
            let shown = self.shown();
            if shown.map(|column| self.widths[column] + BETWEEN).sum::<usize>() <= columns + BETWEEN {
                break;
            }
            self.given_up.push(self.keys + figure);
        }
        self
    }

    fn shown(&self) -> impl Iterator<Item = usize> {
        (0..self.widths.len()).filter(|column| !self.given_up.contains(column))
    }

    /// A row as a line: keys to the left, figures to the right.
    pub(super) fn line(&self, row: &[String]) -> String {
        let mut line = String::new();
        for column in self.shown() {
            if column > 0 {
                line.extend([' '; BETWEEN]);
            }
            text::pad(&mut line, &row[column], self.widths[column], column >= self.keys);
        }
        line
    }
}

/// The report as lines of text, the titles first.
#[must_use]
pub fn stat_table(report: &Report) -> Vec<String> {
    if report.rows.is_empty() {
        return vec!["nothing seen".to_owned()];
    }
    let cells = cells(report, usize::MAX);
    let mut lines: Vec<String> = cells.rows.iter().map(|row| cells.line(row)).collect();
    lines.extend(overflow_note(report));
    lines
}

pub(super) fn overflow_note(report: &Report) -> Option<String> {
    (report.overflowed > 0).then(|| {
        format!(
            "{OVERFLOW}: {} exchanges beyond {} keys; --keys keeps more apart",
            text::grouped(report.overflowed),
            text::grouped(report.rows.len().saturating_sub(1) as u64)
        )
    })
}
