//! How the parts of the daemon are, as they say themselves.
//!
//! Two questions, as Kubernetes and load balancers ask them. *Alive*: would a restart help? *Ready*: does it do its work?
//! That a backend cannot be reached makes neither untrue: a restart would only lose what waits for it.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use serde::Serialize;

/// How a part is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// It is about to do its work.
    Starting(String),
    /// It does its work.
    Well,
    /// It does less than its work, for this reason: alive and ready all the same.
    Degraded(String),
    /// It does not do its work, and may again by itself: alive, not ready.
    Failing(String),
    /// It will not do its work any more unless it is restarted: neither alive nor ready.
    Dead(String),
}

/// The parts of the daemon, shared by everyone who knows or asks.
#[derive(Debug, Clone, Default)]
pub struct Health(Arc<Mutex<Parts>>);

#[derive(Debug, Default)]
struct Parts {
    by_name: BTreeMap<String, Part>,
    registered: u64,
}

#[derive(Debug)]
struct Part {
    state: State,
    /// The time within which it must show that it moves, and when it last did.
    pulse: Option<(Duration, Instant)>,
    /// Tells the part from an earlier one of the same name.
    id: u64,
}

/// A part's own hand on its state. Dropping it takes the part away: one that was replaced has no say.
#[derive(Debug)]
pub struct Component {
    health: Health,
    name: String,
    id: u64,
}

/// What is said to one who asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// The answer in one word: `ok` or `failing`.
    pub status: &'static str,
    /// Every part, with how it is.
    pub components: BTreeMap<String, PartVerdict>,
}

/// How one part is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PartVerdict {
    /// `starting`, `ok`, `degraded`, `failing` or `dead`.
    pub status: &'static str,
    /// Why, unless it is well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Verdict {
    /// Whether the answer is yes.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.status == "ok"
    }
}

impl Health {
    /// Adds a part, which is starting.
    #[must_use]
    pub fn register(&self, name: &str) -> Component {
        self.add(name, None)
    }

    /// Adds a part that shows at least once in this time that it moves, by [`Component::beat`], and is dead if not.
    #[must_use]
    pub fn register_beating(&self, name: &str, within: Duration) -> Component {
        self.add(name, Some((within, Instant::now())))
    }

    /// Whether a restart would be of no use.
    #[must_use]
    pub fn alive(&self) -> Verdict {
        self.verdict(|status| status != "dead")
    }

    /// Whether it does its work.
    #[must_use]
    pub fn ready(&self) -> Verdict {
        self.verdict(|status| matches!(status, "ok" | "degraded"))
    }

    fn add(&self, name: &str, pulse: Option<(Duration, Instant)>) -> Component {
        let mut parts = self.parts();
        parts.registered += 1;
        let id = parts.registered;
        let state = State::Starting("it has only begun".to_owned());
        parts.by_name.insert(name.to_owned(), Part { state, pulse, id });
        Component { health: self.clone(), name: name.to_owned(), id }
    }

    fn verdict(&self, accept: impl Fn(&str) -> bool) -> Verdict {
        let components: BTreeMap<String, PartVerdict> =
            self.parts().by_name.iter().map(|(name, part)| (name.clone(), part.verdict())).collect();
        let is_ok = components.values().all(|part| accept(part.status));
        Verdict { status: if is_ok { "ok" } else { "failing" }, components }
    }

    fn parts(&self) -> MutexGuard<'_, Parts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Part {
    fn verdict(&self) -> PartVerdict {
        if let Some((within, last)) = self.pulse
            && last.elapsed() > within
        {
            let reason = format!("it has not moved for {} seconds", last.elapsed().as_secs());
            return PartVerdict { status: "dead", reason: Some(reason) };
        }
        let (status, reason) = match &self.state {
            State::Starting(reason) => ("starting", Some(reason)),
            State::Well => ("ok", None),
            State::Degraded(reason) => ("degraded", Some(reason)),
            State::Failing(reason) => ("failing", Some(reason)),
            State::Dead(reason) => ("dead", Some(reason)),
        };
        PartVerdict { status, reason: reason.cloned() }
    }
}

impl Component {
    /// Says how it is.
    pub fn set(&self, state: State) {
        self.change(|part| part.state = state);
    }

    /// Shows that it moves.
    pub fn beat(&self) {
        self.change(|part| {
            if let Some((_, last)) = &mut part.pulse {
                *last = Instant::now();
            }
        });
    }

    fn change(&self, change: impl FnOnce(&mut Part)) {
        let mut parts = self.health.parts();
        if let Some(part) = parts.by_name.get_mut(&self.name).filter(|part| part.id == self.id) {
            change(part);
        }
    }
}

impl Drop for Component {
    fn drop(&mut self) {
        let mut parts = self.health.parts();
        if parts.by_name.get(&self.name).is_some_and(|part| part.id == self.id) {
            parts.by_name.remove(&self.name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_state_answers_the_two_questions() {
        let reason = || "because".to_owned();
        let cases = [
            (State::Starting(reason()), true, false),
            (State::Well, true, true),
            (State::Degraded(reason()), true, true),
            (State::Failing(reason()), true, false),
            (State::Dead(reason()), false, false),
        ];
        for (state, alive, ready) in cases {
            let health = Health::default();
            let other = health.register("other");
            other.set(State::Well);
            let part = health.register("part");
            part.set(state.clone());
            assert_eq!((health.alive().is_ok(), health.ready().is_ok()), (alive, ready), "{state:?}");
            let told = health.ready().components["part"].reason.clone();
            assert_eq!(told.is_none(), state == State::Well, "{state:?}");
        }
    }

    #[test]
    fn a_part_that_does_not_move_is_dead_until_it_does() {
        let health = Health::default();
        let part = health.register_beating("drain", Duration::from_millis(40));
        part.set(State::Well);
        assert!(health.alive().is_ok());
        std::thread::sleep(Duration::from_millis(60));
        let verdict = health.alive();
        assert!(!verdict.is_ok());
        assert_eq!(verdict.components["drain"].reason.as_deref(), Some("it has not moved for 0 seconds"));
        part.beat();
        assert!(health.alive().is_ok() && health.ready().is_ok());
    }

    #[test]
    fn a_part_that_was_replaced_or_dropped_has_no_say() {
        let health = Health::default();
        let old = health.register("otlp");
        let new = health.register("otlp");
        new.set(State::Well);
        old.set(State::Dead("gone".to_owned()));
        drop(old);
        assert!(health.ready().is_ok());
        assert_eq!(health.ready().components.len(), 1);
        drop(new);
        assert_eq!(health.ready().components.len(), 0);
    }
}
