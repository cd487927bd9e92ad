//! Log files: beside requests, or alone, which is what `plainsight logs run` does and needs no privileges for but to read
//! the files.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    DaemonError, Start,
    naming::{own_resource, watch_pods},
    settings,
};
use crate::{
    config::Config,
    export::otlp::{DestinationStats, Exporter},
    identity::{Identities, Resource, pod_watch::PodWatch},
    logs::{LogService, Surroundings, records::EncoderLimits, status::PipelineStatus},
};

/// How often the main thread looks around.
const PAUSE: Duration = Duration::from_millis(100);

/// Follows log files until `asked` says so. `say` is given what a person should know, a sentence at a time.
///
/// # Errors
/// If it cannot begin, or a part fails.
pub fn run_logs(
    start: Start,
    say: &mut dyn FnMut(&str),
    asked: &dyn Fn() -> bool,
) -> Result<(Vec<PipelineStatus>, Vec<DestinationStats>), DaemonError> {
    let Start { config, environment, .. } = start;
    let (mut export, warnings) = settings::export(&config, &environment)?;
    for warning in warnings {
        say(&format!("warning: {warning}"));
    }
    if !config.logs.0.iter().any(|source| source.otlp) {
        export.destinations.clear();
    }
    let exporter = Arc::new(Exporter::start(&export)?);
    let identities = Identities::new(settings::identity(&config));
    let host = own_resource(&identities);
    let pods = if config.logs.0.iter().any(|source| source.containers.0.is_some()) {
        watch_pods(&config, &environment, &identities, say)?
    } else {
        None
    };
    let Some(mut service) = follow(&config, &exporter, &host, pods.as_ref(), say)? else {
        return Ok(Default::default());
    };
    say("following log files");
    while !asked() {
        if !service.is_running() {
            return Err(DaemonError::Broken);
        }
        service.tell(say);
        std::thread::sleep(PAUSE);
    }
    let deadline = Instant::now() + config.daemon.drain_deadline.0;
    let status = service.stop(deadline);
    let destinations = end_exporter(exporter, deadline);
    Ok((status, destinations))
}

/// Log files, where some are to be followed.
pub(super) fn follow(
    config: &Config,
    exporter: &Arc<Exporter>,
    own: &Resource,
    pods: Option<&PodWatch>,
    say: &mut dyn FnMut(&str),
) -> Result<Option<LogService>, DaemonError> {
    if config.logs.0.is_empty() {
        return Ok(None);
    }
    let (limits, delay) = log_batches(config);
    let identity = settings::identity(config);
    let pods = pods.map(PodWatch::source);
    let around = Surroundings {
        state: &config.daemon.state,
        exporter,
        limits,
        delay,
        host: own,
        identity: &identity,
        pods: pods.as_ref(),
    };
    Ok(Some(LogService::start(&config.logs, &around, say)?))
}

/// How large requests of log records become, and how long records wait.
fn log_batches(config: &Config) -> (EncoderLimits, Duration) {
    let (batches, delay) = settings::batches(config);
    // A line shall be with the receiver within a second.
    (EncoderLimits { records: batches.items, bytes: batches.bytes }, delay.min(Duration::from_millis(250)))
}

/// Sends what is left. A page that is being made holds the exporter for a moment.
pub(super) fn end_exporter(mut exporter: Arc<Exporter>, deadline: Instant) -> Vec<DestinationStats> {
    loop {
        exporter = match Arc::try_unwrap(exporter) {
            Ok(alone) => return alone.shutdown(deadline.saturating_duration_since(Instant::now())),
            Err(shared) if Instant::now() >= deadline => return shared.stats(),
            Err(shared) => shared,
        };
        std::thread::sleep(Duration::from_millis(5));
    }
}
