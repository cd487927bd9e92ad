//! From the text of a record to the record: repair, parsing, time, severity, trace, filters, changes, masks.

use super::{
    Counts, FieldValue, Fields, LogRecord, Settings, SettingsError, Severity, Sink,
    filter::Rule,
    formats::{Context, Format, Found, Scratch},
    lane::Piece,
    mask::Cover,
    roles::Roles,
    settings::{Change, SeveritySettings, TimeSource},
    severity,
    time::Clockwork,
    trace::{self, Trace},
};

/// What is done, ready to be used.
#[derive(Debug)]
pub(super) struct RefinerSettings {
    formats: Vec<Format>,
    keep_original: bool,
    keep_empty: bool,
    clockwork: Clockwork,
    time: TimeSource,
    severity: SeveritySettings,
    trace_in_text: bool,
    filters: Vec<Rule>,
    changes: Vec<Change>,
    masks: Vec<Cover>,
}

impl RefinerSettings {
    pub(super) fn new(settings: &Settings) -> Result<Self, SettingsError> {
        Ok(Self {
            formats: settings.parse.iter().map(Format::new).collect::<Result<_, _>>()?,
            keep_original: settings.keep_original,
            keep_empty: settings.keep_empty,
            clockwork: Clockwork::new(&settings.time)?,
            time: settings.time.source.clone(),
            severity: settings.severity.clone(),
            trace_in_text: settings.trace_in_text,
            filters: settings.filters.iter().map(Rule::new).collect::<Result<_, _>>()?,
            changes: settings.changes.clone(),
            masks: settings.masks.iter().map(Cover::new).collect::<Result<_, _>>()?,
        })
    }
}

/// Memory that is used again for the next record.
#[derive(Debug, Default)]
pub(super) struct Refiner {
    repaired: String,
    fields: Fields,
    /// A body that is not a part of the text.
    body: String,
    /// What is masked, before it takes the body's place.
    spare: String,
    severity_text: String,
    scratch: Scratch,
}

/// What is known of a record beside its body and fields.
#[derive(Debug, Default)]
struct Facts {
    time_ns: Option<u64>,
    severity: Option<Severity>,
    trace: Trace,
}

impl Refiner {
    #[inline]
    pub(super) fn refine(
        &mut self,
        settings: &RefinerSettings,
        piece: &Piece<'_>,
        counts: &mut Counts,
        out: &mut impl Sink,
    ) {
        let Self { repaired, fields, body: body_buffer, spare, severity_text, scratch } = self;
        let is_cut = piece.skipped > 0;
        let (text, is_repaired) = repair(piece.bytes, is_cut || piece.is_unfinished, repaired);
        let text = text.trim_end_matches(['\n', '\r']);
        if text.is_empty() && !settings.keep_empty {
            counts.empty += 1;
            return;
        }
        counts.repaired += u64::from(is_repaired || piece.is_repaired);
        counts.cut += u64::from(is_cut);
        counts.cut_bytes += piece.skipped;
        counts.unfinished += u64::from(piece.is_unfinished);
        fields.clear();
        severity_text.clear();
        let mut facts = Facts { time_ns: piece.time_ns, ..Facts::default() };
        let mut body = text;
        if !settings.formats.is_empty() {
            match parse(settings, text, piece.observed_ns, fields, scratch) {
                Some((format, found)) => {
                    let role = interpret(
                        settings,
                        format,
                        found,
                        piece,
                        text,
                        fields,
                        &mut facts,
                        severity_text,
                        counts,
                    );
                    body = match role {
                        Body::Part(part) => &text[part],
                        Body::Field(index) => {
                            body_buffer.clear();
                            body_buffer.push_str(fields.text_of(index).unwrap_or_default());
                            fields.remove(index);
                            body_buffer
                        }
                    };
                    counts.fields_dropped += u64::from(fields.dropped());
                    if settings.keep_original && body.len() != text.len() {
                        fields.set("log.record.original", text);
                    }
                }
                None => counts.unparsable += 1,
            }
        }
        if settings.time == TimeSource::Start {
            match settings.clockwork.beginning(body, piece.observed_ns) {
                Some((time, _)) => facts.time_ns = Some(time),
                None => counts.time_unparsable += 1,
            }
        }
        if settings.severity.in_text
            && facts.severity.is_none()
            && let Some((found, word)) = severity::in_text(body, &settings.severity)
        {
            facts.severity = Some(found);
            severity_text.push_str(word);
        }
        if settings.trace_in_text && facts.trace.trace_id.is_none() {
            facts.trace = trace::in_text(body);
        }
        if !settings.filters.iter().all(|rule| rule.keeps(body, fields)) {
            counts.filtered += 1;
            return;
        }
        for change in &settings.changes {
            apply(change, fields);
        }
        let mut is_masked = false;
        for mask in &settings.masks {
            is_masked |= mask.all(fields, spare);
            if mask.body(body, spare) {
                std::mem::swap(body_buffer, spare);
                body = body_buffer;
                is_masked = true;
            }
        }
        counts.masked += u64::from(is_masked);
        counts.records += 1;
        out.record(&LogRecord {
            begin: piece.begin,
            end: piece.end,
            body,
            time_ns: facts.time_ns,
            observed_ns: piece.observed_ns,
            severity: facts.severity,
            severity_text,
            attributes: fields,
            stream: piece.stream,
            is_cut,
            is_unfinished: piece.is_unfinished,
            trace_id: facts.trace.trace_id,
            span_id: facts.trace.span_id,
            trace_flags: facts.trace.flags,
        });
    }

