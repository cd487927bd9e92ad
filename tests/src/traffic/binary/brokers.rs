//! Brokers and remote calls.

use super::super::{Step, client, server};
use super::{cipher, join, long, short, tiny};

/// AMQP 0-9-1, section 2.3.
pub(super) fn amqp() -> Vec<Step> {
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
pub(super) fn amqp_1() -> Vec<Step> {
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
pub(super) fn mqtt() -> Vec<Step> {
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

/// ZooKeeper: lengths and numbers as Kafka has them, and paths.
pub(super) fn zookeeper() -> Vec<Step> {
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

pub(super) fn thrift_framed() -> Vec<Step> {
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

pub(super) fn thrift_unframed() -> Vec<Step> {
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

/// Apache Pulsar: a length, another, and Protocol Buffers.
pub(super) fn pulsar() -> Vec<Step> {
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
pub(super) fn rocketmq() -> Vec<Step> {
    let command = |json: &[u8], body: &[u8]| long(&join(&[&long(json), body]));
    vec![
        client(command(b"{\"code\":105,\"extFields\":{\"topic\":\"TopicTest\"},\"flag\":0,\"language\":\"JAVA\",\"opaque\":0}", b"")),
        server(command(b"{\"code\":0,\"flag\":1,\"language\":\"JAVA\",\"opaque\":0}", b"{\"brokerDatas\":[]}")),
        client(command(b"{\"code\":34,\"flag\":0,\"opaque\":1}", b"{\"clientID\":\"a\"}")),
        server(command(b"{\"code\":0,\"flag\":1,\"opaque\":1}", b"")),
    ]
}

/// Apache Dubbo 2.
pub(super) fn dubbo() -> Vec<Step> {
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
