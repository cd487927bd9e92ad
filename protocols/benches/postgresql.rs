//! PostgreSQL exchanges a second through [`Conversation`] on one core, from memory: parsing, matching, and what a reader
//! of the records asks for; and bytes a second of large results and copies.
//!
//! `cargo bench -p plainsight-protocols --bench postgresql [-- PART-OF-A-CASE'S-NAME]`

#[expect(dead_code, reason = "a part of what benches share is for others")]
mod harness;

use harness::{ASKS, Talk};
use plainsight_protocols::Direction;

fn message(kind: u8, parts: &[&[u8]]) -> Vec<u8> {
    let body = parts.concat();
    let length = u32::try_from(body.len() + 4).expect("short");
    [&[kind][..], &length.to_be_bytes(), &body].concat()
}

/// What is said in turn, over and over, with its name.
fn cases() -> Vec<(&'static str, Talk)> {
    let (asks, answers) = (Direction::ToServer, Direction::ToClient);
    let ready = message(b'Z', &[b"I"]);
    let startup = [&[0, 0, 0, 0x20, 0, 3, 0, 0][..], b"user\0bench\0database\0b1\0\0"].concat();
    let hello = [message(b'R', &[&[0; 4]]), message(b'K', &[&[0; 8]]), ready.clone()].concat();
    let sql = b"SELECT abalance FROM pgbench_accounts WHERE aid = $1\0";
    let session = vec![(asks, startup), (answers, hello)];
    let mut prepared = session.clone();
    prepared.push((asks, [message(b'P', &[b"P_0\0", sql, &[0, 0]]), message(b'S', &[])].concat()));
    prepared.push((answers, [message(b'1', &[]), ready.clone()].concat()));
    let columns = message(b'T', &[&[0, 1], b"abalance\0", &[0; 18]]);
    let row = message(b'D', &[&[0, 1, 0, 0, 0, 1], b"0"]);
    let done = message(b'C', &[b"SELECT 1\0"]);
    let query = message(b'Q', &[b"SELECT abalance FROM pgbench_accounts WHERE aid = 74213;\0"]);
    let bind = message(b'B', &[b"\0P_0\0", &[0, 0, 0, 1, 0, 0, 0, 5], b"74213", &[0, 0]]);
    let execute = message(b'E', &[&[0; 5]]);
    let sync = message(b'S', &[]);
    let run = [bind.clone(), message(b'D', &[b"P\0"]), execute].concat();
    let ran = [message(b'2', &[]), columns.clone(), row.clone(), done.clone()].concat();
    let parse = message(b'P', &[b"\0", sql, &[0, 0]]);
    let rebind = message(b'B', &[b"\0\0", &[0, 0, 0, 1, 0, 0, 0, 5], b"74213", &[0, 0]]);
    let wide = message(b'D', &[&[0, 1, 0, 0, 0x20, 0], &[b'x'; 0x2000]]);
    let copied = message(b'd', &[&[b'x'; 0x2000]]);
    let different = (0..8_u8)
        .flat_map(|digit| {
            let text =
                [b"SELECT abalance FROM pgbench_accounts WHERE aid = 7421", &[b'0' + digit, b';', 0][..]]
                    .concat();
            let answer = [columns.clone(), row.clone(), done.clone(), ready.clone()].concat();
            [(asks, message(b'Q', &[&text])), (answers, answer)]
        })
        .collect();
    vec![
        ("simple, all different", Talk { prologue: session.clone(), calls: different, exchanges: 8 }),
        (
            "extended",
            Talk {
                prologue: session.clone(),
                calls: vec![
                    (
                        asks,
                        [parse, rebind, message(b'D', &[b"P\0"]), message(b'E', &[&[0; 5]]), sync.clone()]
                            .concat(),
                    ),
                    (answers, [message(b'1', &[]), ran.clone(), ready.clone()].concat()),
                ],
                exchanges: 1,
            },
        ),
        (
            "prepared",
            Talk {
                prologue: prepared.clone(),
                calls: vec![
                    (asks, [run.clone(), sync.clone()].concat()),
                    (answers, [ran.clone(), ready.clone()].concat()),
                ],
                exchanges: 1,
            },
        ),
        (
            "pipeline of 50",
            Talk {
                prologue: prepared,
                calls: vec![
                    (asks, [run.repeat(50), sync].concat()),
                    (answers, [ran.repeat(50), ready.clone()].concat()),
                ],
                exchanges: 50,
            },
        ),
        (
            "result of 100 short rows",
            Talk {
                prologue: session.clone(),
                calls: vec![
                    (asks, query.clone()),
                    (
                        answers,
                        [columns.clone(), row.repeat(100), message(b'C', &[b"SELECT 100\0"]), ready.clone()]
                            .concat(),
                    ),
                ],
                exchanges: 1,
            },
        ),
        (
            "result of 100 rows of 8 KiB",
            Talk {
                prologue: session.clone(),
                calls: vec![
                    (asks, query),
                    (
                        answers,
                        [columns, wide.repeat(100), message(b'C', &[b"SELECT 100\0"]), ready.clone()]
                            .concat(),
                    ),
                ],
                exchanges: 1,
            },
        ),
        (
            "copy in of 800 KiB",
            Talk {
                prologue: session,
                calls: vec![
                    (asks, message(b'Q', &[b"COPY a FROM STDIN\0"])),
                    (answers, message(b'G', &[&[0, 0, 1, 0, 0]])),
                    (asks, [copied.repeat(100), message(b'c', &[])].concat()),
                    (answers, [message(b'C', &[b"COPY 100\0"]), ready].concat()),
                ],
                exchanges: 1,
            },
        ),
    ]
}

fn main() {
    for (name, talk) in cases() {
        for (asked, ask) in ASKS {
            talk.measure(&format!("{name}: {asked}"), ask, 5432);
        }
    }
}
