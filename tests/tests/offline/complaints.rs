//! The table of complaints names tests that exist.

use std::{fs, path::Path};

use anyhow::{Context, Result, ensure};

/// What stands between back quotes.
fn quoted(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

/// Whether a file has a test of this name.
fn has_test(source: &str, name: &str) -> bool {
    let head = format!("fn {name}(");
    let lines: Vec<_> = source.lines().map(str::trim).collect();
    lines.iter().enumerate().any(|(place, line)| {
        line.starts_with(&head)
            && lines[..place]
                .iter()
                .rev()
                .take_while(|line| line.starts_with("#["))
                .any(|line| *line == "#[test]")
    })
}

/// What is wrong with a row of the table: nothing, if it names a test that exists or says why there is none.
fn check(root: &Path, row: &str) -> Result<()> {
    let cells: Vec<_> = row.trim_matches('|').split('|').map(str::trim).collect();
    let [_, complaint, state, tests] = cells[..] else { anyhow::bail!("not four cells") };
    ensure!(!complaint.is_empty() && !tests.is_empty(), "an empty cell");
    match state {
        "tested" => {
            let [path, name] = quoted(tests)[..] else { anyhow::bail!("not a file and a test") };
            let source = fs::read_to_string(root.join(path)).with_context(|| path.to_owned())?;
            ensure!(has_test(&source, name), "{path} has no test {name}");
        }
        "apart" | "open" => {}
        other => anyhow::bail!("{other:?} is no state"),
    }
    Ok(())
}

#[test]
fn every_test_that_the_table_of_complaints_names_exists() -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let table = fs::read_to_string(root.join("protocols/COMPLAINTS.md"))?;
    let rows: Vec<_> = table.lines().filter(|line| line.starts_with('|')).skip(2).collect();
    for (letter, last) in [("A", 28), ("B", 25)] {
        for number in 1..=last {
            let head = format!("| {letter}{number} |");
            assert!(rows.iter().any(|row| row.starts_with(&head)), "{letter}{number} is missing");
        }
    }
    let wrong: Vec<_> = rows
        .iter()
        .filter_map(|row| check(&root, row).err().map(|error| format!("{row}\n  {error:#}")))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

#[test]
fn a_test_that_does_not_exist_would_be_noticed() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let row = |name: &str| format!("| A1 | x | tested | `tests/tests/offline/complaints.rs` `{name}` |");
    assert!(check(&root, &row("a_test_that_does_not_exist_would_be_noticed")).is_ok());
    assert!(check(&root, &row("a_test_of_no_such_name")).is_err());
    assert!(check(&root, &row("has_test")).is_err(), "a function is no test");
    assert!(check(&root, "| A1 | x | tested | by hand |").is_err());
}
