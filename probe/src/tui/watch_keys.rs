//! What the keys of the watch screen do.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::{scrollback::Sift, watch_screen::State};

/// Longest text that can be typed to sift by.
const TYPED_LIMIT: usize = 80;

/// Every key with what it does, for the help.
pub(super) const KEYS: [(&str, &str); 11] = [
    ("q, Ctrl-C", "quit"),
    ("space", "pause: what comes is counted and not shown"),
    ("↑ ↓, j k", "select an exchange"),
    ("PgUp PgDn", "one page"),
    ("g, Home", "the oldest kept"),
    ("G, End", "the newest, and follow"),
    ("Enter", "everything known of the selected exchange"),
    ("/", "show only what contains a text"),
    ("e", "show only failures"),
    ("Esc", "close, drop the text, follow again"),
    ("?", "this help"),
];

impl State {
    /// Acts on a key. Returns whether the person wants to go on.
    pub(super) fn press(&mut self, key: KeyEvent) -> bool {
        let is_control_c = key.modifiers.contains(KeyModifiers::CONTROL) && key.code == KeyCode::Char('c');
        if is_control_c {
            return false;
        }
        if self.typed.is_some() {
            self.type_key(key);
            return true;
        }
        if self.help {
            self.help = false;
            return key.code != KeyCode::Char('q');
        }
        let page = isize::try_from(self.page.max(1)).unwrap_or(1);
        match key.code {
            KeyCode::Char('q') => return false,
            KeyCode::Char('?' | 'h') | KeyCode::F(1) => self.help = true,
            KeyCode::Char(' ') => self.toggle_pause(),
            KeyCode::Char('/') => self.typed = Some(self.scrollback.sift().text.clone()),
            KeyCode::Char('e') => {
                let sift = self.scrollback.sift().clone();
                self.scrollback.set_sift(Sift { errors_only: !sift.errors_only, ..sift });
            }
            KeyCode::Up | KeyCode::Char('k') => self.move_by(-1),
            KeyCode::Down | KeyCode::Char('j') => self.move_by(1),
            KeyCode::PageUp if self.detail => {
                self.detail_top = self.detail_top.saturating_sub(self.detail_page);
            }
            KeyCode::PageDown if self.detail => {
                self.detail_top = self.detail_top.saturating_add(self.detail_page);
            }
            KeyCode::PageUp => self.move_by(-page),
            KeyCode::PageDown => self.move_by(page),
            KeyCode::Home | KeyCode::Char('g') => self.select(0),
            KeyCode::End | KeyCode::Char('G') => self.follow(),
            KeyCode::Enter => self.toggle_detail(),
            KeyCode::Esc => self.step_back(),
            _ => {}
        }
        true
    }

    fn type_key(&mut self, key: KeyEvent) {
        let Some(typed) = &mut self.typed else { return };
        match key.code {
            KeyCode::Enter => {
                self.typed = None;
                return;
            }
            KeyCode::Esc => {
                typed.clear();
            }
            KeyCode::Backspace => {
                typed.pop();
            }
            KeyCode::Char('u') if key.modifiers.contains(KeyModifiers::CONTROL) => typed.clear(),
            KeyCode::Char(character) if typed.chars().count() < TYPED_LIMIT => typed.push(character),
            _ => return,
        }
        let text = typed.clone();
        if key.code == KeyCode::Esc {
            self.typed = None;
        }
        let errors_only = self.scrollback.sift().errors_only;
        self.scrollback.set_sift(Sift { errors_only, text });
    }

    fn toggle_pause(&mut self) {
        self.paused = !self.paused;
        if !self.paused {
            self.not_shown = 0;
        }
    }

    fn toggle_detail(&mut self) {
        self.detail_top = 0;
        self.detail = !self.detail && self.scrollback.len() > 0;
        if self.detail && self.selected.is_none() {
            self.select(self.scrollback.len() - 1);
        }
    }

    fn step_back(&mut self) {
        let sift = self.scrollback.sift();
        if self.detail {
            self.detail = false;
        } else if !sift.text.is_empty() || sift.errors_only {
            self.scrollback.set_sift(Sift::default());
        } else {
            self.follow();
        }
    }

    fn follow(&mut self) {
        self.selected = None;
    }

    fn select(&mut self, place: usize) {
        self.selected = self.scrollback.number_at(place);
        self.detail_top = 0;
    }

    fn move_by(&mut self, rows: isize) {
        let Some(last) = self.scrollback.len().checked_sub(1) else { return };
        let target = match self.selected {
            // The first step up from following is onto the newest row.
            None if rows < 0 => last.saturating_add_signed(rows + 1),
            None => return,
            Some(number) => self.scrollback.place_of(number).saturating_add_signed(rows),
        };
        self.select(target.min(last));
    }
}
