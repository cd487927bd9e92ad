//! How records are made of a file.

use std::time::Duration;

use thiserror::Error;

use super::Severity;

/// How the bytes of a file become records. The default: each line of UTF-8 is a record, whose body is the line.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// How characters are written.
    pub encoding: Encoding,
    /// What wraps each line.
    pub container: Container,
    /// Bytes of a line, without its end; the rest of a longer one is skipped and counted.
    pub line_bytes: usize,
    /// Bytes of a record that is joined of parts or lines; at least [`Self::line_bytes`] is taken.
    pub record_bytes: usize,
    /// How long the last line may wait for its end before it is given out without.
    pub line_timeout: Duration,
    /// Whether lines without text become records.
    pub keep_empty: bool,
    /// Which lines belong together.
    pub multiline: Option<Multiline>,
    /// Formats that are tried in order; none leaves the text as it is.
    pub parse: Vec<Parse>,
    /// Whether a body that parsing replaced is kept as the attribute `log.record.original`.
    pub keep_original: bool,
    /// Where the time stamp is.
    pub time: TimeSettings,
    /// Where the severity is.
    pub severity: SeveritySettings,
    /// Whether trace and span are looked for in the text, and not only in the fields.
    pub trace_in_text: bool,
    /// Which records are kept: those that match all rules to keep, and none to drop.
    pub filters: Vec<Filter>,
    /// What is done to fields, in order, after the filters.
    pub changes: Vec<Change>,
    /// What is made unreadable, in order, in body and fields, after the changes.
    pub masks: Vec<Mask>,
}

impl Settings {
    /// What [`Self::record_bytes`] may be at most: receivers refuse larger requests.
    pub const RECORD_BYTES_MAX: usize = 64 << 20;
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            encoding: Encoding::default(),
            container: Container::default(),
            // Stack traces and pretty-printed documents fit; four of them fit into what receivers of gRPC take at once.
            line_bytes: 1 << 20,
            record_bytes: 1 << 20,
            line_timeout: Duration::from_secs(5),
            keep_empty: false,
            multiline: None,
            parse: Vec::new(),
            keep_original: false,
            time: TimeSettings::default(),
            severity: SeveritySettings::default(),
            trace_in_text: true,
            filters: Vec::new(),
            changes: Vec::new(),
            masks: Vec::new(),
        }
    }
}

/// How characters are written. A byte order mark at the beginning of the file decides before this does.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Encoding {
    /// UTF-8.
    #[default]
    Utf8,
    /// UTF-16, least significant byte first.
    Utf16Le,
    /// UTF-16, most significant byte first.
    Utf16Be,
    /// GBK, read as its superset GB 18030.
    Gbk,
    /// Latin-1, read as its superset windows-1252, as browsers do.
    Latin1,
    /// Another one by its label in the Encoding standard, such as `big5` or `shift_jis`.
    Named(String),
}

/// What the container runtime puts around each line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Container {
    /// Nothing: the file is the application's.
    #[default]
    None,
    /// Whichever of the others a line looks like.
    Auto,
    /// `TIME STREAM P|F TEXT` of the Kubernetes container runtime interface.
    Cri,
    /// Docker's `{"log":"TEXT\n","stream":"STREAM","time":"TIME"}`.
    Docker,
}

/// Which lines belong together.
#[derive(Debug, Clone, PartialEq)]
pub struct Multiline {
    /// What tells so.
    pub rule: MultilineRule,
    /// How long a record may wait for its next line.
    pub timeout: Duration,
}

/// What tells whether a line belongs to the record before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MultilineRule {
    /// A line that matches begins a record.
    Start(String),
    /// A line that matches goes on with the record before it.
    Continuation(String),
    /// A line that begins with a space or a tab goes on with the record before it.
    Indentation,
    /// Stack traces of these languages go on with the line before them.
    Presets(Vec<Preset>),
}

/// A language whose stack traces are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preset {
    /// Java and other languages of its virtual machine.
    Java,
    /// Python.
    Python,
    /// Go.
    Go,
    /// .NET.
    DotNet,
    /// Node.js.
    Node,
}

/// A format of a record's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Parse {
    /// A JSON object. Names of nested ones are joined with dots, lists stay JSON.
    Json,
    /// A pattern whose named groups become fields; it must match somewhere.
    Regex(String),
    /// Values between delimiters, quoted like CSV (RFC 4180) where `quote` is given.
    Delimited {
        /// What is between values.
        delimiter: u8,
        /// What may be around them.
        quote: Option<u8>,
        /// Names of the values in order; a record with another number of values does not match.
        names: Vec<String>,
    },
    /// `name=value` and `name="value with spaces"`, known as logfmt.
    KeyValue,
    /// The `common` and `combined` formats of nginx and Apache.
    AccessLog,
    /// nginx's error log.
    NginxError,
    /// Apache's error log.
    ApacheError,
    /// Syslog (RFC 5424, and what RFC 3164 describes).
    Syslog,
    /// Kubernetes' own components (klog and glog).
    Klog,
}