    pub(super) fn release(&mut self, bytes: usize) {
        for text in [&mut self.repaired, &mut self.body, &mut self.spare, &mut self.severity_text] {
            text.clear();
            text.shrink_to(bytes);
        }
        self.fields.clear();
        self.fields.release(bytes);
        self.scratch.release(bytes);
    }

    pub(super) const fn memory(&self) -> usize {
        let texts = self.repaired.capacity() + self.body.capacity() + self.spare.capacity();
        texts + self.severity_text.capacity() + self.fields.memory() + self.scratch.memory()
    }
}

/// Tries the formats in order.
fn parse<'s>(
    settings: &'s RefinerSettings,
    text: &str,
    observed_ns: u64,
    fields: &mut Fields,
    scratch: &mut Scratch,
) -> Option<(&'s Format, Found)> {
    let context = Context { clockwork: &settings.clockwork, observed_ns };
    for format in &settings.formats {
        if let Some(found) = format.parse(text, context, fields, scratch) {
            return Some((format, found));
        }
        fields.clear();
    }
    None
}

/// Where the body is.
enum Body {
    Part(std::ops::Range<usize>),
    Field(usize),
}

/// Makes facts of what the format found and of fields with a meaning, which are then left out: they are said elsewhere.
#[expect(clippy::too_many_arguments, reason = "the parts of one record, which are borrowed apart")]
fn interpret(
    settings: &RefinerSettings,
    format: &Format,
    found: Found,
    piece: &Piece<'_>,
    text: &str,
    fields: &mut Fields,
    facts: &mut Facts,
    severity_text: &mut String,
    counts: &mut Counts,
) -> Body {
    let mut roles = if format.has_free_names() { Roles::of(fields) } else { Roles::default() };
    let mut done = 0_u128;
    match &settings.time {
        TimeSource::Usual => {
            facts.time_ns = found.time_ns.or(facts.time_ns);
            counts.time_unparsable += u64::from(found.is_time_unparsable);
        }
        TimeSource::Field(name) => roles.time = fields.find(name),
        TimeSource::Start | TimeSource::Nowhere => roles.time = None,
    }
    if let Some(index) = roles.time {
        match time_of(settings, fields.value_of(index), piece.observed_ns) {
            Some(time) => {
                facts.time_ns = Some(time);
                done |= 1 << index;
            }
            None => counts.time_unparsable += 1,
        }
    }
    facts.severity = found.severity;
    severity_text.push_str(&text[found.severity_text]);
    if let Some(name) = &settings.severity.field {
        roles.severity = fields.find(name);
    }
    if let Some(index) = roles.severity
        && let Some(severity) = severity::of_value(fields.value_of(index), &settings.severity)
    {
        facts.severity = Some(severity);
        severity_text.clear();
        severity_text.push_str(fields.text_of(index).unwrap_or_default());
        done |= 1 << index;
    }
    done |= trace_of(&roles, fields, &mut facts.trace);
    // Only text can be a body; one that is left out above is none.
    let body = roles.body.filter(|&index| done & 1 << index == 0 && fields.text_of(index).is_some());
    // The body's field moves down by those before it that are left out.
    let before = body.map(|index| index - (done & ((1 << index) - 1)).count_ones() as usize);
    fields.remove_all(done);
    match (before, found.body) {
        (Some(index), _) => Body::Field(index),
        (None, Some(part)) => Body::Part(part),
        (None, None) => Body::Part(0..text.len()),
    }
}

