//! Databases and caches.

use super::super::{Step, client, server};
use super::{cipher, join, little, long, short, tiny};

/// Cassandra's native protocol, version 4.
pub(super) fn cassandra() -> Vec<Step> {
    let frame = |version: u8, stream: u16, opcode: u8, body: &[u8]| {
        join(&[&[version, 0], &stream.to_be_bytes(), &[opcode], &long(body)])
    };
    let query = |stream, text: &[u8]| frame(4, stream, 7, &join(&[&long(text), &[0, 1, 0]]));
    let rows = join(&[
        &[0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 1],
        &short(b"system"),
        &short(b"local"),
        &short(b"key"),
        &[0, 13, 0, 0, 0, 1],
        &long(b"local"),
    ]);
    vec![
        client(frame(4, 0, 5, &[])),
        server(frame(0x84, 0, 6, &join(&[&[0, 1], &short(b"CQL_VERSION"), &[0, 1], &short(b"3.4.6")]))),
        client(frame(4, 1, 1, &join(&[&[0, 1], &short(b"CQL_VERSION"), &short(b"3.0.0")]))),
        server(frame(0x84, 1, 2, &[])),
        client(query(2, b"SELECT key FROM system.local")),
        server(frame(0x84, 2, 8, &rows)),
        client(join(&[&query(3, b"INSERT INTO a (b) VALUES (1)"), &query(4, b"SELECT * FROM a")])),
        server(frame(0x84, 3, 8, &[0, 0, 0, 1])),
        server(frame(0x84, 4, 0, &join(&[&[0, 0, 0x22, 0], &short(b"unconfigured table a")]))),
        client(frame(4, 5, 9, &long(b"SELECT b FROM a WHERE b = ?"))),
        server(frame(0x84, 5, 8, &join(&[&[0, 0, 0, 4], &short(&cipher(16, 4)), &[0; 12]]))),
    ]
}

