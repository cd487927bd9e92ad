//! What an exchange means in OpenTelemetry's terms (semantic conventions 1.44, messaging and Kafka, in development).

use std::{borrow::Cow, fmt};

use super::{
    apis::{FETCH, OFFSET_COMMIT, PRODUCE, SHARE_ACKNOWLEDGE, SHARE_FETCH, TXN_OFFSET_COMMIT},
    errors,
    message::Said,
    waiting::Request,
};
use crate::{
    Details, Endpoints, Measures, MetricAttribute, MetricAttributes, MetricValue, MetricVisit, Outcome, Side,
    TraceParent, Value,
    ends::{self, Visit},
    metric_attributes::decimal,
    sanitise::field_text,
};

/// One exchange, complete or in part.
pub(super) struct KafkaExchange<'a> {
    pub(super) request: Option<&'a Request>,
    pub(super) response: Option<&'a Said>,
    pub(super) outcome: Outcome,
    pub(super) cluster: Option<&'a [u8]>,
}

/// `messaging.operation.name` and `messaging.operation.type`, for what is an operation on messages.
const fn operation(key: i16) -> Option<(&'static str, &'static str)> {
    match key {
        PRODUCE => Some(("send", "send")),
        FETCH | SHARE_FETCH => Some(("poll", "receive")),
        OFFSET_COMMIT | TXN_OFFSET_COMMIT => Some(("commit", "settle")),
        SHARE_ACKNOWLEDGE => Some(("ack", "settle")),
        _ => None,
    }
}

impl<'a> KafkaExchange<'a> {
    /// Kafka's name of what was asked; its number, if it is newer than this program.
    fn api(&self) -> Option<Cow<'static, str>> {
        let request = self.request?;
        Some(match request.api {
            Some(api) => Cow::Borrowed(api.name),
            None => Cow::Owned(format!("Api{}", request.key)),
        })
    }

    fn operation_name(&self) -> Cow<'static, str> {
        let operation = self.request.and_then(|request| operation(request.key));
        match operation {
            Some((name, _)) => Cow::Borrowed(name),
            None => self.api().unwrap_or(Cow::Borrowed("kafka")),
        }
    }

    /// What says which topics and partitions it is about: the request, or, where a fetch went on with a session of which
    /// not all is known, the response, which has what messages came from.
    fn subject(&self) -> Option<&'a Said> {
        let request = self.request?;
        let answered = self
            .response
            .filter(|response| request.key == FETCH && request.said.open && response.is_about_one());
        Some(answered.unwrap_or(&request.said))
    }

    fn destination(&self) -> Option<&'a [u8]> {
        self.subject()?.only_topic()
    }

    fn error_code(&self) -> Option<i16> {
        self.response?.error.filter(|&code| code != 0)
    }

    /// The offset of the one message that was sent.
    fn offset(&self) -> Option<i64> {
        let request = self.request.filter(|request| request.key == PRODUCE)?;
        let one = request.said.record_count() == Some(1) && request.said.only_partition().is_some();
        let offset = self.response?.base_offset.filter(|&offset| offset >= 0 && self.error_code().is_none());
        offset.filter(|_| one)
    }

    fn error(&self) -> Option<&'static str> {
        if let Outcome::NoResponse(reason) = self.outcome {
            return reason.error();
        }
        // A code that is newer than this program has no name yet, but it is an error.
        self.error_code().map(|code| errors::name(code).unwrap_or("_OTHER"))
    }

    fn message_attributes<'s>(&'s self, visit: Visit<'_, 's>) {
        let Some(request) = self.request else { return };
        let Some(subject) = self.subject() else { return };
        if let Some(topic) = subject.only_topic() {
            visit("messaging.destination.name", Value::Text(field_text(topic)));
        } else if let Some(count) = subject.topic_count().filter(|&count| count > 1) {
            visit("plainsight.kafka.topics", Value::Integer(i64::from(count)));
            let names: Vec<_> = subject.names().map(field_text).collect();
            if !names.is_empty() {
                visit("plainsight.kafka.topic_names", Value::Texts(names));
            }
        }
        if let Some(partition) = subject.only_partition() {
            visit("messaging.destination.partition.id", Value::Text(Cow::Owned(partition.to_string())));
        }
        let said = &request.said;
        if let Some(group) = said.group() {
            visit("messaging.consumer.group.name", Value::Text(field_text(group)));
        }
        if let Some(transaction) = said.transaction() {
            visit("plainsight.kafka.transactional_id", Value::Text(field_text(transaction)));
        }
        if let Some(count) = said.record_count().filter(|&count| request.key == PRODUCE && count != 1) {
            visit("messaging.batch.message_count", Value::Integer(i64::from(count)));
        }
        if let Some(offset) = self.offset() {
            visit("messaging.kafka.offset", Value::Integer(offset));
        }
        if let Some(acks) = said.acks {
            let text = if acks == -1 { Cow::Borrowed("all") } else { Cow::Owned(acks.to_string()) };
            visit("plainsight.kafka.acks", Value::Text(text));
        }
    }
}

