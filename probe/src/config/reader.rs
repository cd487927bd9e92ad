//! Goes through a file with the settings, and collects everything that is wrong.

use super::{
    problem::Problem,
    values::closest,
    yaml::{Content, Entry, Node},
};

/// Problems that are reported; whoever has more will mend these first.
const MOST_PROBLEMS: usize = 100;

/// Where the reading stands, and what was wrong so far.
pub(super) struct Reader {
    key: String,
    problems: Vec<Problem>,
}

impl Reader {
    pub(super) fn new(problems: Vec<Problem>) -> Self {
        Self { key: String::new(), problems }
    }

    /// Everything that is wrong, in the order of the lines.
    pub(super) fn into_problems(mut self) -> Vec<Problem> {
        self.problems.sort_by_key(|problem| problem.line);
        self.problems.truncate(MOST_PROBLEMS);
        self.problems
    }

    /// Goes below a key.
    pub(super) fn within<Result>(&mut self, key: &str, read: impl FnOnce(&mut Self) -> Result) -> Result {
        let length = self.key.len();
        self.key = join(&self.key, key);
        let result = read(self);
        self.key.truncate(length);
        result
    }

    /// Goes to an item of a list, counted from one.
    pub(super) fn item<Result>(&mut self, position: usize, read: impl FnOnce(&mut Self) -> Result) -> Result {
        let length = self.key.len();
        self.key.push_str(&format!("[{position}]"));
        let result = read(self);
        self.key.truncate(length);
        result
    }

    /// How much was wrong so far.
    pub(super) const fn problem_count(&self) -> usize {
        self.problems.len()
    }

    /// Whether more was wrong than will be told: then looking further, and for what was meant, only takes time.
    pub(super) const fn is_full(&self) -> bool {
        self.problems.len() > MOST_PROBLEMS
    }

    /// Notes what is wrong where the reading stands.
    pub(super) fn problem(&mut self, line: usize, message: impl Into<String>) {
        self.problems.push(Problem { line, key: self.key.clone(), message: message.into() });
    }

    /// The keys of a section. Nothing at all is a section whose keys are all commented out.
    pub(super) fn entries<'node>(&mut self, node: &'node Node, known: &[&str]) -> &'node [Entry] {
        match &node.content {
            Content::Keys(entries) => entries,
            Content::Nothing => &[],
            _ => {
                let example = known.first().copied().unwrap_or("key");
                let message = format!(
                    "here is {}, but keys belong here; write `{example}:` and others below it, indented",
                    node.what()
                );
                self.problem(node.line, message);
                &[]
            }
        }
    }

    /// The items of a list.
    pub(super) fn items<'node>(&mut self, node: &'node Node) -> Option<&'node [Node]> {
        match &node.content {
            Content::List(items) => Some(items),
            Content::Nothing => None,
            Content::Text(text) => {
                self.problem(
                    node.line,
                    format!("here is a single value, but a list belongs here; write [{text}]"),
                );
                None
            }
            Content::Keys(_) => {
                self.problem(node.line, "here is a group of keys, but a list belongs here; write [one, two]");
                None
            }
        }
    }

    /// A single value.
    pub(super) fn text<'node>(&mut self, node: &'node Node) -> Option<&'node str> {
        match &node.content {
            Content::Text(text) => Some(text),
            Content::Nothing => None,
            _ => {
                self.problem(node.line, format!("here is {}, but a single value belongs here", node.what()));
                None
            }
        }
    }

    /// Notes a key that nobody knows.
    pub(super) fn unknown(&mut self, entry: &Entry, known: &[&str]) {
        self.within(&entry.key, |reader| {
            let message = if entry.key == "<<" {
                "keys are not merged here; use the alias for the value of one key".to_owned()
            } else {
                let meant = closest(&entry.key.to_ascii_lowercase(), known.iter().copied());
                match meant.as_str() {
                    "" => format!("there is no such key; here are {}", known.join(", ")),
                    meant => format!("there is no such key{meant}"),
                }
            };
            reader.problem(entry.line, message);
        });
    }
}

/// A key below others.
pub(super) fn join(above: &str, key: &str) -> String {
    if above.is_empty() { key.to_owned() } else { format!("{above}.{key}") }
}
