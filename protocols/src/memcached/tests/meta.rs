//! Meta commands, and those that ask for quiet.

use super::*;

fn wire() -> Wire {
    let mut wire = Wire::new();
    wire.request("mn\r\n").response("MN\r\n");
    wire.recorder.seen.clear();
    wire
}

#[test]
fn every_meta_command_is_one_exchange_with_its_answer() {
    for (command, answer, summary, text) in [
        ("mg k v t\r\n", "VA 3 t60\r\nabc\r\n", "mg k hit", "mg k v t"),
        ("mg k t\r\n", "HD t60\r\n", "mg k hit", "mg k t"),
        ("mg k v\r\n", "EN\r\n", "mg k miss", "mg k v"),
        ("ms k 3 T60 F5\r\nabc\r\n", "HD\r\n", "ms k ok", "ms k ? T? F?"),
        ("ms k 3 ME\r\nabc\r\n", "NS\r\n", "ms k not stored", "ms k ? M?"),
        ("ms k 3 C7\r\nabc\r\n", "EX\r\n", "ms k exists", "ms k ? C?"),
        ("md k\r\n", "NF\r\n", "md k not found", "md k"),
        ("ma k N0 J13 v\r\n", "VA 2\r\n13\r\n", "ma k ok", "ma k N? J? v"),
        ("me k\r\n", "ME k exp=-1 la=3 cas=2\r\n", "me k ok", "me k"),
        ("mn\r\n", "MN\r\n", "mn ok", "mn"),
        ("mg k v\r\n", "CLIENT_ERROR invalid flag\r\n", "mg k CLIENT_ERROR", "mg k v"),
    ] {
        let mut wire = wire();
        wire.request(command).response(answer);
        let seen = wire.close(CloseReason::Closed).seen;
        assert_eq!(
            seen.iter().map(line).collect::<Vec<_>>(),
            [format!("{summary}: complete")],
            "{command:?}"
        );
        assert_eq!(seen[0].attribute("db.query.text"), Some(text));
    }
}

#[test]
fn quiet_commands_are_paired_by_the_key_or_the_token_that_the_answer_repeats() {
    let mut wire = wire();
    wire.request("mg a q k v\r\nmg b q k v\r\nmg c q k v\r\nmn\r\n").response("VA 2 kb\r\nbb\r\nMN\r\n");
    wire.request("ms a 1 q O1\r\nx\r\nms b 1 q O2 ME\r\ny\r\nmd c q O3\r\nmn\r\n")
        .response("NS O2\r\nMN\r\n");
    let seen = wire.close(CloseReason::Closed).seen;
    assert_eq!(
        seen.iter().map(line).collect::<Vec<_>>(),
        [
            "mg a no reply: complete",
            "mg b hit: complete",
            "mg c no reply: complete",
            "mn ok: complete",
            "ms a no reply: complete",
            "ms b not stored: complete",
            "md c no reply: complete",
            "mn ok: complete",
        ]
    );
    assert_eq!(seen[1].response_bytes, 13);
}

#[test]
fn quiet_commands_may_end_with_any_command_that_is_answered() {
    let mut wire = wire();
    wire.request("mg a q k v\r\nmg b k v\r\n").response("EN\r\n");
    wire.request("mg a q k v\r\nget b\r\n").response("VA 1 ka\r\nx\r\nEND\r\n");
    assert_eq!(
        lines(&wire.close(CloseReason::Closed)),
        ["mg a no reply: complete", "mg b miss: complete", "mg a hit: complete", "get b miss: complete",]
    );
}

#[test]
fn an_answer_that_may_be_that_of_several_quiet_commands_is_nobody_s() {
    let mut wire = wire();
    wire.request("mg a q v\r\nmg b q v\r\nmn\r\n").response("VA 1\r\nx\r\nMN\r\n");
    wire.request("mg a q v\r\nmg b q v\r\nmg c q k v\r\nmd d q\r\nmn\r\n")
        .response("VA 1\r\nx\r\nVA 1\r\ny\r\nVA 1 kc\r\nz\r\nMN\r\n");
    wire.request("mg a q v\r\nmn\r\n").response("VA 1\r\nx\r\nMN\r\n");
    let recorder = wire.close(CloseReason::Closed);
    assert_eq!(
        lines(&recorder),
        [
            "mg a ?: partial",
            "mg b ?: partial",
            "mn ok: complete",
            "mg a ?: partial",
            "mg b ?: partial",
            "mg c hit: complete",
            "md d no reply: complete",
            "mn ok: complete",
            "mg a hit: complete",
            "mn ok: complete",
        ]
    );
    assert_eq!((recorder.seen[2].response_bytes, recorder.unobserved), (4, 0));
}

#[test]
fn after_a_loss_the_answer_to_a_quiet_command_is_not_taken_for_that_of_the_next() {
    let mut wire = wire();
    for _ in 0..5 {
        wire.request("get a\r\nget b\r\n").response(&(value("a", "x") + "END\r\nEND\r\n"));
    }
    wire.request("get a\r\nget b\r\n").response("VALUE a 0 9000\r\n").not_copied(Direction::ToClient, 9050);
    wire.recorder.seen.clear();
    for _ in 0..3 {
        wire.request("mg a q v\r\nmg b q v\r\nmn\r\n").response("VA 3\r\nxyz\r\nMN\r\n");
    }
    wire.pass(5_000 * MILLISECOND);
    wire.request("get b\r\n").response("END\r\n");
    wire.request("get b\r\n").response("END\r\n");
    let seen = wire.close(CloseReason::Closed).seen;
    let count = |name: &str| seen.iter().filter(|seen| seen.name == name).count();
    assert_eq!((count("mg"), count("mn")), (6, 3), "{seen:#?}");
    for seen in &seen {
        let whole = seen.outcome == Outcome::Complete;
        assert!(!whole || seen.name != "mg", "{seen:#?}");
        assert!(!whole || seen.name != "mn" || seen.response_bytes == 4, "{seen:#?}");
    }
    assert_eq!(seen.last().map(line).as_deref(), Some("get b miss: complete"), "{seen:#?}");
}

#[test]
fn quiet_commands_that_nothing_follows_wait_in_bounded_number() {
    let mut wire = wire();
    for _ in 0..5000 {
        wire.request(&format!("mg {} q k v\r\n", "k".repeat(240)));
    }
    assert!(wire.conversation.held_bytes() <= super::super::HELD_BYTES_LIMIT);
    let recorder = wire.close(CloseReason::Closed);
    assert_eq!(recorder.seen.len(), 5000);
    assert!(!recorder.limits.is_empty());
}
