//! Statements that programs made up.

use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;

/// Stands in every literal, and nowhere else.
const MARK: &str = "zqzq";

const DIALECTS: [Dialect; 2] = [Dialect::Mysql, Dialect::Postgresql];

/// A literal that holds the mark and whatever a dialect allows beside it.
fn literal(dialect: Dialect) -> BoxedStrategy<String> {
    let inner = prop::sample::select(vec![
        "", " ", "'", "\"", "`", ";", "--", "/*", "*/", "#", "$$", "\\", "\n", "é", "IN (", "SELECT ", "$1",
        "?",
    ]);
    let content = prop::collection::vec(inner, 0..6)
        .prop_map(|parts| format!("{}{MARK}{}", parts.concat(), parts.concat()));
    let plain = content.clone().prop_map(move |content| {
        let content = match dialect {
            Dialect::Mysql => content.replace('\\', "\\\\"),
            Dialect::Postgresql => content,
        };
        format!("'{}'", content.replace('\'', "''"))
    });
    let escaped = content.clone().prop_map(move |content| {
        let content = content.replace('\\', "\\\\").replace('\'', "\\'");
        let prefix = if dialect == Dialect::Postgresql { "E" } else { "_utf8" };
        format!("{prefix}'{content}'")
    });
    let other = content.prop_map(move |content| match dialect {
        Dialect::Mysql => format!("\"{}\"", content.replace('\\', "\\\\").replace('"', "\"\"")),
        Dialect::Postgresql => format!("$t${content}$t$"),
    });
    prop_oneof![plain, escaped, other, Just(format!("0x{MARK}")), Just(format!("12{MARK}"))].boxed()
}

/// A statement with literals where statements have them.
fn statement(dialect: Dialect) -> BoxedStrategy<String> {
    let space = prop::sample::select(vec![" ", "\n", "  ", " /* it's */ ", " -- it's\n"]);
    (prop::collection::vec(literal(dialect), 6), space, 0..8_usize)
        .prop_map(|(values, space, form)| {
            let [a, b, c, d, e, f] = values.try_into().expect("six");
            let text = match form {
                0 => {
                    format!("SELECT {a}, b FROM t WHERE c = {b} AND d IN ({c}, {d}) OR e LIKE {e} LIMIT {f}")
                }
                1 => format!("INSERT INTO s.t (a, b) VALUES ({a}, {b}), ({c},{d}),({e} ,{f})"),
                2 => format!("UPDATE t SET a = {a}, b={b} WHERE c<{c} AND d BETWEEN {d} AND {e}; SELECT {f}"),
                3 => {
                    format!("DELETE FROM t WHERE a = coalesce({a},{b},{c}) AND b <> ({d}) AND c = f({e})/{f}")
                }
                4 => format!(
                    "WITH x AS (SELECT {a} AS a FROM t) SELECT x.a||{b} FROM x WHERE y = {c} AND z = {d}"
                ),
                5 => format!("ALTER USER u IDENTIFIED BY {a}"),
                6 => format!("CALL p({a},{b}, {c})"),
                _ => format!("CREATE TABLE t (a text DEFAULT {a}, b int CHECK (b > {b})); SET x = {c}"),
            };
            text.replace(' ', "\u{0}").split('\u{0}').collect::<Vec<_>>().join(space)
        })
        .boxed()
}

fn check(query: &[u8], dialect: Dialect) -> Result<(), TestCaseError> {
    let statement = analyse(query, dialect);
    let shown = [&statement.text, &statement.summary];
    for text in shown {
        prop_assert!(!text.contains(char::is_control), "{:?}", text);
    }
    prop_assert!(statement.text.len() <= TEXT_LIMIT && statement.summary.len() <= SUMMARY_LIMIT);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_literal_nor_part_of_one_is_shown_wherever_the_statement_is_cut(
        (dialect, query) in prop::sample::select(DIALECTS.to_vec())
            .prop_flat_map(|dialect| (Just(dialect), statement(dialect))),
    ) {
        for end in 0..=query.len() {
            let statement = analyse(&query.as_bytes()[..end], dialect);
            let shown = format!("{}\n{}", statement.text, statement.summary);
            prop_assert!(!shown.contains("zq"), "{}\n{}", &query.get(..end).unwrap_or_default(), shown);
        }
    }

    #[test]
    fn a_password_between_quotes_is_not_shown_whatever_it_holds(
        password in "[ a-z'\"`\\\\=,()@$-]{0,12}",
        dialect in prop::sample::select(DIALECTS.to_vec()),
        statement in prop::sample::select(vec![
            "ALTER USER u IDENTIFIED BY", "CREATE ROLE r LOGIN PASSWORD", "SET PASSWORD =",
            "CREATE SUBSCRIPTION s CONNECTION", "CREATE USER MAPPING FOR u SERVER s OPTIONS (password",
        ]),
    ) {
        let query = format!("{statement} '{password}{MARK} {password}'");
        let shown = format!("{:?}", analyse(query.as_bytes(), dialect));
        prop_assert!(!shown.contains(MARK), "{}\n{}", query, shown);
    }

    #[test]
    fn no_bytes_break_it_nor_get_out_as_anything_but_text(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        words in prop::collection::vec(prop::sample::select(vec![
            "SELECT", "FROM", "(", ")", ",", ";", "'", "\"", "`", "$", "$$", "\\", "--", "/*", "*/", "/*!", "IN", ".",
            "CREATE", "USER", "PASSWORD", "WITH", "AS", "SET", "@", "1", "-", "e", "t", "TABLE", "\n", "SHOW", "COPY",
        ]), 0..60),
    ) {
        for dialect in DIALECTS {
            check(&bytes, dialect)?;
            check(words.join(" ").as_bytes(), dialect)?;
            check(words.concat().as_bytes(), dialect)?;
        }
    }
}

#[test]
fn time_grows_no_faster_than_the_statement() {
    for unit in [
        "'a', ", "((", "/* ", "/*!1 ", "$a$ $b$ ", "E'\\' ", "a.", "\"a", "IN (1,", "1e", "-", "\\'", "t, ",
        "`",
    ] {
        for dialect in DIALECTS {
            let query = unit.repeat(1 << 17);
            let begun = Instant::now();
            let statement = analyse(query.as_bytes(), dialect);
            let prefixed = analyse(format!("SELECT {query}").as_bytes(), dialect);
            // A quadratic one would take minutes.
            assert!(begun.elapsed() < Duration::from_secs(5), "{unit}: {:?}", begun.elapsed());
            assert!(statement.text.len() <= TEXT_LIMIT && prefixed.text.len() <= TEXT_LIMIT);
        }
    }
}
