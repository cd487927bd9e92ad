//! Aggregates of exchanges: on a live screen, as tables, or as JSON.

use std::{
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::{Duration, Instant, SystemTime},
};

use super::{
    Failure,
    interrupt::Interrupt,
    observers::{StatObserver, Tallies},
    session::Session,
    source::Source,
};
use crate::{
    export::{Output, OutputError},
    identity::Identities,
    signal::{Aggregates, Filter, Grouping, KeyField, Report, Status, WallTime},
    tui::{StatScreen, stat_table},
};

/// How often a live screen shows new figures, unless told otherwise.
const REFRESH: Duration = Duration::from_secs(1);

/// Pause between two looks at the clock and the keyboard.
const PAUSE: Duration = Duration::from_millis(50);

/// How aggregates are shown.
pub(super) enum Display {
    /// A live screen; the text says what is being watched.
    Screen(String),
    /// Tables of text.
    Tables,
    /// A JSON object for each key.
    Json,
}

/// What is to be aggregated, and how it is shown.
pub(super) struct Stat {
    pub(super) filter: Filter,
    pub(super) by: Vec<KeyField>,
    pub(super) keys: usize,
    pub(super) display: Display,
    pub(super) interval: Option<Duration>,
    pub(super) duration: Option<Duration>,
    /// Who is behind a process id; nobody knows in a replay.
    pub(super) identities: Option<Identities>,
    /// Whether rates are by the time of the exchanges, as in a replay, rather than by the clock on the wall.
    pub(super) own_time: bool,
}

impl Stat {
    /// Runs to the end. `start` is given what makes an observer for each worker.
    pub(super) fn run(
        self,
        interrupt: Interrupt,
        start: impl FnOnce(&mut dyn FnMut() -> StatObserver) -> Result<Box<dyn Source>, Failure>,
    ) -> Result<Status, Failure> {
        let grouping = Grouping::new(self.by, self.filter.needs_identity());
        let mut board = Board {
            total: Aggregates::new(grouping.resolved(), self.keys),
            recent: Aggregates::new(grouping.resolved(), self.keys),
            workers: Vec::new(),
            filter: Arc::new(self.filter),
            identities: self.identities,
            own_time: self.own_time,
            first_start: wall_time_now(),
            recent_start: (Instant::now(), wall_time_now()),
        };
        let tallies = Tallies::default();
        let source = start(&mut || {
            let aggregates = Arc::new(Mutex::new(Aggregates::new(grouping.clone(), self.keys)));
            board.workers.push(Arc::clone(&aggregates));
            StatObserver::new(
                Arc::clone(&board.filter),
                aggregates,
                tallies.tally(),
                board.identities.clone(),
            )
        })?;
        let session = Session::new(source, tallies, interrupt, self.duration);
        match self.display {
            Display::Screen(watching) => run_screen(session, board, watching, self.interval),
            Display::Tables => run_reports(session, board, self.interval, |output, report| {
                if self.interval.is_some() {
                    output.text(&format!("{} to {}", report.start, report.end))?;
                }
                stat_table(report).iter().try_for_each(|line| output.text(line))
            }),
            Display::Json => run_reports(session, board, self.interval, |output, report| {
                report.objects().try_for_each(|object| output.json(&object))
            }),
        }
    }
}

/// What the workers have aggregated: all of it, and the part since the last report.
struct Board {
    total: Aggregates,
    recent: Aggregates,
    workers: Vec<Arc<Mutex<Aggregates>>>,
    filter: Arc<Filter>,
    identities: Option<Identities>,
    own_time: bool,
    first_start: WallTime,
    recent_start: (Instant, WallTime),
}

