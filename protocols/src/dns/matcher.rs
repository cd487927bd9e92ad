//! Pairs answers with questions: by who was asked, the message's id, and the question, which an answer repeats.
//!
//! The order of messages means nothing in this protocol. What is certain is that an answer has the id of its question,
//! comes from where that was sent, and repeats it; what fits in less than all of that is not paired.

use super::{
    exchange::{DnsExchange, Transport},
    kind::Kind,
    message::Message,
    name,
    questions::{Asked, Entry, Key, Questions},
    recent::Recent,
    waiting::{Envelope, Facts, Manner},
};
use crate::{CloseReason, DatagramSink, Exchange, Limit, Outcome, Protocol, Timestamp};

/// How long a question waits for its answer: what resolvers wait before they ask again (resolv.conf(5), `timeout`).
pub const ANSWER_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(5);

/// How long an answer waits for its question: two threads may use one socket, and the one that read the answer may
/// report it before the other reports what it wrote. One that loses its processor between writing and reporting waits
/// for its turn, on a busy machine for a slice of each of those before it. Waiting that long mispairs nothing, for
/// answers are told by id and question and not by their order; what it costs is that an answer without a question is
/// told so much later.
const LATE_WINDOW: std::time::Duration = std::time::Duration::from_millis(100);

/// Answers that wait for their question, at most.
const EARLY_ANSWERS: usize = 32;

/// Bytes kept of an answer that waits.
const EARLY_BYTES: usize = 4098;

/// Records of an answer of multicast DNS that are compared with what was asked.
const OWNERS_READ: usize = 32;

/// An answer whose question was not seen yet.
#[derive(Debug)]
struct Early<T> {
    envelope: Envelope<T>,
    bytes: Box<[u8]>,
    length: u64,
    explained: bool,
}

/// Asking again sooner than this is no asking again, but the same packet captured on two interfaces.
const SAME_PACKET: std::time::Duration = std::time::Duration::from_millis(2);

/// Questions and answers of one socket or connection.
#[derive(Debug)]
pub(super) struct Matcher<T> {
    manner: Manner,
    questions: Questions<Facts<T>>,
    early: Vec<Early<T>>,
    recent: Recent,
    /// Questions with a number up to this one may have been answered unseen.
    doubtful: u64,
    /// Whether what was asked before the observation began may still be answered.
    pub(super) joining: bool,
    /// Answers of doubtful questions: that many less are unaccounted for.
    pub(super) missed_answers: u64,
    /// Answers reported without their question.
    pub(super) missed_questions: u64,
}

impl<T: Copy> Matcher<T> {
    pub(super) fn new(manner: Manner) -> Self {
        Self {
            manner,
            questions: Questions::new(manner.waiting),
            early: Vec::new(),
            recent: Recent::default(),
            doubtful: 0,
            joining: false,
            missed_answers: 0,
            missed_questions: 0,
        }
    }

    /// What a matcher may hold at most, in bytes.
    pub(super) const fn held_bytes_limit(waiting: usize) -> usize {
        waiting * Questions::<Facts<T>>::ENTRY_BYTES + EARLY_ANSWERS * (EARLY_BYTES + size_of::<Early<T>>())
    }

    /// Bytes held, by what a question may hold at most.
    pub(super) fn held_bytes(&self) -> usize {
        let early: usize = self.early.iter().map(|early| early.bytes.len() + size_of::<Early<T>>()).sum();
        self.questions.len() * Questions::<Facts<T>>::ENTRY_BYTES + early
    }

    /// Whether an answer waits for its question, so that a look is wanted soon.
    pub(super) fn is_holding(&self) -> bool {
        !self.early.is_empty()
    }

    /// Whether a question waits for its answer.
    pub(super) fn is_waiting(&self) -> bool {
        self.questions.len() > 0
    }

    /// Answers were lost: what was asked until now may have been answered.
    pub(super) fn doubt(&mut self) {
        self.doubtful = self.questions.asked();
    }

