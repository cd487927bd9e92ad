use jiff::tz::TimeZone;
use ratatui::{
    Terminal,
    backend::TestBackend,
    crossterm::event::{KeyCode, KeyEvent},
};

use super::*;
use crate::signal::{Clock, Example, ExampleDetails, IdGenerator, LossReason, Record, RecordBuilder, Status};

fn record(example: &Example) -> Record {
    let ids = IdGenerator::from_seed([1; 32]);
    example.observe(|observed| RecordBuilder::new(Clock::WallTime, ids, true).build(observed))
}

fn http(path: &'static str, status: i64) -> Record {
    record(&Example { details: ExampleDetails::http("GET", path, status), ..Example::default() })
}

fn screen(state: &mut State, columns: u16, lines: u16) -> Vec<String> {
    let mut terminal = Terminal::new(TestBackend::new(columns, lines)).expect("a terminal of memory");
    terminal.draw(|frame| draw(state, frame)).expect("it can be drawn on");
    let buffer = terminal.backend().buffer();
    let row =
        |line| (0..columns).map(|column| buffer[(column, line)].symbol().to_owned()).collect::<String>();
    (0..lines).map(|line| row(line).trim_end().to_owned()).collect()
}

fn state() -> State {
    State::new("http --errors".to_owned(), TimeZone::UTC)
}

fn press(state: &mut State, keys: &[KeyCode]) -> bool {
    keys.iter().all(|&code| state.press(KeyEvent::from(code)))
}

#[test]
fn the_table_shows_what_was_asked_and_answered() {
    let mut state = state();
    state.push(record(&Example::default()));
    state.set_status(&Status { exchanges: 1234, connections: 56, ..Status::default() }, Default::default());
    let lines = screen(&mut state, 140, 10);
    assert_eq!(lines[0], "plainsight watch http --errors");
    assert!(
        lines[1].contains("TIME") && lines[1].contains("CLIENT → SERVER") && lines[1].contains("DURATION")
    );
    let row = "  03:04:05.678 server nginx(4242)  10.0.0.7:41822 → 10.0.0.9:8080 http  GET /users/17 200";
    assert!(lines[2].starts_with(row), "{}", lines[2]);
    assert!(lines[2].ends_with("812µs   312B 1.80kB"), "{}", lines[2]);
    assert!(
        lines[8].contains("1,234 seen")
            && lines[8].contains("56 connections")
            && lines[8].contains("nothing lost")
    );
}

#[test]
fn every_size_of_terminal_can_be_drawn_on() {
    let mut state = state();
    for _ in 0..50 {
        state.push(record(&Example::without_response()));
    }
    for (columns, lines) in [(1, 1), (10, 3), (40, 5), (80, 24), (300, 100)] {
        for keys in [&[][..], &[KeyCode::Enter][..], &[KeyCode::Char('?')][..]] {
            press(&mut state, keys);
            screen(&mut state, columns, lines);
        }
        press(&mut state, &[KeyCode::Esc, KeyCode::Esc, KeyCode::Esc]);
    }
    let narrow = screen(&mut state, 40, 10);
    assert!(narrow[2].contains("GET /users/17 200"), "{narrow:?}");
}

#[test]
fn an_empty_screen_says_what_it_waits_for_and_what_it_cannot_show() {
    let text = screen(&mut state(), 100, 20).join("\n");
    assert!(text.contains("Nothing seen yet") && text.contains("HTTPS"), "{text}");
    let mut filtered = state();
    filtered.set_status(&Status { exchanges: 7, ..Status::default() }, Default::default());
    let text = screen(&mut filtered, 100, 20).join("\n");
    assert!(text.contains("none of them passes the filters: http --errors"), "{text}");
}

#[test]
fn lost_events_are_not_to_be_overlooked() {
    let mut state = state();
    let loss = LossReason { reason: "ring full", remedy: "raise --ring-bytes", events: 12_345 };
    state.set_status(&Status { losses: vec![loss], ..Status::default() }, Default::default());
    let lines = screen(&mut state, 120, 12);
    assert!(lines[10].contains("12,345 EVENTS LOST: ring full, raise --ring-bytes"), "{}", lines[10]);
}

#[test]
fn what_was_left_out_is_told_beside_losses_and_without_any() {
    let mut state = state();
    let left_out = vec![LossReason { reason: "heads too long", remedy: "", events: 3 }];
    let loss = LossReason { reason: "ring full", remedy: "", events: 9 };
    state.set_status(&Status { left_out: left_out.clone(), ..Status::default() }, Default::default());
    let line = screen(&mut state, 120, 12).swap_remove(10);
    assert!(line.contains("nothing lost; left out: 3 heads too long"), "{line}");
    state.set_status(&Status { left_out, losses: vec![loss], ..Status::default() }, Default::default());
    let line = screen(&mut state, 120, 12).swap_remove(10);
    assert!(line.contains("9 EVENTS LOST: ring full; left out: 3 heads too long"), "{line}");
}

