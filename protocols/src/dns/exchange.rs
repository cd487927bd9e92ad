//! What an exchange means in OpenTelemetry's terms (semantic conventions 1.44, DNS), and in ours where they have none.

use std::{
    borrow::Cow,
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use super::{
    codes::{class_name, kind, kind_name, opcode, opcode_name, response_code_name},
    kind::Kind,
    message::{Flags, Message, Record},
    name,
    questions::Asked,
};
use crate::{
    CloseReason, Details, Endpoints, MetricAttribute, MetricAttributes, MetricValue, MetricVisit, Outcome,
    Side, TraceParent, Value,
    ends::{self, Visit, address_text, socket_address},
};

/// Records looked at for addresses and names, at most.
const RECORDS_READ: usize = 512;
/// Values of one attribute, at most.
const VALUES: usize = 32;

/// What is carried the messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Transport {
    Udp,
    Tcp,
}

/// One exchange, complete or in part.
pub(super) struct DnsExchange<'a> {
    pub(super) asked: Option<&'a Asked>,
    /// The answer; of a transfer in many messages, the last.
    pub(super) answer: Option<&'a Message<'a>>,
    /// Answers in the messages before the last.
    pub(super) earlier_answers: u64,
    /// How often the question was sent again.
    pub(super) retries: u32,
    pub(super) outcome: Outcome,
    pub(super) kind: Kind,
    pub(super) transport: Transport,
}

/// A name where it stands: in a message, or alone.
#[derive(Clone, Copy)]
struct Place<'a>(&'a [u8], usize);

