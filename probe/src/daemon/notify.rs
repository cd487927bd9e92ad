//! Telling systemd how the daemon is (`sd_notify(3)`). Elsewhere nobody listens, and nothing happens.

use std::{io, time::Duration};

use sd_notify::NotifyState;

use super::Health;

/// The longest status line that is passed on.
const STATUS_BYTES: usize = 500;

/// Speaks to systemd, if it listens.
#[derive(Debug, Clone, Default)]
pub struct Notifier {
    watchdog: Option<Duration>,
}

impl Notifier {
    /// As systemd set up this process.
    #[must_use]
    pub fn of_process() -> Self {
        Self { watchdog: sd_notify::watchdog_enabled() }
    }

    /// The work has begun, or goes on after a reload.
    ///
    /// # Errors
    /// If systemd is there and does not take it.
    pub fn ready(&self, status: &str) -> io::Result<()> {
        sd_notify::notify(&[NotifyState::Ready, NotifyState::Status(line(status))])
    }

    /// The configuration is being read anew; [`Self::ready`] must follow.
    ///
    /// # Errors
    /// If systemd is there and does not take it.
    pub fn reloading(&self) -> io::Result<()> {
        // The moment is what systemd wants of services of type notify-reload.
        sd_notify::notify(&[NotifyState::Reloading, NotifyState::monotonic_usec_now()?])
    }

    /// The end has begun, and may take this long from now.
    ///
    /// # Errors
    /// If systemd is there and does not take it.
    pub fn stopping(&self, within: Duration) -> io::Result<()> {
        let micros = u32::try_from(within.as_micros()).unwrap_or(u32::MAX);
        sd_notify::notify(&[NotifyState::Stopping, NotifyState::ExtendTimeoutUsec(micros)])
    }

    /// A line for `systemctl status`.
    ///
    /// # Errors
    /// If systemd is there and does not take it.
    pub fn status(&self, status: &str) -> io::Result<()> {
        sd_notify::notify(&[NotifyState::Status(line(status))])
    }

    /// Goes on telling systemd's watchdog that all is well for as long as it is, at twice the rate it asks for. Ends at
    /// once where no watchdog waits.
    pub async fn run_watchdog(self, health: Health) {
        let Some(period) = self.watchdog.map(|watchdog| watchdog / 2).filter(|period| !period.is_zero())
        else {
            return;
        };
        let mut ticks = tokio::time::interval(period);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            if health.alive().is_ok() {
                // If this is not taken, systemd will do what it does to a process that does not answer, as it should.
                let _ = sd_notify::notify(&[NotifyState::Watchdog]);
            }
        }
    }
}

/// One line of bounded length: a line break would begin another message.
fn line(status: &str) -> &str {
    let line = status.lines().next().unwrap_or_default();
    let end = (0..=STATUS_BYTES.min(line.len())).rev().find(|&end| line.is_char_boundary(end));
    line.get(..end.unwrap_or_default()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::{os::unix::net::UnixDatagram, process::Command};

    use super::{super::State, *};

    /// Run by itself, nobody listens and nothing fails. The tests below run it once more as a process of its own, with
    /// a socket in its environment.
    #[test]
    fn whatever_is_said_is_taken() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let notifier = Notifier::of_process();
        notifier.ready("serving\nWATCHDOG=trigger").expect("taken");
        notifier.status(&"ü".repeat(STATUS_BYTES)).expect("taken");
        notifier.reloading().expect("taken");
        let health = Health::default();
        let part = health.register("capture");
        part.set(State::Well);
        let watch = |time| {
            let watchdog = notifier.clone().run_watchdog(health.clone());
            let _ =
                runtime.block_on(async { tokio::time::timeout(Duration::from_millis(time), watchdog).await });
        };
        watch(220);
        part.set(State::Dead("gone".to_owned()));
        watch(220);
        notifier.stopping(Duration::from_secs(10)).expect("taken");
    }

    fn said(environment: &[(&str, &str)]) -> Vec<String> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("notify");
        let socket = UnixDatagram::bind(&path).expect("a socket");
        socket.set_nonblocking(true).expect("a mode");
        let status = Command::new(std::env::current_exe().expect("a path"))
            .args(["--exact", "daemon::notify::tests::whatever_is_said_is_taken"])
            .env("NOTIFY_SOCKET", &path)
            .envs(environment.iter().copied())
            .output()
            .expect("it runs");
        assert!(status.status.success(), "{}", String::from_utf8_lossy(&status.stdout));
        let mut messages = Vec::new();
        let mut buffer = [0; 2048];
        while let Ok(length) = socket.recv(&mut buffer) {
            messages.push(String::from_utf8_lossy(&buffer[..length]).trim_end().to_owned());
        }
        messages
    }

    #[test]
    fn systemd_hears_readiness_reload_watchdog_and_end() {
        let messages = said(&[("WATCHDOG_USEC", "100000")]);
        assert_eq!(messages[0], "READY=1\nSTATUS=serving");
        assert_eq!(messages[1], format!("STATUS={}", "ü".repeat(STATUS_BYTES / 2)));
        assert!(messages[2].starts_with("RELOADING=1\nMONOTONIC_USEC="), "{messages:?}");
        // Every 50 ms for 220 ms while all is well, and not once afterwards.
        let beats = messages.iter().filter(|message| *message == "WATCHDOG=1").count();
        assert!((2..=5).contains(&beats), "{messages:?}");
        assert_eq!(messages.last().map(String::as_str), Some("STOPPING=1\nEXTEND_TIMEOUT_USEC=10000000"));
        assert_eq!(messages.len(), 4 + beats, "{messages:?}");
    }

    #[test]
    fn nobody_is_told_of_a_watchdog_that_waits_for_another_process() {
        let messages = said(&[("WATCHDOG_USEC", "100000"), ("WATCHDOG_PID", "1")]);
        assert!(messages.iter().all(|message| message != "WATCHDOG=1"), "{messages:?}");
        assert_eq!(messages.len(), 4);
    }

    #[test]
    fn without_a_watchdog_its_task_ends_at_once() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(Notifier::default().run_watchdog(Health::default()));
    }
}
