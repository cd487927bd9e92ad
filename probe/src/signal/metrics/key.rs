//! Attributes and their values as bytes: what series are found by.
//!
//! Each attribute is its number, how its value is written, and the value. A worker's key has the process and the family
//! before its attributes.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::table::Family;

/// Longest text of a value, in bytes; what is longer is cut at a character's border.
const TEXT_LIMIT: usize = 256;

const TEXT: u8 = 0;
const INTEGER: u8 = 1;
const IPV4: u8 = 2;
const IPV6: u8 = 3;

/// A value in a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Stored<'a> {
    Text(&'a str),
    Integer(i64),
    Address(IpAddr),
}

/// Begins a worker's key.
#[inline]
pub(super) fn begin(key: &mut Vec<u8>, pid: u32, family: Family) {
    key.clear();
    key.extend_from_slice(&pid.to_le_bytes());
    key.push(family as u8);
}

/// The process, the number of the family, and the attributes of a worker's key.
pub(super) fn split(key: &[u8]) -> Option<(u32, u8, Attributes<'_>)> {
    let (pid, rest) = key.split_first_chunk()?;
    let (&family, rest) = rest.split_first()?;
    Some((u32::from_le_bytes(*pid), family, Attributes { rest }))
}

#[inline]
pub(super) fn push(key: &mut Vec<u8>, attribute: u8, value: Stored<'_>) {
    match value {
        Stored::Text(text) => {
            let text =
                if text.len() > TEXT_LIMIT { &text[..text.floor_char_boundary(TEXT_LIMIT)] } else { text };
            let [low, high] = u16::try_from(text.len()).unwrap_or(0).to_le_bytes();
            key.extend_from_slice(&[attribute, TEXT, low, high]);
            extend(key, text.as_bytes());
        }
        Stored::Integer(number) => {
            key.extend_from_slice(&[attribute, INTEGER]);
            key.extend_from_slice(&number.to_le_bytes());
        }
        Stored::Address(IpAddr::V4(address)) => {
            key.extend_from_slice(&[attribute, IPV4]);
            key.extend_from_slice(&address.octets());
        }
        Stored::Address(IpAddr::V6(address)) => {
            key.extend_from_slice(&[attribute, IPV6]);
            key.extend_from_slice(&address.octets());
        }
    }
}

/// Appends bytes. Most values have sixteen or fewer, for which a call to copy them costs more than the copy: they go in
/// two pieces of a fixed size that may overlap.
#[inline]
fn extend(key: &mut Vec<u8>, bytes: &[u8]) {
    let end = key.len() + bytes.len();
    match (bytes.len(), bytes.first_chunk::<8>(), bytes.last_chunk::<8>()) {
        (8..=16, Some(first), Some(last)) => {
            key.extend_from_slice(first);
            key.truncate(end - 8);
            key.extend_from_slice(last);
        }
        (0..8, ..) => match (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
            (Some(first), Some(last)) => {
                key.extend_from_slice(first);
                key.truncate(end - 4);
                key.extend_from_slice(last);
            }
            _ => bytes.iter().for_each(|&byte| key.push(byte)),
        },
        _ => key.extend_from_slice(bytes),
    }
}

/// The attributes of a key, with their numbers.
#[derive(Debug, Clone)]
pub(super) struct Attributes<'a> {
    rest: &'a [u8],
}

impl<'a> Attributes<'a> {
    /// Of a key that has nothing before its attributes.
    pub(super) const fn of(key: &'a [u8]) -> Self {
        Self { rest: key }
    }

    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (bytes, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(*bytes)
    }
}

impl<'a> Iterator for Attributes<'a> {
    type Item = (u8, Stored<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let [attribute, kind] = self.take()?;
        let value = match kind {
            TEXT => {
                let length = u16::from_le_bytes(self.take()?);
                let (text, rest) = self.rest.split_at_checked(usize::from(length))?;
                self.rest = rest;
                Stored::Text(str::from_utf8(text).ok()?)
            }
            INTEGER => Stored::Integer(i64::from_le_bytes(self.take()?)),
            IPV4 => Stored::Address(Ipv4Addr::from_octets(self.take()?).into()),
            _ => Stored::Address(Ipv6Addr::from_octets(self.take()?).into()),
        };
        Some((attribute, value))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_was_pushed_is_read_back(texts in prop::collection::vec(any::<String>(), 0..6), number: i64, address: [u8; 16]) {
            let mut key = Vec::new();
            begin(&mut key, 7, Family::DbClient);
            for (attribute, text) in (0..).zip(&texts) {
                push(&mut key, attribute, Stored::Text(text));
            }
            let four = [address[0], address[1], address[2], address[3]];
            push(&mut key, 90, Stored::Integer(number));
            push(&mut key, 91, Stored::Address(IpAddr::from(address)));
            push(&mut key, 92, Stored::Address(IpAddr::from(four)));
            let (pid, family, attributes) = split(&key).expect("a key");
            prop_assert_eq!((pid, family), (7, Family::DbClient as u8));
            let read: Vec<_> = attributes.collect();
            let mut expected: Vec<_> = (0..).zip(texts.iter().map(|text| {
                Stored::Text(&text[..text.floor_char_boundary(TEXT_LIMIT)])
            })).collect();
            expected.push((90, Stored::Integer(number)));
            expected.push((91, Stored::Address(IpAddr::from(address))));
            expected.push((92, Stored::Address(IpAddr::from(four))));
            prop_assert_eq!(read, expected);
        }
    }
}