impl DnsExchange<'_> {
    /// Name, type and class of the question: as it was asked, or as the answer repeats it.
    fn question(&self) -> Option<(Place<'_>, u16, u16)> {
        if let Some(asked) = self.asked.filter(|asked| !asked.name.is_empty()) {
            return Some((Place(&asked.name, 0), asked.kind, asked.class));
        }
        let answer = self.answer?;
        let question = answer.question?;
        Some((Place(answer.bytes, question.name_at), question.kind, question.class))
    }

    fn opcode(&self) -> u8 {
        let flags = self.answer.map(|answer| answer.flags).or(self.asked.map(|asked| asked.flags));
        flags.unwrap_or_default().opcode()
    }

    /// The low-cardinality word for what was done: the operation, and of a query the type.
    fn operation(&self) -> Option<&'static str> {
        match self.opcode() {
            opcode::QUERY => self.question().and_then(|(_, kind, _)| kind_name(kind)),
            opcode => opcode_name(opcode),
        }
    }

    fn answers(&self) -> impl Iterator<Item = Record<'_>> {
        self.answer.into_iter().flat_map(Message::answers).take(RECORDS_READ)
    }

    fn addresses(&self) -> impl Iterator<Item = IpAddr> {
        self.answers().filter_map(|record| match record.kind {
            kind::A => record.data.try_into().ok().map(|octets: [u8; 4]| Ipv4Addr::from(octets).into()),
            kind::AAAA => record.data.try_into().ok().map(|octets: [u8; 16]| Ipv6Addr::from(octets).into()),
            _ => None,
        })
    }

    /// The names that answers lead to.
    fn names(&self) -> impl Iterator<Item = Place<'_>> {
        let bytes = self.answer.map_or(&[][..], |answer| answer.bytes);
        self.answers().filter_map(move |record| {
            // What stands before the name: a preference (RFC 1035 section 3.3.9); priority, weight and port (RFC 2782).
            let before = match record.kind {
                kind::CNAME | kind::DNAME | kind::NS | kind::PTR => 0,
                kind::MX => 2,
                kind::SRV => 6,
                _ => return None,
            };
            let at = record.data_at + before;
            (record.data.len() > before && name::skip(bytes, at).is_ok()).then_some(Place(bytes, at))
        })
    }

    fn answer_count(&self) -> u64 {
        self.earlier_answers + self.answer.map_or(0, |answer| u64::from(answer.counts[1]))
    }

    /// Errors that no code tells of.
    fn transport_error(&self) -> Option<&'static str> {
        let Outcome::NoResponse(reason) = self.outcome else { return None };
        // Who asks a group learns by silence that there is no such name (RFC 6762 section 5.2, RFC 4795 section 2.7).
        let means_no = reason == CloseReason::Timeout && self.kind != Kind::Dns;
        if means_no { None } else { reason.error() }
    }

    fn question_attributes<'s>(&'s self, visit: Visit<'_, 's>) {
        if let Some((Place(bytes, at), kind, class)) = self.question() {
            visit("dns.question.name", Value::Text(Cow::Owned(name::text(bytes, at))));
            visit("plainsight.dns.question.type", Value::Text(number_name(kind_name(kind), "TYPE", kind)));
            let class = if self.kind == Kind::Multicast { class & 0x7fff } else { class };
            if class != 1 {
                visit(
                    "plainsight.dns.question.class",
                    Value::Text(number_name(class_name(class), "CLASS", class)),
                );
            }
        }
        if self.opcode() != opcode::QUERY {
            let opcode = self.opcode();
            visit(
                "plainsight.dns.opcode",
                Value::Text(number_name(opcode_name(opcode), "OPCODE", opcode.into())),
            );
        }
        if let Some(asked) = self.asked {
            let mut flags = flag_names(asked.flags);
            if let Some(edns) = asked.edns {
                if edns.dnssec {
                    flags.push(Cow::Borrowed("do"));
                }
                visit("plainsight.dns.question.edns_udp_size", Value::Integer(edns.udp_bytes.into()));
            }
            if !flags.is_empty() {
                visit("plainsight.dns.question.flags", Value::Texts(flags));
            }
        }
    }

    fn answer_attributes<'s>(&'s self, answer: &Message<'_>, visit: Visit<'_, 's>) {
        let code = answer.code();
        visit(
            "plainsight.dns.response_code",
            Value::Text(number_name(response_code_name(code), "RCODE", code)),
        );
        visit(
            "plainsight.dns.answer.count",
            Value::Integer(i64::try_from(self.answer_count()).unwrap_or(i64::MAX)),
        );
        let addresses: Vec<_> =
            self.addresses().take(VALUES).map(|address| Cow::Owned(address_text(address))).collect();
        if !addresses.is_empty() {
            visit("dns.answers", Value::Texts(addresses));
        }
        let names: Vec<_> =
            self.names().take(VALUES).map(|Place(bytes, at)| Cow::Owned(name::text(bytes, at))).collect();
        if !names.is_empty() {
            visit("plainsight.dns.answer.names", Value::Texts(names));
        }
        if let Some(lifetime) = self.answers().map(|record| record.lifetime).min() {
            visit("plainsight.dns.answer.ttl", Value::Integer(lifetime.into()));
        }
        let flags = flag_names(answer.flags);
        if !flags.is_empty() {
            visit("plainsight.dns.answer.flags", Value::Texts(flags));
        }
        if let Some(edns) = answer.edns {
            visit("plainsight.dns.answer.edns_udp_size", Value::Integer(edns.udp_bytes.into()));
        }
    }
}

fn flag_names(flags: Flags) -> Vec<Cow<'static, str>> {
    flags.names().map(Cow::Borrowed).collect()
}