impl Board {
    /// Takes what the workers have. Returns whether any of them is still there.
    fn collect(&mut self) -> bool {
        let mut is_open = false;
        for worker in &self.workers {
            // Asked before the aggregates are taken: a worker that has gone by now adds nothing behind our back.
            is_open |= Arc::strong_count(worker) > 1;
            let taken = {
                let mut aggregates = worker.lock().unwrap_or_else(PoisonError::into_inner);
                if aggregates.is_empty() {
                    continue;
                }
                let emptied = aggregates.emptied();
                std::mem::replace(&mut *aggregates, emptied)
            };
            let identities = self.identities.as_ref();
            self.recent.collect(&taken, &self.filter, |pid| Some(identities?.resolve(pid)));
        }
        is_open
    }

    /// The exchanges since the last report, which ends with this one.
    fn report_recent(&mut self) -> Report {
        let report = self.report(&self.recent, self.recent_start.1);
        self.begin_anew();
        report
    }

    /// All exchanges, with the rates of those since the last report, which ends with this one.
    fn report_total(&mut self) -> Report {
        self.total.merge(&self.recent);
        let report = self.report(&self.total, self.first_start);
        self.begin_anew();
        report
    }

    fn report(&self, of: &Aggregates, start: WallTime) -> Report {
        let own_span = if self.own_time { self.recent.span() } else { None };
        match own_span {
            Some((first, last)) => {
                let wall = |at: plainsight_protocols::Timestamp| WallTime::from_unix_nanos(at.as_nanos());
                Report::new(of, &self.recent, last.since(first), wall(first), wall(last))
            }
            None => Report::new(of, &self.recent, self.recent_start.0.elapsed(), start, wall_time_now()),
        }
    }

    fn begin_anew(&mut self) {
        self.recent = self.recent.emptied();
        self.recent_start = (Instant::now(), wall_time_now());
    }
}

fn run_reports(
    mut session: Session,
    mut board: Board,
    interval: Option<Duration>,
    mut write: impl FnMut(&mut Output, &Report) -> Result<(), OutputError>,
) -> Result<Status, Failure> {
    let mut output = Output::stdout()?;
    let mut next = interval.map(|interval| Instant::now() + interval);
    loop {
        let has_ended = session.has_ended();
        let is_open = board.collect() && !has_ended;
        let is_due = next.is_some_and(|next| Instant::now() >= next);
        if is_due || !is_open {
            write(&mut output, &board.report_recent())?;
            output.flush()?;
            // From the time it was due, so that reports do not drift.
            next = next.zip(interval).map(|(next, interval)| (next + interval).max(Instant::now()));
        }
        if !is_open {
            return session.finish();
        }
        let left = next.map_or(PAUSE, |next| next.saturating_duration_since(Instant::now()).min(PAUSE));
        thread::sleep(left);
        session.look_at_the_clock();
    }
}

fn run_screen(
    mut session: Session,
    mut board: Board,
    watching: String,
    interval: Option<Duration>,
) -> Result<Status, Failure> {
    let mut screen = StatScreen::open(watching).map_err(|error| {
        Failure::Running(format!("cannot draw on this terminal: {error}; use --json or a pipe"))
    })?;
    let refresh = interval.unwrap_or(REFRESH);
    let mut next = Instant::now();
    loop {
        let has_ended = session.has_ended();
        let is_open = board.collect() && !has_ended;
        if !is_open {
            let last = board.report_total();
            drop(screen);
            // What was on the screen stays readable after it.
            let mut output = Output::stdout()?;
            stat_table(&last).iter().try_for_each(|line| output.text(line))?;
            output.flush()?;
            return session.finish();
        }
        if Instant::now() >= next {
            next = Instant::now() + refresh;
            screen.show(if interval.is_some() { board.report_recent() } else { board.report_total() });
        }
        let wants_more = screen
            .step(&session.status(), session.elapsed(), PAUSE)
            .map_err(|error| Failure::Running(format!("the terminal has gone: {error}")))?;
        if !wants_more {
            session.stop();
        }
        session.look_at_the_clock();
    }
}

fn wall_time_now() -> WallTime {
    let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    WallTime::from_unix_nanos(u64::try_from(since_1970.as_nanos()).unwrap_or(u64::MAX))
}
