//! The page for Prometheus, as text.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, bail};

/// The series of a name with their counts, by their labels.
///
/// # Errors
/// If a line is none of the format's, or its number no count.
pub fn series(page: &str, name: &str) -> Result<Vec<(BTreeMap<String, String>, u64)>> {
    let of_name = page.lines().filter_map(|line| Some((line, line.strip_prefix(name)?.strip_prefix('{')?)));
    of_name
        .map(|(line, rest)| {
            let (labels, number) = rest.rsplit_once("} ").with_context(|| format!("no number: {line}"))?;
            let number: f64 = number.parse().with_context(|| line.to_owned())?;
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
            let count = number as u64;
            Ok((read_labels(labels).with_context(|| line.to_owned())?, count))
        })
        .collect()
}

/// `NAME="VALUE",…`; what is escaped in values stays so.
fn read_labels(mut text: &str) -> Result<BTreeMap<String, String>> {
    let mut labels = BTreeMap::new();
    while let Some((name, rest)) = text.split_once("=\"") {
        let Some((value, after)) = rest.split_once('"') else { bail!("a value without an end") };
        labels.insert(name.trim_start_matches(',').to_owned(), value.to_owned());
        text = after;
    }
    Ok(labels)
}
