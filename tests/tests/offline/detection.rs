//! No protocol is taken for another: every kind of traffic is offered to every detector, as it begins, joined in the
//! middle, and with the directions the wrong way round. The matrix of what was reported is kept in
//! `tests/detection-matrix.md`.

use std::{env, fs, path::Path};

use anyhow::{Context, Result};
use plainsight_tests::{matrix::Matrix, traffic};

/// Set, it has the kept matrix written anew.
const WRITE_VARIABLE: &str = "PLAINSIGHT_WRITE_MATRIX";

const HEAD: &str = "\
# Which protocol is taken for which

Written by the test `detection` and compared by it; `PLAINSIGHT_WRITE_MATRIX=1 cargo test -p plainsight-tests --test
detection` writes it anew, and a change of it wants a look.

A row is a kind of traffic: captures of other test suites, recordings and scripts of this repository, and dialogues that
`tests/src/traffic` writes from the specifications. A column is a protocol. A cell counts in how many of the observed
connections, or places at which one was joined, an exchange of that protocol was reported; nothing where there was none,
and `1/2` where there were two with the directions swapped and one with them as they are. Every number must be in the
column of a protocol that the row speaks. Joined at a place where no message begins, or without anything to tell it from
others by, a connection may rightly stay unknown.

Each detector is also asked alone, so that none is right only because another is asked before it.
";

#[test]
fn no_protocol_is_taken_for_another() -> Result<()> {
    let mut matrix = Matrix::default();
    for traffic in traffic::all()? {
        matrix.observe(&traffic);
    }
    let found = format!("{HEAD}{}", matrix.markdown());
    println!("{found}");
    let wrong = matrix.wrong();
    assert!(
        wrong.is_empty(),
        "{} reports of a protocol that was not spoken:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("detection-matrix.md");
    if env::var_os(WRITE_VARIABLE).is_some() {
        fs::write(&path, &found).with_context(|| path.display().to_string())?;
    }
    let kept = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let differs = kept.lines().zip(found.lines()).find(|(kept, found)| kept != found);
    assert!(
        kept == found,
        "{} is not what was found, beginning with {differs:?}; see its head for how to write it anew",
        path.display()
    );
    Ok(())
}
