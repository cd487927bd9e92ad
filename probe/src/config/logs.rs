//! Log files that are followed.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};

use super::{
    changes::{Changes, Effect},
    kinds::ByteSize,
    printer::Printer,
    reader::Reader,
    scalar::{Switch, between, if_on, lasting},
    setting::{Setting, Shown, choice, section},
    yaml::{Content, Node},
};
use crate::{
    logs::{self, records::Parse},
    signal::TimeSpan,
};

/// Pipelines in one configuration: each has a thread.
const MOST_PIPELINES: usize = 64;

section! {
    /// Files that are followed together: one pipeline, of which no other waits.
    LogSource {
        /// What it is called in messages, metrics and checkpoints.
        restart name: Option<String> = None, example "app";
        /// Which files, by patterns: * and ? within a name, ** for any folders, {a,b}, [0-9].
        restart include: Vec<String> = Vec::new();
        /// Which of those not; a pattern without a slash is about names, as in ['*.gz'].
        restart exclude: Vec<String> = Vec::new();
        /// Log files of containers, beside or instead of those of `include`: {} follows the output of all.
        restart containers: LogContainersOf = LogContainersOf::default();
        /// Where files are read from that are there when plainsight first starts: `beginning` or `end`.
        restart start_at: StartAt = StartAt::Beginning;
        /// The service that writes them (service.name).
        restart service: Option<String> = None, example "checkout";
        /// How characters are written: `utf-8`, `utf-16le`, `utf-16be`, `gbk`, `latin1`, or another label of the Encoding
        /// standard. A byte order mark counts first.
        restart encoding: String = "utf-8".to_owned();
        /// What the container runtime puts around lines: `none`, `cri`, `docker`, or `auto`.
        restart container: LogContainer = LogContainer::None;
        /// Bytes of the longest record; longer ones are cut and counted.
        restart line_bytes: ByteSize = ByteSize::mib(1), if between(ByteSize(64), ByteSize::mib(8));
        /// How long the last line may wait for its end.
        restart line_timeout: TimeSpan = TimeSpan(Duration::from_secs(5)),
            if lasting(Duration::from_millis(100), Duration::from_secs(3600));
        /// Which lines belong together.
        restart multiline: LogMultiline = LogMultiline::default();
        /// Formats that are tried in order: json: {}, regex: '(?<name>…)', csv: [names of columns], key_value: {},
        /// access_log: {}, nginx_error: {}, apache_error: {}, syslog: {}, klog: {}.
        restart parse: LogParse = LogParse::default();
        /// Where the time stamp is.
        restart time: LogTime = LogTime::default();
        /// The field with the severity; by itself those that usually have it.
        restart severity: Option<String> = None, example "level";
        /// Patterns of which records must match all to be kept.
        restart keep: Vec<String> = Vec::new();
        /// Patterns of which records must match none to be kept.
        restart drop: Vec<String> = Vec::new();
        /// Fields to add, with their values.
        restart add: BTreeMap<String, String> = BTreeMap::new();
        /// Fields to rename, with their new names.
        restart rename: BTreeMap<String, String> = BTreeMap::new();
        /// Fields to leave out.
        restart remove: Vec<String> = Vec::new();
        /// What is masked: card_number, email, token, url_password.
        restart mask: Vec<LogMask> = Vec::new();
        /// Further patterns to mask.
        restart mask_patterns: Vec<String> = Vec::new();
        /// Whether it is sent to the destinations of export.otlp.
        restart otlp: bool = true;
        /// A file for lines of JSON; `-` is the standard output, `off` writes none.
        restart file: Switch<PathBuf> = Switch::Off;
        /// Bytes that may wait for destinations. Then nothing more is read until there is room.
        restart memory: ByteSize = ByteSize::mib(16), if between(ByteSize::mib(1), ByteSize::mib(1024));
        /// Most bytes that are read in a second; `off` sets no bound.
        restart bytes_per_second: Switch<ByteSize> = Switch::Off,
            if if_on(between(ByteSize::kib(1), ByteSize::mib(64 << 10)));
    }
}

section! {
    /// Log files of containers.
    LogContainers {
        /// Follow what they write to their standard output and error.
        restart output: bool = true;
        /// Files within containers, by patterns of paths as they are there, as in ['/var/log/app/*.log'].
        restart files: Vec<String> = Vec::new();
        /// Which containers; by itself all. Each kind that is named here must match.
        restart select: LogContainerMatch = LogContainerMatch::default();
        /// Which of those not: where one kind that is named here matches.
        restart except: LogContainerMatch = LogContainerMatch::default();
        /// The folder in which the kubelet has the output of containers.
        restart pod_logs: PathBuf = PathBuf::from("/var/log/pods"), if absolute;
    }
}