impl Details for KafkaExchange<'_> {
    fn name(&self, out: &mut dyn fmt::Write) -> fmt::Result {
        out.write_str(&self.operation_name())?;
        match self.destination() {
            Some(topic) => write!(out, " {}", field_text(topic)),
            None => Ok(()),
        }
    }

    fn summary(&self, out: &mut dyn fmt::Write) -> fmt::Result {
        out.write_str(self.api().as_deref().unwrap_or("?"))?;
        if let Some(subject) = self.subject() {
            let mut separator = " ";
            let mut written = 0_u32;
            for name in subject.names() {
                write!(out, "{separator}{}", field_text(name))?;
                separator = ", ";
                written += 1;
            }
            if let Some(partition) = subject.only_partition().filter(|_| written == 1) {
                write!(out, "[{partition}]")?;
            }
            match subject.topic_count().and_then(|count| count.checked_sub(written)) {
                Some(more) if more > 0 && written > 0 => write!(out, " +{more}")?,
                Some(1) => out.write_str(" 1 topic")?,
                Some(more) if more > 0 => write!(out, " {more} topics")?,
                _ => {}
            }
        }
        if let Some(request) = self.request {
            if let Some(group) = request.said.group() {
                write!(out, " group {}", field_text(group))?;
            }
            match request.said.record_count().filter(|_| request.key == PRODUCE) {
                Some(1) => out.write_str(" 1 record")?,
                Some(count) => write!(out, " {count} records")?,
                None => {}
            }
        }
        match self.error() {
            Some(error) => write!(out, " {error}"),
            None if self.response.is_some() || self.outcome == Outcome::Complete => Ok(()),
            None => out.write_str(" ?"),
        }
    }

    fn error_type(&self, _side: Side) -> Option<Cow<'_, str>> {
        self.error().map(Cow::Borrowed)
    }

    fn attributes<'s>(&'s self, side: Side, endpoints: &Endpoints, visit: &mut dyn FnMut(&str, Value<'s>)) {
        visit("messaging.system", Value::Text(Cow::Borrowed("kafka")));
        if let Some(request) = self.request {
            visit("messaging.operation.name", Value::Text(self.operation_name()));
            if let Some((_, kind)) = operation(request.key) {
                visit("messaging.operation.type", Value::Text(Cow::Borrowed(kind)));
            }
            if let Some(api) = self.api() {
                visit("plainsight.kafka.api", Value::Text(api));
            }
            visit("plainsight.kafka.api_version", Value::Integer(i64::from(request.version)));
            if let Some(client) = request.said.client() {
                visit("messaging.client.id", Value::Text(field_text(client)));
            }
        }
        self.message_attributes(visit);
        if let Some(cluster) = self.cluster {
            visit("messaging.kafka.cluster.id", Value::Text(field_text(cluster)));
        }
        if let Some(code) = self.error_code().filter(|&code| code > 0) {
            visit("plainsight.kafka.error_code", Value::Integer(i64::from(code)));
        }
        ends::server_and_peer(side, endpoints, None, visit);
    }

    fn metric_attributes(
        &self,
        _side: Side,
        endpoints: &Endpoints,
        wanted: MetricAttributes,
        visit: MetricVisit<'_>,
    ) {
        use MetricAttribute::{
            ErrorType, MessagingConsumerGroupName, MessagingDestinationName, MessagingDestinationPartitionId,
            MessagingOperationName, MessagingOperationType, MessagingSystem,
        };
        if wanted.contains(MessagingSystem) {
            visit(MessagingSystem, MetricValue::Text("kafka"));
        }
        if let Some(request) = self.request {
            if wanted.contains(MessagingOperationName) {
                visit(MessagingOperationName, MetricValue::Text(&self.operation_name()));
            }
            if let Some((_, kind)) =
                operation(request.key).filter(|_| wanted.contains(MessagingOperationType))
            {
                visit(MessagingOperationType, MetricValue::Text(kind));
            }
            if let Some(group) = request.said.group().filter(|_| wanted.contains(MessagingConsumerGroupName))
            {
                visit(MessagingConsumerGroupName, MetricValue::Text(&field_text(group)));
            }
        }
        if let Some(topic) = self.destination().filter(|_| wanted.contains(MessagingDestinationName)) {
            visit(MessagingDestinationName, MetricValue::Text(&field_text(topic)));
        }
        if wanted.contains(MessagingDestinationPartitionId)
            && let Some(partition) = self.subject().and_then(Said::only_partition)
        {
            let mut digits = [0; 20];
            let text = decimal(u64::from(partition), &mut digits);
            visit(MessagingDestinationPartitionId, MetricValue::Text(text));
        }
        if let Some(error) = self.error().filter(|_| wanted.contains(ErrorType)) {
            visit(ErrorType, MetricValue::Text(error));
        }
        ends::metric_server(endpoints, None, wanted, visit);
    }

    fn measures(&self) -> Measures {
        let Some(request) = self.request else { return Measures::default() };
        let sent = request.said.record_count().filter(|_| request.key == PRODUCE);
        let consumed =
            self.response.filter(|_| matches!(request.key, FETCH | SHARE_FETCH)).and_then(Said::record_count);
        Measures {
            sent_messages: sent.map(u64::from),
            consumed_messages: consumed.map(u64::from),
            ..Measures::default()
        }
    }

    /// That of the one message that is sent: its headers were written by whoever sends it.
    fn trace_parent(&self) -> Option<TraceParent> {
        self.request?.said.trace_parent()
    }

    fn trace_state(&self) -> Option<&str> {
        self.request?.said.trace_state()
    }

    /// Those of the messages of a batch, and of all that are received: who receives is not who sent.
    fn trace_links(&self) -> &[TraceParent] {
        match self.request {
            Some(request) if matches!(request.key, FETCH | SHARE_FETCH) => {
                self.response.map_or(&[], |response| response.links())
            }
            Some(request) if request.said.trace_parent().is_none() => request.said.links(),
            _ => &[],
        }
    }
}
