//! Why there is no daemon, or none any longer.

use std::io;

use thiserror::Error;

use super::ServerError;
use crate::{
    export::{
        OutputError,
        otlp::{EnvironmentError, StartError},
    },
    identity::pod_watch::PodWatchError,
    logs::LogError,
    pipeline::LiveError,
    signal::metrics::MetricSettingsError,
};

/// Why the daemon could not begin, or ended.
#[derive(Debug, Error)]
pub enum DaemonError {
    /// The kernel side.
    #[error(transparent)]
    Live(#[from] LiveError),
    /// A variable of the environment.
    #[error(transparent)]
    Environment(#[from] EnvironmentError),
    /// A destination.
    #[error(transparent)]
    Export(#[from] StartError),
    /// A metric that the configuration names.
    #[error("metrics: {0}")]
    Metrics(#[from] MetricSettingsError),
    /// The Kubernetes API.
    #[error(transparent)]
    Kubernetes(#[from] PodWatchError),
    /// An address to listen on.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// The file for records.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// Log files.
    #[error(transparent)]
    Logs(#[from] LogError),
    /// A thread or a runtime.
    #[error("cannot start a thread: {0}; raise the limit of processes")]
    Thread(#[from] io::Error),
    /// A thread ended that should not.
    #[error("a thread of the observation failed; its message stands above")]
    Broken,
}