section! {
    /// Containers by what they are called and what they carry. In patterns, * stands for anything.
    LogContainerMatch {
        /// Namespaces of Kubernetes, one of which must match, as in [shop, 'team-*'].
        restart namespaces: Vec<String> = Vec::new();
        /// Names of pods, one of which must match, as in ['web-*'].
        restart pods: Vec<String> = Vec::new();
        /// Names of containers, one of which must match.
        restart containers: Vec<String> = Vec::new();
        /// Labels of the pod or the container, all of which must match, as in { app: web, tier: '*' }.
        restart labels: BTreeMap<String, String> = BTreeMap::new();
        /// Annotations of the pod, all of which must match.
        restart annotations: BTreeMap<String, String> = BTreeMap::new();
        /// Variables of the environment that the container was started with, all of which must match.
        restart environment: BTreeMap<String, String> = BTreeMap::new();
    }
}

/// Log files of containers, if any are followed.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LogContainersOf(pub Option<LogContainers>);

impl Setting for LogContainersOf {
    fn read(&mut self, node: &Node, reader: &mut Reader) {
        match &node.content {
            Content::Text(text) if text == "off" => self.0 = None,
            Content::Text(text) => reader.problem(
                node.line,
                format!("'{text}' cannot be used: write {{}} for the output of all containers, or `off`"),
            ),
            Content::Nothing | Content::List(_) | Content::Keys(_) => {
                let mut containers = LogContainers::default();
                containers.read(node, reader);
                self.0 = Some(containers);
            }
        }
    }

    fn shown(&self) -> Shown {
        Shown::Line("off".to_owned())
    }
}

fn absolute(path: &Path) -> Result<(), String> {
    if path.is_absolute() { Ok(()) } else { Err(format!("'{}' is no absolute path", path.display())) }
}

section! {
    /// Which lines belong together: one of these, or none.
    LogMultiline {
        /// A line that matches begins a record.
        restart start: Option<String> = None, example "'^[0-9]{4}-'";
        /// A line that matches goes on with the record before it.
        restart continuation: Option<String> = None, example "'^Caused by'";
        /// A line that begins with a space or a tab goes on with the record before it.
        restart indentation: bool = false;
        /// Stack traces of java, python, go, dotnet, node.
        restart presets: Vec<LogPreset> = Vec::new();
        /// How long a record may wait for its next line.
        restart timeout: TimeSpan = TimeSpan(Duration::from_secs(1)),
            if lasting(Duration::from_millis(10), Duration::from_secs(3600));
    }
}

section! {
    /// Where the time stamp is.
    LogTime {
        /// The field that has it; by itself where the format usually has it.
        restart field: Option<String> = None, example "timestamp";
        /// How it is written, as strftime has it; by itself whichever is known.
        restart formats: Vec<String> = Vec::new();
        /// The zone of stamps without one: +02:00 or Europe/Berlin; by itself this host's.
        restart zone: Option<String> = None, example "Europe/Berlin";
    }
}

choice! {
    /// Where files are read from at first.
    StartAt {
        /// Everything.
        Beginning = "beginning",
        /// Only what comes from then on.
        End = "end",
    }
}

choice! {
    /// What is around lines.
    LogContainer {
        /// Nothing.
        None = "none",
        /// Whatever it looks like.
        Auto = "auto",
        /// Kubernetes' container runtime interface.
        Cri = "cri",
        /// Docker's JSON.
        Docker = "docker",
    }
}

choice! {
    /// Languages whose stack traces are known.
    LogPreset {
        /// Java and its kin.
        Java = "java",
        /// Python.
        Python = "python",
        /// Go.
        Go = "go",
        /// .NET.
        DotNet = "dotnet",
        /// Node.js.
        Node = "node",
    }
}

choice! {
    /// What is masked.
    LogMask {
        /// Numbers of payment cards.
        CardNumber = "card_number",
        /// Addresses of e-mail.
        Email = "email",
        /// Tokens and keys.
        Token = "token",
        /// Passwords in URLs.
        UrlPassword = "url_password",
    }
}

/// Formats in the order in which they are tried.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogParse(pub Vec<Parse>);

impl LogParse {
    const KEYS: &'static [&'static str] =
        &["json", "regex", "csv", "key_value", "access_log", "nginx_error", "apache_error", "syslog", "klog"];
}

