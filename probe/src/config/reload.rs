//! Reads the configuration anew when its file changes, and when SIGHUP says so.
//!
//! It is the folder that is watched and not the file: editors and configuration management put a new file in its place,
//! and Kubernetes swaps a symbolic link beside it. What counts is whether the text differs from what was read last.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel, sync_channel},
    thread,
    time::{Duration, Instant},
};

use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use signal_hook::{consts::SIGHUP, iterator::Signals};

use super::{Changes, Config, ConfigError, Environment, Loaded};

/// How long nothing must change in the folder before the file is read: whoever writes it may not have finished.
const QUIET: Duration = Duration::from_millis(200);

/// The longest that a restless folder delays the reading.
const LONGEST_DELAY: Duration = Duration::from_secs(2);

/// How often the file is looked at even if nothing is heard of it: some file systems report nothing, and a folder that was
/// replaced is not the one that is watched.
const LOOK: Duration = Duration::from_secs(30);

/// Reloads that wait for whoever applies them. More wait in the file.
const WAITING: usize = 4;

/// What a look at the configuration gave.
#[derive(Debug)]
pub enum Reload {
    /// It is right, and differs from what holds.
    Changed {
        /// What is new, with warnings.
        loaded: Box<Loaded>,
        /// The keys that differ from what the file said when it was right last.
        changes: Changes,
    },
    /// It says the same as before: only a comment changed, what was wrong was taken back, or a signal asked for nothing.
    Unchanged,
    /// It is wrong: what held before goes on to hold.
    Refused(ConfigError),
}

impl std::fmt::Display for Reload {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Changed { changes, .. } => write!(formatter, "the configuration was read anew: {changes}"),
            Self::Unchanged => formatter.write_str("the configuration was read anew: nothing changed"),
            Self::Refused(error) => {
                write!(
                    formatter,
                    "the configuration cannot be used, so the one before goes on to hold:\n{error}"
                )
            }
        }
    }
}

/// Watches the configuration until it is dropped.
#[derive(Debug)]
pub struct Reloader {
    /// Dropped to end the thread.
    wake: Option<Sender<Wake>>,
    signals: signal_hook::iterator::Handle,
    /// What cannot be watched, and what follows from that.
    warning: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wake {
    /// Something happened in the folder.
    Folder,
    /// A signal asks.
    Signal,
    /// The end.
    End,
}

impl Reloader {
    /// Watches a file whose text is `loaded`. Without `watch_file` only the signal counts.
    ///
    /// # Errors
    /// If the signal or a thread cannot be had.
    pub fn start(
        path: &Path,
        environment: Environment,
        current: Config,
        watch_file: bool,
    ) -> io::Result<(Self, Receiver<Reload>)> {
        let (wake, woken) = channel();
        let (sender, receiver) = sync_channel(WAITING);
        let mut hangups = Signals::new([SIGHUP])?;
        let signals = hangups.handle();
        let hangup = wake.clone();
        thread::Builder::new().name("hangup".into()).spawn(move || {
            for _ in hangups.forever() {
                if hangup.send(Wake::Signal).is_err() {
                    break;
                }
            }
        })?;
        let mut watched = Watched { path: path.to_owned(), folders: Vec::new(), watcher: None };
        let warning = if watch_file { watched.begin(wake.clone()).err() } else { None };
        let reading = Reading { text: fs::read(path).ok(), watched, watch_file, environment, current };
        thread::Builder::new().name("configuration".into()).spawn(move || reading.run(&woken, &sender))?;
        Ok((Self { wake: Some(wake), signals, warning }, receiver))
    }

