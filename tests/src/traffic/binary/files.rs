//! Files, blocks and versions of them, moved between hosts.

use super::super::{Step, client, server};
use super::{cipher, join, long};

/// A line of Git's protocol: its length, itself counted, in four hexadecimal digits.
fn packet_line(text: &[u8]) -> Vec<u8> {
    join(&[format!("{:04x}", text.len() + 4).as_bytes(), text])
}

pub(super) fn git_fetch() -> Vec<Step> {
    let refs = join(&[
        &packet_line(
            b"7217a7c7e582c46cec22a130adf4b9d7d950fba0 HEAD\0multi_ack thin-pack side-band-64k ofs-delta\n",
        ),
        &packet_line(b"1d3fcd5ced445d1abc402225c0b8a1299641f497 refs/heads/integration\n"),
        &packet_line(b"7217a7c7e582c46cec22a130adf4b9d7d950fba0 refs/heads/master\n"),
        b"0000",
    ]);
    vec![
        client(packet_line(b"git-upload-pack /project.git\0host=myserver.com\0")),
        server(refs),
        client(join(&[
            &packet_line(b"want 7217a7c7e582c46cec22a130adf4b9d7d950fba0 side-band-64k ofs-delta\n"),
            b"0000",
        ])),
        client(packet_line(b"have 1d3fcd5ced445d1abc402225c0b8a1299641f497\n")),
        server(packet_line(b"NAK\n")),
        client(packet_line(b"done\n")),
        server(packet_line(b"\x02Counting objects: 3, done.\n")),
        server(packet_line(&join(&[b"\x01PACK\0\0\0\x02\0\0\0\x03", &cipher(300, 1)]))),
        server(b"0000".to_vec()),
    ]
}

/// Version 2 of the same, and a push.
pub(super) fn git_push() -> Vec<Step> {
    vec![
        client(packet_line(b"git-upload-pack /p.git\0host=h\0\0version=2\0")),
        server(join(&[
            &packet_line(b"version 2\n"),
            &packet_line(b"ls-refs=unborn\n"),
            &packet_line(b"fetch=shallow\n"),
            b"0000",
        ])),
        client(join(&[&packet_line(b"command=ls-refs\n"), b"0001", &packet_line(b"peel\n"), b"0000"])),
        server(join(&[&packet_line(b"7217a7c7e582c46cec22a130adf4b9d7d950fba0 HEAD\n"), b"0000"])),
        client(join(&[
            &packet_line(
                b"7217a7c7e582c46cec22a130adf4b9d7d950fba0 1d3fcd5ced445d1abc402225c0b8a1299641f497 refs/heads/m\0 \
                  report-status",
            ),
            b"0000PACK\0\0\0\x02\0\0\0\x01",
            &cipher(120, 8),
        ])),
        server(join(&[&packet_line(b"unpack ok\n"), &packet_line(b"ok refs/heads/m\n"), b"0000"])),
    ]
}

/// MS-SMB2 behind NetBIOS's length.
pub(super) fn smb() -> Vec<Step> {
    let message = |command: u8, flags: u8, id: u8, body: &[u8]| {
        let mut header = vec![
            0xfe, b'S', b'M', b'B', 64, 0, 1, 0, 0, 0, 0, 0, command, 0, 1, 0, flags, 0, 0, 0, 0, 0, 0, 0, id,
        ];
        header.resize(64, 0);
        long(&join(&[&header, body]))
    };
    let mut steps = vec![
        client(message(
            0,
            0,
            0,
            &join(&[&[36, 0, 2, 0, 1, 0, 0, 0, 0x7f, 0, 0, 0], &cipher(16, 2), &[0; 8], &[2, 2, 2, 3]]),
        )),
        server(message(
            0,
            1,
            0,
            &join(&[&[65, 0, 1, 0, 2, 3, 0, 0], &cipher(16, 3), &[0x2f, 0, 0, 0], &[0; 28]]),
        )),
    ];
    for id in 1..5 {
        steps.push(client(message(8, 0, id, &join(&[&[49, 0, 0x50, 0, 0, 0x10, 0, 0], &[0; 40]]))));
        steps.push(server(message(
            8,
            1,
            id,
            &join(&[&[17, 0, 0x50, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], b"contents"]),
        )));
    }
    steps
}