impl Setting for LogParse {
    fn read(&mut self, node: &Node, reader: &mut Reader) {
        self.0.clear();
        for entry in reader.entries(node, Self::KEYS) {
            let plain = match entry.key.as_str() {
                "json" => Parse::Json,
                "key_value" => Parse::KeyValue,
                "access_log" => Parse::AccessLog,
                "nginx_error" => Parse::NginxError,
                "apache_error" => Parse::ApacheError,
                "syslog" => Parse::Syslog,
                "klog" => Parse::Klog,
                "regex" => {
                    let pattern = reader.within(&entry.key, |reader| reader.text(&entry.value));
                    self.0.extend(pattern.map(|pattern| Parse::Regex(pattern.to_owned())));
                    continue;
                }
                "csv" => {
                    let mut names: Vec<String> = Vec::new();
                    reader.within(&entry.key, |reader| names.read(&entry.value, reader));
                    self.0.push(Parse::Delimited { delimiter: b',', quote: Some(b'"'), names });
                    continue;
                }
                _ => {
                    reader.unknown(entry, Self::KEYS);
                    continue;
                }
            };
            let is_empty = match &entry.value.content {
                Content::Nothing => true,
                Content::Keys(keys) => keys.is_empty(),
                Content::Text(text) => text == "true",
                Content::List(_) => false,
            };
            if !is_empty {
                reader.within(&entry.key, |reader| {
                    reader.problem(entry.value.line, "there is nothing to set here; write {}");
                });
            }
            self.0.push(plain);
        }
    }

    fn shown(&self) -> Shown {
        Shown::Line("{}".to_owned())
    }
}

/// All pipelines.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Logs(pub Vec<LogSource>);

impl Setting for Logs {
    fn read(&mut self, node: &Node, reader: &mut Reader) {
        let Some(items) = reader.items(node) else { return };
        if items.len() > MOST_PIPELINES {
            reader.problem(node.line, format!("at most {MOST_PIPELINES} pipelines; let patterns share one"));
            return;
        }
        let mut sources: Vec<LogSource> = Vec::new();
        for (position, item) in items.iter().enumerate() {
            reader.item(position + 1, |reader| {
                let mut source = LogSource::default();
                source.read(item, reader);
                for problem in problems(&source, &sources) {
                    reader.problem(item.line, problem);
                }
                sources.push(source);
            });
        }
        self.0 = sources;
    }

    fn shown(&self) -> Shown {
        Shown::Line("[]".to_owned())
    }

    fn print(&self, _: &mut Printer) {}

    fn compare(&self, old: &Self, effect: Effect, key: &str, changes: &mut Changes) {
        if self != old {
            changes.note(effect, key);
        }
    }
}

/// What is wrong with a pipeline as a whole.
fn problems(source: &LogSource, before: &[LogSource]) -> Vec<String> {
    let mut problems = Vec::new();
    match &source.name {
        None => problems.push(
            "it has no name; write `name:`, which must not change, for checkpoints go by it".to_owned(),
        ),
        Some(name) if before.iter().any(|other| other.name.as_ref() == Some(name)) => {
            problems.push(format!("two pipelines are called '{name}'; give each a name of its own"));
        }
        Some(_) => {}
    }
    if source.include.is_empty() && source.containers.0.is_none() {
        problems.push(
            "it names no files; write `include: [/var/log/app/*.log]`, or `containers: {}` for the output of containers"
                .to_owned(),
        );
    }
    if let Some(containers) = &source.containers.0 {
        if !containers.output && containers.files.is_empty() {
            problems.push(
                "containers: nothing of them is followed; leave `output` on, or name `files` within them"
                    .to_owned(),
            );
        }
        if let Err(error) = logs::containers::check(containers) {
            problems.push(format!("containers: {error}"));
        }
    }
    if !source.otlp && source.file.on().is_none() {
        problems.push("it goes nowhere; leave `otlp` on, or name a `file`".to_owned());
    }
    if let Err(error) = logs::configured::patterns(source) {
        problems.push(error.to_string());
    }
    if let Err(error) = logs::configured::plan(source) {
        problems.push(error.to_string());
    }
    let multiline = &source.multiline;
    let ways = usize::from(multiline.start.is_some())
        + usize::from(multiline.continuation.is_some())
        + usize::from(multiline.indentation)
        + usize::from(!multiline.presets.is_empty());
    if ways > 1 {
        problems.push(
            "multiline: only one of start, continuation, indentation and presets can be used".to_owned(),
        );
    }
    problems
}
