//! Which exchanges a person asked for.

use std::time::Duration;

use plainsight_protocols::{Protocol, Side};

use super::{
    Facets, PathPattern, RemotePattern, StatusPattern,
    record::{duration, endpoints},
};
use crate::{flow::Observed, identity::Identity};

/// Length to which the kernel cuts a thread's name (`TASK_COMM_LEN` without its final zero).
const COMM_LENGTH: usize = 15;

/// An exchange passes when it passes every kind of filter that has values; of one kind, any value will do.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Protocols.
    pub protocols: Vec<Protocol>,
    /// Which end was observed.
    pub side: Option<Side>,
    /// Process ids.
    pub pids: Vec<u32>,
    /// Thread names.
    pub comms: Vec<String>,
    /// Ports of either end.
    pub ports: Vec<u16>,
    /// Addresses of the other end.
    pub remotes: Vec<RemotePattern>,
    /// Request methods and operations, in any case.
    pub methods: Vec<String>,
    /// Paths and other targets of requests.
    pub paths: Vec<PathPattern>,
    /// Statuses of the answer.
    pub statuses: Vec<StatusPattern>,
    /// Shortest duration; an exchange whose duration is not known does not pass.
    pub min_latency: Option<Duration>,
    /// Failures only.
    pub errors_only: bool,
    /// Beginnings of container ids, or names of containers.
    pub containers: Vec<String>,
    /// Beginnings of pod uids, or names of pods, with or without their namespace: `shop/web-0`.
    pub pods: Vec<String>,
}

/// The part of a filter that the kernel can apply before it copies anything. An empty list lets everything pass.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KernelFilter {
    /// Process ids.
    pub pids: Vec<u32>,
    /// Thread names, cut to the kernel's fifteen bytes.
    pub comms: Vec<String>,
    /// Ports; a connection passes with either end.
    pub ports: Vec<u16>,
}

impl Filter {
    /// Whether an exchange passes all that can be told without knowing its container: see
    /// [`Filter::accepts_identity`] for the rest.
    #[must_use]
    pub fn accepts(&self, observed: &Observed<'_>) -> bool {
        self.accepts_connection(observed) && self.accepts_course(observed) && self.accepts_content(observed)
    }

    /// Whether a process of that identity passes.
    #[must_use]
    pub fn accepts_identity(&self, identity: Option<&Identity>) -> bool {
        let container = identity.and_then(|identity| identity.container.as_deref());
        let pod = identity.and_then(|identity| identity.pod.as_deref());
        any(&self.containers, |wanted| {
            container.is_some_and(|container| {
                container.id.starts_with(wanted.as_str()) || container.name.as_deref() == Some(wanted)
            })
        }) && any(&self.pods, |wanted| {
            pod.is_some_and(|pod| pod.pod_uid.starts_with(wanted.as_str()) || pod.is_called(wanted))
        })
    }

    /// Whether [`Filter::accepts_identity`] must be asked at all.
    #[must_use]
    pub fn needs_identity(&self) -> bool {
        !self.containers.is_empty() || !self.pods.is_empty()
    }

    /// Whether nothing passes whose process is not known.
    #[must_use]
    pub fn needs_process(&self) -> bool {
        self.needs_identity() || !self.pids.is_empty() || !self.comms.is_empty()
    }

    /// What the kernel can do of it.
    #[must_use]
    pub fn kernel(&self) -> KernelFilter {
        KernelFilter {
            pids: self.pids.clone(),
            comms: self.comms.iter().map(|comm| cut_comm(comm).to_owned()).collect(),
            ports: self.ports.clone(),
        }
    }

    fn accepts_connection(&self, observed: &Observed<'_>) -> bool {
        let process = &observed.process;
        any(&self.protocols, |&protocol| protocol == observed.exchange.protocol)
            && self.side.is_none_or(|side| side == observed.side)
            && any(&self.pids, |&pid| pid == process.pid)
            && any(&self.ports, |&port| port == observed.local.port() || port == observed.remote.port())
            && any(&self.remotes, |remote| remote.matches(observed.remote))
            && (self.comms.is_empty() || {
                let comm = process.comm();
                self.comms.iter().any(|wanted| cut_comm(wanted) == comm)
            })
    }

    fn accepts_course(&self, observed: &Observed<'_>) -> bool {
        let exchange = observed.exchange;
        let slow_enough =
            self.min_latency.is_none_or(|least| duration(exchange).is_some_and(|time| time >= least));
        slow_enough && (!self.errors_only || exchange.details.error_type(observed.side).is_some())
    }

    fn accepts_content(&self, observed: &Observed<'_>) -> bool {
        if self.methods.is_empty() && self.paths.is_empty() && self.statuses.is_empty() {
            return true;
        }
        let facets = Facets::of(observed.exchange, observed.side, &endpoints(observed));
        any(&self.methods, |wanted| facets.has_method(wanted))
            && any(&self.paths, |wanted| facets.has_path(wanted))
            && any(&self.statuses, |wanted| facets.has_status(wanted))
    }
}

fn any<T>(wanted: &[T], passes: impl FnMut(&T) -> bool) -> bool {
    wanted.is_empty() || wanted.iter().any(passes)
}

fn cut_comm(comm: &str) -> &str {
    &comm[..comm.floor_char_boundary(COMM_LENGTH)]
}

#[cfg(test)]
mod tests {
    use plainsight_protocols::{CloseReason, Outcome};

