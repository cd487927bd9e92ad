//! What the daemon needs beside the data path: telling others how it is, and keeping itself within its bounds.

mod controls;
mod feeder;
mod file;
mod health;
mod lane;
mod limits;
mod logs_only;
mod notify;
mod observer;
mod own;
mod pages;
mod run;
mod server;
mod settings;
mod troubles;
mod usage;

pub use health::{Component, Health, PartVerdict, State, Verdict};
pub use limits::{Bounds, Governor, Pressure, Step, StepChange};
pub use logs_only::run_logs;
pub use notify::Notifier;
pub use pages::{Page, Pages, places};
pub use run::{DaemonError, Start, Summary, run};
pub use server::{Server, ServerError};
pub use usage::{Meter, Usage, cgroup_memory_limit};