/// A name, or as RFC 3597 section 5 writes what has none: `TYPE731`.
fn number_name(name: Option<&'static str>, prefix: &str, number: u16) -> Cow<'static, str> {
    name.map_or_else(|| Cow::Owned(format!("{prefix}{number}")), Cow::Borrowed)
}

impl Details for DnsExchange<'_> {
    fn name(&self, out: &mut dyn fmt::Write) -> fmt::Result {
        out.write_str("DNS")?;
        match self.operation() {
            Some(operation) => write!(out, " {operation}"),
            None => Ok(()),
        }
    }

    fn summary(&self, out: &mut dyn fmt::Write) -> fmt::Result {
        let question = self.question();
        match (self.opcode(), question) {
            (opcode::QUERY, Some((_, kind, _))) => {
                out.write_str(&number_name(kind_name(kind), "TYPE", kind))?;
            }
            (opcode::QUERY, None) => out.write_char('?')?,
            (opcode, _) => out.write_str(&number_name(opcode_name(opcode), "OPCODE", opcode.into()))?,
        }
        if let Some((Place(bytes, at), ..)) = question {
            out.write_char(' ')?;
            name::write(bytes, at, out)?;
        }
        if let Some(error) = self.transport_error() {
            return write!(out, " {error}");
        }
        let Some(answer) = self.answer else {
            return out.write_str(if self.kind == Kind::Dns { " ?" } else { " no answer" });
        };
        if answer.code() != 0 {
            write!(out, " {}", number_name(response_code_name(answer.code()), "RCODE", answer.code()))?;
        } else if answer.flags.opcode() == opcode::QUERY {
            self.summarise_answers(out)?;
        }
        if answer.flags.is_truncated() { out.write_str(" truncated") } else { Ok(()) }
    }

    fn error_type(&self, _side: Side) -> Option<Cow<'_, str>> {
        match self.answer.map(Message::code) {
            Some(0) => None,
            Some(code) => Some(number_name(response_code_name(code), "RCODE", code)),
            None => self.transport_error().map(Cow::Borrowed),
        }
    }

    fn attributes<'s>(&'s self, side: Side, endpoints: &Endpoints, visit: &mut dyn FnMut(&str, Value<'s>)) {
        self.question_attributes(visit);
        if let Some(answer) = self.answer {
            self.answer_attributes(answer, visit);
        }
        if let Some(kind) = self.kind.name() {
            visit("plainsight.dns.kind", Value::Text(Cow::Borrowed(kind)));
        }
        if self.retries > 0 {
            visit("plainsight.dns.retries", Value::Integer(self.retries.into()));
        }
        let transport = if self.transport == Transport::Udp { "udp" } else { "tcp" };
        visit("network.transport", Value::Text(Cow::Borrowed(transport)));
        let (peer, role) = match side {
            Side::Server => (endpoints.client, ["client.address", "client.port"]),
            Side::Client => (endpoints.server, ["server.address", "server.port"]),
        };
        socket_address(role, &peer, visit);
        ends::peer(side, endpoints, visit);
    }

    fn metric_attributes(
        &self,
        side: Side,
        endpoints: &Endpoints,
        wanted: MetricAttributes,
        visit: MetricVisit<'_>,
    ) {
        use MetricAttribute::{DnsQuestionName, DnsQuestionType, ErrorType};
        if let Some((Place(bytes, at), kind, _)) = self.question() {
            if wanted.contains(DnsQuestionName) {
                visit(DnsQuestionName, MetricValue::Text(&name::text(bytes, at)));
            }
            if wanted.contains(DnsQuestionType) {
                visit(DnsQuestionType, MetricValue::Text(&number_name(kind_name(kind), "TYPE", kind)));
            }
        }
        if let Some(error) = self.error_type(side).filter(|_| wanted.contains(ErrorType)) {
            visit(ErrorType, MetricValue::Text(&error));
        }
        if side == Side::Client {
            ends::metric_server(endpoints, None, wanted, visit);
        }
    }

    fn trace_parent(&self) -> Option<TraceParent> {
        None
    }
}

impl DnsExchange<'_> {
    /// The first address, or else the first name, and how many more there are; where there is neither, how many answers.
    fn summarise_answers(&self, out: &mut dyn fmt::Write) -> fmt::Result {
        let mut addresses = self.addresses();
        let more = if let Some(first) = addresses.next() {
            write!(out, " {first}")?;
            addresses.count()
        } else {
            let mut names = self.names();
            let Some(Place(bytes, at)) = names.next() else {
                let count = self.answer_count();
                return write!(out, " {count} answer{}", if count == 1 { "" } else { "s" });
            };
            out.write_char(' ')?;
            name::write(bytes, at, out)?;
            names.count()
        };
        if more > 0 { write!(out, " +{more}") } else { Ok(()) }
    }
}
