//! What the daemon needs beside the data path: telling others how it is, and keeping itself within its bounds.

mod health;
mod limits;
mod notify;
mod pages;
mod server;
mod usage;

pub use health::{Component, Health, PartVerdict, State, Verdict};
pub use limits::{Bounds, Governor, Pressure, Step, StepChange};
pub use notify::Notifier;
pub use pages::{Page, Pages, places};
pub use server::{Server, ServerError};
pub use usage::{Meter, Usage, cgroup_memory_limit};
