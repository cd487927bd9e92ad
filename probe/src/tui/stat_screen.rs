//! The live table of aggregates.

use std::{
    io,
    time::{Duration, Instant},
};

use ratatui::{
    Frame,
    crossterm::event::{KeyCode, KeyEvent, KeyModifiers},
    layout::{Constraint, Layout},
    style::{Color, Modifier, Style, Stylize},
    text::{Line, Span},
    widgets::{Paragraph, Wrap},
};

use super::{
    stat_table::{cells, overflow_note},
    terminal::Terminal,
    text,
    watch_screen::RateMeter,
    watch_view::{loss_span, protocol_names},
};
use crate::{
    export::visible,
    signal::{Report, Status},
};

/// Shortest time between two drawings.
const BETWEEN_DRAWINGS: Duration = Duration::from_millis(100);

/// The live table on the terminal. Dropping it gives the terminal back.
pub struct StatScreen {
    terminal: Terminal,
    state: State,
    drawn: Option<Instant>,
    is_stale: bool,
}

impl StatScreen {
    /// Takes the terminal. `watching` says which filters are in force.
    ///
    /// # Errors
    /// If standard output is no terminal, or one that cannot be set up.
    pub fn open(watching: String) -> io::Result<Self> {
        let state = State { watching, ..State::default() };
        Ok(Self { terminal: Terminal::open()?, state, drawn: None, is_stale: true })
    }

    /// Shows new figures from now on.
    pub fn show(&mut self, report: Report) {
        if !self.state.paused {
            self.state.report = Some(report);
            self.is_stale = true;
        }
    }

    /// Acts on keys, waiting for them at most so long, and draws what has changed. Returns whether the person wants
    /// to go on.
    ///
    /// # Errors
    /// If the terminal cannot be read or drawn on.
    pub fn step(&mut self, status: &Status, elapsed: Duration, wait: Duration) -> io::Result<bool> {
        let keys = self.terminal.keys(wait)?;
        self.is_stale |= keys.resized || !keys.pressed.is_empty();
        let wants_more = keys.pressed.into_iter().all(|key| self.state.press(key));
        self.is_stale |= self.state.rate.count(status.exchanges, elapsed);
        self.state.status.clone_from(status);
        if self.is_stale && self.drawn.is_none_or(|drawn| drawn.elapsed() >= BETWEEN_DRAWINGS) {
            let state = &mut self.state;
            self.terminal.draw(|frame| draw(state, frame))?;
            self.drawn = Some(Instant::now());
            self.is_stale = false;
        }
        Ok(wants_more)
    }
}

#[derive(Default)]
struct State {
    watching: String,
    report: Option<Report>,
    status: Status,
    rate: RateMeter,
    paused: bool,
    /// Rows scrolled past.
    top: usize,
    /// Rows on the screen when it was last drawn.
    page: usize,
}

impl State {
    fn press(&mut self, key: KeyEvent) -> bool {
        match key.code {
            KeyCode::Char('q') => return false,
            KeyCode::Char('c') if key.modifiers.contains(KeyModifiers::CONTROL) => return false,
            KeyCode::Char(' ') => self.paused = !self.paused,
            KeyCode::Up | KeyCode::Char('k') => self.top = self.top.saturating_sub(1),
            KeyCode::Down | KeyCode::Char('j') => self.top = self.top.saturating_add(1),
            KeyCode::PageUp => self.top = self.top.saturating_sub(self.page),
            KeyCode::PageDown => self.top = self.top.saturating_add(self.page),
            KeyCode::Home | KeyCode::Char('g') => self.top = 0,
            KeyCode::End | KeyCode::Char('G') => self.top = usize::MAX,
            _ => {}
        }
        true
    }
}

fn draw(state: &mut State, frame: &mut Frame<'_>) {
    let parts = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(1),
        Constraint::Min(0),
        Constraint::Length(1),
        Constraint::Length(1),
    ]);
    let [title, head, body, status, hints] = parts.areas(frame.area());
    let mut name = vec!["plainsight".bold(), " stat ".into(), Span::raw(visible(&state.watching))];
    if state.paused {
        name.push("  PAUSED".fg(Color::Yellow).bold());
    }
    frame.render_widget(Line::from(name), title);
    state.page = body.height.into();
    match state.report.as_ref().filter(|report| !report.rows.is_empty()) {
        Some(report) => {
            let height = usize::from(body.height);
            state.top = state.top.min(report.rows.len().saturating_sub(height));
            // Only what can be seen decides the widths, and only that is made into text.
            let cells = cells(report, state.top + height).fit(body.width.into());
            let mut rows = cells.rows.iter().map(|row| cells.line(row));
            let titles = rows.next().unwrap_or_default();
            frame.render_widget(Line::from(titles).add_modifier(Modifier::REVERSED), head);
            let rows = rows.zip(&report.rows).skip(state.top).map(|(line, row)| {
                let style = if row.aggregate.errors > 0 { Style::new().fg(Color::Red) } else { Style::new() };
                Line::styled(line, style)
            });
            frame.render_widget(Paragraph::new(rows.collect::<Vec<_>>()), body);
        }
        None => {
            let text = format!(
                "\n  Nothing seen yet: waiting for requests that a process on this host sends or answers,\n  in {}.\n  \
                 Not counted: what is encrypted (of HTTPS, the handshakes only), and Unix domain sockets.",
                protocol_names()
            );
            frame.render_widget(Paragraph::new(text).wrap(Wrap { trim: false }), body);
        }
    }
    let seen = format!(
        " {} exchanges/s   {} seen   {} connections   ",
        text::rate(state.rate.per_second()),
        text::grouped(state.status.exchanges),
        text::grouped(state.status.connections)
    );
    frame.render_widget(Line::from(vec![Span::from(seen).bold(), loss_span(&state.status)]), status);
    let note = state.report.as_ref().and_then(overflow_note);
    let hint = note.unwrap_or_else(|| " q quit  space pause  ↑↓ PgUp PgDn scroll".to_owned());
    frame.render_widget(Line::from(hint).dim(), hints);
}

#[cfg(test)]
#[path = "stat_tests.rs"]
mod tests;
