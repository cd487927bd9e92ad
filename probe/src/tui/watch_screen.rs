//! The live table of exchanges.

use std::{
    io,
    time::{Duration, Instant},
};

use jiff::tz::TimeZone;

use super::{columns::Widths, scrollback::Scrollback, terminal::Terminal, watch_view};
use crate::signal::{Record, Status};

/// Shortest time between two drawings: ten a second are as many as anybody can read.
const BETWEEN_DRAWINGS: Duration = Duration::from_millis(100);

/// The live table on the terminal. Dropping it gives the terminal back.
pub struct WatchScreen {
    terminal: Terminal,
    state: State,
    drawn: Option<Instant>,
    is_stale: bool,
}

impl WatchScreen {
    /// Takes the terminal. `watching` says which filters are in force.
    ///
    /// # Errors
    /// If standard output is no terminal, or one that cannot be set up.
    pub fn open(watching: String) -> io::Result<Self> {
        let state = State::new(watching, TimeZone::system());
        Ok(Self { terminal: Terminal::open()?, state, drawn: None, is_stale: true })
    }

    /// Takes in an exchange.
    pub fn push(&mut self, record: Record) {
        self.state.push(record);
        self.is_stale = true;
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
        self.is_stale |= self.state.set_status(status, elapsed);
        if self.is_stale && self.drawn.is_none_or(|drawn| drawn.elapsed() >= BETWEEN_DRAWINGS) {
            let state = &mut self.state;
            self.terminal.draw(|frame| watch_view::draw(state, frame))?;
            self.drawn = Some(Instant::now());
            self.is_stale = false;
        }
        Ok(wants_more)
    }
}

/// Everything that the screen shows, apart from the terminal.
pub(super) struct State {
    pub(super) watching: String,
    pub(super) zone: TimeZone,
    pub(super) scrollback: Scrollback,
    pub(super) widths: Widths,
    /// Number of the selected record; without one, the newest are followed.
    pub(super) selected: Option<u64>,
    /// Number of the uppermost record on the screen.
    pub(super) top: u64,
    /// Rows of exchanges on the screen when it was last drawn.
    pub(super) page: usize,
    pub(super) paused: bool,
    /// Exchanges that came during the pause.
    pub(super) not_shown: u64,
    /// Exchanges that passed the filters of the command.
    pub(super) matching: u64,
    /// The text being typed after `/`.
    pub(super) typed: Option<String>,
    pub(super) detail: bool,
    pub(super) detail_top: u16,
    pub(super) detail_page: u16,
    pub(super) help: bool,
    pub(super) status: Status,
    pub(super) rate: RateMeter,
}

impl State {
    pub(super) fn new(watching: String, zone: TimeZone) -> Self {
        Self {
            watching,
            zone,
            scrollback: Scrollback::default(),
            widths: Widths::default(),
            selected: None,
            top: 0,
            page: 0,
            paused: false,
            not_shown: 0,
            matching: 0,
            typed: None,
            detail: false,
            detail_top: 0,
            detail_page: 1,
            help: false,
            status: Status::default(),
            rate: RateMeter::default(),
        }
    }

    pub(super) fn push(&mut self, record: Record) {
        self.matching += 1;
        if self.paused {
            self.not_shown += 1;
        } else {
            self.scrollback.push(record);
        }
    }

    /// Returns whether anything that is shown has changed.
    pub(super) fn set_status(&mut self, status: &Status, elapsed: Duration) -> bool {
        let has_new_rate = self.rate.count(status.exchanges, elapsed);
        let has_changed = self.status != *status;
        if has_changed {
            self.status.clone_from(status);
        }
        has_changed || has_new_rate
    }
}

/// Exchanges a second over the last second or so.
#[derive(Debug, Default)]
pub(super) struct RateMeter {
    since: Duration,
    count_then: u64,
    rate: f64,
}

impl RateMeter {
    /// Takes in the count so far. Returns whether there is a new rate.
    pub(super) fn count(&mut self, count: u64, elapsed: Duration) -> bool {
        let passed = elapsed.saturating_sub(self.since);
        if passed < Duration::from_secs(1) {
            return false;
        }
        let before = self.rate;
        #[expect(clippy::cast_precision_loss, reason = "a rate is for reading")]
        let counted = count.saturating_sub(self.count_then) as f64;
        *self = Self { since: elapsed, count_then: count, rate: counted / passed.as_secs_f64() };
        (self.rate - before).abs() > f64::EPSILON
    }

    pub(super) const fn per_second(&self) -> f64 {
        self.rate
    }
}