    /// A question.
    pub(super) fn question(
        &mut self,
        message: &Message<'_>,
        envelope: Envelope<T>,
        sink: &mut dyn DatagramSink<T>,
    ) {
        let at = envelope.started;
        let (asker, asked) =
            if envelope.sent { (envelope.local, envelope.remote) } else { (envelope.remote, envelope.local) };
        let (kind, group) = Kind::of(asker, asked, message);
        let by_anyone = group && (envelope.sent || kind == Kind::Multicast || self.manner.on_the_wire);
        let mut key = Key { remote: Some(envelope.remote), id: message.id, sent: envelope.sent };
        if by_anyone {
            key = self.key_of_group(&key);
        }
        let again = self
            .questions
            .of(&key)
            .find(|(_, entry)| entry.asked.is_repeated_by(message))
            .map(|(place, _)| place);
        if let Some(place) = again {
            return self.asked_again(place, message, at);
        }
        if let Some(early) = self.early_answer(&key, message) {
            let mut asked = Asked::default();
            asked.read(message);
            let entry = Facts::new(self.manner, message, envelope, kind, group);
            return self.settle_early(&early, &asked, &entry, sink);
        }
        let crowded = self
            .questions
            .crowded(&key)
            .or_else(|| if self.questions.is_full() { self.questions.oldest() } else { None });
        if let Some(place) = crowded {
            sink.limited(Limit::WaitingRequests);
            self.give_up(place, CloseReason::Evicted, sink);
        }
        self.questions.insert(key, message, at, Facts::new(self.manner, message, envelope, kind, group));
    }

    fn asked_again(&mut self, place: u32, message: &Message<'_>, at: Timestamp) {
        let manner = self.manner;
        let Some(entry) = self.questions.get_mut(place) else { return };
        if manner.on_the_wire && at.since(entry.asked_at) < SAME_PACKET {
            return;
        }
        entry.facts.retries = entry.facts.retries.saturating_add(1);
        entry.facts.bytes = entry.facts.bytes.saturating_add(manner.wire_bytes(message));
        self.questions.wait_on(place, at);
    }

    /// An answer. `explained` says that its question may have been asked unseen, so that one without is reported.
    pub(super) fn answer(
        &mut self,
        message: &Message<'_>,
        envelope: Envelope<T>,
        explained: bool,
        sink: &mut dyn DatagramSink<T>,
    ) {
        let key = Key { remote: Some(envelope.remote), id: message.id, sent: !envelope.sent };
        if let Some(place) = self.question_of(&key, message) {
            return self.answered(place, message, &envelope, sink);
        }
        let answering = if envelope.sent { envelope.local } else { envelope.remote };
        if Kind::of_answer(answering) != Kind::Dns && self.answer_to_group(&key, message, &envelope, sink) {
            return;
        }
        if self.recent.contains(key.digest_of(message)) || !message.is_certain() {
            return;
        }
        if Kind::of_answer(answering) == Kind::Multicast && message.question.is_none() {
            // Announced without having been asked (RFC 6762 section 8.3).
            return;
        }
        if self.early.len() >= EARLY_ANSWERS {
            sink.limited(Limit::HeldResponses);
            let early = self.early.remove(0);
            self.without_question(&early, sink);
        }
        let bytes = message.bytes.get(..EARLY_BYTES).unwrap_or(message.bytes).into();
        self.early.push(Early { envelope, bytes, length: message.length, explained });
    }

    /// The question that an answer belongs to.
    fn question_of(&self, key: &Key, message: &Message<'_>) -> Option<u32> {
        if key.remote.is_some_and(|remote| remote.port() == 0) {
            return self.question_to_anyone(key, message);
        }
        let mut waiting = self.questions.of(key);
        if message.question.is_some() {
            return waiting.find(|(_, entry)| entry.asked.is_repeated_by(message)).map(|(place, _)| place);
        }
        // What could not be read is answered without being repeated, and so may be the later messages of a transfer.
        let (place, entry) = waiting.next()?;
        let same_operation = entry.asked.flags.opcode() == message.flags.opcode();
        (waiting.next().is_none() && same_operation).then_some(place)
    }

