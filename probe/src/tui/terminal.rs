//! The terminal while a live screen has it, and its return to how it was.

use std::{
    env,
    io::{self, IsTerminal, stdout},
    time::Duration,
};

use ratatui::{
    DefaultTerminal, Frame,
    crossterm::event::{self, Event, KeyEvent, KeyEventKind},
};

/// Whether live screens can be drawn: standard output is a terminal, and not one of those that know no commands.
#[must_use]
pub fn is_usable() -> bool {
    stdout().is_terminal() && env::var_os("TERM").is_some_and(|term| term != "dumb")
}

/// Gives the terminal back as it was, whoever has it.
pub fn restore() {
    // Said to standard error as well by ratatui if it fails; there is nothing else to be done.
    ratatui::restore();
}

/// The terminal in raw mode, showing the alternate screen. Dropping it gives the terminal back, as does a panic.
pub(super) struct Terminal {
    inner: DefaultTerminal,
}

impl Terminal {
    pub(super) fn open() -> io::Result<Self> {
        Ok(Self { inner: ratatui::try_init()? })
    }

    pub(super) fn draw(&mut self, draw: impl FnOnce(&mut Frame<'_>)) -> io::Result<()> {
        self.inner.draw(draw).map(drop)
    }

    /// Waits for keys, at most so long, and gives all that were pressed meanwhile.
    pub(super) fn keys(&mut self, wait: Duration) -> io::Result<Keys> {
        let mut keys = Keys::default();
        let mut wait = wait;
        while event::poll(wait)? {
            match event::read()? {
                Event::Key(key) if key.kind != KeyEventKind::Release => keys.pressed.push(key),
                Event::Resize(..) => keys.resized = true,
                _ => {}
            }
            wait = Duration::ZERO;
        }
        Ok(keys)
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        restore();
    }
}

/// What a person did since the last look.
#[derive(Debug, Default)]
pub(super) struct Keys {
    pub(super) pressed: Vec<KeyEvent>,
    pub(super) resized: bool,
}