    /// What a person should know: that the folder cannot be watched, and how changes are noticed instead.
    #[must_use]
    pub fn warning(&self) -> Option<&str> {
        self.warning.as_deref()
    }
}

impl Drop for Reloader {
    fn drop(&mut self) {
        self.signals.close();
        if let Some(wake) = self.wake.take() {
            let _ = wake.send(Wake::End);
        }
    }
}

/// The folders in which something may happen to the file.
struct Watched {
    path: PathBuf,
    folders: Vec<PathBuf>,
    watcher: Option<RecommendedWatcher>,
}

impl Watched {
    fn begin(&mut self, wake: Sender<Wake>) -> Result<(), String> {
        let path = self.path.display().to_string();
        let instead = |error: notify::Error| {
            format!(
                "{path} cannot be watched ({error}), so changes are noticed up to {} seconds late; raise \
                 fs.inotify.max_user_instances, or send SIGHUP after a change",
                LOOK.as_secs()
            )
        };
        let heard = move |event: notify::Result<notify::Event>| {
            // Reading the file is something that happens in the folder, too.
            if event.is_ok_and(|event| !event.kind.is_access()) {
                let _ = wake.send(Wake::Folder);
            }
        };
        self.watcher = Some(notify::recommended_watcher(heard).map_err(instead)?);
        self.follow().map_err(instead)
    }

    /// Watches the file's folder, and the folder of what it is a link to, which may be another each time.
    fn follow(&mut self) -> notify::Result<()> {
        let Some(watcher) = &mut self.watcher else { return Ok(()) };
        let folder = |path: &Path| match path.parent() {
            Some(folder) if folder != Path::new("") => folder.to_owned(),
            _ => PathBuf::from("."),
        };
        let mut wanted = vec![folder(&self.path)];
        wanted.extend(fs::canonicalize(&self.path).ok().map(|target| folder(&target)));
        wanted.dedup();
        for gone in self.folders.iter().filter(|folder| !wanted.contains(folder)) {
            // It may not exist any more, and then is not watched.
            let _ = watcher.unwatch(gone);
        }
        let mut result = Ok(());
        for new in &wanted {
            if !self.folders.contains(new) {
                result = result.and(watcher.watch(new, RecursiveMode::NonRecursive));
            }
        }
        self.folders = wanted;
        result
    }
}

struct Reading {
    /// The bytes that were read last, if they could be.
    text: Option<Vec<u8>>,
    watched: Watched,
    watch_file: bool,
    environment: Environment,
    current: Config,
}

impl Reading {
    fn run(mut self, woken: &Receiver<Wake>, sender: &SyncSender<Reload>) {
        loop {
            let wake = match woken.recv_timeout(LOOK) {
                Ok(wake) => wake,
                Err(RecvTimeoutError::Timeout) if self.watch_file => Wake::Folder,
                Err(RecvTimeoutError::Timeout) => continue,
                Err(RecvTimeoutError::Disconnected) => return,
            };
            let wake = settle(wake, woken);
            if wake == Wake::End {
                return;
            }
            let reload = self.look(wake == Wake::Signal);
            // Where the folder has gone for the moment, the next look comes by the clock.
            let _ = self.watched.follow();
            if let Some(reload) = reload
                && sender.send(reload).is_err()
            {
                return;
            }
        }
    }

    /// Reads the file if it differs, or if a signal asks.
    fn look(&mut self, asked: bool) -> Option<Reload> {
        let text = fs::read(&self.watched.path).ok();
        if text == self.text && !asked {
            return None;
        }
        self.text = text;
        match Config::load(&self.watched.path, &self.environment) {
            Ok(loaded) => {
                let changes = loaded.config.changes(&self.current);
                if changes.is_empty() {
                    // A comment may have changed; or what was wrong was taken back.
                    return Some(Reload::Unchanged);
                }
                self.current = loaded.config.clone();
                Some(Reload::Changed { loaded: Box::new(loaded), changes })
            }
            Err(error) => Some(Reload::Refused(error)),
        }
    }
}

/// Waits until nothing happens for a moment; a signal among what happens makes it one.
fn settle(first: Wake, woken: &Receiver<Wake>) -> Wake {
    let began = Instant::now();
    let mut settled = first;
    while began.elapsed() < LONGEST_DELAY && settled != Wake::End {
        match woken.recv_timeout(QUIET) {
            Ok(Wake::Folder) => {}
            Ok(other) => settled = other,
            Err(_) => break,
        }
    }
    settled
}

#[cfg(test)]
#[path = "reload_tests.rs"]
mod tests;
