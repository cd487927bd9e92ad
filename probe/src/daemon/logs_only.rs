//! Log files without requests: what `plainsight logs run` does, and needs no privileges for but to read the files.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::{DaemonError, Start, run::own_resource, settings};
use crate::{
    export::otlp::{DestinationStats, Exporter},
    identity::Identities,
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
    let host = own_resource(&Identities::new(settings::identity(&config)));
    let (limits, delay) = log_batches(&config);
    let around =
        Surroundings { state: &config.daemon.state, exporter: &exporter, limits, delay, host: &host };
    let mut service = LogService::start(&config.logs, &around, say)?;
    say("following log files");
    let mut has_told = true;
    while !asked() {
        if !service.is_running() {
            return Err(DaemonError::Broken);
        }
        let told = service.tell();
        if let (Err(error), true) = (&told, has_told) {
            say(&format!("warning: cannot write the status to {}: {error}", config.daemon.state.display()));
        }
        has_told = told.is_ok();
        std::thread::sleep(PAUSE);
    }
    let deadline = Instant::now() + config.daemon.drain_deadline.0;
    let status = service.stop(deadline);
    let destinations = super::run::end_exporter(exporter, deadline);
    Ok((status, destinations))
}

/// How large requests of log records become, and how long records wait.
pub(super) fn log_batches(config: &crate::config::Config) -> (EncoderLimits, Duration) {
    let (batches, delay) = settings::batches(config);
    // A line shall be with the receiver within a second.
    (EncoderLimits { records: batches.items, bytes: batches.bytes }, delay.min(Duration::from_millis(250)))
}
