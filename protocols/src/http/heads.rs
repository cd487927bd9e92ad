//! What the head of a message does: it opens an exchange, and decides how the message ends.

use super::{
    frame::Length,
    ledger::Ledger,
    message::{self, Look, Version},
    parser::HttpParser,
    record::{Request, Response},
    stream::Here,
};
use crate::{
    Direction, Sink, Timestamp,
    fifo::{Fifo, RequestPlace, ResponsePlace},
    http2,
};

/// What there is of a head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Bytes that begin with it.
    Ahead,
    /// All of it.
    Whole,
    /// Its beginning: the rest will not be seen.
    Cut,
}

impl Form {
    const fn look(self) -> Look {
        match self {
            Self::Ahead => Look::Ahead,
            Self::Whole | Self::Cut => Look::Whole,
        }
    }
}

impl HttpParser {
    pub(super) fn head(
        &mut self,
        direction: Direction,
        head: &[u8],
        here: Here,
        form: Form,
        sink: &mut dyn Sink,
    ) -> Option<usize> {
        match direction {
            Direction::ToServer => self.request_head(head, here, form, sink),
            Direction::ToClient => self.response_head(head, here, form, sink),
        }
    }

    /// Reads the head that is held although it is not whole: a gap took the rest, or it is too long.
    pub(super) fn cut_head(&mut self, direction: Direction, here: Here, sink: &mut dyn Sink) -> bool {
        let stream = self.stream(direction);
        let proven = stream.has_partial_head();
        let head = stream.take_head();
        let understood = proven && self.head(direction, &head, here, Form::Cut, sink).is_some();
        self.stream(direction).keep(head);
        if !understood {
            self.stream(direction).lose_framing(false);
        }
        understood
    }

    fn request_head(&mut self, head: &[u8], here: Here, form: Form, sink: &mut dyn Sink) -> Option<usize> {
        let mut record = self.ledger.request();
        let settings = &self.settings;
        let capturing = !settings.captured_headers.is_empty();
        let parsed = message::request(head, form.look(), |name, value| {
            if capturing {
                record.texts.capture(settings, name, value);
            }
        });
        let Some((line, fields, length)) = parsed else {
            self.ledger.drop_request(record);
            return None;
        };
        record.fill(settings, &line, &fields);
        record.serial = self.next_serial();
        record.began = Some(self.requests.began());
        self.requests.count(length, 0);
        let mut place = RequestPlace {
            start: self.requests.start.offset,
            end: None,
            opposite: here.opposite,
            at: self.requests.start.at,
        };
        if form == Form::Cut {
            self.open_request = Some(record.serial);
            self.requests.lose_framing(true);
        } else {
            let body =
                if line.version == Version::V09 { Length::None } else { fields.framing.request_length() };
            if self.requests.begin_body(body, fields.expects_continue) {
                self.requests.size.ended = Some(here.at);
                record.size = self.requests.size;
                record.done = true;
                place.end = Some(self.requests.position());
                self.requests.begin_head(false);
                if line.version == Version::V09 {
                    self.requests.lose_framing(false);
                }
            } else {
                self.open_request = Some(record.serial);
            }
        }
        let weight = record.held();
        let idle = self.ledger.is_empty();
        self.fifo.push_request(place, record, weight, idle);
        if self.fifo.is_holding() || !self.fifo.has_room() {
            self.settle(here.at, sink);
        }
        Some(length)
    }

