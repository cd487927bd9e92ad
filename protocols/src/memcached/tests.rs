use crate::{
    CloseReason, Detection, Direction, Outcome, State,
    testing::{MILLISECOND, Recorder, Seen, Wire},
};

mod commands;
mod detection;
mod loss;
mod meta;
mod splits;

/// One exchange in a line: what was asked and answered, and how it ended.
fn line(seen: &Seen) -> String {
    let outcome = match seen.outcome {
        Outcome::Complete => "complete",
        Outcome::NoResponse(_) => "no response",
        Outcome::Partial => "partial",
    };
    format!("{}: {outcome}", seen.summary)
}

fn lines(recorder: &Recorder) -> Vec<String> {
    recorder.seen.iter().map(line).collect()
}

/// A value as a server sends it.
fn value(key: &str, data: &str) -> String {
    format!("VALUE {key} 0 {}\r\n{data}\r\n", data.len())
}