/// MS-TDS: packets of eight bytes of header, texts in UTF-16.
pub(super) fn tds() -> Vec<Step> {
    let packet = |kind: u8, body: &[u8]| {
        join(&[&[kind, 1], &(body.len() as u16 + 8).to_be_bytes(), &[0, 0x34, 1, 0], body])
    };
    let wide = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    vec![
        client(packet(
            0x12,
            &[0, 0, 0x15, 0, 6, 1, 0, 0x1b, 0, 1, 2, 0, 0x1c, 0, 1, 0xff, 9, 0, 0, 0, 0, 0, 2, 0],
        )),
        server(packet(4, &[0, 0, 0x10, 0, 6, 1, 0, 0x16, 0, 1, 0xff, 15, 0, 8, 0x5b, 0, 0, 2])),
        client(packet(
            0x10,
            &join(&[&[0xa0, 0, 0, 0, 4, 0, 0, 0x74, 0, 0x10, 0, 0], &[0; 72], &wide("hostsapassword")]),
        )),
        server(packet(
            4,
            &join(&[
                &[0xad, 0x36, 0, 1, 0x74, 0, 0, 4],
                &wide("Microsoft SQL Server"),
                &[0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
            ]),
        )),
        client(packet(
            1,
            &join(&[
                &[22, 0, 0, 0, 18, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0],
                &wide("SELECT 1"),
            ]),
        )),
        server(packet(
            4,
            &[
                0x81, 1, 0, 0, 0, 0, 0, 0, 0, 0x38, 0, 0xd1, 1, 0, 0, 0, 0xfd, 0x10, 0, 0xc1, 0, 1, 0, 0, 0,
                0, 0, 0, 0,
            ],
        )),
    ]
}

/// Oracle's transport: a length of two bytes, four since version 12.
pub(super) fn tns() -> Vec<Step> {
    let packet =
        |kind: u8, body: &[u8]| join(&[&(body.len() as u16 + 8).to_be_bytes(), &[0, 0, kind, 0, 0, 0], body]);
    let packet_12 =
        |kind: u8, body: &[u8]| join(&[&(body.len() as u32 + 8).to_be_bytes(), &[kind, 0, 0, 0], body]);
    let connect =
        b"(DESCRIPTION=(CONNECT_DATA=(SERVICE_NAME=orcl))(ADDRESS=(PROTOCOL=TCP)(HOST=db)(PORT=1521)))";
    vec![
        client(packet(
            1,
            &join(&[
                &[1, 0x3a, 1, 0x2c, 0, 0, 0x20, 0, 0x7f, 0xff, 0x86, 0x0e, 0, 0, 1, 0],
                &[0, 0x5c, 0, 0x3a],
                &[0; 30],
                connect,
            ]),
        )),
        server(packet(11, &[])),
        client(packet(1, connect)),
        server(packet(2, &[1, 0x3a, 8, 1, 0x20, 0, 0x7f, 0xff, 1, 0, 0, 0, 0, 0x18, 0x41, 1])),
        client(packet(6, &[0, 0, 0xde, 0xad, 0xbe, 0xef, 0, 0x94, 0, 0, 0, 0, 0, 4, 0, 0, 4, 0, 3, 0])),
        server(packet(6, &[0, 0, 0xde, 0xad, 0xbe, 0xef, 0, 0x77, 0, 0, 0, 0, 0, 4, 0, 0, 4, 0, 3, 0])),
        client(packet_12(
            6,
            &join(&[&[0, 0, 3, 0x5e, 9, 2, 0x80, 0x61, 0, 1, 1, 0x14, 1, 1, 0xd, 0], b"select 1 from dual"]),
        )),
        server(packet_12(6, &[0, 0, 0x10, 0x17, 0x2b, 6, 0x78, 0x7b, 1, 1, 1, 7, 0xb])),
        client(packet_12(6, &[0, 0, 3, 5, 10, 1, 1, 0x32])),
        server(packet_12(6, &[0, 0, 4, 1, 1, 1, 1, 2, 5, 0x7b, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0])),
    ]
}

/// Memcached's binary protocol, which is not parsed.
pub(super) fn memcached_binary() -> Vec<Step> {
    let message = |magic: u8, opcode: u8, extras: u8, key: &[u8], status: u8, body: &[u8]| {
        join(&[
            &[magic, opcode],
            &(key.len() as u16).to_be_bytes(),
            &[extras, 0, 0, status],
            &(body.len() as u32).to_be_bytes(),
            &[0, 0, 0, 7],
            &[0; 8],
            body,
        ])
    };
    vec![
        client(message(0x80, 0, 0, b"user:1", 0, b"user:1")),
        server(message(0x81, 0, 4, b"", 0, b"\0\0\0\0hello")),
        client(message(0x80, 1, 8, b"k", 0, b"\0\0\0\0\0\0\0\x3ckvalue")),
        server(message(0x81, 1, 0, b"", 0, b"")),
        client(message(0x80, 0, 0, b"no", 0, b"no")),
        server(message(0x81, 0, 0, b"", 1, b"Not found")),
        client(message(0x80, 10, 0, b"", 0, b"")),
        server(message(0x81, 10, 0, b"", 0, b"")),
        client(message(0x80, 11, 0, b"", 0, b"")),
        server(message(0x81, 11, 0, b"", 0, b"1.6.21")),
    ]
}

/// ClickHouse's native protocol: numbers of seven bits a byte, texts behind their length.
pub(super) fn clickhouse() -> Vec<Step> {
    vec![
        client(join(&[
            &[0],
            &tiny(b"ClickHouse client"),
            &[23, 8, 0xc2, 0xa9, 3],
            &tiny(b"default"),
            &tiny(b"default"),
            &tiny(b""),
        ])),
        server(join(&[
            &[0],
            &tiny(b"ClickHouse"),
            &[23, 8, 0xc2, 0xa9, 3],
            &tiny(b"UTC"),
            &tiny(b"host"),
            &[1],
        ])),
        client(join(&[
            &[1],
            &tiny(b""),
            &[1],
            &tiny(b""),
            &tiny(b""),
            &tiny(b"0.0.0.0:0"),
            &[1],
            &tiny(b"SELECT 1"),
            &[2, 0, 1, 0, 2, 255, 255, 255, 255, 0, 0, 0],
        ])),
        server(join(&[&[1, 0, 1, 0, 2, 255, 255, 255, 255, 0, 1, 1], &tiny(b"1"), &tiny(b"UInt8"), &[1]])),
        server(vec![3, 1, 1, 0, 0, 0]),
        server(vec![5]),
        client(vec![4]),
        server(vec![4]),
    ]
}

/// The transport between nodes of Elasticsearch.
pub(super) fn elasticsearch() -> Vec<Step> {
    let message = |id: u8, status: u8, body: &[u8]| {
        let rest = join(&[&[0, 0, 0, 0, 0, 0, 0, id, status, 0, 0x7a, 0x12, 0x63, 0, 0, 0, 2, 0, 0], body]);
        join(&[b"ES", &long(&rest)])
    };
    let mut steps = Vec::new();
    for id in 1..6 {
        steps.push(client(message(
            id,
            0,
            &join(&[&[0], &tiny(b"internal:tcp/handshake"), &[0, 4, 0x97, 0x8f, 0xce, 3]]),
        )));
        steps.push(server(message(id, 1, &[0x97, 0x8f, 0xce, 3])));
    }
    steps.push(client(*b"ES\xff\xff\xff\xff"));
    steps
}

/// MySQL's other protocol, of Protocol Buffers.
pub(super) fn mysql_x() -> Vec<Step> {
    let message = |kind: u8, body: &[u8]| little(&join(&[&[kind], body]));
    vec![
        server(message(11, b"\x08\x05\x1a\0")),
        client(message(1, b"")),
        server(message(2, b"\x0a\x0f\x0a\x03tls\x12\x08\x08\x01\x12\x04\x08\x07\x40\0")),
        client(message(4, b"\x0a\x07MYSQL41")),
        server(message(3, &join(&[b"\x0a\x14", &cipher(20, 1)]))),
        client(message(5, b"\x0a\x0bdb\0user\0abc")),
        server(message(4, b"")),
        client(message(12, b"\x0a\x08SELECT 1\x1a\x03sql")),
        server(join(&[
            &message(12, b"\x08\x01\x12\x01\x31"),
            &message(13, b"\x0a\x01\x02"),
            &message(14, b""),
            &message(17, b""),
        ])),
        client(message(7, b"")),
        server(message(0, b"\x0a\x04bye!")),
    ]
}
