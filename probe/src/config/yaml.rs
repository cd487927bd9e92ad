//! YAML as a tree that knows the line of everything in it.
//!
//! Values stay text until somebody knows what they are to be: what `0644`, `off` or `1e3` means is not for YAML to guess.

use std::collections::HashMap;

use granit_parser::{Event, Parser, ScalarStyle, Span, StrInput, Tag};

use super::{environment::Environment, problem::Problem, substitute::substitute};

/// Values in one file, those that aliases repeat included: many times what a large file has, and a bound for aliases of
/// aliases, which grow exponentially.
const MOST_VALUES: usize = 50_000;

/// A value.
#[derive(Debug, Clone)]
pub(super) struct Node {
    /// Counted from one.
    pub(super) line: usize,
    pub(super) content: Content,
}

/// What a value is.
#[derive(Debug, Clone)]
pub(super) enum Content {
    /// No text at all, `~` or `null`.
    Nothing,
    /// Text, with variables of the environment put in.
    Text(String),
    List(Vec<Node>),
    Keys(Vec<Entry>),
}

/// A key with its value.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) line: usize,
    pub(super) value: Node,
}

impl Node {
    /// What stands there, for a sentence.
    pub(super) fn what(&self) -> &'static str {
        match self.content {
            Content::Nothing => "nothing",
            Content::Text(_) => "a single value",
            Content::List(_) => "a list",
            Content::Keys(_) => "a group of keys",
        }
    }
}

/// Reads one document. What leaves the rest readable is added to `problems`; the error is what does not.
pub(super) fn read(
    text: &str,
    environment: &Environment,
    problems: &mut Vec<Problem>,
) -> Result<Node, Problem> {
    let options = granit_parser::options! { emit_comments: false };
    let parser = Parser::new_from_str_with_options(text, options);
    let mut tree = Tree { text, parser, environment, problems, anchors: HashMap::new(), values: 0, line: 1 };
    let mut document = None;
    loop {
        let (event, span) = tree.next()?;
        match event {
            Event::StreamEnd => break,
            Event::StreamStart | Event::DocumentEnd => {}
            Event::DocumentStart(..) if document.is_some() => {
                return Err(
                    tree.failed("a second document begins here; keep everything in one, without `---`")
                );
            }
            Event::DocumentStart(..) => {}
            event => document = Some(tree.node(event, span)?),
        }
    }
    Ok(document.unwrap_or(Node { line: 1, content: Content::Nothing }))
}

struct Tree<'text, 'run> {
    text: &'text str,
    parser: Parser<'text, StrInput<'text>>,
    environment: &'run Environment,
    problems: &'run mut Vec<Problem>,
    /// What aliases stand for, with the number of values within.
    anchors: HashMap<usize, (Node, usize)>,
    values: usize,
    /// Where the last event began.
    line: usize,
}

impl<'text> Tree<'text, '_> {
    fn next(&mut self) -> Result<(Event<'text>, Span), Problem> {
        match self.parser.next_event() {
            Some(Ok((event, span))) => {
                self.line = span.start.line();
                Ok((event, span))
            }
            Some(Err(error)) => {
                let line = error.marker().line();
                let mut message = format!("this is not YAML: {}", error.info());
                let written = self.text.lines().nth(line.saturating_sub(1)).unwrap_or_default();
                if written.contains("${") {
                    message.push_str("; within braces, quote what contains `${`");
                }
                Err(Problem { line, key: String::new(), message })
            }
            None => Ok((Event::StreamEnd, Span::default())),
        }
    }

    fn node(&mut self, event: Event<'text>, span: Span) -> Result<Node, Problem> {
        let line = span.start.line();
        let before = self.values;
        self.count(1)?;
        let (content, anchor) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.refuse_tag(tag.as_deref())?;
                (self.text(&text, style, line), anchor)
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.refuse_tag(tag.as_deref())?;
                (self.list()?, anchor)
            }
            Event::MappingStart(_, anchor, tag) => {
                self.refuse_tag(tag.as_deref())?;
                (self.keys()?, anchor)
            }
            Event::Alias(id) => return self.alias(id, line),
            _ => return Err(self.failed("this is not YAML that plainsight knows")),
        };
        let node = Node { line, content };
        if anchor != 0 {
            self.anchors.insert(anchor, (node.clone(), self.values - before));
        }
        Ok(node)
    }

    fn text(&mut self, text: &str, style: ScalarStyle, line: usize) -> Content {
        if style == ScalarStyle::Plain && matches!(text, "" | "~" | "null" | "Null" | "NULL") {
            return Content::Nothing;
        }
        match substitute(text, self.environment) {
            Ok(text) if text.is_empty() && style == ScalarStyle::Plain => Content::Nothing,
            Ok(text) => Content::Text(text),
            Err(message) => {
                self.problems.push(Problem { line, key: String::new(), message });
                // Said once: whoever reads it need not complain of the text again.
                Content::Nothing
            }
        }
    }

    fn list(&mut self) -> Result<Content, Problem> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(Content::List(items)),
                (event, span) => items.push(self.node(event, span)?),
            }
        }
    }

    fn keys(&mut self) -> Result<Content, Problem> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut lines = HashMap::new();
        loop {
            let (key, line) = match self.next()? {
                (Event::MappingEnd, _) => return Ok(Content::Keys(entries)),
                (Event::Scalar(key, ..), span) => (key.into_owned(), span.start.line()),
                _ => {
                    return Err(
                        self.failed("a key is a single word; quote it if it contains brackets or braces")
                    );
                }
            };
            let (event, span) = self.next()?;
            let value = self.node(event, span)?;
            if let Some(&first) = lines.get(&key) {
                let message = format!("this key stands in line {first} already; keep one of the two");
                self.problems.push(Problem { line, key, message });
                continue;
            }
            lines.insert(key.clone(), line);
            entries.push(Entry { key, line, value });
        }
    }

    fn alias(&mut self, id: usize, line: usize) -> Result<Node, Problem> {
        let Some((node, values)) = self.anchors.get(&id).cloned() else {
            return Err(self.failed("this alias stands within what it stands for; write the value out"));
        };
        self.count(values)?;
        // What is wrong with it is wrong where it is used.
        Ok(Node { line, ..node })
    }

    fn refuse_tag(&mut self, tag: Option<&Tag>) -> Result<(), Problem> {
        match tag {
            Some(tag) if !tag.is_yaml_core_schema() => {
                Err(self.failed(&format!("there are no tags here; remove `{}`", tag.original())))
            }
            _ => Ok(()),
        }
    }

    fn count(&mut self, values: usize) -> Result<(), Problem> {
        self.values += values;
        if self.values > MOST_VALUES {
            return Err(
                self.failed(&format!("more than {MOST_VALUES} values; aliases count where they are used"))
            );
        }
        Ok(())
    }

    fn failed(&self, message: &str) -> Problem {
        Problem { line: self.line, key: String::new(), message: message.to_owned() }
    }
}
