//! Why the kernel refused something, in a sentence and in full.

use std::{error::Error, fmt};

use crate::causes::with_causes;

/// Longest sentence, in characters.
const SENTENCE_LIMIT: usize = 300;

/// Why something was refused. It is shown as a sentence; the log of the verifier, which may take a hundred kilobytes, is
/// kept apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    sentence: String,
    log: Option<Box<str>>,
}

impl Refusal {
    /// The error with what caused it, without saying anything twice.
    pub(super) fn of(error: &(dyn Error + 'static)) -> Self {
        Self::from(with_causes(error))
    }

    /// What the verifier said, all of it; absent if it was not asked or said no more than the sentence.
    #[must_use]
    pub fn log(&self) -> Option<&str> {
        self.log.as_deref()
    }

    /// The same after another reason.
    pub(super) fn after(self, first: Self) -> Self {
        let log = match (first.log, self.log) {
            (Some(first), Some(second)) => Some(format!("{first}\n{second}").into()),
            (first, second) => first.or(second),
        };
        Self { sentence: format!("{}; {}", first.sentence, self.sentence), log }
    }
}

impl From<String> for Refusal {
    /// Aya puts the log into the middle of the error's text; of a text of several lines the first and the last that
    /// means something make the sentence.
    fn from(text: String) -> Self {
        let (first, rest) = text.trim_end().split_once('\n').unwrap_or((text.trim_end(), ""));
        let last = rest.lines().rev().map(str::trim).find(|line| is_meaningful(line));
        let sentence = match last {
            Some(last) => format!("{} … {last}", first.trim_end()),
            None => first.trim_end().to_owned(),
        };
        let cut = sentence.char_indices().nth(SENTENCE_LIMIT).map(|(end, _)| end);
        let is_whole = rest.trim().is_empty() && cut.is_none();
        let sentence = match cut {
            Some(end) => format!("{}…", &sentence[..end]),
            None => sentence,
        };
        Self { sentence, log: (!is_whole).then(|| text.into()) }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.sentence)
    }
}

/// Whether a line of the verifier's log is neither its statistics, which come last (`print_verification_stats` in
/// `kernel/bpf/verifier.c`), nor an instruction or the state before one, which begin with their numbers.
fn is_meaningful(line: &str) -> bool {
    const STATISTICS: [&str; 4] = ["verification time", "stack depth", "processed ", "insns processed"];
    let is_instruction = line
        .split_once(':')
        .is_some_and(|(number, _)| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()));
    !line.is_empty() && !is_instruction && !STATISTICS.iter().any(|start| line.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_verifiers_log_the_last_line_that_means_something_is_shown() {
        let instructions: String =
            (0..5000).map(|number| format!("{number}: (bf) r1 = r2 ; R1=ctx()\n")).collect();
        let text = format!(
            "the BPF_PROG_LOAD syscall returned Invalid argument. Verifier output: func#0 @0\n{instructions}\
             R2 min value is negative, either use unsigned or 'var &= const'\nverification time 312 usec\n\
             stack depth 96\nprocessed 5000 insns (limit 1000000) max_states_per_insn 4\n"
        );
        let refusal = Refusal::from(text.clone());
        assert_eq!(
            refusal.to_string(),
            "the BPF_PROG_LOAD syscall returned Invalid argument. Verifier output: func#0 @0 … \
             R2 min value is negative, either use unsigned or 'var &= const'"
        );
        assert_eq!(refusal.log(), Some(text.as_str()));
    }

    #[test]
    fn a_sentence_stays_a_sentence_and_has_no_log() {
        let refusal = Refusal::from("the tracepoint does not exist\n".to_owned());
        assert_eq!((refusal.to_string().as_str(), refusal.log()), ("the tracepoint does not exist", None));
    }

    #[test]
    fn one_endless_line_is_cut() {
        let refusal = Refusal::from("é".repeat(100_000));
        assert_eq!(refusal.to_string().chars().count(), SENTENCE_LIMIT + 1);
        assert_eq!(refusal.log().map(str::len), Some(200_000));
    }

    #[test]
    fn two_reasons_stand_beside_each_other_and_keep_their_logs() {
        let both = Refusal::from("b\nlast b".to_owned()).after(Refusal::from("a\nlast a".to_owned()));
        assert_eq!(both.to_string(), "a … last a; b … last b");
        assert_eq!(both.log(), Some("a\nlast a\nb\nlast b"));
    }
}
