//! Keeps the daemon within its bounds: less and less is looked at, in steps that are said, instead of dying.
//!
//! A pure state machine: it is given what is used and what is allowed, once a second or so, and says which step holds.
//! Who owns the kernel's filters does what a step means.

use std::{fmt, time::Duration};

use super::Usage;

/// How much is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// Everything.
    Normal,
    /// The payload of some connections; of the others only bytes and lives are counted.
    Sample,
    /// No payload: bytes and lives of connections are counted.
    Count,
}

impl Step {
    /// Its number, as metrics give it: 1 is everything.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Normal => 1,
            Self::Sample => 2,
            Self::Count => 3,
        }
    }

    const fn less(self) -> Self {
        match self {
            Self::Normal => Self::Sample,
            Self::Sample | Self::Count => Self::Count,
        }
    }

    const fn more(self) -> Self {
        match self {
            Self::Normal | Self::Sample => Self::Normal,
            Self::Count => Self::Sample,
        }
    }
}

/// What may be used. What is absent has no bound.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Bounds {
    /// Processors that may be busy with this process.
    pub processors: Option<f64>,
    /// Bytes of memory that it may hold.
    pub memory: Option<u64>,
}

impl Bounds {
    /// With the bound of the cgroup as well: a tenth of it is left free, for the kernel's maps count there, too, and who
    /// reaches it is killed.
    #[must_use]
    pub fn within_cgroup(mut self, limit: Option<u64>) -> Self {
        let usable = limit.map(|limit| limit - limit / 10);
        self.memory = match (self.memory, usable) {
            (Some(own), Some(usable)) => Some(own.min(usable)),
            (own, usable) => own.or(usable),
        };
        self
    }
}

/// What is used of what may be used.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pressure {
    /// Share of the processors that may be used, smoothed; absent without a bound.
    pub processors: Option<f64>,
    /// Share of the memory that may be used; absent without a bound.
    pub memory: Option<f64>,
}

/// Another step holds from now on.
#[derive(Debug, Clone, PartialEq)]
pub struct StepChange {
    /// What held.
    pub from: Step,
    /// What holds.
    pub to: Step,
    /// What is used of what may be.
    pub pressure: Pressure,
}

/// Decides on the step.
#[derive(Debug, Clone)]
pub struct Governor {
    step: Step,
    /// Processors in use, smoothed: load comes in gusts, and a gust is no reason to look at less.
    processors: Option<f64>,
    /// How long the bounds have been exceeded without a break.
    over: Duration,
    /// How long there has been room without a break.
    under: Duration,
    /// How long there must be room before more is looked at.
    patience: Duration,
    /// How long the step has held.
    held: Duration,
    /// Whether the step before looked at less.
    went_back: bool,
}

/// What the average of the processors' time forgets half of.
const HALF_LIFE: f64 = 3.0;

/// How long too much must be used before less is looked at. What is exceeded for a moment only does no harm.
const OVER: Duration = Duration::from_secs(3);

/// Memory does not wait for an average: what is used beyond this share is acted on at once.
const URGENT_MEMORY: f64 = 1.1;

/// How long a step is given to work before the next is taken, however urgent: memory is freed only once what is on its
/// way has been worked off.
const SETTLING: Duration = Duration::from_secs(1);

/// Share below which there is room to look at more.
const ROOM: f64 = 0.7;

/// How long there must be room the first time.
const PATIENCE: Duration = Duration::from_secs(30);

/// The longest that room must last, after looking at more was too much again and again.
const LONGEST_PATIENCE: Duration = Duration::from_secs(15 * 60);

/// What is too much within this time after more was looked at, is so because of that.
const RELAPSE: Duration = Duration::from_secs(120);

impl Default for Governor {
    fn default() -> Self {
        Self {
            step: Step::Normal,
            processors: None,
            over: Duration::ZERO,
            under: Duration::ZERO,
            patience: PATIENCE,
            held: Duration::ZERO,
            went_back: false,
        }
    }
}

impl Governor {
    /// The step that holds.
    #[must_use]
    pub const fn step(&self) -> Step {
        self.step
    }

    /// Takes what was used in the time that passed since the last call, and says whether another step holds from now on.
    pub fn observe(&mut self, passed: Duration, usage: Usage, bounds: Bounds) -> Option<StepChange> {
        let pressure = self.pressure(passed, usage, bounds);
        let highest = pressure.highest();
        self.held = self.held.saturating_add(passed);
        self.over = if highest > 1.0 { self.over.saturating_add(passed) } else { Duration::ZERO };
        self.under = if highest < ROOM { self.under.saturating_add(passed) } else { Duration::ZERO };
        if self.step == Step::Normal && self.held > LONGEST_PATIENCE {
            self.patience = PATIENCE;
        }
        let is_urgent = pressure.memory.is_some_and(|memory| memory > URGENT_MEMORY);
        let to = if self.over >= OVER || (is_urgent && self.held >= SETTLING) {
            self.step.less()
        } else if self.under >= self.patience {
            self.step.more()
        } else {
            self.step
        };
        (to != self.step).then(|| self.go(to, pressure))
    }

    fn pressure(&mut self, passed: Duration, usage: Usage, bounds: Bounds) -> Pressure {
        let kept = 0.5_f64.powf(passed.as_secs_f64() / HALF_LIFE);
        let before = self.processors.unwrap_or(usage.processors);
        let average = before * kept + usage.processors * (1.0 - kept);
        self.processors = Some(average);
        #[expect(clippy::cast_precision_loss, reason = "a share is enough")]
        let share = |bound: u64| usage.memory as f64 / bound.max(1) as f64;
        Pressure {
            processors: bounds.processors.map(|bound| average / bound.max(f64::EPSILON)),
            memory: bounds.memory.map(share),
        }
    }

    fn go(&mut self, to: Step, pressure: Pressure) -> StepChange {
        let from = std::mem::replace(&mut self.step, to);
        let looks_at_less = to > from;
        if looks_at_less && self.went_back && self.held < RELAPSE {
            self.patience = (self.patience * 2).min(LONGEST_PATIENCE);
        }
        self.over = Duration::ZERO;
        self.under = Duration::ZERO;
        self.held = Duration::ZERO;
        self.went_back = !looks_at_less;
        StepChange { from, to, pressure }
    }
}

impl Pressure {
    /// The larger share; nothing where there is no bound.
    #[must_use]
    pub fn highest(&self) -> f64 {
        self.processors.unwrap_or(0.0).max(self.memory.unwrap_or(0.0))
    }
}

impl fmt::Display for Pressure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = |share: f64| (share * 100.0).round();
        match (self.processors, self.memory) {
            (Some(processors), Some(memory)) => write!(
                formatter,
                "{} % of limits.cpu and {} % of limits.memory are used",
                percent(processors),
                percent(memory)
            ),
            (Some(processors), None) => write!(formatter, "{} % of limits.cpu is used", percent(processors)),
            (None, Some(memory)) => write!(formatter, "{} % of limits.memory is used", percent(memory)),
            (None, None) => formatter.write_str("there is no bound"),
        }
    }
}

/// The line for the log.
impl fmt::Display for StepChange {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.to {
            Step::Normal => "everything is looked at again",
            Step::Sample => "from now on only the payload of some connections is looked at",
            Step::Count => "from now on only bytes and connections are counted",
        };
        write!(formatter, "{}: {what} (step {} of 3)", self.pressure, self.to.number())?;
        if self.to > self.from {
            formatter.write_str(
                "; raise the limit, or capture less with capture.only, capture.exclude or protocols.enabled",
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "limits_tests.rs"]
mod tests;
