//! What a person sees: live screens, and the same as plain lines.

mod columns;
mod plain;
mod row;
mod scrollback;
mod stat_screen;
mod stat_table;
mod terminal;
mod text;
mod watch_detail;
mod watch_keys;
mod watch_screen;
mod watch_view;

pub use plain::PlainLines;
pub use stat_screen::StatScreen;
pub use stat_table::stat_table;
pub use terminal::{is_usable as terminal_is_usable, restore as restore_terminal};
pub use watch_screen::WatchScreen;
