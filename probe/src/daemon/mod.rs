//! What the daemon needs beside the data path: telling others how it is, and keeping itself within its bounds.

mod controls;
mod error;
mod feeder;
mod file;
mod health;
mod lane;
mod limits;
mod log_files;
mod naming;
mod notify;
mod observer;
mod own;
mod pages;
mod run;
mod server;
mod serving;
mod settings;
mod troubles;
mod usage;

pub use error::DaemonError;
pub use health::{Component, Health, PartVerdict, State, Verdict};
pub use limits::{Bounds, Governor, Pressure, Step, StepChange};
pub use log_files::run_logs;
pub use notify::Notifier;
pub use pages::{Page, Pages, places};
pub use run::{Start, Summary, run};
pub use server::{Server, ServerError};
pub use settings::identity as identity_settings;
pub use usage::{Meter, Usage, cgroup_memory_limit};
