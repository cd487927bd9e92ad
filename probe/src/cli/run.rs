//! The daemon as a command.

use super::{Failure, arguments::RunArguments, configuration, interrupt::Interrupt, say, summarise};
use crate::{
    daemon::{self, DaemonError, Start, Summary},
    export::{SignalKind, otlp::DestinationStats},
    pipeline::LiveError,
};

/// Runs until it is told to stop.
pub(super) fn run(arguments: RunArguments) -> Result<(), Failure> {
    if arguments.print_default_config {
        return configuration::print_default();
    }
    let (config, environment) = configuration::load(arguments.config.as_deref())?;
    let interrupt = Interrupt::listen_but_for_hangup();
    let start = Start { config, path: arguments.config, environment };
    let summary = daemon::run(start, &mut say, &|| interrupt.asked()).map_err(failure)?;
    tell(&summary);
    Ok(())
}

/// Which exit code it is: bad configuration, a host that lacks something, or a failure while running.
pub(super) fn failure(error: DaemonError) -> Failure {
    match error {
        DaemonError::Live(error @ LiveError::Capture(_)) => {
            Failure::Host(format!("{error}; `plainsight doctor` tells what this host allows"))
        }
        DaemonError::Output(error) => Failure::Output(error),
        DaemonError::Environment(_)
        | DaemonError::Export(_)
        | DaemonError::Metrics(_)
        | DaemonError::Server(_)
        | DaemonError::Logs(_)
        | DaemonError::Kubernetes(_) => Failure::Usage(error.to_string()),
        error => Failure::Running(error.to_string()),
    }
}

fn tell(summary: &Summary) {
    for destination in &summary.destinations {
        say(&line(destination));
    }
    summarise(&summary.status);
}

/// What became of telemetry at one destination, in a line.
pub(super) fn line(destination: &DestinationStats) -> String {
    const WORDS: [&str; 3] = ["spans", "data points", "log records"];
    let mut text = format!("{}:", destination.target);
    for (kind, word) in SignalKind::ALL.into_iter().zip(WORDS) {
        let stats = destination.kind(kind);
        let separator = if kind == SignalKind::Traces { "" } else { "," };
        text.push_str(&format!("{separator} {} {word}", stats.sent.items));
    }
    text.push_str(" delivered");
    for (count, what) in [
        (destination.sum(|kind| kind.rejected_items), "refused by it"),
        (destination.sum(|kind| kind.dropped.total()), "given up"),
        (destination.sum(|kind| kind.on_disk.items), "kept on disk"),
    ] {
        if count > 0 {
            text.push_str(&format!(", {count} {what}"));
        }
    }
    text
}
