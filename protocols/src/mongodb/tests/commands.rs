//! What is said of commands and their answers, and what is never said.

use super::*;

#[test]
fn a_command_names_its_collection_and_database_and_counts_what_came_back() {
    let batch = [nested("0", &[text("secret", "hunter2")]), nested("1", &[])];
    let reply = answer(
        9,
        7,
        &[nested("cursor", &[array("firstBatch", &batch), text("ns", "shop.orders")]), double("ok", 1.0)],
    );
    let seen = exchange(&find(7, "orders"), &reply);
    assert_eq!((&*seen.name, &*seen.summary), ("find orders", "find orders 2 documents"));
    assert_eq!((seen.protocol, seen.outcome, seen.error()), (Protocol::Mongodb, Outcome::Complete, None));
    let attributes: Vec<_> = seen.server.iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!(
        attributes,
        [
            "db.collection.name=orders",
            "db.namespace=shop",
            "db.operation.name=find",
            "db.response.returned_rows=2",
            "db.system.name=mongodb",
            "network.peer.address=10.0.0.7",
            "network.peer.port=41822",
            "server.address=10.0.0.9",
            "server.port=8080",
        ]
    );
    assert_eq!(seen.client.get("network.peer.address").map(String::as_str), Some("10.0.0.9"));
    assert!(!format!("{seen:?}").contains("hunter2"), "{seen:?}");
}

#[test]
fn commands_without_a_collection_show_no_value_at_all() {
    let cases: [(&str, Vec<Vec<u8>>); 6] = [
        ("ping admin", vec![int("ping", 1), text("$db", "admin")]),
        (
            "createUser admin",
            vec![text("createUser", "hunter2"), text("pwd", "hunter2"), text("$db", "admin")],
        ),
        (
            "saslStart $external",
            vec![
                int("saslStart", 1),
                element(5, "payload", b"\x07\0\0\0\0hunter2"),
                text("$db", "$external"),
            ],
        ),
        ("aggregate shop", vec![int("aggregate", 1), array("pipeline", &[]), text("$db", "shop")]),
        (
            "getMore orders",
            vec![element(0x12, "getMore", &[1; 8]), text("collection", "orders"), text("$db", "shop")],
        ),
        (
            "explain orders",
            vec![nested("explain", &[text("count", "orders"), text("x", "hunter2")]), text("$db", "shop")],
        ),
    ];
    for (name, elements) in cases {
        let seen = exchange(&command(1, &elements), &ok(2, 1));
        assert_eq!(seen.name, name);
        assert!(!format!("{seen:?}").contains("hunter2"), "{seen:?}");
    }
}

#[test]
fn every_kind_of_value_is_passed_over() {
    let elements = [
        text("find", "orders"),
        double("a", 1.5),
        element(5, "b", b"\x03\0\0\0\x04abc"),
        element(6, "c", b""),
        element(7, "d", &[1; 12]),
        element(8, "e", &[1]),
        element(9, "f", &[1; 8]),
        element(0x0a, "g", b""),
        element(0x0b, "h", b"^a.*\0i\0"),
        element(0x0c, "i", &[b"\x02\0\0\0x\0".as_slice(), &[1; 12]].concat()),
        element(0x0d, "j", b"\x02\0\0\0x\0"),
        element(0x0e, "k", b"\x02\0\0\0x\0"),
        element(0x0f, "l", b"\x08\0\0\0abcd"),
        element(0x11, "m", &[1; 8]),
        element(0x13, "n", &[1; 16]),
        element(0x7f, "o", b""),
        element(0xff, "p", b""),
        text("$db", "shop"),
    ];
    assert_eq!(exchange(&command(1, &elements), &ok(2, 1)).attribute("db.namespace"), Some("shop"));
}

#[test]
fn errors_are_told_by_code_and_name() {
    let failed = |elements: &[Vec<u8>]| exchange(&find(1, "orders"), &answer(2, 1, elements));
    let seen = failed(&[
        double("ok", 0.0),
        text("errmsg", "hunter2"),
        int("code", 13),
        text("codeName", "Unauthorized"),
    ]);
    assert_eq!((&*seen.summary, seen.error()), ("find orders Unauthorized", Some("13")));
    assert_eq!(seen.attribute("db.response.status_code"), Some("13"));
    assert_eq!(seen.attribute("plainsight.mongodb.code_name"), Some("Unauthorized"));
    assert!(!format!("{seen:?}").contains("hunter2"));

    let write_error = nested("0", &[int("index", 0), int("code", 11000), text("errmsg", "dup key: hunter2")]);
    let seen = failed(&[int("n", 0), array("writeErrors", &[write_error]), double("ok", 1.0)]);
    assert_eq!((&*seen.summary, seen.error()), ("find orders DuplicateKey", Some("11000")));

    let concern = nested("writeConcernError", &[int("code", 64), text("codeName", "WriteConcernTimeout")]);
    assert_eq!(failed(&[int("n", 1), concern, double("ok", 1.0)]).error(), Some("64"));
    assert_eq!(failed(&[int("ok", 0)]).error(), Some("_OTHER"));
    assert_eq!(failed(&[int("ok", 0), int("code", 4711)]).summary, "find orders error 4711");
    assert_eq!(
        failed(&[double("ok", 1.0), int("code", 5)]).error(),
        None,
        "some answers have codes without being errors"
    );
}

