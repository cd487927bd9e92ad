//! Terminals, screens and streams for people.

use super::super::{Step, client, server};
use super::{cipher, join, long, short};

/// RFC 4253: version lines, packets in the open until the keys are new, then nothing that can be read.
pub(super) fn ssh() -> Vec<Step> {
    let packet = |payload: &[u8]| {
        let padding = 4 + (8 - (5 + payload.len() + 4) % 8) % 8;
        long(&join(&[&[padding as u8], payload, &cipher(padding, 9)]))
    };
    let names = |list: &str| long(list.as_bytes());
    let kexinit = |seed| {
        packet(&join(&[
            &[20],
            &cipher(16, seed),
            &names("curve25519-sha256,ecdh-sha2-nistp256,diffie-hellman-group14-sha256"),
            &names("ssh-ed25519,rsa-sha2-512,rsa-sha2-256"),
            &names("chacha20-poly1305@openssh.com,aes128-ctr"),
            &names("chacha20-poly1305@openssh.com,aes128-ctr"),
            &names("hmac-sha2-256"),
            &names("hmac-sha2-256"),
            &names("none,zlib@openssh.com"),
            &names("none,zlib@openssh.com"),
            &names(""),
            &names(""),
            &[0, 0, 0, 0, 0],
        ]))
    };
    let mut steps = vec![
        client(*b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"),
        server(*b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u2\r\n"),
        client(kexinit(1)),
        server(kexinit(2)),
        client(packet(&join(&[&[30], &long(&cipher(32, 3))]))),
        server(packet(&join(&[
            &[31],
            &long(&join(&[&long(b"ssh-ed25519"), &long(&cipher(32, 4))])),
            &long(&cipher(32, 5)),
            &long(&join(&[&long(b"ssh-ed25519"), &long(&cipher(64, 6))])),
        ]))),
        client(packet(&[21])),
        server(packet(&[21])),
    ];
    for (place, length) in [44, 44, 68, 52, 148, 500, 112, 28, 36, 36, 100, 1300].into_iter().enumerate() {
        steps.push(client(cipher(length, 100 + place as u32)));
        steps.push(server(cipher(length + 8, 200 + place as u32)));
    }
    steps
}

/// X Window System Protocol, X11R7.
pub(super) fn x11() -> Vec<Step> {
    let request = |opcode: u8, data: u8, body: &[u8]| {
        join(&[&[opcode, data], &((body.len() / 4 + 1) as u16).to_le_bytes(), body])
    };
    let reply = |sequence: u8, data: u8, body: &[u8]| {
        let mut reply = join(&[&[1, data, sequence, 0, 0, 0, 0, 0], body]);
        reply.resize(32, 0);
        reply
    };
    let event = |code: u8, sequence: u8| {
        let mut event = vec![code, 38, sequence, 0, 0x10, 0x20, 0x30, 0x40, 0x26, 0x01, 0, 0];
        event.resize(32, 0);
        event
    };
    let cookie = cipher(16, 5);
    vec![
        client(join(&[b"l\0\x0b\0\0\0\x12\0\x10\0\0\0", b"MIT-MAGIC-COOKIE-1\0\0", &cookie])),
        server(join(&[
            b"\x01\0\x0b\0\0\0\x10\0",
            &[
                0, 0x38, 0xb5, 0, 0, 0, 0x20, 0, 0xff, 0xff, 0x1f, 0, 0, 1, 0, 0, 20, 0, 0xff, 0xff, 1, 7, 0,
                0, 32, 32,
            ],
            &[8, 255, 0, 0, 0, 0],
            b"The X.Org Foundation\0\0\0\0",
        ])),
        client(request(98, 0, b"\x0c\0\0\0BIG-REQUESTS")),
        server(reply(1, 0, &[1, 133, 0, 0])),
        client(request(20, 0, &[0xb5, 0, 0, 0, 0x17, 0, 0, 0, 0x1f, 0, 0, 0, 0, 0, 0, 0, 0, 0xe1, 0xf5, 5])),
        server(reply(2, 8, &[0x1f, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0])),
        client(request(16, 0, b"\x0c\0\0\0WM_PROTOCOLS")),
        server(reply(3, 0, &[0x44, 1, 0, 0])),
        client(join(&[
            &request(
                1,
                24,
                &[
                    1, 0, 0x20, 0, 0xb5, 0, 0, 0, 10, 0, 10, 0, 200, 0, 100, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0,
                    0, 0,
                ],
            ),
            &request(8, 0, &[1, 0, 0x20, 0]),
        ])),
        server(event(12, 5)),
        server(join(&[&event(6, 5), &event(2, 5), &event(3, 5)])),
        client(request(43, 0, &[])),
        server(reply(6, 0, &[1, 0, 0x20, 0])),
        server(vec![
            0, 3, 7, 0, 1, 0, 0x20, 0, 0, 0, 14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
            0,
        ]),
    ]
}

/// RFC 6143.
pub(super) fn vnc() -> Vec<Step> {
    vec![
        server(*b"RFB 003.008\n"),
        client(*b"RFB 003.008\n"),
        server(vec![1, 1]),
        client(vec![1]),
        server(vec![0, 0, 0, 0]),
        client(vec![1]),
        server(join(&[
            &[4, 0, 3, 0, 32, 24, 0, 1, 0, 255, 0, 255, 0, 255, 16, 8, 0, 0, 0, 0],
            &long(b"desktop"),
        ])),
        client(vec![2, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 16]),
        client(vec![3, 0, 0, 0, 0, 0, 4, 0, 3, 0]),
        server(join(&[&[0, 0, 0, 1, 0, 0, 0, 0, 0, 16, 0, 4, 0, 0, 0, 0], &cipher(256, 4)])),
        client(vec![4, 1, 0, 0, 0, 0, 0, 0x61]),
        client(vec![5, 0, 0, 10, 0, 20]),
        client(vec![3, 1, 0, 0, 0, 0, 4, 0, 3, 0]),
        server(vec![0, 0, 0, 0]),
        server(vec![2]),
        client(join(&[&[6, 0, 0, 0], &long(b"get the clipboard")])),
        server(join(&[&[3, 0, 0, 0], &long(b"clipboard")])),
    ]
}

/// MS-RDPBCGR: TPKT (RFC 1006) and X.224.
pub(super) fn rdp() -> Vec<Step> {
    let packet = |body: &[u8]| join(&[&[3, 0], &(body.len() as u16 + 4).to_be_bytes(), body]);
    vec![
        client(packet(b"\x27\xe0\0\0\0\0\0Cookie: mstshash=user\r\n\x01\0\x08\0\0\0\0\0")),
        server(packet(b"\x0e\xd0\0\0\x12\x34\0\x02\0\x08\0\0\0\0\0")),
        client(packet(&join(&[
            &[2, 0xf0, 0x80, 0x7f, 0x65, 0x82, 1, 0x94, 4, 1, 1, 4, 1, 1, 1, 1, 0xff],
            &cipher(80, 4),
        ]))),
        server(packet(&join(&[
            &[2, 0xf0, 0x80, 0x7f, 0x66, 0x82, 1, 0x45, 10, 1, 0, 2, 1, 0],
            &cipher(60, 5),
        ]))),
        client(packet(&[2, 0xf0, 0x80, 4, 1, 0, 1, 0])),
        client(packet(&[2, 0xf0, 0x80, 0x28])),
        server(packet(&[2, 0xf0, 0x80, 0x2e, 0, 0, 6])),
    ]
}

/// Adobe's RTMP: three chunks of a handshake that are mostly chance, then commands in AMF.
pub(super) fn rtmp() -> Vec<Step> {
    let command = |name: &[u8], number: u8, rest: &[u8]| {
        let body = join(&[&[2], &short(name), &[0, 0x3f, 0xf0, 0, 0, 0, 0, 0, number], rest]);
        join(&[&[3, 0, 0, 0, 0, 0, body.len() as u8, 20, 0, 0, 0, 0], &body])
    };
    vec![
        client(join(&[&[3], &[0, 0, 0, 0, 0, 0, 0, 0], &cipher(1528, 1)])),
        server(join(&[&[3], &[0, 0, 0, 0, 0, 0, 0, 0], &cipher(1528, 2)])),
        server(join(&[&[0, 0, 0, 0, 0, 0, 0, 1], &cipher(1528, 1)])),
        client(join(&[&[0, 0, 0, 0, 0, 0, 0, 1], &cipher(1528, 2)])),
        client(command(b"connect", 1, &join(&[&[3], &short(b"app"), &[2], &short(b"live"), &[0, 0, 9]]))),
        server(join(&[
            &[2, 0, 0, 0, 0, 0, 4, 5, 0, 0, 0, 0, 0, 0x4c, 0x4b, 0x40],
            &command(b"_result", 1, &[5]),
        ])),
        client(command(b"createStream", 2, &[5])),
        server(command(b"_result", 2, &[5, 0, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0])),
        client(command(b"play", 3, &join(&[&[5, 2], &short(b"stream")]))),
    ]
}
