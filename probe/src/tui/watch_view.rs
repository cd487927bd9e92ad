//! How the watch screen looks.

use plainsight_protocols::Protocol;
use ratatui::{
    Frame,
    layout::{Constraint, Layout, Rect},
    style::{Color, Modifier, Style, Stylize},
    text::{Line, Span},
    widgets::{Block, Borders, Clear, Paragraph, Wrap},
};

use super::{
    columns::Column,
    row::{self, Notable},
    text, watch_detail,
    watch_keys::KEYS,
    watch_screen::State,
};
use crate::export::visible;

/// Lines below which the head of the screen and the hints give way to the rows.
const LOW: u16 = 8;

pub(super) fn draw(state: &mut State, frame: &mut Frame<'_>) {
    let area = frame.area();
    let furniture = u16::from(area.height >= LOW);
    let detail = if state.detail { area.height * 3 / 5 } else { 0 };
    let parts = Layout::vertical([
        Constraint::Length(furniture),
        Constraint::Length(1),
        Constraint::Min(0),
        Constraint::Length(detail),
        Constraint::Length(1),
        Constraint::Length(furniture),
    ]);
    let [title, head, rows, detail, status, hints] = parts.areas(area);
    frame.render_widget(title_line(state), title);
    draw_rows(state, frame, head, rows);
    draw_detail(state, frame, detail);
    frame.render_widget(status_line(state), status);
    let typing = state.typed.as_ref().map(|typed| format!("/{typed}▏  Enter keeps it, Esc drops it"));
    frame.render_widget(typing.map_or_else(hint_line, Line::from), hints);
    if state.help {
        draw_help(frame, area);
    }
}

fn title_line(state: &State) -> Line<'_> {
    let mut spans = vec!["plainsight".bold(), " watch ".into(), Span::raw(visible(&state.watching))];
    if state.paused {
        let paused = format!("  PAUSED: {} not shown", text::grouped(state.not_shown));
        spans.push(Span::from(paused).fg(Color::Yellow).bold());
    }
    let sift = state.scrollback.sift();
    if sift.errors_only {
        spans.push("  failures only".fg(Color::Yellow));
    }
    if !sift.text.is_empty() {
        spans.push(Span::from(format!("  with \"{}\"", visible(&sift.text))).fg(Color::Yellow));
    }
    Line::from(spans)
}

fn draw_rows(state: &mut State, frame: &mut Frame<'_>, head: Rect, area: Rect) {
    let height = usize::from(area.height);
    state.page = height;
    let first = first_place(state, height);
    let last = (first + height).min(state.scrollback.len());
    for record in (first..last).filter_map(|place| state.scrollback.at(place)) {
        for column in Column::ALL {
            state.widths.grow(column, text::width(&row::cell(record, column, &state.zone)));
        }
    }
    let columns = state.widths.fit(area.width.into());
    let mut titles = String::new();
    for &(column, width) in &columns {
        text::pad(&mut titles, column.title(), width, column.is_right());
        titles.push(' ');
    }
    frame.render_widget(Line::from(titles).add_modifier(Modifier::REVERSED), head);
    if state.scrollback.len() == 0 {
        frame.render_widget(Paragraph::new(explanation(state)).wrap(Wrap { trim: false }), area);
        return;
    }
    let selected = state.selected.map(|number| state.scrollback.place_of(number));
    let lines = (first..last).filter_map(|place| {
        let record = state.scrollback.at(place)?;
        let mut line = String::with_capacity(area.width.into());
        for &(column, width) in &columns {
            text::pad(&mut line, &row::cell(record, column, &state.zone), width, column.is_right());
            line.push(' ');
        }
        let mut style = Notable::of(record).style();
        if selected == Some(place) {
            style = style.add_modifier(Modifier::REVERSED);
        }
        Some(Line::styled(line, style))
    });
    frame.render_widget(Paragraph::new(lines.collect::<Vec<_>>()), area);
}

/// The place of the uppermost row: the newest at the bottom, or such that the selected one is in sight.
fn first_place(state: &mut State, height: usize) -> usize {
    let newest = state.scrollback.len().saturating_sub(height);
    let first = match state.selected {
        None => newest,
        Some(number) => {
            let selected = state.scrollback.place_of(number);
            let lowest = (selected + 1).saturating_sub(height);
            state.scrollback.place_of(state.top).clamp(lowest, selected.max(lowest)).min(newest)
        }
    };
    state.top = state.scrollback.number_at(first).unwrap_or(0);
    first
}

