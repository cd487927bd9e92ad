//! Dialogues in binary protocols that plainsight does not parse, built from their specifications.

use super::{Step, Traffic, client, server};

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
        ("ssh", ssh),
        ("git", git_fetch),
        ("git", git_push),
        ("x11", x11),
        ("amqp 0-9-1", amqp),
        ("amqp 1.0", amqp_1),
        ("mqtt", mqtt),
        ("cassandra", cassandra),
        ("ldap", ldap),
        ("vnc", vnc),
        ("zookeeper", zookeeper),
        ("thrift", thrift_framed),
        ("thrift", thrift_unframed),
        ("sql server", tds),
        ("oracle", tns),
        ("smb", smb),
        ("rdp", rdp),
        ("bgp", bgp),
        ("memcached binary", memcached_binary),
        ("bittorrent", bittorrent),
        ("rtmp", rtmp),
        ("clickhouse", clickhouse),
        ("socks", socks),
        ("elasticsearch transport", elasticsearch),
        ("pulsar", pulsar),
        ("rocketmq", rocketmq),
        ("dubbo", dubbo),
        ("nfs", nfs),
        ("modbus", modbus),
        ("9p", nine_p),
        ("diameter", diameter),
        ("mysql x protocol", mysql_x),
        ("iscsi", iscsi),
        ("wireguard over tcp", encrypted_from_the_start),
    ];
    dialogues.iter().map(|(kind, steps)| Traffic::foreign(kind, "dialogue", steps())).collect()
}

