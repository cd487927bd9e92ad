//! What every setting can do: be read from a file, be printed as a default, be compared with what it was.

use super::{
    changes::{Changes, Effect},
    printer::Printer,
    reader::Reader,
    yaml::Node,
};

/// How a value is printed.
pub(super) enum Shown {
    /// On the line of its key.
    Line(String),
    /// Not at all: it has no value unless somebody gives it one.
    Unset,
    /// Below its key, by [`Setting::print`].
    Below,
}

/// A value of the configuration, or a section of it.
pub(super) trait Setting: Clone + PartialEq {
    /// Takes over what the file says; what it says wrongly is told to the reader, and what it does not say stays.
    fn read(&mut self, node: &Node, reader: &mut Reader);

    /// How it is printed.
    fn shown(&self) -> Shown;

    /// Prints it below its key.
    fn print(&self, _printer: &mut Printer) {}

    /// Notes what differs from `old`.
    fn compare(&self, old: &Self, effect: Effect, key: &str, changes: &mut Changes) {
        if self != old {
            changes.note(effect, key);
        }
    }
}

/// Makes a section: a structure whose fields are the keys, with their documentation, defaults, and effects.
///
/// This is the only place where a key is named. The structure, its default, its reader, the commented default
/// configuration, the suggestions for mistyped keys and the comparison of two configurations all come from it.
///
/// Each field reads: comment, effect (`live`: can change while running; `restart`: cannot), name, type, default; then,
/// if need be, a check (`if`), and for what is not set by default an example.
macro_rules! section {
    (
        $(#[doc = $about:literal])+
        $section:ident {
            $(
                $(#[doc = $doc:literal])+
                $effect:ident $key:ident : $type:ty = $default:expr $(, if $check:expr)? $(, example $example:literal)?;
            )+
        }
    ) => {
        $(#[doc = $about])+
        #[derive(Debug, Clone, PartialEq)]
        pub struct $section {
            $( $(#[doc = $doc])+ pub $key: $type, )+
        }

        impl Default for $section {
            fn default() -> Self {
                Self { $( $key: $default, )+ }
            }
        }

        impl $section {
            const KEYS: &'static [&'static str] = &[$( stringify!($key), )+];
        }

        impl $crate::config::setting::Setting for $section {
            fn read(&mut self, node: &$crate::config::yaml::Node, reader: &mut $crate::config::reader::Reader) {
                for entry in reader.entries(node, Self::KEYS) {
                    match entry.key.as_str() {
                        $(
                            stringify!($key) => reader.within(&entry.key, |reader| {
                                let mut value = self.$key.clone();
                                $crate::config::setting::Setting::read(&mut value, &entry.value, reader);
                                $(
                                    if let Err(message) = ($check)(&value) {
                                        reader.problem(entry.value.line, message);
                                        return;
                                    }
                                )?
                                self.$key = value;
                            }),
                        )+
                        _ => reader.unknown(entry, Self::KEYS),
                    }
                }
            }

            fn shown(&self) -> $crate::config::setting::Shown {
                $crate::config::setting::Shown::Below
            }

            fn print(&self, printer: &mut $crate::config::printer::Printer) {
                $(
                    let example: &[&str] = &[$( $example )?];
                    printer.key(stringify!($key), &[$( $doc, )+], &self.$key, example);
                )+
            }

            fn compare(
                &self,
                old: &Self,
                _effect: $crate::config::changes::Effect,
                key: &str,
                changes: &mut $crate::config::changes::Changes,
            ) {
                $(
                    $crate::config::setting::Setting::compare(
                        &self.$key,
                        &old.$key,
                        $crate::config::changes::Effect::$effect,
                        &$crate::config::reader::join(key, stringify!($key)),
                        changes,
                    );
                )+
            }
        }
    };
}

/// Makes a choice between words, each with what it stands for.
macro_rules! choice {
    (
        $(#[doc = $about:literal])+
        $choice:ident {
            $( $(#[doc = $doc:literal])+ $variant:ident = $word:literal, )+
        }
    ) => {
        $(#[doc = $about])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $choice {
            $( $(#[doc = $doc])+ $variant, )+
        }

        impl $crate::config::scalar::Scalar for $choice {
            fn from_text(text: &str) -> Result<Self, String> {
                match text {
                    $( $word => Ok(Self::$variant), )+
                    _ => Err($crate::config::scalar::choice(text, &[$( $word, )+])),
                }
            }

            fn to_text(&self) -> String {
                match self { $( Self::$variant => $word, )+ }.to_owned()
            }
        }
    };
}

pub(super) use {choice, section};