    /// The question that an answer belongs to whose sender the program did not want to know: of those that were asked
    /// of the ends that were asked last.
    fn question_to_anyone(&self, key: &Key, message: &Message<'_>) -> Option<u32> {
        /// Newest questions that are looked at for the ends that they were asked of.
        const LOOKED_AT: usize = 64;
        /// Ends that are tried: resolvers have three servers at most.
        const ENDS: usize = 8;
        let mut tried = [None; ENDS];
        let mut count = 0;
        for (_, newest) in self.questions.newest_first().take(LOOKED_AT) {
            let remote = newest.key().remote;
            if tried.iter().take(count).any(|&before| before == remote) {
                continue;
            }
            let Some(slot) = tried.get_mut(count) else { break };
            *slot = remote;
            count += 1;
            let asked = Key { remote, ..*key };
            if let Some((place, _)) =
                self.questions.of(&asked).find(|(_, entry)| entry.asked.is_repeated_by(message))
            {
                return Some(place);
            }
        }
        None
    }

    /// The key of a question that any member of a group may answer.
    const fn key_of_group(&self, key: &Key) -> Key {
        // On the wire it went from nobody observed to nobody observed.
        Key { remote: None, sent: key.sent && !self.manner.on_the_wire, ..*key }
    }

    /// Pairs an answer with whatever it answers of what was asked of a group; gives whether there was anything.
    fn answer_to_group(
        &mut self,
        key: &Key,
        message: &Message<'_>,
        envelope: &Envelope<T>,
        sink: &mut dyn DatagramSink<T>,
    ) -> bool {
        let key = self.key_of_group(key);
        if message.question.is_some()
            && let Some(place) = self.question_of(&key, message)
        {
            self.answered(place, message, envelope, sink);
            return true;
        }
        let mut owners = [(0, 0); OWNERS_READ];
        let mut count = 0;
        for (slot, record) in owners.iter_mut().zip(message.answers()) {
            *slot = (name::digest(message.bytes, record.owner_at), record.kind);
            count += 1;
        }
        let owners = owners.get(..count).unwrap_or_default();
        let about = |(place, entry): (u32, &Entry<Facts<T>>)| {
            let (question, owner) = entry.facts.answered_by(owners)?;
            Some((place, question, owner))
        };
        let found: Vec<_> = self.questions.of(&key).filter_map(about).collect();
        for &(place, question, owner) in &found {
            if question > 0
                && let Some(record) = message.answers().nth(owner)
                && let Some(entry) = self.questions.get_mut(place)
            {
                // Of several questions, the one that is answered is what the exchange is about.
                entry.asked.name.clear();
                name::expand(message.bytes, record.owner_at, &mut entry.asked.name);
                entry.asked.kind = entry.facts.questions.get(question).map_or(record.kind, |&(_, kind)| kind);
            }
            self.answered(place, message, envelope, sink);
        }
        !found.is_empty()
    }

    fn answered(
        &mut self,
        place: u32,
        message: &Message<'_>,
        envelope: &Envelope<T>,
        sink: &mut dyn DatagramSink<T>,
    ) {
        if self.manner.transport == Transport::Tcp
            && let Some(entry) = self.questions.get_mut(place)
            && entry.goes_on_after(message)
        {
            entry.facts.add_part(self.manner.wire_bytes(message), message, envelope);
            let at = envelope.ended.unwrap_or(envelope.started);
            return self.questions.wait_on(place, at);
        }
        let manner = self.manner;
        let Some(entry) = self.questions.take(place) else { return };
        if entry.facts.retries > 0 || self.joining {
            // A second answer may come.
            self.recent.insert(entry.digest());
        }
        entry.facts.report_pair(manner, &entry.asked, message, envelope, sink);
    }

