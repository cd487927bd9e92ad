//! What the steps of a run did, told while they run and once more at the end.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// Counts of what one step checked.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Checks that held.
    pub(crate) passed: u64,
    /// Checks that did not.
    pub(crate) failed: u64,
}

impl Tally {
    /// Adds the counts of a closing line of `cargo test`, if this is one:
    /// `test result: ok. 3 passed; 0 failed; 0 ignored; …`.
    pub(crate) fn read_line(&mut self, line: &str) {
        if line.trim_start().starts_with("test result:") {
            self.passed += number_before(line, " passed").unwrap_or(0);
            self.failed += number_before(line, " failed").unwrap_or(0);
        }
    }
}

/// The number that stands right before `word`.
pub(crate) fn number_before(line: &str, word: &str) -> Option<u64> {
    let head = &line[..line.find(word)?];
    let digits = head.len() - head.bytes().rev().take_while(u8::is_ascii_digit).count();
    head[digits..].parse().ok()
}

struct Step {
    name: String,
    duration: Duration,
    tally: Tally,
    error: Option<String>,
}

/// All steps of a run.
#[derive(Default)]
pub(crate) struct Report {
    steps: Vec<Step>,
}

impl Report {
    /// Announces and runs a step. One that fails is remembered, and the run goes on.
    ///
    /// A step that counts nothing itself counts as one check.
    pub(crate) fn step(&mut self, name: &str, work: impl FnOnce(&mut Tally) -> Result<()>) -> bool {
        println!("\n=== {name}");
        let began = Instant::now();
        let mut tally = Tally::default();
        let error = work(&mut tally).err().map(|error| format!("{error:#}"));
        let duration = began.elapsed();
        if error.is_some() && tally.failed == 0 {
            tally.failed = 1;
        } else if tally == Tally::default() {
            tally.passed = 1;
        }
        match &error {
            Some(error) => println!("--- {name}: failed after {}: {error}", seconds(duration)),
            None => println!("--- {name}: {} passed in {}", tally.passed, seconds(duration)),
        }
        let succeeded = error.is_none() && tally.failed == 0;
        self.steps.push(Step { name: name.to_owned(), duration, tally, error });
        succeeded
    }

    /// Prints the table of steps and the closing count; an error if anything failed.
    pub(crate) fn close(self) -> Result<()> {
        let width = self.steps.iter().map(|step| step.name.len()).max().unwrap_or(0);
        println!("\n{:<width$}  {:>8}  {:>6}  {:>6}", "step", "time", "passed", "failed");
        let mut total = Tally::default();
        for step in &self.steps {
            println!(
                "{:<width$}  {:>8}  {:>6}  {:>6}",
                step.name,
                seconds(step.duration),
                step.tally.passed,
                step.tally.failed
            );
            total.passed += step.tally.passed;
            total.failed += step.tally.failed;
        }
        for step in &self.steps {
            if let Some(error) = &step.error {
                println!("\n{}: {error}", step.name);
            }
        }
        println!("\n{} passed, {} failed", total.passed, total.failed);
        if total.failed > 0 {
            bail!("{} of {} checks failed", total.failed, total.passed + total.failed);
        }
        Ok(())
    }
}

/// A duration for people.
pub(crate) fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_counts_of_cargo_test_are_added_up() {
        let mut tally = Tally::default();
        tally.read_line(
            "test result: ok. 12 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.1s",
        );
        tally.read_line("test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out");
        tally.read_line("test says 99 passed of 99");
        assert_eq!(tally, Tally { passed: 15, failed: 2 });
    }

    #[test]
    fn a_step_that_fails_without_counting_counts_as_one_failure() {
        let mut report = Report::default();
        assert!(!report.step("breaks", |_| bail!("no network")));
        assert!(report.step("holds", |_| Ok(())));
        let error = report.close().expect_err("one step failed");
        assert_eq!(error.to_string(), "1 of 2 checks failed");
    }

    #[test]
    fn failures_that_were_counted_are_not_counted_again() {
        let mut report = Report::default();
        report.step("tests", |tally| {
            *tally = Tally { passed: 5, failed: 2 };
            bail!("two tests failed")
        });
        assert_eq!(report.close().expect_err("two failed").to_string(), "2 of 7 checks failed");
    }
}
