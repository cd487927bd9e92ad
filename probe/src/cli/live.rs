//! The kernel as a source.

use super::{
    Failure,
    capture_arguments::{CaptureArguments, HookForm},
    source::Source,
};
use crate::{
    capture::{CaptureOptions, KernelFilter, SystemCallHook},
    flow::Observer,
    identity::Identities,
    pipeline::{Live, LiveError, LiveOptions},
    signal::{Filter, Status},
};

/// What live capture is told by the arguments. The kernel leaves out what the filter would, as far as it can tell.
pub(super) fn options(arguments: &CaptureArguments, filter: &Filter) -> LiveOptions {
    let protocols = arguments.reading.settings(filter);
    let filter = filter.kernel();
    LiveOptions {
        capture: CaptureOptions {
            ring_bytes: arguments.ring_bytes,
            payload_bytes: arguments.payload_bytes,
            filter: KernelFilter {
                only_processes: filter.pids,
                only_names: filter.comms,
                only_ports: filter.ports,
                ..KernelFilter::default()
            },
            hook: match arguments.hook {
                HookForm::Best => SystemCallHook::Best,
                HookForm::Exit => SystemCallHook::Exit,
                HookForm::Raw => SystemCallHook::Raw,
            },
            ..CaptureOptions::default()
        },
        workers: arguments.workers.unwrap_or(0),
        protocols,
    }
}

/// Starts to observe, with an observer of `observer` for each worker. What the kernel tells of processes goes to
/// `identities`.
pub(super) fn start<O: Observer + Send + 'static>(
    options: &LiveOptions,
    identities: &Identities,
    observer: &mut dyn FnMut() -> O,
) -> Result<Box<dyn Source>, Failure> {
    match Live::start(options, |_| observer()) {
        Ok(mut live) => {
            if let Some(events) = live.take_process_events() {
                identities.follow(events);
            }
            Ok(Box::new(LiveSource(live)))
        }
        Err(error @ LiveError::Capture(_)) => {
            Err(Failure::Host(format!("{error}; `plainsight doctor` tells what this host allows")))
        }
        Err(error @ LiveError::Thread(_)) => {
            Err(Failure::Running(format!("{error}; raise the limit of processes")))
        }
    }
}

struct LiveSource<O: Observer + Send + 'static>(Live<O>);

impl<O: Observer + Send + 'static> Source for LiveSource<O> {
    fn status(&self) -> Status {
        self.0.status()
    }

    fn stop(self: Box<Self>) -> Result<Status, Failure> {
        let (observers, status) = self.0.stop().map_err(|error| Failure::Running(error.to_string()))?;
        // This tells the consumer that nothing more will come.
        drop(observers);
        Ok(status)
    }
}