/// RFC 4253: version lines, packets in the open until the keys are new, then nothing that can be read.
fn ssh() -> Vec<Step> {
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

/// A line of Git's protocol: its length, itself counted, in four hexadecimal digits.
fn packet_line(text: &[u8]) -> Vec<u8> {
    join(&[format!("{:04x}", text.len() + 4).as_bytes(), text])
}

fn git_fetch() -> Vec<Step> {
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
fn git_push() -> Vec<Step> {
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

/// X Window System Protocol, X11R7.
fn x11() -> Vec<Step> {
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

/// AMQP 0-9-1, section 2.3.
fn amqp() -> Vec<Step> {
    let frame = |kind: u8, channel: u16, payload: &[u8]| {
        join(&[&[kind], &channel.to_be_bytes(), &long(payload), &[0xce]])
    };
    let method = |channel, class: u16, method: u16, arguments: &[u8]| {
        frame(1, channel, &join(&[&class.to_be_bytes(), &method.to_be_bytes(), arguments]))
    };
    let table = long(&join(&[
        &tiny(b"product"),
        b"S",
        &long(b"RabbitMQ"),
        &tiny(b"version"),
        b"S",
        &long(b"3.12.1"),
    ]));
    let publish = |text: &[u8]| {
        join(&[
            &method(1, 60, 40, &join(&[&[0, 0], &tiny(b"orders"), &tiny(b"new"), &[0]])),
            &frame(
                2,
                1,
                &join(&[
                    &[0, 60, 0, 0],
                    &(text.len() as u64).to_be_bytes(),
                    &[0x90, 0],
                    &tiny(b"text/plain"),
                    &[2],
                ]),
            ),
            &frame(3, 1, text),
        ])
    };
    vec![
        client(*b"AMQP\0\0\x09\x01"),
        server(method(0, 10, 10, &join(&[&[0, 9], &table, &long(b"PLAIN AMQPLAIN"), &long(b"en_US")]))),
        client(method(
            0,
            10,
            11,
            &join(&[&table, &tiny(b"PLAIN"), &long(b"\0guest\0guest"), &tiny(b"en_US")]),
        )),
        server(method(0, 10, 30, &[7, 255, 0, 2, 0, 0, 0, 60])),
        client(join(&[
            &method(0, 10, 31, &[7, 255, 0, 2, 0, 0, 0, 60]),
            &method(0, 10, 40, &join(&[&tiny(b"/"), &[0, 0]])),
        ])),
        server(method(0, 10, 41, &[0])),
        client(method(1, 20, 10, &[0])),
        server(method(1, 20, 11, &[0, 0, 0, 0])),
        client(method(1, 50, 10, &join(&[&[0, 0], &tiny(b"orders"), &[2], &[0; 4]]))),
        server(method(1, 50, 11, &join(&[&tiny(b"orders"), &[0; 8]]))),
        client(publish(b"GET / HTTP/1.1")),
        client(publish(b"{\"id\":1}")),
        server(method(
            1,
            60,
            60,
            &join(&[&tiny(b"ctag"), &[0, 0, 0, 0, 0, 0, 0, 1, 0], &tiny(b"orders"), &tiny(b"new")]),
        )),
        client(method(1, 60, 80, &[0, 0, 0, 0, 0, 0, 0, 1, 0])),
        client(frame(8, 0, &[])),
        server(frame(8, 0, &[])),
        client(method(0, 10, 50, &join(&[&[0, 200], &tiny(b"bye"), &[0; 4]]))),
        server(method(0, 10, 51, &[])),
    ]
}

/// AMQP 1.0, parts 2 and 5: frames behind their length, which counts itself.
fn amqp_1() -> Vec<Step> {
    let frame =
        |kind: u8, body: &[u8]| join(&[&(body.len() as u32 + 8).to_be_bytes(), &[2, kind, 0, 0], body]);
    vec![
        client(*b"AMQP\x03\x01\0\0"),
        server(*b"AMQP\x03\x01\0\0"),
        server(frame(1, b"\0S@\xc0\x0e\x01\xf0\x0b\0\0\0\x01\xa3\x05PLAIN")),
        client(frame(1, b"\0SA\xc0\x14\x02\xa3\x05PLAIN\xa0\x0b\0user\0secret")),
        server(frame(1, b"\0SD\xc0\x03\x01P\0")),
        client(*b"AMQP\0\x01\0\0"),
        server(*b"AMQP\0\x01\0\0"),
        client(frame(0, b"\0S\x10\xc0\x19\x05\xa1\x09container@\x70\0\x10\0\0`\x7f\xff")),
        server(frame(0, b"\0S\x10\xc0\x19\x05\xa1\x09brokerabc@\x70\0\x10\0\0`\x7f\xff")),
        client(frame(0, b"\0S\x11\xc0\x0d\x04@Rp\0\0\0\x01p\0\0\0\x64")),
        server(frame(0, b"\0S\x11\xc0\x0d\x04`\0\0Rp\0\0\0\x01p\0\0\0\x64")),
        client(frame(0, b"\0S\x14\xc0\x0a\x05CR\0\xa0\x01\x01C\x42\0Su\xa0\x05hello")),
        server(frame(0, b"\0S\x15\xc0\x09\x05ACCA\0S$E")),
        client(frame(0, b"")),
        server(frame(0, b"")),
    ]
}

/// MQTT 3.1.1.
fn mqtt() -> Vec<Step> {
    let packet = |head: u8, body: &[u8]| join(&[&[head, body.len() as u8], body]);
    vec![
        client(packet(0x10, &join(&[&short(b"MQTT"), &[4, 2, 0, 60], &short(b"sensor-1")]))),
        server(packet(0x20, &[0, 0])),
        client(packet(0x82, &join(&[&[0, 1], &short(b"a/b"), &[0]]))),
        server(packet(0x90, &[0, 1, 0])),
        client(packet(0x30, &join(&[&short(b"a/b"), b"21.5"]))),
        server(packet(0x30, &join(&[&short(b"a/b"), b"21.5"]))),
        client(packet(0x32, &join(&[&short(b"a/b"), &[0, 2], b"GET /"]))),
        server(packet(0x40, &[0, 2])),
        client(packet(0xc0, &[])),
        server(packet(0xd0, &[])),
        client(packet(0xa2, &join(&[&[0, 3], &short(b"a/b")]))),
        server(packet(0xb0, &[0, 3])),
        client(packet(0xe0, &[])),
    ]
}

/// Cassandra's native protocol, version 4.
fn cassandra() -> Vec<Step> {
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

/// RFC 4511, in BER.
fn ldap() -> Vec<Step> {
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

/// RFC 6143.
fn vnc() -> Vec<Step> {
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

/// ZooKeeper: lengths and numbers as Kafka has them, and paths.
fn zookeeper() -> Vec<Step> {
    let request =
        |id: u32, kind: u32, body: &[u8]| long(&join(&[&id.to_be_bytes(), &kind.to_be_bytes(), body]));
    let answer =
        |id: u32, body: &[u8]| long(&join(&[&id.to_be_bytes(), &[0, 0, 0, 0, 0, 0, 0, 9], &[0; 4], body]));
    let stat = [[0, 0, 0, 0, 0, 0, 0, 7]; 8].concat();
    let path = |text: &[u8]| join(&[&long(text), &[0]]);
    vec![
        client(long(&join(&[&[0; 4], &[0; 8], &[0, 0, 0x75, 0x30], &[0; 8], &long(&[0; 16]), &[0]]))),
        server(long(&join(&[
            &[0; 4],
            &[0, 0, 0x75, 0x30],
            &[1, 0, 0, 5, 0x6b, 0, 0, 1],
            &long(&cipher(16, 3)),
            &[0],
        ]))),
        client(request(1, 3, &path(b"/brokers/ids"))),
        server(answer(1, &stat)),
        client(request(2, 12, &path(b"/brokers/topics"))),
        server(answer(2, &join(&[&[0, 0, 0, 2], &long(b"orders"), &long(b"users"), &stat]))),
        client(request(3, 4, &path(b"/config/topics/orders"))),
        server(answer(3, &join(&[&long(b"{\"version\":1}"), &stat]))),
        client(request(
            4,
            1,
            &join(&[
                &long(b"/a"),
                &long(b"x"),
                &[0, 0, 0, 1, 0, 0, 0, 31],
                &long(b"world"),
                &long(b"anyone"),
                &[0; 4],
            ]),
        )),
        server(answer(4, &long(b"/a"))),
        client(request(u32::MAX - 1, 11, &[])),
        server(answer(u32::MAX - 1, &[])),
        server(answer(u32::MAX, &join(&[&[0, 0, 0, 3, 0, 0, 0, 3], &long(b"/brokers")]))),
        client(request(5, 8, &path(b"/"))),
        server(long(&join(&[&[0, 0, 0, 5], &[0, 0, 0, 0, 0, 0, 0, 9], &[255, 255, 255, 155]]))),
        client(request(6, u32::MAX - 10, &[])),
        server(answer(6, &[])),
    ]
}

/// A call in Thrift's binary encoding.
fn thrift_message(kind: u8, name: &[u8], sequence: u8, body: &[u8]) -> Vec<u8> {
    join(&[&[0x80, 1, 0, kind], &long(name), &[0, 0, 0, sequence], body])
}

fn thrift_framed() -> Vec<Step> {
    let key = join(&[&[11, 0, 1], &long(b"user:1"), &[0]]);
    let value = join(&[&[11, 0, 0], &long(b"hello"), &[0]]);
    let mut steps = Vec::new();
    for sequence in 1..6 {
        steps.push(client(long(&thrift_message(1, b"get", sequence, &key))));
        steps.push(server(long(&thrift_message(2, b"get", sequence, &value))));
    }
    // The older form, without a version.
    for sequence in 1..6_u8 {
        steps.push(client(long(&join(&[&long(b"get"), &[1, 0, 0, 0, sequence], &key]))));
        steps.push(server(long(&join(&[&long(b"get"), &[2, 0, 0, 0, sequence], &value]))));
    }
    steps
}

fn thrift_unframed() -> Vec<Step> {
    let key = join(&[&[11, 0, 1], &long(b"user:1"), &[0]]);
    let value = join(&[&[8, 0, 0], &[0, 0, 0, 7], &[0]]);
    let mut steps = Vec::new();
    for sequence in 1..6_u8 {
        steps.push(client(thrift_message(1, b"ping", sequence, &key)));
        steps.push(server(thrift_message(2, b"ping", sequence, &value)));
        steps.push(client(join(&[&long(b"ping"), &[1, 0, 0, 0, sequence], &key])));
        steps.push(server(join(&[&long(b"ping"), &[2, 0, 0, 0, sequence], &value])));
    }
    steps
}

/// MS-TDS: packets of eight bytes of header, texts in UTF-16.
fn tds() -> Vec<Step> {
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
fn tns() -> Vec<Step> {
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

/// MS-SMB2 behind NetBIOS's length.
fn smb() -> Vec<Step> {
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

/// MS-RDPBCGR: TPKT (RFC 1006) and X.224.
fn rdp() -> Vec<Step> {
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

/// RFC 4271.
fn bgp() -> Vec<Step> {
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

/// Memcached's binary protocol, which is not parsed.
fn memcached_binary() -> Vec<Step> {
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

/// BitTorrent, BEP 3.
fn bittorrent() -> Vec<Step> {
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

/// Adobe's RTMP: three chunks of a handshake that are mostly chance, then commands in AMF.
fn rtmp() -> Vec<Step> {
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

/// ClickHouse's native protocol: numbers of seven bits a byte, texts behind their length.
fn clickhouse() -> Vec<Step> {
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

/// SOCKS 5 (RFC 1928), and what goes through it here is nothing that is known.
fn socks() -> Vec<Step> {
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

/// The transport between nodes of Elasticsearch.
fn elasticsearch() -> Vec<Step> {
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

/// Apache Pulsar: a length, another, and Protocol Buffers.
fn pulsar() -> Vec<Step> {
    let command = |body: &[u8]| long(&long(body));
    vec![
        client(command(b"\x08\x02\x12\x14\x0a\x0bPulsar-Java\x20\x13*\x03abc")),
        server(command(b"\x08\x03\x1a\x10\x0a\x0aPulsar 3.0\x10\x13")),
        client(command(b"\x08\x15\xaa\x01\x17\x0a\x13persistent://t/n/a1\x10\x01")),
        server(command(b"\x08\x16\xb2\x01\x04\x08\x01\x10\x02")),
        client(command(b"\x08\x12")),
        server(command(b"\x08\x13")),
        client(command(b"\x08\x12")),
        server(command(b"\x08\x13")),
    ]
}

/// Apache RocketMQ: two lengths and JSON.
fn rocketmq() -> Vec<Step> {
    let command = |json: &[u8], body: &[u8]| long(&join(&[&long(json), body]));
    vec![
        client(command(b"{\"code\":105,\"extFields\":{\"topic\":\"TopicTest\"},\"flag\":0,\"language\":\"JAVA\",\"opaque\":0}", b"")),
        server(command(b"{\"code\":0,\"flag\":1,\"language\":\"JAVA\",\"opaque\":0}", b"{\"brokerDatas\":[]}")),
        client(command(b"{\"code\":34,\"flag\":0,\"opaque\":1}", b"{\"clientID\":\"a\"}")),
        server(command(b"{\"code\":0,\"flag\":1,\"opaque\":1}", b"")),
    ]
}

/// Apache Dubbo 2.
fn dubbo() -> Vec<Step> {
    let message = |flag: u8, status: u8, id: u8, body: &[u8]| {
        join(&[&[0xda, 0xbb, flag, status, 0, 0, 0, 0, 0, 0, 0, id], &long(body)])
    };
    let mut steps = Vec::new();
    for id in 1..5 {
        steps.push(client(message(
            0xc2,
            0,
            id,
            b"\x052.0.2\x30\x1corg.apache.dubbo.DemoService\x050.0.0\x08sayHello",
        )));
        steps.push(server(message(2, 20, id, b"\x94\x0bHello world")));
    }
    steps
}

/// Sun RPC with record marks (RFC 5531) and NFS version 3 in it.
fn nfs() -> Vec<Step> {
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

/// Modbus over TCP.
fn modbus() -> Vec<Step> {
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

/// Plan 9's file protocol, with the length of MySQL's cousins.
fn nine_p() -> Vec<Step> {
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

/// RFC 6733.
fn diameter() -> Vec<Step> {
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

/// MySQL's other protocol, of Protocol Buffers.
fn mysql_x() -> Vec<Step> {
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

/// RFC 7143.
fn iscsi() -> Vec<Step> {
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

/// Tunnels that encrypt from the first byte on, with and without a length in front.
fn encrypted_from_the_start() -> Vec<Step> {
    let mut steps = Vec::new();
    for place in 0..12 {
        steps.push(client(short(&cipher(100 + place as usize * 7, 300 + place))));
        steps.push(server(short(&cipher(148 + place as usize * 3, 400 + place))));
    }
    steps
}
