//! Says once what goes wrong with the backends and the Kubernetes API, and once when it is over.

use std::collections::{BTreeMap, BTreeSet};

use crate::{export::otlp::DestinationStats, identity::pod_watch::WatchState};

/// What has been said.
#[derive(Debug, Default)]
pub(super) struct Troubles {
    failing: BTreeMap<String, String>,
    warned: BTreeMap<String, String>,
    disks: BTreeSet<String>,
    kubernetes: Option<String>,
}

impl Troubles {
    /// Looks at how it stands and says what is new.
    pub(super) fn look(
        &mut self,
        destinations: &[DestinationStats],
        kubernetes: Option<WatchState>,
        say: &mut dyn FnMut(&str),
    ) {
        for destination in destinations {
            self.look_at(destination, say);
        }
        match kubernetes {
            Some(WatchState::Unreachable(reason)) if self.kubernetes.as_ref() != Some(&reason) => {
                say(&format!(
                    "warning: the Kubernetes API: {reason}; pods are named by what the container runtime knows"
                ));
                self.kubernetes = Some(reason);
            }
            Some(WatchState::Watching) if self.kubernetes.take().is_some() => {
                say("the Kubernetes API answers again");
            }
            _ => {}
        }
    }

    fn look_at(&mut self, destination: &DestinationStats, say: &mut dyn FnMut(&str)) {
        let name = &destination.name;
        match &destination.last_error {
            Some(trouble) if !trouble.over => {
                if self.failing.get(name) != Some(&trouble.sentence) {
                    say(&format!("warning: {name}: {}", trouble.sentence));
                    self.failing.insert(name.clone(), trouble.sentence.clone());
                }
            }
            _ => {
                if self.failing.remove(name).is_some() {
                    let waiting = destination.sum(|kind| kind.queued.items + kind.on_disk.items);
                    say(&format!(
                        "{name}: {} takes telemetry again; {waiting} items wait",
                        destination.target
                    ));
                }
            }
        }
        if let Some(warning) = &destination.last_warning
            && self.warned.get(name) != Some(&warning.sentence)
        {
            say(&format!("warning: {name}: {}", warning.sentence));
            self.warned.insert(name.clone(), warning.sentence.clone());
        }
        match &destination.disk_error {
            Some(error) if self.disks.insert(name.clone()) => say(&format!("warning: {name}: {error}")),
            Some(_) => {}
            None => {
                self.disks.remove(name);
            }
        }
    }
}