/// A list of documents for a command.
fn list(name: &str, documents: &[Vec<u8>]) -> Vec<u8> {
    let content = [name.as_bytes(), &[0], &documents.concat()].concat();
    let length = i32::try_from(content.len() + 4).expect("short");
    [&[1][..], &length.to_le_bytes(), &content].concat()
}

#[test]
fn documents_may_come_in_sections_of_their_own_before_or_behind_the_command() {
    let body = [&[0][..], &document(&[text("update", "orders"), text("$db", "shop")])].concat();
    let statement = document(&[nested("q", &[text("a", "hunter2")])]);
    for (sections, batch) in [
        ([body.clone(), list("updates", &[statement.clone(), statement.clone()])].concat(), Some("2")),
        ([list("updates", std::slice::from_ref(&statement)), body.clone()].concat(), None),
        ([body.clone(), list("documents", &[statement.clone(), statement.clone()])].concat(), None),
    ] {
        let request = message(2013, 3, 0, &[&[0; 4][..], &sections].concat());
        let seen = exchange(&request, &ok(4, 3));
        assert_eq!((&*seen.name, seen.attribute("db.operation.batch.size")), ("update orders", batch));
    }
}

#[test]
fn a_checksum_is_no_section() {
    let request = flagged(1, 5, 0, &[text("find", "orders"), text("$db", "shop")]);
    assert_eq!(exchange(&request, &flagged(1, 6, 5, &[double("ok", 1.0)])).name, "find orders");
}

#[test]
fn what_nobody_answers_is_complete_by_itself() {
    let mut wire = Wire::new();
    wire.bytes(Direction::ToServer, &flagged(2, 1, 0, &[text("insert", "log"), text("$db", "shop")]));
    assert_eq!(wire.summaries(), ["insert log"]);
    wire.bytes(Direction::ToServer, &find(2, "orders")).bytes(Direction::ToClient, &ok(3, 2));
    assert_eq!(wire.summaries(), ["insert log", "find orders"]);
    let seen = &wire.recorder.seen[0];
    assert_eq!((seen.outcome, seen.response_bytes, seen.error()), (Outcome::Complete, 0, None));
    assert!(seen.ended.is_some());
}

#[test]
fn several_answers_to_one_request_are_one_exchange() {
    let mut wire = Wire::new();
    wire.bytes(Direction::ToServer, &flagged(1 << 16, 1, 0, &[text("find", "orders"), text("$db", "shop")]));
    let batch = |count| nested("cursor", &[array("nextBatch", &vec![int("0", 1); count])]);
    wire.bytes(Direction::ToClient, &flagged(2, 11, 1, &[batch(2)]));
    wire.bytes(Direction::ToClient, &flagged(2, 12, 11, &[batch(3)]));
    assert!(wire.recorder.seen.is_empty());
    wire.bytes(Direction::ToClient, &flagged(0, 13, 12, &[batch(1)]));
    assert_eq!(wire.summaries(), ["find orders 6 documents"]);
    let seen = &wire.recorder.seen[0];
    assert_eq!((seen.outcome, seen.ended.expect("seen") - seen.started), (Outcome::Complete, 3_000));
    assert_eq!(seen.offsets, [Some(0); 2]);
}