    fn response_head(&mut self, head: &[u8], here: Here, form: Form, sink: &mut dyn Sink) -> Option<usize> {
        let interim = self.open_response;
        let mut fresh = interim.is_none().then(|| self.ledger.response());
        let mut scratch = None;
        let (settings, fifo, ledger) = (&self.settings, &mut self.fifo, &mut self.ledger);
        let record = match (&mut fresh, interim) {
            (Some(record), _) => &mut **record,
            (None, Some(serial)) => match held_response(fifo, ledger, serial) {
                Some(record) => record,
                None => &mut **scratch.insert(Box::new(Response::empty())),
            },
            (None, None) => return None,
        };
        let Some((line, framing, length)) = message::response(head, form.look()) else {
            if let Some(record) = fresh {
                self.ledger.drop_response(record);
            }
            return None;
        };
        if !settings.captured_headers.is_empty() {
            message::response_fields(&head[..length], |name, value| {
                record.texts.capture(settings, name, value);
            });
        }
        record.fill(line);
        self.untouched = false;
        self.responses.count(length, 0);
        let serial = match (fresh, interim) {
            (Some(record), _) => self.push_response(record, here.at, sink),
            (None, serial) => serial.unwrap_or_default(),
        };
        self.open_response = Some(serial);
        if form == Form::Cut {
            self.responses.lose_framing(true);
            return Some(length);
        }
        if matches!(line.status, 100 | 102..=199) {
            self.responses.expect_final_head();
            return Some(length);
        }
        let request = self.ledger.request_of(serial);
        let (to_head, to_connect) =
            request.map_or((false, false), |request| (request.is_head, request.is_connect));
        let doubtful = request.is_none();
        let body = framing.response_length(line.status, to_head, to_connect);
        if self.responses.begin_body(body, doubtful) {
            self.end(Direction::ToClient, true, sink);
        } else if body == Length::Tunnel {
            self.responses.stop();
            self.end(Direction::ToClient, true, sink);
            self.finished |= !doubtful;
        }
        Some(length)
    }

    fn push_response(&mut self, mut record: Box<Response>, now: Timestamp, sink: &mut dyn Sink) -> u64 {
        let serial = self.next_serial();
        let start = self.responses.start;
        record.serial = serial;
        record.began = Some(self.responses.began());
        let place = ResponsePlace { start: start.offset, opposite: start.opposite, at: start.at };
        self.fifo.push_response(place, record);
        self.settle(now, sink);
        serial
    }

    /// The bytes at hand begin no message.
    pub(super) fn no_head(
        &mut self,
        direction: Direction,
        here: Here,
        bytes: &[u8],
        sink: &mut dyn Sink,
    ) -> usize {
        let on_trial = self.stream(direction).is_trial();
        self.stream(direction).misses += u32::from(on_trial);
        match direction {
            Direction::ToServer => self.lose(direction, 0),
            Direction::ToClient if self.untouched && http2::greets(bytes) => {
                // A server that speaks HTTP/2 and nothing else greets whoever connects. That is no answer, and none
                // will follow.
                self.responses.stop();
                return bytes.len();
            }
            Direction::ToClient if !on_trial && self.may_be_foreign() => {
                self.foreign_response(here, bytes, sink);
                return bytes.len();
            }
            Direction::ToClient => {
                self.end(direction, false, sink);
                self.lose(direction, 0);
            }
        }
        self.stream(direction).lose_framing(false);
        bytes.len()
    }

    /// Whether bytes that are no HTTP/1 may answer a request all the same: the first that the server says on a connection
    /// seen from its start, or what HTTP/0.9 was asked for.
    fn may_be_foreign(&mut self) -> bool {
        let untouched = self.untouched;
        let waiting = self.fifo.newest_request();
        let asked = waiting.is_some_and(|(_, request)| untouched || request.version == Version::V09);
        asked && !self.fifo.is_holding() && self.open_response.is_none()
    }

    fn foreign_response(&mut self, here: Here, bytes: &[u8], sink: &mut dyn Sink) {
        let held = self.responses.take_head();
        let mut record = self.ledger.response();
        record.foreign = true;
        record.version = Version::V09;
        self.untouched = false;
        let serial = self.push_response(record, here.at, sink);
        self.open_response = Some(serial);
        self.responses.read_until_close();
        let length = held.len().max(bytes.len());
        self.responses.count(length, length as u64);
        self.responses.size.body_known = true;
    }
}

/// A response that waits, or whose exchange is under way.
pub(super) fn held_response<'a>(
    fifo: &'a mut Fifo<Box<Request>, Box<Response>>,
    ledger: &'a mut Ledger,
    serial: u64,
) -> Option<&'a mut Response> {
    if fifo.newest_response().is_some_and(|record| record.serial == serial) {
        return fifo.newest_response().map(|record| &mut **record);
    }
    ledger.find_response(serial)
}