fn explanation(state: &State) -> Vec<Line<'static>> {
    let kept = state.scrollback.kept();
    if kept > 0 {
        return vec![
            Line::from(""),
            Line::from(format!(
                "  None of the last {} exchanges passes. Esc shows them all.",
                text::grouped(kept as u64)
            )),
        ];
    }
    let status = &state.status;
    let mut lines = vec![Line::from(""), Line::from("  Nothing seen yet.").bold(), Line::from("")];
    if status.exchanges > 0 {
        let seen = text::grouped(status.exchanges);
        lines.push(Line::from(format!(
            "  {seen} exchanges took place and none of them passes the filters: {}",
            visible(&state.watching)
        )));
        return lines;
    }
    lines.push(Line::from(
        "  Every request that a process on this host sends or answers will appear here, also on connections",
    ));
    lines.push(Line::from("  that are open already, in the protocols that plainsight reads:"));
    lines.push(Line::from(format!("  {}.", protocol_names())));
    lines.push(Line::from(""));
    lines.push(Line::from(
        "  Not shown: what is encrypted (of HTTPS, the handshake only), and Unix domain sockets.",
    ));
    lines.push(Line::from(""));
    lines.push(Line::from("  To try it: curl http://example.org/").dim());
    let counted = format!(
        "  So far: {} events on sockets, {} connections.",
        text::grouped(status.events),
        text::grouped(status.connections)
    );
    lines.push(Line::from(counted).dim());
    lines
}

/// The protocols, as filters take them.
pub(super) fn protocol_names() -> String {
    Protocol::ALL.map(Protocol::name).join(", ")
}

fn draw_detail(state: &mut State, frame: &mut Frame<'_>, area: Rect) {
    let record = state.selected.and_then(|number| state.scrollback.at(state.scrollback.place_of(number)));
    let Some(record) = record.filter(|_| area.height > 1) else { return };
    let block = Block::new().borders(Borders::TOP).title(" exchange (PgUp PgDn scroll, Enter closes) ");
    let pane = Paragraph::new(watch_detail::lines(record)).wrap(Wrap { trim: false });
    let inner = block.inner(area);
    state.detail_page = inner.height.max(1);
    // Lines that wrap make more of it; a scroll past the end would show nothing.
    let width = usize::from(inner.width.max(1));
    let height: usize =
        watch_detail::lines(record).iter().map(|line| line.width().div_ceil(width).max(1)).sum();
    let most = u16::try_from(height).unwrap_or(u16::MAX).saturating_sub(inner.height);
    state.detail_top = state.detail_top.min(most);
    frame.render_widget(pane.block(block).scroll((state.detail_top, 0)), area);
}

fn status_line(state: &State) -> Line<'static> {
    let status = &state.status;
    let seen = format!(
        " {} exchanges/s   {} seen   {} shown   {} connections   ",
        text::rate(state.rate.per_second()),
        text::grouped(status.exchanges),
        text::grouped(state.matching),
        text::grouped(status.connections),
    );
    let style = Style::new().add_modifier(Modifier::BOLD);
    Line::from(vec![Span::styled(seen, style), loss_span(status)])
}

/// Quiet while nothing is lost, and not to be overlooked from then on.
pub(super) fn loss_span(status: &crate::signal::Status) -> Span<'static> {
    let lost = status.lost();
    if lost == 0 {
        let left_out = status.left_out();
        return match left_out.as_str() {
            "" => Span::raw("nothing lost"),
            text => Span::from(format!("nothing lost; left out: {text}")).fg(Color::Yellow),
        };
    }
    let mut text = format!(" {} EVENTS LOST", text::grouped(lost));
    for (place, loss) in status.losses.iter().filter(|loss| loss.events > 0).enumerate() {
        let separator = if place == 0 { ": " } else { "; " };
        text.push_str(separator);
        text.push_str(loss.reason);
        if !loss.remedy.is_empty() {
            text.push_str(", ");
            text.push_str(loss.remedy);
        }
    }
    let left_out = status.left_out();
    if !left_out.is_empty() {
        text.push_str("; left out: ");
        text.push_str(&left_out);
    }
    text.push(' ');
    Span::styled(text, Style::new().fg(Color::White).bg(Color::Red).add_modifier(Modifier::BOLD))
}

fn hint_line() -> Line<'static> {
    Line::from(" q quit  space pause  ↑↓ select  Enter details  / search  e failures  G follow  ? help").dim()
}

fn draw_help(frame: &mut Frame<'_>, area: Rect) {
    let mut lines: Vec<Line<'_>> =
        KEYS.iter().map(|(key, does)| Line::from(format!(" {key:<12} {does}"))).collect();
    lines.push(Line::from(""));
    for notable in [Notable::Failure, Notable::Slow, Notable::Partial] {
        let meaning = match notable {
            Notable::Failure => "failed: an error, or no response",
            Notable::Slow => "took a second or longer",
            Notable::Partial | Notable::Nothing => "a part of it was not seen",
        };
        lines.push(Line::styled(format!(" {:<12} {meaning}", notable.mark()), notable.style()));
    }
    let height = u16::try_from(lines.len()).unwrap_or(u16::MAX).saturating_add(2).min(area.height);
    let width = 64.min(area.width);
    let place =
        Rect { x: area.x + (area.width - width) / 2, y: area.y + (area.height - height) / 2, width, height };
    frame.render_widget(Clear, place);
    frame.render_widget(Paragraph::new(lines).block(Block::bordered().title(" keys ")), place);
}

#[cfg(test)]
#[path = "watch_tests.rs"]
mod tests;
