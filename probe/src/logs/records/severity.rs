//! Words for how bad something is, as OpenTelemetry's numbers.

use super::{FieldValue, Severity, settings::SeveritySettings};

/// Words that are known, in lower case. The numbers are those of the logs data model's appendix on mappings.
const WORDS: [(&str, Severity); 30] = [
    ("info", Severity::INFO),
    ("error", Severity::ERROR),
    ("warn", Severity::WARN),
    ("warning", Severity::WARN),
    ("debug", Severity::DEBUG),
    ("trace", Severity::TRACE),
    ("fatal", Severity::FATAL),
    ("notice", Severity::NOTICE),
    ("err", Severity::ERROR),
    ("crit", Severity::CRITICAL),
    ("critical", Severity::CRITICAL),
    ("alert", Severity::ALERT),
    ("emerg", Severity::FATAL),
    ("emergency", Severity::FATAL),
    ("information", Severity::INFO),
    ("informational", Severity::INFO),
    ("verbose", Severity::TRACE),
    ("dbg", Severity::DEBUG),
    ("severe", Severity::ERROR),
    ("config", Severity::DEBUG),
    ("fine", Severity::DEBUG),
    ("finer", Severity::TRACE),
    ("finest", Severity::TRACE),
    ("dpanic", Severity::CRITICAL),
    ("panic", Severity::ALERT),
    ("i", Severity::INFO),
    ("w", Severity::WARN),
    ("e", Severity::ERROR),
    ("f", Severity::FATAL),
    ("d", Severity::DEBUG),
];

/// How far into a text a word for its severity is looked for: behind a time stamp and a thread's name.
const SEARCHED_BYTES: usize = 160;

/// Syslog's severities (RFC 5424, section 6.2.1), 0 to 7.
pub(super) const SYSLOG: [(&str, Severity); 8] = [
    ("emerg", Severity::FATAL),
    ("alert", Severity::ALERT),
    ("crit", Severity::CRITICAL),
    ("err", Severity::ERROR),
    ("warning", Severity::WARN),
    ("notice", Severity::NOTICE),
    ("info", Severity::INFO),
    ("debug", Severity::DEBUG),
];

/// The severity that a value stands for.
pub(super) fn of_value(value: FieldValue<'_>, settings: &SeveritySettings) -> Option<Severity> {
    match value {
        FieldValue::Text(word) => of_word(word, settings),
        // The levels of bunyan and pino; other numbers mean one thing here and another there.
        FieldValue::Integer(level) => {
            let levels = [
                (10, Severity::TRACE),
                (20, Severity::DEBUG),
                (30, Severity::INFO),
                (40, Severity::WARN),
                (50, Severity::ERROR),
                (60, Severity::FATAL),
            ];
            let own = || of_own_word(&level.to_string(), settings);
            own().or_else(|| levels.iter().find(|(known, _)| *known == level).map(|&(_, severity)| severity))
        }
        FieldValue::Double(_) | FieldValue::Boolean(_) => None,
    }
}

/// The severity that a word stands for.
pub(super) fn of_word(word: &str, settings: &SeveritySettings) -> Option<Severity> {
    let word = word.trim_matches(|character: char| !character.is_ascii_alphanumeric());
    of_own_word(word, settings).or_else(|| {
        WORDS.iter().find(|(known, _)| known.eq_ignore_ascii_case(word)).map(|&(_, severity)| severity)
    })
}

fn of_own_word(word: &str, settings: &SeveritySettings) -> Option<Severity> {
    settings.words.iter().find(|(own, _)| own.eq_ignore_ascii_case(word)).map(|&(_, severity)| severity)
}

/// The first word in capital letters near the beginning of a text that stands for one, with that word.
pub(super) fn in_text<'a>(text: &'a str, settings: &SeveritySettings) -> Option<(Severity, &'a str)> {
    let line = text.lines().next()?;
    let searched = &line[..line.floor_char_boundary(SEARCHED_BYTES)];
    searched
        .split(|character: char| !character.is_ascii_alphanumeric())
        .filter(|word| word.len() > 2 && word.bytes().all(|byte| byte.is_ascii_uppercase()))
        .find_map(|word| Some((of_word(word, settings)?, word)))
}
