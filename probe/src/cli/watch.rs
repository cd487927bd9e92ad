//! Exchanges one by one: on a live screen, as plain lines, or as JSON.

use std::{
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use super::{
    Failure,
    interrupt::Interrupt,
    observers::{Tallies, WatchObserver},
    session::Session,
    source::Source,
};
use crate::{
    export::{Handover, Output, OutputError, Progress},
    identity::Identities,
    signal::{Clock, Filter, IdGenerator, Record, RecordBuilder, Status},
    tui::{PlainLines, WatchScreen},
};

/// Records that each worker may be ahead of the screen.
const AHEAD: usize = 8192;

/// Pause of the consumer when there was nothing to take: short enough to seem immediate.
const PAUSE: Duration = Duration::from_millis(20);

/// How exchanges are shown.
pub(super) enum Display {
    /// A live screen; the text says what is being watched.
    Screen(String),
    /// A line of text each.
    Lines {
        /// Whether colours may be used.
        colours: bool,
    },
    /// A JSON object each.
    Json,
}

/// What is to be watched, and how it is shown.
pub(super) struct Watch {
    pub(super) filter: Filter,
    pub(super) clock: Clock,
    pub(super) display: Display,
    pub(super) duration: Option<Duration>,
    /// Who is behind a process id; nobody knows in a replay.
    pub(super) identities: Option<Identities>,
}

impl Watch {
    /// Runs to the end. `start` is given what makes an observer for each worker.
    pub(super) fn run(
        self,
        interrupt: Interrupt,
        start: impl FnOnce(&mut dyn FnMut() -> WatchObserver) -> Result<Box<dyn Source>, Failure>,
    ) -> Result<Status, Failure> {
        let handover = Handover::new(AHEAD);
        let tallies = Tallies::default();
        let filter = Arc::new(self.filter);
        let with_summaries = !matches!(self.display, Display::Json);
        let source = start(&mut || {
            let builder = RecordBuilder::new(self.clock.clone(), IdGenerator::from_system(), with_summaries);
            WatchObserver::new(
                Arc::clone(&filter),
                builder,
                handover.outbox(),
                tallies.tally(),
                self.identities.clone(),
            )
        })?;
        let mut session = Session::new(source, tallies, interrupt, self.duration);
        // Dropped before the session is: workers that wait for room must be let go before they are waited for.
        let mut incoming =
            Incoming { handover, filter, identities: self.identities, taken: Vec::new(), held: None };
        let ended = match self.display {
            Display::Screen(watching) => run_screen(&mut session, &mut incoming, watching),
            Display::Lines { colours } => {
                let mut lines = PlainLines::new(colours);
                run_lines(&mut session, &mut incoming, |output, record| output.text(&lines.line(record)))
            }
            Display::Json => run_lines(&mut session, &mut incoming, Output::record),
        };
        drop(incoming);
        ended?;
        session.finish()
    }
}

/// How long records are held back while the names of a new container are asked for, and how many at most: the workers
/// must not wait for names.
const HELD_FOR: Duration = Duration::from_secs(1);
const HELD: usize = 32_768;

/// Records from the workers, with their identities filled in.
struct Incoming {
    handover: Handover<Record>,
    filter: Arc<Filter>,
    identities: Option<Identities>,
    taken: Vec<Record>,
    /// Since when what was taken is held back.
    held: Option<Instant>,
}

impl Incoming {
    fn take(&mut self) -> (impl ExactSizeIterator<Item = Record>, Progress) {
        let progress = self.handover.take(&mut self.taken);
        if progress == Progress::Open && self.names_are_awaited() {
            self.held.get_or_insert_with(Instant::now);
            return (self.taken.drain(..0), progress);
        }
        self.held = None;
        if let Some(identities) = &self.identities {
            for record in &mut self.taken {
                record.identify(identities);
            }
        }
        if self.filter.needs_identity() {
            self.taken.retain(|record| self.filter.accepts_identity(record.identity.as_deref()));
        }
        (self.taken.drain(..), progress)
    }

    fn names_are_awaited(&self) -> bool {
        let Some(identities) = &self.identities else { return false };
        let may_wait = self.taken.len() < HELD && self.held.is_none_or(|since| since.elapsed() < HELD_FOR);
        let mut processes = self.taken.iter().filter_map(|record| record.process.as_ref());
        may_wait && processes.any(|process| identities.is_awaited(process.pid))
    }
}

fn run_lines(
    session: &mut Session,
    incoming: &mut Incoming,
    mut write: impl FnMut(&mut Output, &Record) -> Result<(), OutputError>,
) -> Result<(), Failure> {
    let mut output = Output::stdout()?;
    loop {
        let has_ended = session.has_ended();
        let (records, progress) = incoming.take();
        let is_idle = records.len() == 0;
        for record in records {
            write(&mut output, &record)?;
        }
        if is_idle {
            output.flush()?;
            if progress == Progress::Finished || has_ended {
                return Ok(());
            }
            thread::sleep(PAUSE);
        }
        session.look_at_the_clock();
    }
}

fn run_screen(session: &mut Session, incoming: &mut Incoming, watching: String) -> Result<(), Failure> {
    let mut screen = WatchScreen::open(watching).map_err(|error| {
        Failure::Running(format!("cannot draw on this terminal: {error}; use --json or a pipe"))
    })?;
    loop {
        let has_ended = session.has_ended();
        let (records, progress) = incoming.take();
        for record in records {
            screen.push(record);
        }
        if progress == Progress::Finished || has_ended {
            return Ok(());
        }
        let status = session.status();
        let wants_more = screen
            .step(&status, session.elapsed(), PAUSE)
            .map_err(|error| Failure::Running(format!("the terminal has gone: {error}")))?;
        if !wants_more {
            session.stop();
        }
        session.look_at_the_clock();
    }
}
