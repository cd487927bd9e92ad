//! Everything known of one exchange.

use ratatui::{
    style::{Modifier, Style, Stylize},
    text::{Line, Span},
};

use super::text;
use crate::{
    export::visible,
    identity::Image,
    signal::{self, AttributeValue, Record, outcome_name, outcome_reason, side_name},
};

/// Columns of the names on the left.
const NAME_WIDTH: usize = 26;

/// The lines of the detail pane, each a name and a value.
pub(super) fn lines(record: &Record) -> Vec<Line<'static>> {
    let mut lines = vec![line("summary", &record.summary).bold()];
    let outcome = match outcome_reason(record.outcome) {
        Some(reason) => format!("{}: {reason}", outcome_name(record.outcome)),
        None => outcome_name(record.outcome).to_owned(),
    };
    let duration = record.duration.map_or_else(|| "not seen".to_owned(), text::duration);
    lines.push(line("start", &record.start.to_string()));
    lines.push(line("duration", &duration));
    lines.push(line(
        "protocol, side, outcome",
        &format!("{}, {}, {outcome}", record.protocol.name(), side_name(record.side)),
    ));
    if let Some(error) = &record.error_type {
        lines.push(line("error.type", error));
    }
    lines.push(line("client", &record.endpoints.client.to_string()));
    lines.push(line("server", &record.endpoints.server.to_string()));
    lines.push(line(
        "request, response",
        &format!("{} B, {} B", text::grouped(record.request_bytes), text::grouped(record.response_bytes)),
    ));
    if record.missing_bytes > 0 {
        lines.push(line("missing", &format!("{} B", text::grouped(record.missing_bytes))));
    }
    lines.extend(identity(record));
    for (name, value) in record.attributes.iter() {
        let value = match value {
            AttributeValue::Text(text) => text.to_owned(),
            AttributeValue::Integer(number) => number.to_string(),
            AttributeValue::Texts(texts) => texts.join(", "),
        };
        lines.push(line(name, &value));
    }
    lines.push(line("trace id", &hexadecimal(&record.trace_id)));
    lines.push(line("span id", &hexadecimal(&record.span_id)));
    if let Some(parent) = &record.parent_span_id {
        lines.push(line("parent span id", &hexadecimal(parent)));
    }
    lines
}

fn identity(record: &Record) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    if let Some(process) = &record.process {
        lines.push(line("process", &format!("{} ({})", process.comm(), process.pid)));
    }
    if let Some(identity) = &record.identity {
        let (container, pod) = (identity.container.as_ref(), identity.pod.as_ref());
        let user = identity.user.as_ref().and_then(|user| user.name.as_deref());
        let service = Some(&*identity.resource.service_name).filter(|name| !name.is_empty());
        let image = container.and_then(|container| container.image.as_ref()).map(Image::reference);
        let known = [
            ("exe", identity.exe.as_deref()),
            ("command", identity.command.as_deref()),
            ("user", user),
            ("service", service),
            ("container", container.map(|container| &*container.id)),
            ("container name", container.and_then(|container| container.name.as_deref())),
            ("image", image.as_deref()),
            ("namespace", pod.and_then(|pod| pod.namespace.as_deref())),
            ("pod", pod.and_then(|pod| pod.name.as_deref())),
            ("pod uid", pod.map(|pod| &*pod.pod_uid)),
        ];
        lines.extend(known.into_iter().filter_map(|(name, value)| Some(line(name, value?))));
    }
    lines
}

fn line(name: &str, value: &str) -> Line<'static> {
    let mut left = String::new();
    text::pad(&mut left, name, NAME_WIDTH.max(text::width(name)), false);
    left.push(' ');
    Line::from(vec![
        Span::styled(left, Style::new().add_modifier(Modifier::DIM)),
        Span::raw(visible(value).into_owned()),
    ])
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().flat_map(|&byte| signal::hexadecimal(byte)).map(char::from).collect()
}