#[test]
fn following_shows_the_newest_and_selecting_keeps_its_row_in_sight() {
    let mut state = state();
    let paths: [&'static str; 30] =
        std::array::from_fn(|number| &*Box::leak(format!("/n{number:02}").into_boxed_str()));
    for path in &paths[..20] {
        state.push(http(path, 200));
    }
    let lines = screen(&mut state, 120, 9);
    assert!(lines[6].contains("/n19") && lines[2].contains("/n15"), "{lines:?}");
    press(&mut state, &[KeyCode::Up, KeyCode::Up]);
    for path in &paths[20..] {
        state.push(http(path, 200));
    }
    let lines = screen(&mut state, 120, 9);
    assert!(lines.iter().any(|line| line.contains("/n18")), "the selected row has moved away: {lines:?}");
    assert!(!lines.iter().any(|line| line.contains("/n29")), "{lines:?}");
    press(&mut state, &[KeyCode::Char('g')]);
    assert!(screen(&mut state, 120, 9)[2].contains("/n00"));
    press(&mut state, &[KeyCode::Char('G')]);
    assert!(screen(&mut state, 120, 9)[6].contains("/n29"));
}

#[test]
fn a_pause_counts_and_does_not_show() {
    let mut state = state();
    state.push(http("/before", 200));
    press(&mut state, &[KeyCode::Char(' ')]);
    state.push(http("/during", 200));
    let lines = screen(&mut state, 120, 10).join("\n");
    assert!(lines.contains("PAUSED: 1 not shown") && !lines.contains("/during"), "{lines}");
    press(&mut state, &[KeyCode::Char(' ')]);
    state.push(http("/after", 200));
    assert!(screen(&mut state, 120, 10).join("\n").contains("/after"));
}

#[test]
fn typing_after_a_slash_sifts_and_escape_drops_it() {
    let mut state = state();
    state.push(http("/apples", 200));
    state.push(http("/pears", 500));
    press(
        &mut state,
        &[KeyCode::Char('/'), KeyCode::Char('q'), KeyCode::Backspace, KeyCode::Char('p'), KeyCode::Char('e')],
    );
    let lines = screen(&mut state, 120, 10).join("\n");
    assert!(lines.contains("/pears") && !lines.contains("/apples"), "{lines}");
    press(&mut state, &[KeyCode::Esc]);
    assert!(screen(&mut state, 120, 10).join("\n").contains("/apples"));
    press(&mut state, &[KeyCode::Char('e')]);
    let lines = screen(&mut state, 120, 10).join("\n");
    assert!(lines.contains("failures only") && !lines.contains("/apples"), "{lines}");
}

#[test]
fn the_detail_pane_lists_every_attribute() {
    let mut state = state();
    state.push(http("/a", 200));
    press(&mut state, &[KeyCode::Enter]);
    let lines = screen(&mut state, 100, 45).join("\n");
    for expected in
        ["http.request.method", "url.path", "http.response.status_code", "trace id", "2026-01-02T03:04:05"]
    {
        assert!(lines.contains(expected), "{expected} is not in:\n{lines}");
    }
    press(&mut state, &[KeyCode::Enter]);
    assert!(!screen(&mut state, 100, 45).join("\n").contains("trace id"));
}

#[test]
fn q_quits_except_while_typing() {
    let mut state = state();
    assert!(press(&mut state, &[KeyCode::Char('/'), KeyCode::Char('q'), KeyCode::Enter]));
    assert!(!press(&mut state, &[KeyCode::Char('q')]));
}

#[test]
fn a_failure_is_marked_in_its_first_column() {
    let mut state = state();
    state.push(http("/a", 503));
    assert!(screen(&mut state, 120, 10)[2].starts_with('✗'));
}

#[test]
fn escape_sequences_of_strangers_are_spelled_out() {
    let mut state = state();
    let details = ExampleDetails {
        summary: "GET /\x1b[2J\u{202e}".to_owned(),
        attributes: vec![("url.path", plainsight_protocols::Value::Text("/\x1b[2J".into()))],
        ..ExampleDetails::default()
    };
    state.push(record(&Example { details, ..Example::default() }));
    press(&mut state, &[KeyCode::Enter]);
    let lines = screen(&mut state, 120, 40).join("\n");
    assert!(lines.contains("GET /\\x1b[2J\\u{202e}"), "{lines}");
    assert!(!lines.replace('\n', "").contains(crate::export::is_hidden));
}
