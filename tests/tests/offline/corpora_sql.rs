//! OpenTelemetry's test cases for SQL: what is shown of a statement, and its summary, in both dialects.

use std::fs;

use anyhow::{Context, Result};
use plainsight_protocols::sql::{Dialect, analyse};
use plainsight_tests::corpora;
use serde::Deserialize;

#[derive(Deserialize)]
struct Case {
    name: String,
    input: Input,
    expected: Expected,
}

#[derive(Deserialize)]
struct Input {
    query: String,
}

#[derive(Deserialize)]
struct Expected {
    /// Any of these will do.
    #[serde(rename = "db.query.text")]
    texts: Vec<String>,
    #[serde(rename = "db.query.summary")]
    summary: String,
}

#[test]
fn statements_are_sanitised_and_summarised_as_the_conventions_test_cases_have_it() -> Result<()> {
    let path = corpora::path("otel/db-sql-test-cases.json");
    let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let cases: Vec<Case> = serde_json::from_str(&text)?;
    assert!(cases.len() >= 24, "only {} cases", cases.len());
    let mut wrong = Vec::new();
    for Case { name, input, expected } in &cases {
        for dialect in [Dialect::Mysql, Dialect::Postgresql] {
            let found = analyse(input.query.as_bytes(), dialect);
            // Attributes of ours hold no control characters: a line's end is shown as a space.
            let texts: Vec<_> = expected.texts.iter().map(|text| text.replace('\n', " ")).collect();
            if !texts.contains(&found.text) || expected.summary != found.summary {
                wrong.push(format!(
                    "{name} {dialect:?}: {}\n  expected {:?} {}\n  found    {:?} {}",
                    input.query, expected.texts, expected.summary, found.text, found.summary
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}
