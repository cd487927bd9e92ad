//! How stack traces look in five languages.
//!
//! A trace belongs to the line before it, which says what went wrong. Each language knows lines that can only be part of a trace, and some that are so
//! only after others: [`Position`] remembers which were seen. No pattern is matched; a line is looked at once.

use super::{super::settings::Preset, is_indented};

/// What was seen of a record so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::logs::records) struct Position {
    /// The line that names the error was seen.
    has_header: bool,
    /// A line of the stack was seen.
    has_frames: bool,
    /// What comes is a traceback of Python, up to the line that names the error.
    is_in_traceback: bool,
    /// What comes is the end of a program written in Go.
    is_in_panic: bool,
    /// The last line was empty: where Node.js shows the source of an error, one comes before the error itself.
    is_after_empty: bool,
}

impl Position {
    pub(super) fn begin(presets: &[Preset], line: &[u8]) -> Self {
        let has = |preset| presets.contains(&preset);
        Self {
            has_header: presets.iter().any(|&preset| is_header(preset, line)),
            is_in_traceback: has(Preset::Python) && is_traceback(line),
            is_in_panic: has(Preset::Go) && is_panic(line),
            ..Self::default()
        }
    }

    /// Whether the line goes on with the record.
    pub(super) fn goes_on(&mut self, presets: &[Preset], line: &[u8]) -> bool {
        let goes_on = presets.iter().any(|&preset| self.goes_on_in(preset, line));
        self.is_after_empty = line.is_empty();
        goes_on
    }

    fn goes_on_in(&mut self, preset: Preset, line: &[u8]) -> bool {
        match preset {
            Preset::Python => self.python(line),
            Preset::Go => self.go(line),
            Preset::Java | Preset::DotNet | Preset::Node => self.frames(preset, line),
        }
    }

    /// Languages whose frames are indented after a line that names the error.
    fn frames(&mut self, preset: Preset, line: &[u8]) -> bool {
        if is_indented(line) {
            self.has_frames |= line.trim_ascii_start().starts_with(b"at ");
            return true;
        }
        let goes_on = match preset {
            Preset::Java => line.starts_with(b"Caused by: ") || line.starts_with(b"Suppressed: "),
            Preset::DotNet => line.starts_with(b"--- End of "),
            // After the place of the error, an empty line comes before the error itself; the end of an object stands alone.
            _ => match line {
                b"" => self.has_header || self.has_frames || !self.is_after_empty,
                b"}" | b"]" => self.has_frames,
                _ => line.starts_with(b"Node.js v") && (self.has_header || self.has_frames),
            },
        };
        if goes_on {
            return true;
        }
        // The line that names the error goes on with the one that was logged before; a second error is another record.
        if is_header(preset, line) && !self.has_header && !self.has_frames {
            self.has_header = true;
            return true;
        }
        false
    }

    fn python(&mut self, line: &[u8]) -> bool {
        if self.is_in_traceback {
            if line.is_empty() || is_indented(line) {
                return true;
            }
            // The line that names the error is the traceback's last.
            self.is_in_traceback = false;
            self.has_frames = true;
            return true;
        }
        if is_traceback(line) {
            // One that does not go on with another stands alone.
            let goes_on = !self.has_frames || self.has_header;
            self.is_in_traceback = goes_on;
            self.has_header = false;
            return goes_on;
        }
        if is_chained(line) {
            self.has_header = true;
            return self.has_frames;
        }
        is_indented(line) || (line.is_empty() && self.has_frames)
    }

    fn go(&mut self, line: &[u8]) -> bool {
        if self.is_in_panic {
            return line.is_empty() || is_indented(line) || is_of_panic(line);
        }
        // A list of goroutines goes on with the line that says why it was made; a panic says so itself.
        self.is_in_panic = line.starts_with(b"goroutine ");
        self.is_in_panic || is_indented(line)
    }
}

fn is_traceback(line: &[u8]) -> bool {
    line.starts_with(b"Traceback (most recent call last)")
}

fn is_chained(line: &[u8]) -> bool {
    line.starts_with(b"During handling of the above exception")
        || line.starts_with(b"The above exception was the ")
}

fn is_panic(line: &[u8]) -> bool {
    const BEGINNINGS: [&[u8]; 4] = [b"panic: ", b"fatal error: ", b"goroutine ", b"SIGQUIT: "];
    BEGINNINGS.iter().any(|beginning| line.starts_with(beginning))
}

/// Lines after a panic: goroutines, signals, registers, and calls like `main.(*Server).run(0xc000010000)`.
fn is_of_panic(line: &[u8]) -> bool {
    const BEGINNINGS: [&[u8]; 8] = [
        b"goroutine ",
        b"created by ",
        b"[signal ",
        b"[recovered",
        b"exit status ",
        b"runtime stack:",
        b"panic: ",
        b"fatal error: ",
    ];
    if BEGINNINGS.iter().any(|beginning| line.starts_with(beginning)) {
        return true;
    }
    let name = memchr::memchr(b'(', line).map_or(&[][..], |place| &line[..place]);
    let is_call = !name.is_empty() && !name.contains(&b' ') && name.contains(&b'.') && line.ends_with(b")");
    // `rax    0x0`: a register.
    let is_register = line.len() < 40
        && memchr::memmem::find(line, b" 0x")
            .is_some_and(|place| line[..place].trim_ascii_end().iter().all(u8::is_ascii_alphanumeric));
    is_call || is_register
}

/// Whether the line names an error: `java.lang.IllegalStateException: why`, `System.Exception: why`, `TypeError: why`.
fn is_header(preset: Preset, line: &[u8]) -> bool {
    const BEGINNINGS: [&[u8]; 3] = [b"Exception in thread ", b"Unhandled exception. ", b"Uncaught "];
    if BEGINNINGS.iter().any(|beginning| line.starts_with(beginning)) {
        return true;
    }
    let end = line.iter().position(|byte| matches!(byte, b':' | b' ' | b'(')).unwrap_or(line.len());
    let name = &line[..end];
    let is_name = name.len() < 512
        && name.first().is_some_and(u8::is_ascii_alphabetic)
        && name.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'$' | b'/'));
    if !is_name || line.get(end).is_some_and(|&byte| byte == b'(') {
        return false;
    }
    let is_error = [&b"Exception"[..], b"Error", b"Throwable"].iter().any(|word| name.ends_with(word));
    match preset {
        Preset::Java | Preset::DotNet => is_error && name.contains(&b'.'),
        // `Error [ERR_CODE]: why` has a space there.
        Preset::Node => is_error && matches!(line.get(end), Some(b':' | b' ')),
        Preset::Python | Preset::Go => false,
    }
}
