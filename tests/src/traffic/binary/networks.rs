//! Networks and machines: their routes, names, subscribers, tunnels, measurements.

use super::super::{Step, client, server};
use super::{cipher, join, short, tiny};

/// RFC 4511, in BER.
pub(super) fn ldap() -> Vec<Step> {
    let item = |tag: u8, body: &[u8]| join(&[&[tag, body.len() as u8], body]);
    let message = |id: u8, operation: &[u8]| item(0x30, &join(&[&[2, 1, id], operation]));
    let result = |tag: u8| item(tag, b"\x0a\x01\0\x04\0\x04\0");
    vec![
        client(message(
            1,
            &item(0x60, &join(&[&[2, 1, 3], &item(4, b"cn=admin,dc=example"), &item(0x80, b"secret")])),
        )),
        server(message(1, &result(0x61))),
        client(message(
            2,
            &item(
                0x63,
                &join(&[
                    &item(4, b"dc=example"),
                    b"\x0a\x01\x02\x0a\x01\0\x02\x01\0\x02\x01\0\x01\x01\0",
                    &item(0x87, b"objectClass"),
                    &item(0x30, &[]),
                ]),
            ),
        )),
        server(join(&[
            &message(2, &item(0x64, &join(&[&item(4, b"uid=a,dc=example"), &item(0x30, &[])]))),
            &message(2, &result(0x65)),
        ])),
        client(message(3, &item(0x42, &[]))),
    ]
}

/// RFC 4271.
pub(super) fn bgp() -> Vec<Step> {
    let message =
        |kind: u8, body: &[u8]| join(&[&[0xff; 16], &(body.len() as u16 + 19).to_be_bytes(), &[kind], body]);
    let open = |system: u8| message(1, &[4, 0xfd, system, 0, 180, 10, 0, 0, system, 2, 2, 0, 1]);
    vec![
        client(open(1)),
        server(join(&[&open(2), &message(4, &[])])),
        client(message(4, &[])),
        client(message(
            2,
            &[
                0, 0, 0, 0x14, 0x40, 1, 1, 0, 0x40, 2, 4, 2, 1, 0xfd, 0xe8, 0x40, 3, 4, 10, 0, 0, 1, 0, 24,
                10, 1, 1,
            ],
        )),
        server(message(2, &[0, 0, 0, 0])),
        server(message(4, &[])),
        client(message(4, &[])),
        server(message(3, &[6, 2])),
    ]
}

/// SOCKS 5 (RFC 1928), and what goes through it here is nothing that is known.
pub(super) fn socks() -> Vec<Step> {
    vec![
        client(vec![5, 2, 0, 2]),
        server(vec![5, 2]),
        client(join(&[&[1], &tiny(b"user"), &tiny(b"pass")])),
        server(vec![1, 0]),
        client(join(&[&[5, 1, 0, 3], &tiny(b"example.com"), &[0x1f, 0x90]])),
        server(vec![5, 0, 0, 1, 10, 0, 0, 1, 0x1f, 0x90]),
        client(cipher(90, 1)),
        server(cipher(300, 2)),
    ]
}

/// Modbus over TCP.
pub(super) fn modbus() -> Vec<Step> {
    let message = |id: u8, body: &[u8]| join(&[&[0, id, 0, 0], &short(body)]);
    let mut steps = Vec::new();
    for id in 1..8 {
        steps.push(client(message(id, &[17, 3, 0, 107, 0, 3])));
        steps.push(server(message(id, &[17, 3, 6, 2, 43, 0, 0, 0, 100])));
        steps.push(client(message(id, &[17, 6, 0, 1, 0, 3])));
        steps.push(server(message(id, &[17, 0x86, 2])));
    }
    steps
}

/// RFC 6733.
pub(super) fn diameter() -> Vec<Step> {
    let message = |flags: u8, code: u8, id: u8, body: &[u8]| {
        let length = (body.len() as u32 + 20).to_be_bytes();
        join(&[&[1], &length[1..], &[flags, 0, 1, code, 0, 0, 0, 0, 0x2f, 0, 0, id, 0x5c, 0, 0, id], body])
    };
    let host = b"\0\0\x01\x08\x40\0\0\x10peer.org\0\0\x01\x28\x40\0\0\x10example.";
    let mut steps = vec![
        client(message(0x80, 1, 1, host)),
        server(message(0, 1, 1, &join(&[b"\0\0\x01\x0c\x40\0\0\x0c\0\0\x07\xd1", host]))),
    ];
    for id in 2..5 {
        steps.push(client(message(0x80, 24, id, host)));
        steps.push(server(message(0, 24, id, &join(&[b"\0\0\x01\x0c\x40\0\0\x0c\0\0\x07\xd1", host]))));
    }
    steps
}

/// Tunnels that encrypt from the first byte on, with and without a length in front.
pub(super) fn encrypted_from_the_start() -> Vec<Step> {
    let mut steps = Vec::new();
    for place in 0..12 {
        steps.push(client(short(&cipher(100 + place as usize * 7, 300 + place))));
        steps.push(server(short(&cipher(148 + place as usize * 3, 400 + place))));
    }
    steps
}
