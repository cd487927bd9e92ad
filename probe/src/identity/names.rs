//! Learns from answers of DNS which names addresses were resolved from.

use std::{net::IpAddr, time::Duration};

use plainsight_protocols::{Endpoints, Outcome, Protocol, Side, Value};

use super::Identities;
use crate::flow::Observed;

/// Most addresses that are taken from one answer.
const ADDRESSES: usize = 16;

impl Identities {
    /// Learns what an exchange tells of names and processes: to be called for every exchange, in the data path. Never blocks.
    pub fn observe(&self, observed: &Observed<'_>) {
        let exchange = observed.exchange;
        // What this host asked for, not what others ask a server here: they could make it say anything of any address.
        let is_answer = observed.side == Side::Client && exchange.outcome == Outcome::Complete;
        if exchange.protocol == Protocol::Dns && is_answer {
            self.learn_names(observed);
        }
    }

    fn learn_names(&self, observed: &Observed<'_>) {
        let (mut name, mut lifetime) = (None, Duration::ZERO);
        let mut addresses: Vec<IpAddr> = Vec::new();
        let endpoints = Endpoints { client: observed.local, server: observed.remote };
        observed.exchange.details.attributes(observed.side, &endpoints, &mut |attribute, value| match (
            attribute, value,
        ) {
            ("dns.question.name", Value::Text(text)) => name = Some(text.into_owned()),
            ("plainsight.dns.answer.ttl", Value::Integer(seconds)) => {
                lifetime = Duration::from_secs(u64::try_from(seconds).unwrap_or(0));
            }
            ("dns.answers", Value::Texts(texts)) => {
                addresses.extend(texts.iter().filter_map(|text| text.parse::<IpAddr>().ok()).take(ADDRESSES));
            }
            _ => {}
        });
        let Some(name) = name else { return };
        for address in addresses {
            self.saw_resolved(&name, address, lifetime);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use plainsight_protocols::CloseReason;

    use super::*;
    use crate::{
        identity::IdentitySettings,
        signal::{Example, ExampleDetails},
    };

    fn answer() -> Example {
        let texts =
            |all: &[&'static str]| Value::Texts(all.iter().map(|&text| Cow::Borrowed(text)).collect());
        Example {
            protocol: Protocol::Dns,
            side: Side::Client,
            details: ExampleDetails {
                attributes: vec![
                    ("dns.question.name", Value::Text("shop.example".into())),
                    ("dns.answers", texts(&["192.0.2.7", "2001:db8::7", "not an address"])),
                    ("plainsight.dns.answer.ttl", Value::Integer(60)),
                ],
                ..ExampleDetails::default()
            },
            ..Example::default()
        }
    }

    fn name_after(example: &Example) -> Option<String> {
        let identities =
            Identities::new(IdentitySettings { runtimes: Vec::new(), ..IdentitySettings::default() });
        example.observe(|observed| identities.observe(observed));
        identities.peer(IpAddr::from([192, 0, 2, 7])).map(|peer| peer.name.to_string())
    }

    #[test]
    fn an_answer_names_the_addresses_in_it() {
        assert_eq!(name_after(&answer()).as_deref(), Some("shop.example"));
    }

    #[test]
    fn answers_that_this_host_gave_to_others_and_questions_without_one_name_nothing() {
        assert_eq!(name_after(&Example { side: Side::Server, ..answer() }), None);
        let outcome = Outcome::NoResponse(CloseReason::Timeout);
        assert_eq!(name_after(&Example { outcome, ..answer() }), None);
        assert_eq!(name_after(&Example { protocol: Protocol::Http, ..answer() }), None);
    }
}
