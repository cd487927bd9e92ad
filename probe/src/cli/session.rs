//! A source with everything that can end it: its own end, a signal, the time that was asked for.

use std::{
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use super::{Failure, interrupt::Interrupt, observers::Tallies, source::Source};
use crate::signal::Status;

/// A running observation.
pub(super) struct Session {
    state: State,
    tallies: Tallies,
    interrupt: Interrupt,
    deadline: Option<Instant>,
    started: Instant,
}

enum State {
    Running(Box<dyn Source>),
    /// The last status before the end, and the thread that waits for the end.
    Stopping(Status, JoinHandle<Result<Status, Failure>>),
    /// No thread could be had to wait: waited for on the spot.
    Stopped(Result<Status, Failure>),
}

impl Session {
    pub(super) fn new(
        source: Box<dyn Source>,
        tallies: Tallies,
        interrupt: Interrupt,
        duration: Option<Duration>,
    ) -> Self {
        let started = Instant::now();
        let deadline = duration.and_then(|duration| started.checked_add(duration));
        Self { state: State::Running(source), tallies, interrupt, deadline, started }
    }

    /// How long it has been going on.
    pub(super) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// How it goes.
    pub(super) fn status(&self) -> Status {
        let status = match &self.state {
            State::Running(source) => source.status(),
            State::Stopping(last, _) => last.clone(),
            State::Stopped(Ok(last)) => last.clone(),
            State::Stopped(Err(_)) => Status::default(),
        };
        self.tallies.complete(status)
    }

    /// Begins the end if a signal or the clock asks for it. To be called again and again.
    pub(super) fn look_at_the_clock(&mut self) {
        let is_over = self.deadline.is_some_and(|deadline| Instant::now() >= deadline);
        if is_over || self.interrupt.asked() {
            self.stop();
        }
    }

    /// Whether the source has ended, and nothing will come any more whatever the observers say.
    pub(super) fn has_ended(&self) -> bool {
        match &self.state {
            State::Running(_) => false,
            State::Stopping(_, waiting) => waiting.is_finished(),
            State::Stopped(_) => true,
        }
    }

    /// Begins the end: the consumer goes on taking what still comes, until all observers have gone.
    pub(super) fn stop(&mut self) {
        let placeholder = State::Stopped(Ok(Status::default()));
        self.state = match std::mem::replace(&mut self.state, placeholder) {
            State::Running(source) => {
                let last = source.status();
                match thread::Builder::new().name("stop".into()).spawn(move || source.stop()) {
                    Ok(waiting) => State::Stopping(last, waiting),
                    Err(error) => State::Stopped(Err(Failure::Running(format!(
                        "cannot start a thread: {error}; raise the limit of processes"
                    )))),
                }
            }
            ended => ended,
        };
    }

    /// Waits for the end, after the consumer has taken everything.
    pub(super) fn finish(mut self) -> Result<Status, Failure> {
        self.stop();
        let status = match self.state {
            State::Running(source) => source.stop(),
            State::Stopping(_, waiting) => waiting.join().unwrap_or_else(|_| {
                Err(Failure::Running("the observation failed; please report the message above".to_owned()))
            }),
            State::Stopped(result) => result,
        };
        Ok(self.tallies.complete(status?))
    }
}