fn time_of(settings: &RefinerSettings, value: FieldValue<'_>, observed_ns: u64) -> Option<u64> {
    match value {
        FieldValue::Text(text) => settings.clockwork.whole(text, observed_ns),
        FieldValue::Integer(number) => settings.clockwork.whole(&number.to_string(), observed_ns),
        FieldValue::Double(number) => settings.clockwork.number(number),
        FieldValue::Boolean(_) => None,
    }
}

/// Which fields name the trace and the span.
fn trace_of(roles: &Roles, fields: &Fields, trace: &mut Trace) -> u128 {
    let text =
        |index: Option<usize>| index.and_then(|index| Some((index, fields.text_of(index)?.as_bytes())));
    let mut done = 0;
    if let Some((index, text)) = text(roles.trace_parent)
        && let Some(parent) = trace::parent(text)
    {
        *trace = parent;
        done |= 1 << index;
    }
    if let Some((index, text)) = text(roles.trace_id)
        && let Some(id) = trace::id(text)
    {
        trace.trace_id = Some(id);
        done |= 1 << index;
    }
    // A span without a trace names nothing.
    if trace.trace_id.is_none() {
        return done;
    }
    if let Some((index, text)) = text(roles.span_id)
        && let Some(id) = trace::id(text)
    {
        trace.span_id = Some(id);
        done |= 1 << index;
    }
    if let Some(index) = roles.trace_flags
        && let Some(flags) = match fields.value_of(index) {
            FieldValue::Integer(flags) => u8::try_from(flags).ok(),
            FieldValue::Text(text) => u8::from_str_radix(text, 16).ok(),
            FieldValue::Double(_) | FieldValue::Boolean(_) => None,
        }
    {
        trace.flags = Some(flags);
        done |= 1 << index;
    }
    done
}

fn apply(change: &Change, fields: &mut Fields) {
    match change {
        Change::Add { name, value } => fields.set(name, value),
        Change::Rename { from, to } => {
            // Two fields of one name would be one too many: the renamed one counts.
            if from != to && fields.find(from).is_some() {
                if let Some(old) = fields.find(to) {
                    fields.remove(old);
                }
                if let Some(index) = fields.find(from) {
                    fields.rename(index, to);
                }
            }
        }
        Change::Remove { name } => {
            if let Some(index) = fields.find(name) {
                fields.remove(index);
            }
        }
    }
}

/// The text as UTF-8, and whether something in it was none, which U+FFFD stands for then. Where it was cut within a character, what is left of that is left out.
fn repair<'a>(bytes: &'a [u8], is_cut: bool, buffer: &'a mut String) -> (&'a str, bool) {
    let error = match std::str::from_utf8(bytes) {
        Ok(text) => return (text, false),
        Err(error) => error,
    };
    if is_cut && error.error_len().is_none() {
        return (std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default(), false);
    }
    buffer.clear();
    let mut is_repaired = false;
    let mut chunks = bytes.utf8_chunks().peekable();
    while let Some(chunk) = chunks.next() {
        buffer.push_str(chunk.valid());
        let invalid = chunk.invalid();
        let is_rest = is_cut && chunks.peek().is_none() && invalid.len() < 4 && is_beginning(invalid);
        if !invalid.is_empty() && !is_rest {
            is_repaired = true;
            buffer.push(char::REPLACEMENT_CHARACTER);
        }
    }
    (buffer, is_repaired)
}

/// Whether a character begins so.
fn is_beginning(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_err_and(|error| error.error_len().is_none())
}
