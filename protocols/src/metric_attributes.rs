//! What metrics need of an exchange: a few attributes of few values each, told without formatting or allocating anything.

use std::net::IpAddr;

use crate::Value;

macro_rules! attributes {
    ($($variant:ident $name:literal)*) => {
        /// An attribute that an exchange's metrics may carry.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        #[non_exhaustive]
        pub enum MetricAttribute {
            $(#[doc = concat!("`", $name, "`.")] $variant,)*
        }

        impl MetricAttribute {
            /// All of them, in the order of their numbers.
            pub const ALL: [Self; [$($name),*].len()] = [$(Self::$variant),*];

            /// The attribute's name.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }

            /// The attribute of that name.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Self> {
                match name {
                    $($name => Some(Self::$variant),)*
                    _ => None,
                }
            }
        }
    };
}

attributes! {
    ErrorType "error.type"
    ServerAddress "server.address"
    ServerPort "server.port"
    NetworkProtocolVersion "network.protocol.version"
    HttpRequestMethod "http.request.method"
    HttpResponseStatusCode "http.response.status_code"
    HttpRoute "plainsight.http.route"
    UrlScheme "url.scheme"
    RpcSystemName "rpc.system.name"
    RpcMethod "rpc.method"
    RpcResponseStatusCode "rpc.response.status_code"
    DbSystemName "db.system.name"
    DbNamespace "db.namespace"
    DbOperationName "db.operation.name"
    DbCollectionName "db.collection.name"
    DbStoredProcedureName "db.stored_procedure.name"
    DbQuerySummary "db.query.summary"
    DbResponseStatusCode "db.response.status_code"
    MessagingSystem "messaging.system"
    MessagingOperationName "messaging.operation.name"
    MessagingOperationType "messaging.operation.type"
    MessagingDestinationName "messaging.destination.name"
    MessagingDestinationPartitionId "messaging.destination.partition.id"
    MessagingConsumerGroupName "messaging.consumer.group.name"
    DnsQuestionName "dns.question.name"
    DnsQuestionType "plainsight.dns.question.type"
}

/// Several of these attributes: those that somebody asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MetricAttributes(u64);

impl MetricAttributes {
    /// None.
    pub const NONE: Self = Self(0);

    /// These and one more.
    #[must_use]
    pub const fn with(self, attribute: MetricAttribute) -> Self {
        Self(self.0 | 1 << attribute as u8)
    }

    /// Whether one is among them.
    #[inline]
    #[must_use]
    pub const fn contains(self, attribute: MetricAttribute) -> bool {
        self.0 & 1 << attribute as u8 != 0
    }

    /// Both.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// A value that lasts as long as the call that tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricValue<'a> {
    /// Text.
    Text(&'a str),
    /// A number.
    Integer(i64),
    /// An address, the text of which nobody needs until a metric is sent.
    Address(IpAddr),
}

/// What is told the attributes of an exchange.
pub type MetricVisit<'v> = &'v mut dyn FnMut(MetricAttribute, MetricValue<'_>);

/// What can be measured of an exchange beside its duration and its size on the wire. What was not seen is absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Measures {
    /// Bytes of the request's body, without its heads.
    pub request_body_bytes: Option<u64>,
    /// Bytes of the response's body.
    pub response_body_bytes: Option<u64>,
    /// Rows or documents that the answer brought.
    pub returned_rows: Option<u64>,
    /// Messages that the request sent to a broker.
    pub sent_messages: Option<u64>,
    /// Messages that the answer brought from a broker.
    pub consumed_messages: Option<u64>,
}

/// Passes an attribute on if it is wanted and one of those that metrics may carry.
pub(crate) fn pass(wanted: MetricAttributes, visit: MetricVisit<'_>, name: &str, value: &Value<'_>) {
    let Some(attribute) = MetricAttribute::from_name(name).filter(|&name| wanted.contains(name)) else {
        return;
    };
    match value {
        Value::Text(text) => visit(attribute, MetricValue::Text(text)),
        Value::Integer(number) => visit(attribute, MetricValue::Integer(*number)),
        Value::Texts(_) => {}
    }
}

/// The decimal digits of a number, written into `buffer`.
pub(crate) fn decimal(mut number: u64, buffer: &mut [u8; 20]) -> &str {
    let mut start = buffer.len();
    loop {
        start -= 1;
        buffer[start] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    str::from_utf8(&buffer[start..]).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_attribute_is_found_by_its_name_and_fits_the_set() {
        for (index, attribute) in MetricAttribute::ALL.into_iter().enumerate() {
            assert_eq!(attribute as usize, index);
            assert!(index < 64);
            assert_eq!(MetricAttribute::from_name(attribute.name()), Some(attribute));
            let alone = MetricAttributes::NONE.with(attribute);
            assert!(
                MetricAttribute::ALL.into_iter().all(|other| alone.contains(other) == (other == attribute))
            );
        }
    }

    #[test]
    fn digits_are_those_that_formatting_gives() {
        for number in [0, 7, 10, 503, 65_535, u64::MAX] {
            assert_eq!(decimal(number, &mut [0; 20]), number.to_string());
        }
    }
}
