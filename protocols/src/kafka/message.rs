//! What a message said, as far as it is kept: names, numbers and the first error. Records are used again, so that a
//! connection in full swing allocates nothing.

use std::sync::Arc;

use super::{
    records,
    schema::{Body, End, Field, Note, walk},
    topics::{TopicId, TopicNames},
};
use crate::{TraceParent, trace_context};

/// Topics of one message that are kept by name; more are counted.
pub(super) const KEPT_TOPICS: usize = 4;
/// Longest topic name that Kafka allows.
const TOPIC: usize = 249;
/// Client ids, group ids and transactional ids have no limit of their own; longer ones are cut.
const CLIENT: usize = 128;
const GROUP: usize = 256;
/// Cluster ids are 22 characters.
const CLUSTER: usize = 64;
/// Traces of a batch's messages that are kept, as OpenTelemetry limits the links of a span; and messages that are looked at for them.
const LINKS: usize = 128;
const MESSAGES: usize = 512;
/// The most that one record's texts and links take.
pub(super) const TEXT_LIMIT: usize = CLIENT
    + 2 * GROUP
    + CLUSTER
    + 2 * KEPT_TOPICS * TOPIC
    + trace_context::STATE
    + LINKS * size_of::<TraceParent>();

/// A piece of a record's text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Span {
    start: u16,
    length: u16,
}

/// A topic as a message named it.
#[derive(Debug, Clone, Default)]
pub(super) struct Topic {
    name: Span,
    id: TopicId,
    /// The name that its id stands for.
    resolved: Option<Arc<str>>,
}

/// What is kept of a message.
#[derive(Debug, Clone)]
pub(super) struct Said {
    texts: Vec<u8>,
    topics: [Topic; KEPT_TOPICS],
    kept: usize,
    /// How many topics it is about, `None` if it did not say.
    topic_total: Option<u32>,
    /// It is about more topics than it says, or may be.
    pub(super) open: bool,
    partition: Option<i32>,
    partition_total: u32,
    client: Span,
    group: Span,
    group_total: u32,
    transaction: Span,
    transaction_total: u32,
    cluster: Span,
    key_type: u8,
    pub(super) acks: Option<i16>,
    pub(super) session: Option<i32>,
    pub(super) session_epoch: Option<i32>,
    pub(super) forgets: bool,
    /// Records of all batches, if all could be counted.
    records: Option<u32>,
    batch_seen: bool,
    pub(super) base_offset: Option<i64>,
    /// The first error that is none but 0; 0 if all that were seen are.
    pub(super) error: Option<i16>,
    /// The traces that its messages say they belong to; one that several in a row name, once.
    links: Vec<TraceParent>,
    /// Messages that may still be looked at for them.
    to_look_at: usize,
    /// What vendors say of the first.
    trace_state: Span,
    /// How far it could be read.
    pub(super) end: End,
}

impl Said {
    pub(super) fn empty() -> Self {
        Self {
            texts: Vec::new(),
            topics: Default::default(),
            kept: 0,
            topic_total: None,
            open: false,
            partition: None,
            partition_total: 0,
            client: Span::default(),
            group: Span::default(),
            group_total: 0,
            transaction: Span::default(),
            transaction_total: 0,
            cluster: Span::default(),
            key_type: 0,
            acks: None,
            session: None,
            session_epoch: None,
            forgets: false,
            records: None,
            batch_seen: false,
            base_offset: None,
            error: None,
            links: Vec::new(),
            to_look_at: MESSAGES,
            trace_state: Span::default(),
            end: End::Cut,
        }
    }

    /// Makes the record ready for another message.
    pub(super) fn reset(&mut self) {
        for topic in &mut self.topics[..self.kept] {
            topic.resolved = None;
        }
        let texts = std::mem::take(&mut self.texts);
        let topics = std::mem::take(&mut self.topics);
        let links = std::mem::take(&mut self.links);
        *self = Self { texts, topics, links, ..Self::empty() };
        self.texts.clear();
        self.links.clear();
    }

    /// Bytes that the record holds beyond its own size.
    pub(super) fn held(&self) -> usize {
        self.texts.len() + self.links.len() * size_of::<TraceParent>()
    }

    fn keep(&mut self, text: &[u8], limit: usize) -> Span {
        let text = shorten(text, limit);
        let start = u16::try_from(self.texts.len()).unwrap_or(u16::MAX);
        let length = u16::try_from(text.len()).unwrap_or(0);
        self.texts.extend_from_slice(&text[..usize::from(length)]);
        Span { start, length }
    }

    fn get(&self, span: Span) -> &[u8] {
        let start = usize::from(span.start);
        self.texts.get(start..start + usize::from(span.length)).unwrap_or_default()
    }

