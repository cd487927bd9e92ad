//! Values that stand on one line.

use std::{collections::BTreeMap, time::Duration};

use super::{
    printer::{Printer, quoted},
    reader::Reader,
    setting::{Setting, Shown},
    values,
    yaml::{Content, Node},
};
use crate::signal::TimeSpan;

/// Items that a list of the configuration may have.
const MOST_ITEMS: usize = 1_000;

/// A value that is made of text.
pub(super) trait Scalar: Clone + PartialEq {
    /// Whether the text may be repeated in messages.
    const PUBLIC: bool = true;

    /// The value, or what is accepted instead.
    fn from_text(text: &str) -> Result<Self, String>;

    /// The text that it is read from.
    fn to_text(&self) -> String;
}

fn parse<T: Scalar>(node: &Node, reader: &mut Reader) -> Option<T> {
    let text = reader.text(node)?;
    match T::from_text(text) {
        Ok(value) => Some(value),
        Err(accepted) => {
            let what = if T::PUBLIC { format!("'{text}'") } else { "this value".to_owned() };
            reader.problem(node.line, format!("{what} cannot be used: {accepted}"));
            None
        }
    }
}

impl<T: Scalar> Setting for T {
    fn read(&mut self, node: &Node, reader: &mut Reader) {
        if let Some(value) = parse(node, reader) {
            *self = value;
        }
    }

    fn shown(&self) -> Shown {
        Shown::Line(quoted(&self.to_text()))
    }
}

impl<T: Scalar> Setting for Option<T> {
    fn read(&mut self, node: &Node, reader: &mut Reader) {
        if let Some(value) = parse(node, reader) {
            *self = Some(value);
        }
    }

    fn shown(&self) -> Shown {
        self.as_ref().map_or(Shown::Unset, Setting::shown)
    }
}

impl<T: Scalar> Setting for Vec<T> {
    fn read(&mut self, node: &Node, reader: &mut Reader) {
        let Some(items) = reader.items(node) else { return };
        if items.len() > MOST_ITEMS {
            reader.problem(node.line, format!("{} values are too many; at most {MOST_ITEMS}", items.len()));
            return;
        }
        let mut values = Vec::with_capacity(items.len());
        for item in items {
            if reader.is_full() {
                return;
            }
            if matches!(item.content, Content::Nothing) {
                reader.problem(item.line, "an empty item stands in this list; remove it or quote it");
            }
            values.extend(parse(item, reader));
        }
        *self = values;
    }

    fn shown(&self) -> Shown {
        let items: Vec<String> = self.iter().map(|item| quoted(&item.to_text())).collect();
        Shown::Line(format!("[{}]", items.join(", ")))
    }
}

/// Values by a name that the user gives.
impl<T: Setting + Default> Setting for BTreeMap<String, T> {
    fn read(&mut self, node: &Node, reader: &mut Reader) {
        let mut values = Self::new();
        for entry in reader.entries(node, &["name"]) {
            let mut value = T::default();
            reader.within(&entry.key, |reader| value.read(&entry.value, reader));
            values.insert(entry.key.clone(), value);
        }
        if !matches!(node.content, Content::Nothing) {
            *self = values;
        }
    }

    fn shown(&self) -> Shown {
        if self.is_empty() { Shown::Line("{}".to_owned()) } else { Shown::Below }
    }

    fn print(&self, printer: &mut Printer) {
        for (name, value) in self {
            printer.key(&quoted(name), &[], value, &[]);
        }
    }
}

/// What can be switched off by the word `off`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Switch<T> {
    /// Not wanted.
    Off,
    /// Wanted so.
    On(T),
}

impl<T> Switch<T> {
    /// What is wanted, if anything.
    pub const fn on(&self) -> Option<&T> {
        match self {
            Self::Off => None,
            Self::On(value) => Some(value),
        }
    }
}

impl<T: Scalar> Scalar for Switch<T> {
    fn from_text(text: &str) -> Result<Self, String> {
        if text == "off" {
            return Ok(Self::Off);
        }
        T::from_text(text).map(Self::On).map_err(|accepted| format!("{accepted}; or `off`"))
    }

    fn to_text(&self) -> String {
        self.on().map_or_else(|| "off".to_owned(), Scalar::to_text)
    }
}

/// What plainsight finds out by itself when told `auto`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Auto<T> {
    /// Found out.
    Auto,
    /// Given.
    Given(T),
}

impl<T: Scalar> Scalar for Auto<T> {
    fn from_text(text: &str) -> Result<Self, String> {
        if text == "auto" {
            return Ok(Self::Auto);
        }
        T::from_text(text).map(Self::Given).map_err(|accepted| format!("{accepted}; or `auto`"))
    }

    fn to_text(&self) -> String {
        match self {
            Self::Auto => "auto".to_owned(),
            Self::Given(value) => value.to_text(),
        }
    }
}

/// What is said of a word that is none of a choice.
pub(super) fn choice(text: &str, words: &[&str]) -> String {
    let meant = values::closest(&text.to_ascii_lowercase(), words.iter().copied());
    format!("one of {} belongs here{meant}", words.join(", "))
}

/// A check that a value lies between two others.
pub(super) fn between<T: Scalar + PartialOrd>(least: T, most: T) -> impl Fn(&T) -> Result<(), String> {
    move |value| {
        if *value < least || *value > most {
            return Err(format!(
                "{} is out of range: from {} to {}",
                value.to_text(),
                least.to_text(),
                most.to_text()
            ));
        }
        Ok(())
    }
}

/// A check of what is not left to plainsight.
pub(super) fn if_given<T>(
    check: impl Fn(&T) -> Result<(), String>,
) -> impl Fn(&Auto<T>) -> Result<(), String> {
    move |value| match value {
        Auto::Auto => Ok(()),
        Auto::Given(value) => check(value),
    }
}

/// A check of what is not switched off.
pub(super) fn if_on<T>(
    check: impl Fn(&T) -> Result<(), String>,
) -> impl Fn(&Switch<T>) -> Result<(), String> {
    move |value| value.on().map_or(Ok(()), &check)
}

/// A check that a length of time lies between two others.
pub(super) fn lasting(least: Duration, most: Duration) -> impl Fn(&TimeSpan) -> Result<(), String> {
    move |value| {
        if value.0 < least || value.0 > most {
            let [value, least, most] = [value.0, least, most].map(values::time_text);
            return Err(format!("{value} is out of range: from {least} to {most}"));
        }
        Ok(())
    }
}

/// A check that no more is listed than there is room for.
pub(super) const fn at_most<T>(most: usize) -> impl Fn(&Vec<T>) -> Result<(), String> {
    move |values| {
        if values.len() > most {
            return Err(format!("{} values are too many; at most {most}", values.len()));
        }
        Ok(())
    }
}

/// A check that something is listed.
pub(super) fn not_empty<T>(values: &[T]) -> Result<(), String> {
    if values.is_empty() {
        Err("this list is empty; name one at least, or remove the key".to_owned())
    } else {
        Ok(())
    }
}