#[test]
fn the_messages_of_old_are_understood() {
    let body = |name: &str, documents: &[Vec<u8>]| {
        [&[0; 4][..], name.as_bytes(), &[0], &documents.concat()].concat()
    };
    let query =
        |name, elements: &[Vec<u8>]| message(2004, 1, 0, &body(name, &[vec![0; 8], document(elements)]));
    let reply = |flags: u32, elements: &[Vec<u8>]| {
        let head = [&flags.to_le_bytes()[..], &[0; 12], &1_u32.to_le_bytes()].concat();
        message(1, 2, 1, &[head, document(elements)].concat())
    };
    let seen = exchange(
        &query("admin.$cmd", &[int("isMaster", 1), nested("client", &[text("x", "hunter2")])]),
        &reply(8, &[double("ok", 1.0)]),
    );
    assert_eq!((&*seen.name, &*seen.summary, seen.error()), ("isMaster admin", "isMaster", None));
    let seen = exchange(
        &query("admin.$cmd", &[nested("$query", &[int("hello", 1)])]),
        &reply(8, &[int("ok", 0), int("code", 18)]),
    );
    assert_eq!((&*seen.name, seen.error()), ("hello admin", Some("18")));
    let seen =
        exchange(&query("shop.orders.old", &[text("secret", "hunter2")]), &reply(8, &[text("a", "hunter2")]));
    assert_eq!(
        (&*seen.summary, seen.attribute("db.namespace")),
        ("find orders.old 1 document", Some("shop"))
    );
    let seen = exchange(
        &query("shop.orders", &[int("a", 1)]),
        &reply(2, &[text("$err", "hunter2"), int("code", 96)]),
    );
    assert_eq!(seen.error(), Some("96"));

    let mut wire = Wire::new();
    for (kind, name) in [(2002, "insert"), (2001, "update"), (2006, "delete")] {
        wire.bytes(
            Direction::ToServer,
            &message(kind, 1, 0, &body("shop.orders", &[document(&[int("a", 1)])])),
        );
        assert_eq!(wire.summaries().pop().as_deref(), Some(&*format!("{name} orders")));
    }
    wire.bytes(Direction::ToServer, &message(2007, 1, 0, &[&[0; 4][..], &[1, 0, 0, 0], &[7; 8]].concat()));
    assert_eq!(wire.summaries().pop().as_deref(), Some("killCursors"));
}

#[test]
fn what_is_compressed_is_marked_and_paired() {
    let wrapped = |id, to, compressor: u8, content: &[u8]| {
        let head = [&2013_u32.to_le_bytes()[..], &100_u32.to_le_bytes(), &[compressor]].concat();
        message(2012, id, to, &[&head, content].concat())
    };
    let seen = exchange(&wrapped(1, 0, 2, b"\x78\x9c????"), &wrapped(2, 1, 2, b"\x78\x9c????"));
    assert_eq!((&*seen.name, &*seen.summary), ("mongodb", "(zlib)"));
    assert_eq!(seen.attribute("plainsight.mongodb.compressor"), Some("zlib"));
    assert_eq!((seen.attribute("db.operation.name"), seen.outcome), (None, Outcome::Complete));

    let content = &find(1, "orders")[16..];
    let seen = exchange(&wrapped(1, 0, 0, content), &wrapped(2, 1, 0, &ok(2, 1)[16..]));
    assert_eq!(seen.summary, "find orders");

    let mut wire = Wire::new();
    wire.bytes(Direction::ToServer, &wrapped(1, 0, 1, b"??"))
        .bytes(Direction::ToClient, &wrapped(2, 1, 1, b"??"));
    wire.bytes(Direction::ToClient, &wrapped(3, 2, 1, b"??")).pass(50 * MILLISECOND);
    assert_eq!(wire.summaries(), ["(snappy)"], "another answer to the same request, perhaps");
}

#[test]
fn names_never_carry_commands_for_a_terminal() {
    let seen = exchange(&command(1, &[text("find", "a\x1b[2J"), text("$db", "b\u{9b}")]), &ok(2, 1));
    assert_eq!((&*seen.name, seen.attribute("db.namespace")), ("find a\u{fffd}[2J", Some("b\u{fffd}")));
}

#[test]
fn what_is_not_answered_says_why() {
    for (reason, error) in [
        (CloseReason::Closed, Some("connection_closed")),
        (CloseReason::Reset, Some("connection_reset")),
        (CloseReason::Evicted, None),
    ] {
        let mut wire = Wire::new();
        let recorder = wire.bytes(Direction::ToServer, &find(1, "orders")).close(reason);
        assert_eq!(
            (recorder.seen[0].outcome, recorder.seen[0].error()),
            (Outcome::NoResponse(reason), error)
        );
    }
    let mut wire = Wire::new();
    wire.bytes(Direction::ToServer, &find(1, "orders")).pass(121_000 * MILLISECOND);
    assert_eq!(wire.summaries(), ["find orders timeout"]);
    wire.bytes(Direction::ToClient, &ok(2, 1)).pass(50 * MILLISECOND);
    assert_eq!(wire.recorder.seen.len(), 1, "it was reported before");
}