    fn find(&self, span: Span) -> Option<&[u8]> {
        Some(self.get(span)).filter(|text| !text.is_empty())
    }

    /// Keeps the client's id.
    pub(super) fn set_client(&mut self, client: &[u8]) {
        self.client = self.keep(client, CLIENT);
    }

    /// Reads a body. Names of topics that come with their id go into `names`. What a message says that cannot be true
    /// of any is forgotten.
    pub(super) fn read(
        &mut self,
        fields: &'static [Field],
        version: i16,
        flexible: bool,
        body: Body<'_>,
        names: &TopicNames,
    ) {
        let mut named: &[u8] = &[];
        let end = walk(fields, version, flexible, body, &mut |note| {
            match note {
                Note::Topic(name) => named = name,
                Note::LearnedId(id) => names.learn(&id, named),
                _ => {}
            }
            self.note(note);
        });
        if end == End::Bad {
            let client = self.get(self.client).to_vec();
            self.reset();
            self.set_client(&client);
        }
        self.end = end;
    }

    fn note(&mut self, note: Note<'_>) {
        match note {
            Note::Topics(count) => {
                self.topic_total = count.map(|count| self.topic_total.unwrap_or(0).saturating_add(count));
            }
            Note::Topic(name) if !name.is_empty() => {
                if self.kept < KEPT_TOPICS {
                    let name = self.keep(name, TOPIC);
                    self.add(Topic { name, ..Topic::default() });
                }
            }
            Note::TopicId(id) if id != TopicId::default() => self.add(Topic { id, ..Topic::default() }),
            Note::Partitions(count) => self.partition_total = self.partition_total.saturating_add(count),
            Note::Partition(partition) => {
                self.partition.get_or_insert(partition);
            }
            Note::Error(code) => match self.error {
                None | Some(0) => self.error = Some(code),
                Some(_) => {}
            },
            Note::Groups(count) | Note::Keys(count) => self.group_total = count,
            Note::Group(group) | Note::Key(group) => {
                self.group_total = self.group_total.max(1);
                if self.group == Span::default() {
                    self.group = self.keep(group, GROUP);
                }
            }
            Note::KeyType(kind) => self.key_type = kind,
            Note::Transaction(transaction) => {
                self.transaction_total += 1;
                if self.transaction_total == 1 {
                    self.transaction = self.keep(transaction, GROUP);
                }
            }
            Note::Acks(acks) => self.acks = Some(acks),
            Note::Session(session) => self.session = Some(session),
            Note::SessionEpoch(epoch) => self.session_epoch = Some(epoch),
            Note::Forgotten(count) => self.forgets = count > 0,
            Note::Cluster(cluster) => self.cluster = self.keep(cluster, CLUSTER),
            Note::BaseOffset(offset) => {
                self.base_offset.get_or_insert(offset);
            }
            Note::Records(size, bytes) => self.count_records(size, bytes),
            Note::Topic(_) | Note::TopicId(_) | Note::LearnedId(_) | Note::Word(_) => {}
        }
    }

    fn count_records(&mut self, size: u32, bytes: &[u8]) {
        let count = records::count(size, bytes);
        if self.batch_seen {
            self.records = self.records.zip(count).and_then(|(sum, count)| sum.checked_add(count));
        } else {
            self.records = count;
        }
        self.link_records(bytes);
        self.batch_seen = true;
    }

    /// Notes the traces that the records of these batches name.
    pub(super) fn link_records(&mut self, bytes: &[u8]) {
        let mut first_state = None;
        let links = &mut self.links;
        let is_first = links.is_empty();
        let looked_at = records::contexts(bytes, self.to_look_at, &mut |parent, state| {
            if links.is_empty() {
                first_state = state;
            }
            if links.len() < LINKS && links.last() != Some(&parent) {
                links.push(parent);
            }
        });
        self.to_look_at = self.to_look_at.saturating_sub(looked_at);
        if let Some(state) = first_state.filter(|_| is_first) {
            self.trace_state = self.keep(trace_context::whole_members(state), trace_context::STATE);
        }
    }

    /// The trace of the one message that it brings.
    pub(super) fn trace_parent(&self) -> Option<TraceParent> {
        match self.links[..] {
            [parent] if self.record_count() == Some(1) => Some(parent),
            _ => None,
        }
    }

    /// What vendors say of that trace.
    pub(super) fn trace_state(&self) -> Option<&str> {
        self.trace_parent()?;
        trace_context::trace_state(self.find(self.trace_state)?)
    }

    /// The traces that its messages say they belong to.
    pub(super) fn links(&self) -> &[TraceParent] {
        &self.links
    }

