//! What container runtimes put around each line.

use super::{json, record::Stream, settings::Container, time::rfc3339};

/// What was in it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unwrapped<'a> {
    pub(super) text: &'a [u8],
    pub(super) time_ns: Option<u64>,
    pub(super) stream: Stream,
    /// Whether the line that the application wrote goes on in the next one of this stream.
    pub(super) goes_on: bool,
}

/// Takes a line apart. `buffer` takes text that is escaped.
#[inline]
pub(super) fn unwrap<'a>(
    container: Container,
    line: &'a [u8],
    buffer: &'a mut Vec<u8>,
) -> Option<Unwrapped<'a>> {
    match container {
        Container::None => None,
        Container::Cri => cri(line),
        Container::Docker => docker(line, buffer),
        Container::Auto if line.first() == Some(&b'{') => docker(line, buffer),
        Container::Auto => cri(line),
    }
}

/// `2016-10-06T00:17:09.669794202Z stdout P text`: <https://github.com/kubernetes/design-proposals-archive/blob/main/node/kubelet-cri-logging.md>.
#[inline]
fn cri(line: &[u8]) -> Option<Unwrapped<'_>> {
    let (time, rest) = word(line)?;
    let time_ns = rfc3339(time)?;
    let (stream, rest) = word(rest)?;
    let stream = stream_of(stream)?;
    // Tags are separated by colons, and only the first has a meaning so far. An empty text may have lost the space before it.
    let (tags, text) = word(rest).unwrap_or((rest, b""));
    let goes_on = match tags.split(|&byte| byte == b':').next()? {
        b"P" => true,
        b"F" => false,
        _ => return None,
    };
    Some(Unwrapped { text, time_ns: Some(time_ns), stream, goes_on })
}

fn word(line: &[u8]) -> Option<(&[u8], &[u8])> {
    // Words are short: looking further would cost much with a long text that has no space.
    let end = line.iter().take(64).position(|&byte| byte == b' ')?;
    Some((&line[..end], &line[end + 1..]))
}

fn stream_of(name: &[u8]) -> Option<Stream> {
    match name {
        b"stdout" => Some(Stream::Stdout),
        b"stderr" => Some(Stream::Stderr),
        _ => None,
    }
}

/// Docker's driver `json-file`, which splits lines at 16 KiB: a part that goes on has no line end.
fn docker<'a>(line: &'a [u8], buffer: &'a mut Vec<u8>) -> Option<Unwrapped<'a>> {
    buffer.clear();
    let mut has_text = false;
    let mut time_ns = None;
    let mut stream = Stream::Stdout;
    let mut reader = json::Reader::new(line);
    let mut is_first = true;
    reader.expect(b'{')?;
    while let Some(key) = reader.next_key(is_first)? {
        is_first = false;
        match key.raw() {
            b"log" => {
                has_text = true;
                reader.string()?.append_to(buffer)?;
            }
            b"stream" => stream = stream_of(reader.string()?.raw())?,
            b"time" => time_ns = rfc3339(reader.string()?.raw()),
            _ => reader.skip()?,
        }
    }
    reader.end()?;
    if !has_text {
        return None;
    }
    let text: &[u8] = buffer;
    let goes_on = !text.ends_with(b"\n");
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    let text = if goes_on { text } else { text.strip_suffix(b"\r").unwrap_or(text) };
    Some(Unwrapped { text, time_ns, stream, goes_on })
}