    /// The answer to a question that was seen before it.
    fn early_answer(&mut self, key: &Key, message: &Message<'_>) -> Option<Early<T>> {
        if self.early.is_empty() {
            return None;
        }
        let mut asked = Asked::default();
        asked.read(message);
        let place = self.early.iter().position(|early| {
            let answered = early.envelope.remote;
            let from = key.remote.is_none_or(|remote| remote == answered) || answered.port() == 0;
            let answers = |answer: Message<'_>| answer.id == key.id && asked.is_repeated_by(&answer);
            from && early.envelope.sent != key.sent
                && Message::parse(&early.bytes, early.length).is_some_and(answers)
        })?;
        Some(self.early.remove(place))
    }

    fn settle_early(
        &mut self,
        early: &Early<T>,
        asked: &Asked,
        facts: &Facts<T>,
        sink: &mut dyn DatagramSink<T>,
    ) {
        let Some(message) = Message::parse(&early.bytes, early.length) else { return };
        facts.report_pair(self.manner, asked, &message, &early.envelope, sink);
    }

    /// An answer whose question did not come.
    fn without_question(&mut self, early: &Early<T>, sink: &mut dyn DatagramSink<T>) {
        let Some(message) = Message::parse(&early.bytes, early.length) else { return };
        let envelope = &early.envelope;
        let key = Key { remote: Some(envelope.remote), id: message.id, sent: !envelope.sent };
        let digest = key.digest_of(&message);
        if !early.explained || self.recent.contains(digest) {
            return;
        }
        self.recent.insert(digest);
        self.missed_questions += 1;
        let answering = if envelope.sent { envelope.local } else { envelope.remote };
        let details = DnsExchange {
            asked: None,
            answer: Some(&message),
            earlier_answers: 0,
            retries: 0,
            outcome: Outcome::Partial,
            kind: Kind::of_answer(answering),
            transport: self.manner.transport,
        };
        let exchange = Exchange {
            protocol: Protocol::Dns,
            started: envelope.started,
            request_offset: None,
            response_offset: envelope.offset,
            ended: envelope.ended,
            outcome: Outcome::Partial,
            request_bytes: 0,
            response_bytes: self.manner.wire_bytes(&message),
            missing_bytes: envelope.missing_bytes,
            details: &details,
        };
        sink.exchange(&exchange, &envelope.ends(!envelope.sent), &envelope.tag);
    }

    /// Gives up what has waited too long.
    pub(super) fn tick(&mut self, now: Timestamp, sink: &mut dyn DatagramSink<T>) {
        while let Some(early) = self.early.first() {
            if now.since(early.envelope.started) <= LATE_WINDOW {
                break;
            }
            let early = self.early.remove(0);
            self.without_question(&early, sink);
        }
        while let Some(place) = self.questions.oldest() {
            let waits = |entry: &Entry<_>| now.since(entry.asked_at) < ANSWER_TIMEOUT;
            if self.questions.get(place).is_none_or(waits) {
                break;
            }
            self.give_up(place, CloseReason::Timeout, sink);
        }
        self.questions.shrink();
    }

    /// Nothing more will come: reports what is left.
    pub(super) fn close(&mut self, reason: CloseReason, sink: &mut dyn DatagramSink<T>) {
        for early in std::mem::take(&mut self.early) {
            self.without_question(&early, sink);
        }
        while let Some(place) = self.questions.oldest() {
            self.give_up(place, reason, sink);
        }
        self.questions.shrink();
    }

    fn give_up(&mut self, place: u32, reason: CloseReason, sink: &mut dyn DatagramSink<T>) {
        let (manner, doubtful) = (self.manner, self.doubtful);
        let Some(entry) = self.questions.take(place) else { return };
        self.recent.insert(entry.digest());
        let Entry { asked, facts, number, .. } = entry;
        let unseen = facts.group && !facts.envelope.sent && !manner.on_the_wire;
        if unseen || !facts.certain {
            // It was asked of others as well, and this end had nothing to say; or nothing proved that it was a question.
            return;
        }
        let is_doubtful = *number <= doubtful;
        if is_doubtful && facts.transfer.is_none() {
            self.missed_answers += 1;
        }
        facts.report_unanswered(manner, asked, reason, is_doubtful, sink);
    }
}
