use ratatui::{Terminal, backend::TestBackend};

use super::*;
use crate::{
    signal::{Aggregates, Example, ExampleDetails, Filter, Grouping, KeyField, OVERFLOW, WallTime},
    tui::stat_table,
};

fn report(keys: usize, exchanges: &[(&'static str, i64, usize)]) -> Report {
    let grouping = Grouping::new(vec![KeyField::Comm, KeyField::Path], false);
    let mut worker = Aggregates::new(grouping.clone(), keys);
    for &(path, status, count) in exchanges {
        for _ in 0..count {
            Example { details: ExampleDetails::http("GET", path, status), ..Example::default() }
                .observe(|observed| worker.record(observed));
        }
    }
    let mut all = Aggregates::new(grouping.resolved(), keys);
    all.collect(&worker, &Filter::default(), |_| None);
    let at = WallTime::from_unix_nanos(0);
    Report::new(&all, &all, Duration::from_secs(2), at, at)
}

#[test]
fn the_table_has_one_row_for_each_key_the_busiest_first() {
    let lines = stat_table(&report(10, &[("/rare", 200, 1), ("/busy", 200, 3), ("/busy", 503, 1)]));
    assert_eq!(
        lines,
        [
            "COMM   PATH   COUNT  RATE/s     ERRORS    P50    P90    P99    MAX  REQUEST  RESPONSE",
            "nginx  /busy      4     2.0  1 (25.0%)  812µs  812µs  812µs  812µs   1.25kB    7.22kB",
            "nginx  /rare      1     0.5          0  812µs  812µs  812µs  812µs     312B    1.80kB",
        ]
    );
}

#[test]
fn too_many_keys_are_said_to_be_too_many() {
    let lines = stat_table(&report(2, &[("/a", 200, 3), ("/b", 200, 2), ("/c", 200, 1), ("/d", 200, 1)]));
    let other = lines.iter().find(|line| line.starts_with(OVERFLOW)).map(String::as_str);
    assert!(other.is_some_and(|line| line.contains(" 2 ")), "{lines:?}");
    assert_eq!(lines[4], "…other: 2 exchanges beyond 2 keys; --keys keeps more apart");
}

#[test]
fn nothing_is_said_to_be_nothing() {
    assert_eq!(stat_table(&report(1, &[])), ["nothing seen"]);
}

#[test]
fn the_screen_can_be_drawn_at_every_size_with_and_without_figures() {
    for (columns, lines) in [(1, 1), (20, 4), (80, 24)] {
        let mut terminal = Terminal::new(TestBackend::new(columns, lines)).expect("a terminal of memory");
        let mut state = State::default();
        terminal.draw(|frame| draw(&mut state, frame)).expect("it can be drawn on");
        state.report = Some(report(10, &[("/a", 200, 2), ("/b", 500, 1)]));
        state.press(KeyCode::End.into());
        terminal.draw(|frame| draw(&mut state, frame)).expect("it can be drawn on");
        if columns == 80 {
            let text: String =
                terminal.backend().buffer().content().iter().map(ratatui::buffer::Cell::symbol).collect();
            assert!(text.contains("/a") && text.contains("/b") && text.contains("nothing lost"), "{text}");
        }
    }
}

#[test]
fn a_narrow_screen_gives_up_figures_and_keeps_counts_errors_and_the_median() {
    let report = report(10, &[("/busy", 503, 3)]);
    let titles = |columns| {
        let cells = cells(&report, 10).fit(columns);
        cells.line(&cells.rows[0]).split_whitespace().map(str::to_owned).collect::<Vec<_>>().join(" ")
    };
    assert!(titles(100).ends_with("MAX REQUEST RESPONSE"), "{}", titles(100));
    assert!(titles(70).ends_with("P99 MAX"), "{}", titles(70));
    assert_eq!(titles(0), "COMM PATH COUNT ERRORS P50");
}
