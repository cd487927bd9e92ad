//! The columns of the table of exchanges, and which of them fit.

/// A column, in the order in which they are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Column {
    /// What is notable, in one character.
    Mark,
    /// Time of day.
    Time,
    /// Which end was observed.
    Side,
    /// Process with its id.
    Process,
    /// Client and server.
    Ends,
    /// Protocol.
    Protocol,
    /// What was asked and answered.
    Summary,
    /// How long it took.
    Duration,
    /// Size of request and response.
    Sizes,
}

impl Column {
    pub(super) const ALL: [Self; 9] = [
        Self::Mark,
        Self::Time,
        Self::Side,
        Self::Process,
        Self::Ends,
        Self::Protocol,
        Self::Summary,
        Self::Duration,
        Self::Sizes,
    ];

    /// In the order in which they are given up as a terminal gets narrower. Mark and summary never are.
    const DISPENSABLE: [Self; 7] =
        [Self::Sizes, Self::Protocol, Self::Ends, Self::Side, Self::Time, Self::Process, Self::Duration];

    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Mark => "",
            Self::Time => "TIME",
            Self::Side => "SIDE",
            Self::Process => "PROCESS",
            Self::Ends => "CLIENT → SERVER",
            Self::Protocol => "PROTO",
            Self::Summary => "SUMMARY",
            Self::Duration => "DURATION",
            Self::Sizes => "REQ RESP",
        }
    }

    pub(super) const fn is_right(self) -> bool {
        matches!(self, Self::Duration | Self::Sizes)
    }
}

/// Least width of the summary: below that, other columns are given up for it.
const LEAST_SUMMARY: usize = 28;

/// Widths of the columns whose content varies. They grow with what is shown and never shrink, so that rows stay put.
#[derive(Debug, Clone)]
pub(super) struct Widths {
    process: usize,
    ends: usize,
    protocol: usize,
}

impl Default for Widths {
    fn default() -> Self {
        Self { process: 12, ends: 29, protocol: 5 }
    }
}

impl Widths {
    /// Two IPv4 addresses with ports of five digits and the arrow between them.
    const MOST_ENDS: usize = 45;
    const MOST_PROCESS: usize = 23;
    /// `postgresql`, the longest there is.
    const MOST_PROTOCOL: usize = 10;

    /// Makes room for a cell of that width.
    pub(super) fn grow(&mut self, column: Column, width: usize) {
        let (grown, most) = match column {
            Column::Process => (&mut self.process, Self::MOST_PROCESS),
            Column::Ends => (&mut self.ends, Self::MOST_ENDS),
            Column::Protocol => (&mut self.protocol, Self::MOST_PROTOCOL),
            _ => return,
        };
        *grown = (*grown).max(width.min(most));
    }

    /// The width of a column; of the summary, the least.
    pub(super) const fn of(&self, column: Column) -> usize {
        match column {
            Column::Mark => 1,
            Column::Time => 12,
            Column::Side => 6,
            Column::Process => self.process,
            Column::Ends => self.ends,
            Column::Protocol => self.protocol,
            Column::Summary => LEAST_SUMMARY,
            Column::Duration => 8,
            Column::Sizes => 13,
        }
    }

    /// The columns that fit into so many, with their widths; one blank stands between two of them.
    pub(super) fn fit(&self, columns: usize) -> Vec<(Column, usize)> {
        let mut shown = Column::ALL.to_vec();
        let needed = |shown: &[Column]| {
            shown.iter().map(|&column| self.of(column)).sum::<usize>() + shown.len().saturating_sub(1)
        };
        for given_up in Column::DISPENSABLE {
            if needed(&shown) <= columns {
                break;
            }
            shown.retain(|&column| column != given_up);
        }
        let spare = columns.saturating_sub(needed(&shown));
        let missing = needed(&shown).saturating_sub(columns);
        let width = |column| match column {
            Column::Summary => (LEAST_SUMMARY + spare).saturating_sub(missing),
            _ => self.of(column),
        };
        shown.into_iter().map(|column| (column, width(column))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(columns: usize) -> Vec<Column> {
        Widths::default().fit(columns).into_iter().map(|(column, _)| column).collect()
    }

    #[test]
    fn a_wide_terminal_shows_every_column_and_gives_the_rest_to_the_summary() {
        assert_eq!(shown(200), Column::ALL);
        let total: usize = Widths::default().fit(200).iter().map(|(_, width)| width + 1).sum();
        assert_eq!(total - 1, 200);
    }

    #[test]
    fn columns_are_given_up_one_by_one_and_what_was_asked_stays() {
        let mut before = Column::ALL.len();
        for columns in (0..200).rev() {
            let now = shown(columns);
            assert!(now.contains(&Column::Summary) && now.contains(&Column::Mark));
            assert!(before - now.len() <= 1 || columns < 60, "{columns}");
            before = now.len();
            let total: usize = Widths::default().fit(columns).iter().map(|(_, width)| width + 1).sum();
            assert!(total <= columns.max(2) + 1, "{total} in {columns}");
        }
        assert_eq!(before, 2);
    }

    #[test]
    fn eighty_columns_still_name_the_process_and_the_duration() {
        let shown = shown(80);
        for column in [Column::Time, Column::Process, Column::Summary, Column::Duration] {
            assert!(shown.contains(&column), "{column:?} is not in {shown:?}");
        }
    }

    #[test]
    fn every_protocols_name_fits_its_column() {
        for protocol in plainsight_protocols::Protocol::ALL {
            assert!(protocol.name().len() <= Widths::MOST_PROTOCOL, "{protocol:?}");
        }
    }

    #[test]
    fn widths_grow_with_their_content_up_to_a_bound() {
        let mut widths = Widths::default();
        widths.grow(Column::Ends, 40);
        widths.grow(Column::Ends, 20);
        assert_eq!(widths.of(Column::Ends), 40);
        widths.grow(Column::Ends, 400);
        assert_eq!(widths.of(Column::Ends), Widths::MOST_ENDS);
    }
}
