//! Dialogues in binary protocols that plainsight does not parse, built from their specifications.

mod brokers;
mod files;
mod networks;
mod screens;
mod stores;

use super::{Step, Traffic};

/// Joins parts.
fn join(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

/// Behind its length in four bytes, the first the most significant.
fn long(body: &[u8]) -> Vec<u8> {
    join(&[&(body.len() as u32).to_be_bytes(), body])
}

/// Behind its length in four bytes, the first the least significant.
fn little(body: &[u8]) -> Vec<u8> {
    join(&[&(body.len() as u32).to_le_bytes(), body])
}

/// Behind its length in two bytes, the first the most significant.
fn short(body: &[u8]) -> Vec<u8> {
    join(&[&(body.len() as u16).to_be_bytes(), body])
}

/// Behind its length in one byte.
fn tiny(body: &[u8]) -> Vec<u8> {
    join(&[&[body.len() as u8], body])
}

/// Bytes that look encrypted: any that never repeat early will do.
fn cipher(length: usize, seed: u32) -> Vec<u8> {
    let mut state = seed.wrapping_mul(2_654_435_761) | 1;
    let next = |_| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        (state >> 11) as u8
    };
    (0..length).map(next).collect()
}

/// Writes a dialogue.
type Dialogue = fn() -> Vec<Step>;

/// All of them.
#[must_use]
pub fn all() -> Vec<Traffic> {
    let dialogues: [(&str, Dialogue); 34] = [
        ("ssh", screens::ssh),
        ("git", files::git_fetch),
        ("git", files::git_push),
        ("x11", screens::x11),
        ("amqp 0-9-1", brokers::amqp),
        ("amqp 1.0", brokers::amqp_1),
        ("mqtt", brokers::mqtt),
        ("cassandra", stores::cassandra),
        ("ldap", networks::ldap),
        ("vnc", screens::vnc),
        ("zookeeper", brokers::zookeeper),
        ("thrift", brokers::thrift_framed),
        ("thrift", brokers::thrift_unframed),
        ("sql server", stores::tds),
        ("oracle", stores::tns),
        ("smb", files::smb),
        ("rdp", screens::rdp),
        ("bgp", networks::bgp),
        ("memcached binary", stores::memcached_binary),
        ("bittorrent", files::bittorrent),
        ("rtmp", screens::rtmp),
        ("clickhouse", stores::clickhouse),
        ("socks", networks::socks),
        ("elasticsearch transport", stores::elasticsearch),
        ("pulsar", brokers::pulsar),
        ("rocketmq", brokers::rocketmq),
        ("dubbo", brokers::dubbo),
        ("nfs", files::nfs),
        ("modbus", networks::modbus),
        ("9p", files::nine_p),
        ("diameter", networks::diameter),
        ("mysql x protocol", stores::mysql_x),
        ("iscsi", files::iscsi),
        ("wireguard over tcp", networks::encrypted_from_the_start),
    ];
    dialogues.iter().map(|(kind, steps)| Traffic::foreign(kind, "dialogue", steps())).collect()
}