    fn add(&mut self, topic: Topic) {
        if let Some(slot) = self.topics.get_mut(self.kept) {
            *slot = topic;
            self.kept += 1;
        }
    }

    /// Whether nothing behind what was read could say more.
    pub(super) fn is_whole(&self) -> bool {
        matches!(self.end, End::Whole | End::More)
    }

    /// Looks up the names of topics that were named by id.
    pub(super) fn resolve(&mut self, names: &TopicNames) {
        for topic in &mut self.topics[..self.kept] {
            if topic.id != TopicId::default() && topic.resolved.is_none() {
                topic.resolved = names.find(&topic.id);
            }
        }
    }

    fn topic_name<'s>(&'s self, topic: &'s Topic) -> Option<&'s [u8]> {
        self.find(topic.name).or_else(|| topic.resolved.as_deref().map(str::as_bytes))
    }

    /// The first topics' names, those that are known.
    pub(super) fn names(&self) -> impl Iterator<Item = &[u8]> {
        self.topics[..self.kept].iter().filter_map(|topic| self.topic_name(topic))
    }

    /// How many topics the message is about, if it says so and means no others.
    pub(super) fn topic_count(&self) -> Option<u32> {
        self.topic_total.filter(|_| !self.open)
    }

    /// The topic, if the message is about exactly one whose name is known.
    pub(super) fn only_topic(&self) -> Option<&[u8]> {
        if self.topic_count() != Some(1) || self.kept != 1 { None } else { self.topic_name(&self.topics[0]) }
    }

    /// Whether it is about exactly one topic, by whatever name.
    pub(super) fn is_about_one(&self) -> bool {
        self.topic_count() == Some(1)
    }

    /// The partition, if the message is about exactly one. A number below zero names none.
    pub(super) fn only_partition(&self) -> Option<u32> {
        let partition = self.partition.filter(|_| self.is_about_one() && self.partition_total == 1)?;
        u32::try_from(partition).ok()
    }

    /// How many records it brings, if that is certain.
    pub(super) fn record_count(&self) -> Option<u32> {
        self.records.filter(|_| self.is_whole() || (self.is_about_one() && self.partition_total == 1))
    }

    pub(super) fn client(&self) -> Option<&[u8]> {
        self.find(self.client)
    }

    /// The consumer group, if it is exactly one.
    pub(super) fn group(&self) -> Option<&[u8]> {
        self.find(self.group).filter(|_| self.group_total == 1 && self.key_type == 0)
    }

    /// The transactional id, if it is exactly one.
    pub(super) fn transaction(&self) -> Option<&[u8]> {
        if self.key_type == 1 && self.group_total == 1 {
            return self.find(self.group);
        }
        self.find(self.transaction).filter(|_| self.transaction_total == 1)
    }

    pub(super) fn cluster(&self) -> Option<&[u8]> {
        self.find(self.cluster)
    }

    /// Takes the topics of another message over, if this one names no others: a fetch session goes on with what it was
    /// opened for, and a request in it names only what changed. Gives whether it could.
    pub(super) fn inherit(&mut self, list: &mut Self) -> bool {
        let listed = usize::try_from(list.topic_total.unwrap_or(0)).is_ok_and(|total| total == list.kept);
        let named = usize::try_from(self.topic_total.unwrap_or(0)).is_ok_and(|total| total == self.kept);
        let known = |topic: &Topic| {
            let name = self.get(topic.name);
            list.topics[..list.kept].iter().any(|other| other.id == topic.id && list.get(other.name) == name)
        };
        let covered = named && self.topics[..self.kept].iter().all(known);
        if !covered || (self.kept > 0 && !listed) {
            return false;
        }
        let same = self.partition_total == 0
            || (self.partition_total == 1 && list.partition_total == 1 && self.partition == list.partition);
        if !same {
            // Which of them it was opened for, and which came later, is not kept.
            list.partition_total = list.partition_total.max(2);
        }
        for topic in &mut self.topics[..self.kept] {
            topic.resolved = None;
        }
        self.kept = 0;
        for topic in &list.topics[..list.kept] {
            let name = self.keep(list.get(topic.name), TOPIC);
            self.add(Topic { name, ..topic.clone() });
        }
        self.topic_total = list.topic_total;
        self.partition = list.partition;
        self.partition_total = list.partition_total;
        true
    }
}

/// At most `limit` bytes, the last character whole where the text is UTF-8.
fn shorten(text: &[u8], limit: usize) -> &[u8] {
    let torn = |end: usize| text.get(end).is_some_and(|byte| byte & 0xc0 == 0x80);
    let end = (0..4).map(|back| limit.saturating_sub(back)).find(|&end| !torn(end)).unwrap_or(limit);
    text.get(..end).unwrap_or(text)
}