/// BitTorrent, BEP 3.
pub(super) fn bittorrent() -> Vec<Step> {
    let handshake = |seed| {
        join(&[
            b"\x13BitTorrent protocol\0\0\0\0\0\x10\0\x05",
            &cipher(20, 1),
            b"-TR3000-",
            &cipher(12, seed),
        ])
    };
    vec![
        client(handshake(2)),
        server(handshake(3)),
        client(long(&join(&[&[20, 0], b"d1:md11:ut_metadatai3ee13:metadata_sizei31235ee"]))),
        server(long(&join(&[&[5], &[0xff; 13]]))),
        client(long(&[2])),
        server(long(&[1])),
        client(join(&[
            &long(&[6, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0x40, 0]),
            &long(&[6, 0, 0, 0, 1, 0, 0, 0x40, 0, 0, 0, 0x40, 0]),
        ])),
        server(join(&[&(9_u32 + 600).to_be_bytes(), &[7, 0, 0, 0, 1, 0, 0, 0, 0], &cipher(600, 9)])),
        client(long(&[4, 0, 0, 0, 1])),
        client(vec![0, 0, 0, 0]),
        server(vec![0, 0, 0, 0]),
    ]
}

/// Sun RPC with record marks (RFC 5531) and NFS version 3 in it.
pub(super) fn nfs() -> Vec<Step> {
    let record = |body: &[u8]| join(&[&(0x8000_0000 | body.len() as u32).to_be_bytes(), body]);
    let mut steps = Vec::new();
    for id in 1..6_u8 {
        let call = join(&[
            &[0x5a, 0x10, 0, id, 0, 0, 0, 0, 0, 0, 0, 2, 0, 1, 0x86, 0xa3, 0, 0, 0, 3, 0, 0, 0, 1],
            &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
            &long(&cipher(28, 3)),
        ]);
        steps.push(client(record(&call)));
        let reply =
            join(&[&[0x5a, 0x10, 0, id, 0, 0, 0, 1], &[0; 20], &[0, 0, 0, 2, 0, 0, 1, 0xed], &[0; 76]]);
        steps.push(server(record(&reply)));
    }
    steps
}

/// Plan 9's file protocol, with the length of MySQL's cousins.
pub(super) fn nine_p() -> Vec<Step> {
    let text = |text: &[u8]| join(&[&(text.len() as u16).to_le_bytes(), text]);
    let message = |kind: u8, tag: u16, body: &[u8]| {
        join(&[&(body.len() as u32 + 7).to_le_bytes(), &[kind], &tag.to_le_bytes(), body])
    };
    let qid = [0x80, 1, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0];
    vec![
        client(message(100, 0xffff, &join(&[&[0, 0x20, 0, 0], &text(b"9P2000.L")]))),
        server(message(101, 0xffff, &join(&[&[0, 0x20, 0, 0], &text(b"9P2000.L")]))),
        client(message(104, 0, &join(&[&[1, 0, 0, 0, 255, 255, 255, 255], &text(b"root"), &text(b"/")]))),
        server(message(105, 0, &qid)),
        client(message(110, 0, &join(&[&[1, 0, 0, 0, 2, 0, 0, 0, 1, 0], &text(b"etc")]))),
        server(message(111, 0, &join(&[&[1, 0], &qid]))),
        client(message(116, 0, &[2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10, 0, 0])),
        server(message(117, 0, &join(&[&[5, 0, 0, 0], b"hello"]))),
        client(message(120, 0, &[2, 0, 0, 0])),
        server(message(121, 0, &[])),
    ]
}

/// RFC 7143.
pub(super) fn iscsi() -> Vec<Step> {
    let message = |opcode: u8, flags: u8, data: &[u8]| {
        let mut header =
            vec![opcode, flags, 0, 0, 0, 0, 0, data.len() as u8, 0, 2, 0x3d, 0, 0, 0, 0, 0, 0, 0, 0, 1];
        header.resize(48, 0);
        let padding = vec![0; (4 - data.len() % 4) % 4];
        join(&[&header, data, &padding])
    };
    vec![
        client(message(0x43, 0x87, b"InitiatorName=iqn.1993-08.org.debian:01:a\0SessionType=Normal\0")),
        server(message(0x23, 0x87, b"TargetPortalGroupTag=1\0HeaderDigest=None\0")),
        client(message(0x01, 0xc1, b"")),
        server(message(0x25, 0x80, &cipher(96, 2))),
        client(message(0x40, 0x80, b"")),
        server(message(0x20, 0x80, b"")),
    ]
}