    use super::*;
    use crate::{
        identity::{Container, Pod},
        signal::{Example, ExampleDetails},
    };

    fn accepts(filter: &Filter, example: &Example) -> bool {
        example.observe(|observed| filter.accepts(observed))
    }

    fn slow_failure() -> Example {
        Example {
            duration: Some(50_000_000),
            side: Side::Client,
            pid: 7,
            comm: "curl",
            details: ExampleDetails::http("POST", "/cart/9", 503),
            ..Example::default()
        }
    }

    #[test]
    fn each_filter_lets_pass_what_it_names_and_nothing_else() {
        // Each passes the slow failure, and not the design's example (nginx 4242, GET /users/17 200, 0.8 ms, server).
        let filters = [
            Filter { side: Some(Side::Client), ..Filter::default() },
            Filter { pids: vec![1, 7], ..Filter::default() },
            Filter { comms: vec!["curl".into()], ..Filter::default() },
            Filter { remotes: vec!["10.0.0.9:8080".parse().expect("an address")], ..Filter::default() },
            Filter { methods: vec!["put".into(), "post".into()], ..Filter::default() },
            Filter { paths: vec!["/cart".parse().expect("a path")], ..Filter::default() },
            Filter { statuses: vec!["5xx".parse().expect("a status")], ..Filter::default() },
            Filter { min_latency: Some(Duration::from_millis(50)), ..Filter::default() },
            Filter { errors_only: true, ..Filter::default() },
        ];
        for filter in filters {
            assert!(accepts(&filter, &slow_failure()), "{filter:?} holds back what it names");
            assert!(!accepts(&filter, &Example::default()), "{filter:?} lets pass what it does not name");
        }
    }

    #[test]
    fn no_filter_lets_everything_pass() {
        assert!(accepts(&Filter::default(), &Example::default()));
        assert!(accepts(&Filter::default(), &slow_failure()));
        assert!(!Filter::default().needs_identity());
    }

    #[test]
    fn filters_of_different_kinds_must_all_pass() {
        let mut filter = Filter { pids: vec![7], errors_only: true, ..Filter::default() };
        assert!(accepts(&filter, &slow_failure()));
        filter.pids = vec![8];
        assert!(!accepts(&filter, &slow_failure()));
    }

    #[test]
    fn a_port_is_that_of_either_end() {
        for port in [8080, 41822] {
            assert!(accepts(&Filter { ports: vec![port], ..Filter::default() }, &Example::default()));
        }
        assert!(!accepts(&Filter { ports: vec![80], ..Filter::default() }, &Example::default()));
    }

    #[test]
    fn an_exchange_without_an_end_is_an_error_but_has_no_latency_and_no_status() {
        let example = Example {
            details: ExampleDetails { error_type: Some("timeout"), ..ExampleDetails::with(&[]) },
            ..Example::without_response()
        };
        assert!(accepts(&Filter { errors_only: true, ..Filter::default() }, &example));
        assert!(!accepts(&Filter { min_latency: Some(Duration::ZERO), ..Filter::default() }, &example));
        assert!(!accepts(
            &Filter { statuses: vec!["0-999".parse().expect("a range")], ..Filter::default() },
            &example
        ));
    }

    #[test]
    fn silence_that_is_an_answer_is_no_error() {
        let outcome = Outcome::NoResponse(CloseReason::Timeout);
        let example = Example { outcome, duration: None, protocol: Protocol::Dns, ..Example::default() };
        assert!(!accepts(&Filter { errors_only: true, ..Filter::default() }, &example));
    }

    #[test]
    fn a_long_name_is_compared_as_the_kernel_cuts_it() {
        let example = Example { comm: "systemd-resolve", ..Example::default() };
        let filter = Filter { comms: vec!["systemd-resolved".into()], ..Filter::default() };
        assert!(accepts(&filter, &example));
        assert_eq!(filter.kernel().comms, ["systemd-resolve"]);
    }

    #[test]
    fn a_container_is_named_by_the_beginning_of_its_id() {
        let identity = Identity {
            container: Some(Container { id: "4f3c0ffee".into(), ..Container::default() }.into()),
            ..Identity::default()
        };
        let filter = |beginning: &str| Filter { containers: vec![beginning.into()], ..Filter::default() };
        assert!(filter("4f3c").accepts_identity(Some(&identity)));
        assert!(!filter("c0ff").accepts_identity(Some(&identity)));
        assert!(!filter("4f3c").accepts_identity(None));
        assert!(Filter::default().accepts_identity(None));
    }

    #[test]
    fn containers_and_pods_pass_by_their_names() {
        let container = Container { id: "4f3c".into(), name: Some("web".into()), ..Container::default() };
        let pod = Pod { namespace: Some("shop".into()), name: Some("web-0".into()), ..Pod::default() };
        let identity =
            Identity { container: Some(container.into()), pod: Some(pod.into()), ..Identity::default() };
        let accepts = |container: &[&str], pod: &[&str]| {
            let texts = |names: &[&str]| names.iter().map(ToString::to_string).collect();
            let filter = Filter { containers: texts(container), pods: texts(pod), ..Filter::default() };
            filter.accepts_identity(Some(&identity))
        };
        assert!(
            accepts(&["web"], &[]) && accepts(&[], &["web-0"]) && accepts(&["web"], &["x", "shop/web-0"])
        );
        assert!(!accepts(&["we"], &[]) && !accepts(&[], &["web"]) && !accepts(&["web"], &["other/web-0"]));
    }
}
