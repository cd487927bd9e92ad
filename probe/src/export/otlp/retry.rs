//! How long to wait before a batch is sent again.

use std::time::Duration;

use super::RetrySettings;

/// What a receiver may ask for at most. Longer waits are taken for a mistake: a queue that stands still for a day loses
/// more than a request every ten minutes costs.
pub const LONGEST_ASKED_WAIT: Duration = Duration::from_secs(600);

/// The waits of one batch.
#[derive(Debug)]
pub(super) struct Backoff {
    settings: RetrySettings,
    next: Duration,
}

impl Backoff {
    pub(super) fn new(settings: RetrySettings) -> Self {
        Self { settings, next: settings.first.min(settings.cap) }
    }

    /// The wait before the next attempt; never shorter than the receiver asked for, within reason.
    pub(super) fn wait(&mut self, asked: Option<Duration>) -> Duration {
        let own = self.next;
        // `f64` overflows to infinity, which no duration can be.
        let factor = self.settings.factor.clamp(1.0, 100.0);
        self.next = Duration::try_from_secs_f64(own.as_secs_f64() * factor)
            .map_or(self.settings.cap, |next| next.min(self.settings.cap));
        // Many senders were asked the same: they come back spread over a tenth more.
        let asked = asked.unwrap_or_default().min(LONGEST_ASKED_WAIT).mul_f64(1.0 + 0.1 * fastrand::f64());
        // A receiver that asks for no wait at all, again and again, is given some peace all the same.
        own.mul_f64(0.5 + 0.5 * fastrand::f64()).max(asked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_the_cap_and_differ() {
        let settings = RetrySettings {
            first: Duration::from_millis(100),
            factor: 2.0,
            cap: Duration::from_secs(1),
            ..RetrySettings::default()
        };
        let mut backoff = Backoff::new(settings);
        for whole in [100, 200, 400, 800, 1000, 1000] {
            let wait = backoff.wait(None);
            let whole = Duration::from_millis(whole);
            assert!(wait >= whole / 2 && wait <= whole, "{wait:?} instead of up to {whole:?}");
        }
        let waits: Vec<_> = (0..50).map(|_| backoff.wait(None)).collect();
        assert!(waits.iter().any(|wait| *wait != waits[0]), "there is no jitter: {waits:?}");
    }

    #[test]
    fn the_receiver_is_never_asked_before_it_wants_to_be() {
        let mut backoff = Backoff::new(RetrySettings::default());
        for _ in 0..50 {
            let wait = backoff.wait(Some(Duration::from_secs(20)));
            assert!(wait >= Duration::from_secs(20) && wait <= Duration::from_secs(30), "{wait:?}");
        }
        assert!(
            backoff.wait(Some(Duration::ZERO)) >= Duration::from_secs(1),
            "asked for no wait, it got none"
        );
        assert!(backoff.wait(Some(Duration::MAX)) <= LONGEST_ASKED_WAIT.mul_f64(1.1));
    }

    #[test]
    fn absurd_settings_give_waits_still() {
        let settings = RetrySettings { factor: f64::NAN, first: Duration::MAX, ..RetrySettings::default() };
        let mut backoff = Backoff::new(settings);
        assert!(backoff.wait(None) <= settings.cap);
        assert!(backoff.wait(None) <= settings.cap);
    }
}