/// Where the time stamp is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TimeSettings {
    /// Where it is.
    pub source: TimeSource,
    /// How it is written, tried in order; none: all that [`TimeFormat::Auto`] knows.
    pub formats: Vec<TimeFormat>,
    /// The zone of stamps that name none: an offset (`+02:00`), a name (`Europe/Berlin`), or empty for this host's.
    pub zone: String,
}

/// Where a time stamp is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum TimeSource {
    /// In the field in which the format that matched usually has it; otherwise the container runtime's.
    #[default]
    Usual,
    /// In the field of that name.
    Field(String),
    /// At the beginning of the body.
    Start,
    /// Nowhere.
    Nowhere,
}

/// How a time stamp is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TimeFormat {
    /// RFC 3339 with its usual liberties (space for `T`, comma for point, no zone), `10/Oct/2000:13:55:36 -0700`,
    /// `2024/01/02 03:04:05`, `Jan  2 03:04:05`, and seconds, milliseconds, microseconds or nanoseconds since 1970 by their magnitude.
    Auto,
    /// As `strftime` has it.
    Pattern(String),
}

/// Where the severity is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SeveritySettings {
    /// The field that has it; none: those that usually do.
    pub field: Option<String>,
    /// Words of this source beside those that are known; not case-sensitive.
    pub words: Vec<(String, Severity)>,
    /// Whether the beginning of a text without such a field is searched for a known word in capital letters.
    pub in_text: bool,
}

/// A rule about which records are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    /// What happens to those that match.
    pub action: FilterAction,
    /// The field that is looked at, or `severity`: its word as the source has it; none: the body.
    pub field: Option<String>,
    /// A regular expression that must match somewhere.
    pub pattern: String,
}

/// What a filter does with what matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FilterAction {
    /// Only these are kept.
    Keep,
    /// These are left out.
    Drop,
}

/// Something done to fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Adds a field, or replaces its value.
    Add {
        /// Its name.
        name: String,
        /// Its value.
        value: String,
    },
    /// Gives a field another name.
    Rename {
        /// What it is called.
        from: String,
        /// What it shall be called.
        to: String,
    },
    /// Leaves a field out.
    Remove {
        /// Its name.
        name: String,
    },
}

/// Something that is made unreadable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mask {
    /// What it is.
    pub kind: MaskKind,
    /// Only in the fields of these names; none: in body and all fields. `body` is the body.
    pub fields: Vec<String>,
    /// What is put in its place; for patterns, `$1` or `${name}` stand for groups.
    pub replacement: String,
}

impl Mask {
    /// What is put in place of what is masked, unless told otherwise.
    pub const REPLACEMENT: &'static str = "***";
}

/// What is masked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MaskKind {
    /// What a regular expression matches.
    Pattern(String),
    /// Numbers of payment cards: 13 to 19 digits, perhaps in groups, with a correct check digit (ISO/IEC 7812).
    CardNumber,
    /// Addresses of e-mail.
    Email,
    /// Bearer tokens, JSON Web Tokens and keys of well-known services.
    Token,
    /// Passwords in URLs.
    UrlPassword,
}

/// Settings that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SettingsError {
    /// A regular expression is none.
    #[error("{place}: `{pattern}` is no pattern: {reason}")]
    Pattern {
        /// The key it was given for.
        place: &'static str,
        /// The pattern.
        pattern: String,
        /// What is wrong.
        reason: String,
    },
    /// A pattern for parsing names no group.
    #[error("parse: `{0}` has no named group, like (?<status>\\d+), so that nothing would come of it")]
    NoNames(String),
    /// The encoding is unknown, or its lines cannot be found without decoding.
    #[error("encoding: `{0}` is none that log files can be read in")]
    Encoding(String),
    /// There is no such time zone.
    #[error(
        "time: `{0}` is no time zone of this host; give an offset like +02:00, or a name like Europe/Berlin"
    )]
    Zone(String),
    /// A time format is none.
    #[error("time: `{0}` is no time format")]
    TimeFormat(String),
    /// A number is out of its range.
    #[error("{name}: {value} is not between {least} and {most}")]
    Range {
        /// The key.
        name: &'static str,
        /// What was given.
        value: usize,
        /// The least that is allowed.
        least: usize,
        /// The most that is allowed.
        most: usize,
    },
}

impl SettingsError {
    /// That a regular expression is none.
    pub(super) fn pattern(place: &'static str, pattern: &str, error: &regex::Error) -> Self {
        Self::Pattern { place, pattern: pattern.to_owned(), reason: error.to_string() }
    }
}
