//! The daemon: from the kernel to the backends until it is told to stop.

use std::{
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
        mpsc::Receiver,
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use super::{
    DaemonError, Health, Meter, Notifier, State, Step, StepChange,
    controls::{Choices, Controls},
    feeder::{Feeder, FeederCounts},
    file,
    lane::Lane,
    log_files::{end_exporter, follow},
    naming::{names, own_resource, services, watch_pods},
    observer::DaemonObserver,
    own::{Sources, step_number},
    serving::Serving,
    settings,
    troubles::Troubles,
    usage::memory,
};
use crate::{
    config::{Config, Environment, Reload, Reloader, Switch},
    daemon::{Bounds, Governor, cgroup_memory_limit},
    export::{
        Handover, Outbox, SignalKind,
        otlp::{DestinationStats, Exporter},
    },
    heap,
    identity::{Identities, Noticing, pod_watch::PodWatch},
    logs::LogService,
    pipeline::{Attention, Live},
    signal::{
        Clock, IdGenerator, LossReason, Record, RecordBuilder, Status, WallTime,
        access_log::AccessLogRecorder,
        metrics::{MetricPlan, MetricStore},
        otlp::Limits,
        traces::{SpanRecorder, TraceTables},
    },
};

/// Records for the file that each worker may be ahead.
const AHEAD: usize = 8192;

/// How often the main thread looks around.
const PAUSE: Duration = Duration::from_millis(200);

/// How often it measures itself.
const MEASURE: Duration = Duration::from_secs(1);

/// How long a thread may stand still before the daemon counts as dead.
const PULSE: Duration = Duration::from_secs(30);

/// What the daemon is started with.
pub struct Start {
    /// The configuration.
    pub config: Config,
    /// The file that it came from, which is read again when it changes.
    pub path: Option<PathBuf>,
    /// Variables of the environment.
    pub environment: Environment,
}

/// What became of it all.
#[derive(Debug, Clone)]
pub struct Summary {
    /// Of the observation.
    pub status: Status,
    /// Of each destination.
    pub destinations: Vec<DestinationStats>,
}

/// Runs until `asked` says so. `say` is given what a person should know, a sentence at a time.
///
/// # Errors
/// If it cannot begin, or a part that it cannot do without fails.
pub fn run(
    start: Start,
    say: &mut dyn FnMut(&str),
    asked: &dyn Fn() -> bool,
) -> Result<Summary, DaemonError> {
    let Start { config, path, environment } = start;
    let health = Health::default();
    let mut running = Running::start(config.clone(), &environment, &health, say)?;
    let reloads = match path {
        Some(path) => {
            let (reloader, reloads) =
                Reloader::start(&path, environment, config, running.config.daemon.watch_file)?;
            if let Some(warning) = reloader.warning() {
                say(&format!("warning: {warning}"));
            }
            Some((reloader, reloads))
        }
        None => None,
    };
    let notifier = Notifier::of_process();
    // Where systemd is not listening, nothing happens; where it listens badly, it will say so itself.
    let _ = notifier.ready("watching this host");
    say(&running.greeting());
    let outcome = running.watch_over(reloads.as_ref().map(|(_, reloads)| reloads), &notifier, say, asked);
    let within = running.config.daemon.drain_deadline.0;
    let _ = notifier.stopping(within + Duration::from_secs(5));
    let summary = running.stop(within)?;
    outcome.map(|()| summary)
}

/// All parts at work.
struct Running {
    config: Config,
    live: Live<DaemonObserver>,
    identities: Identities,
    pods: Option<PodWatch>,
    exporter: Arc<Exporter>,
    feeder: JoinHandle<()>,
    counts: Arc<Mutex<FeederCounts>>,
    file: Option<JoinHandle<super::Component>>,
    logs: Option<LogService>,
    tables: Arc<TraceTables>,
    store: Option<Arc<MetricStore>>,
    controls: Controls,
    serving: Serving,
    governor: Governor,
    step: Arc<AtomicU64>,
    capture: super::Component,
}

impl Running {
    fn start(
        config: Config,
        environment: &Environment,
        health: &Health,
        say: &mut dyn FnMut(&str),
    ) -> Result<Self, DaemonError> {
        let capture = health.register_beating("capture", PULSE);
        let (export, warnings) = settings::export(&config, environment)?;
        for warning in warnings {
            say(&format!("warning: {warning}"));
        }
        let plan = MetricPlan::new(settings::metrics(&config))?;
        let output = match &config.export.file.path {
            Switch::On(path) => Some(file::open(path)?),
            Switch::Off => None,
        };
        let exporter = Arc::new(Exporter::start(&export)?);
        let identities = Identities::new(settings::identity(&config));
        let pods = watch_pods(&config, environment, &identities, say)?;
        let own = own_resource(&identities);
        let store = config
            .metrics
            .enabled
            .then(|| MetricStore::new(plan, Arc::clone(&own), names(identities.clone()), WallTime::now()));
        let (batches, delay) = settings::batches(&config);
        let spans = Lane::new(SignalKind::Traces, batches, delay);
        let logs = Lane::new(SignalKind::Logs, batches, delay);
        let choices = choices(&config);
        let controls = Controls::new(choices.clone());
        let tables = Arc::new(TraceTables::by_service(services(identities.clone())));
        let handover: Option<Handover<Record>> = output.is_some().then(|| Handover::new(AHEAD));
        let outbox = || -> Option<(RecordBuilder, Outbox<Record>)> {
            let builder = RecordBuilder::new(Clock::boot_time(), IdGenerator::from_system(), false);
            handover.as_ref().map(|handover| (builder, handover.outbox()))
        };
        let observer = |_: usize| DaemonObserver {
            noticing: Noticing::new(Some(identities.clone())),
            metrics: store.as_ref().map(MetricStore::recorder),
            spans: SpanRecorder::new(
                choices.traces.clone().unwrap_or_default(),
                Clock::boot_time(),
                IdGenerator::from_system(),
                Arc::clone(&tables),
                spans.writer(),
            ),
            makes_spans: choices.traces.is_some(),
            access_log: AccessLogRecorder::new(
                choices.access_log,
                Limits::default(),
                Clock::boot_time(),
                logs.writer(),
            ),
            file: outbox(),
            controls: controls.clone(),
            version: 0,
            handed_over: plainsight_protocols::Timestamp::default(),
        };
        let mut live = Live::start(&settings::live(&config), observer)?;
        if let Some(events) = live.take_process_events() {
            identities.follow(events);
        }
        let file = match (handover, output) {
            (Some(handover), Some(output)) => {
                Some(file::start(handover, identities.clone(), output, health.register("file"))?)
            }
            _ => None,
        };
        let log_files = follow(&config, &exporter, &own, pods.as_ref(), say)?;
        let counts = Arc::<Mutex<FeederCounts>>::default();
        let step = Arc::<AtomicU64>::default();
        if let Some(store) = &store {
            let sources = Sources {
                status: live.status_reader(),
                exporter: Arc::downgrade(&exporter),
                feeder: Arc::clone(&counts),
                traces: Arc::clone(&tables),
                identities: identities.clone(),
                step: Arc::clone(&step),
            };
            sources.show_in(store);
        }
        let feeder = Feeder {
            identities: identities.clone(),
            exporter: Arc::clone(&exporter),
            spans,
            logs,
            metrics: store.clone(),
            interval: config.metrics.interval.0,
            health: health.register_beating("signals", PULSE),
            counts: Arc::clone(&counts),
        }
        .start()?;
        let serving = Serving::start(&config, health, store.as_ref())?;
        capture.set(State::Well);
        Ok(Self {
            config,
            live,
            identities,
            pods,
            exporter,
            feeder,
            counts,
            file,
            logs: log_files,
            tables,
            store,
            controls,
            serving,
            governor: Governor::default(),
            step,
            capture,
        })
    }

    /// What it does, in a sentence.
    fn greeting(&self) -> String {
        let mut text = "watching this host".to_owned();
        for destination in self.exporter.stats() {
            text.push_str("; OTLP to ");
            text.push_str(&destination.target);
        }
        for address in &self.serving.addresses {
            text.push_str(&format!("; http://{address}/metrics"));
        }
        text
    }

    fn watch_over(
        &mut self,
        reloads: Option<&Receiver<Reload>>,
        notifier: &Notifier,
        say: &mut dyn FnMut(&str),
        asked: &dyn Fn() -> bool,
    ) -> Result<(), DaemonError> {
        let mut meter = Meter::start()?;
        let mut measured = Instant::now();
        let mut troubles = Troubles::default();
        while !asked() {
            if !self.live.is_running() || self.feeder.is_finished() {
                return Err(DaemonError::Broken);
            }
            self.capture.beat();
            if let Some(logs) = &mut self.logs {
                if !logs.is_running() {
                    return Err(DaemonError::Broken);
                }
                logs.tell(say);
            }
            if let Some(Ok(reload)) = reloads.map(Receiver::try_recv) {
                let _ = notifier.reloading();
                let said = reload.to_string();
                self.apply(reload, say);
                say(&said);
                let _ = notifier.ready("watching this host");
            }
            let passed = measured.elapsed();
            if passed >= MEASURE {
                measured = Instant::now();
                if let Ok(mut usage) = meter.measure() {
                    let bounds = self.bounds();
                    if bounds.memory.is_some_and(|bound| usage.memory > bound / 4 * 3) {
                        heap::give_back();
                        usage.memory = memory().unwrap_or(usage.memory);
                    }
                    let change = self.governor.observe(passed, usage, bounds);
                    if let Some(change) = change {
                        self.change_step(&change, say);
                    }
                }
                troubles.look(&self.exporter.stats(), self.pods.as_ref().map(PodWatch::state), say);
            }
            std::thread::sleep(PAUSE);
        }
        Ok(())
    }

    fn bounds(&self) -> Bounds {
        let limits = &self.config.limits;
        Bounds { processors: limits.cpu.on().copied(), memory: limits.memory.on().map(|bytes| bytes.0) }
            .within_cgroup(cgroup_memory_limit())
    }

    fn apply(&mut self, reload: Reload, say: &mut dyn FnMut(&str)) {
        let Reload::Changed { loaded, .. } = reload else { return };
        for warning in &loaded.warnings {
            say(&format!("warning: {warning}"));
        }
        self.controls.set(choices(&loaded.config));
        // Only what can change while running is taken over; the rest holds until a restart.
        let (old, new) = (&mut self.config, loaded.config);
        old.access_log = new.access_log;
        old.limits.memory = new.limits.memory;
        old.limits.cpu = new.limits.cpu;
        old.daemon.drain_deadline = new.daemon.drain_deadline;
    }

    fn change_step(&mut self, change: &StepChange, say: &mut dyn FnMut(&str)) {
        say(&change.to_string());
        self.step.store(step_number(change.to), Ordering::Relaxed);
        self.live.set_attention(match change.to {
            Step::Normal => Attention::Everything,
            Step::Sample => Attention::Sample,
            Step::Count => Attention::Lives,
        });
        self.capture.set(match change.to {
            Step::Normal => State::Well,
            _ => State::Degraded(change.to_string()),
        });
    }

    /// What was left out on the way from exchanges to requests, by reason.
    fn notes(&self) -> Vec<LossReason> {
        let note = LossReason::new;
        let counts = *self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let traces = self.tables.counters();
        let identities = self.identities.counts();
        let mut notes = vec![
            note(
                "spans that found no room on their way to the exporter",
                "raise limits.cpu",
                counts.spans.dropped,
            ),
            note(
                "log records that found no room on their way to the exporter",
                "raise limits.cpu",
                counts.logs.dropped,
            ),
            note("buffers that could not wait for their process to be known", "", counts.hurried),
            note("exchanges without a span: the caller decided so", "", traces.unsampled_parent),
            note("exchanges without a span: the ratio", "raise traces.ratio", traces.unsampled_ratio),
            note(
                "exchanges without a span: the limit of their service",
                "raise traces.spans_per_second",
                traces.unsampled_rate_limit,
            ),
            note("exchanges whose other end has the span", "", traces.unsampled_server_side),
            note("processes forgotten for being too many", "", identities.evicted),
            note("processes not looked up in time", "", identities.unnoticed),
        ];
        if let Some(store) = &self.store {
            notes.extend(store.status().notes());
        }
        notes
    }

    /// Everything that was seen is made into telemetry and sent, as far as time allows.
    fn stop(self, within: Duration) -> Result<Summary, DaemonError> {
        let deadline = Instant::now() + within;
        let notes = self.notes();
        let (observers, mut status) = self.live.stop().map_err(|_| DaemonError::Broken)?;
        status.left_out.extend(notes);
        // Now the feeder and the file learn that nothing more will come.
        drop(observers);
        let feeder_failed = self.feeder.join().is_err();
        if let Some(file) = self.file {
            // What the thread had to say it has said.
            drop(file.join());
        }
        if let Some(logs) = self.logs {
            logs.stop(deadline);
        }
        let destinations = end_exporter(self.exporter, deadline);
        drop((self.serving, self.pods));
        if feeder_failed { Err(DaemonError::Broken) } else { Ok(Summary { status, destinations }) }
    }
}

fn choices(config: &Config) -> Choices {
    Choices {
        traces: config.traces.enabled.then(|| settings::traces(config)),
        access_log: settings::access_log(config),
    }
}
