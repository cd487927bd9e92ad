//! What a virtual machine said of its checks.

/// Begins each line of the script that is meant for xtask.
const MARK: &str = "plainsight-check: ";

/// The checks of one boot, gathered from its console line by line.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Outcome {
    planned: u64,
    done: bool,
    /// Names of the checks that held.
    pub(crate) passed: Vec<String>,
    /// The checks that did not, each with the reason.
    pub(crate) failed: Vec<String>,
}

impl Outcome {
    /// Takes in a line; returns whether it tells a result.
    pub(crate) fn read_line(&mut self, line: &str) -> bool {
        let Some(start) = line.find(MARK) else { return false };
        let said = line[start + MARK.len()..].trim_end();
        match said.split_once(' ') {
            Some(("pass", name)) => self.passed.push(name.to_owned()),
            Some(("fail", reason)) => self.failed.push(reason.to_owned()),
            Some(("plan", number)) => {
                self.planned = number.parse().unwrap_or(0);
                return false;
            }
            None if said == "done" => {
                self.done = true;
                return false;
            }
            _ => return false,
        }
        true
    }

    /// Why the result cannot be trusted although no check failed: the machine did not come to the end of its script.
    pub(crate) fn incomplete(&self) -> Option<String> {
        let told = self.passed.len() as u64 + self.failed.len() as u64;
        if self.planned == 0 {
            Some("the kernel did not come to start the checks".to_owned())
        } else if told != self.planned {
            Some(format!("{told} of {} checks were made", self.planned))
        } else if !self.done {
            Some("the machine stopped after its last check".to_owned())
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(console: &str) -> Outcome {
        let mut outcome = Outcome::default();
        for line in console.lines() {
            outcome.read_line(line);
        }
        outcome
    }

    #[test]
    fn a_boot_that_made_all_its_checks_is_complete() {
        let outcome = outcome(
            "SeaBIOS\nplainsight-check: plan 2\nplainsight-check: pass one\r\n\
             plainsight-check: fail two: saw 19 of 20\nplainsight-check: done",
        );
        assert_eq!(outcome.passed, ["one"]);
        assert_eq!(outcome.failed, ["two: saw 19 of 20"]);
        assert_eq!(outcome.incomplete(), None);
    }

    #[test]
    fn a_kernel_that_never_starts_the_script_is_not_a_success() {
        assert!(outcome("Kernel panic - not syncing: no working init found").incomplete().is_some());
    }

    #[test]
    fn a_check_that_was_never_made_is_missed() {
        let outcome = outcome("plainsight-check: plan 2\nplainsight-check: pass one\nplainsight-check: done");
        assert_eq!(outcome.incomplete().as_deref(), Some("1 of 2 checks were made"));
    }

    #[test]
    fn words_before_the_mark_do_not_hide_a_result() {
        assert_eq!(outcome("[    2.1] plainsight-check: pass one").passed, ["one"]);
    }
}
