//! Patterns of paths.

use std::path::{Component, Path, PathBuf};

use globset::{GlobBuilder, GlobMatcher, GlobSet, GlobSetBuilder};
use thiserror::Error;

/// A pattern that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PatternError {
    /// It is none.
    #[error("'{pattern}' is no pattern of paths: {reason}")]
    Syntax {
        /// The pattern.
        pattern: String,
        /// What is wrong.
        reason: String,
    },
    /// It depends on the folder that this process happens to be in.
    #[error("'{0}' must begin with /, and have no `..`")]
    Relative(String),
}

/// One component of a pattern.
#[derive(Debug, Clone)]
pub(super) enum Part {
    /// A name as it is.
    Name(PathBuf),
    /// A name that matches.
    Matching(GlobMatcher),
    /// Any number of folders, which `**` stands for; links to folders are not followed.
    Folders,
}

/// One pattern, taken apart so that only folders that can hold a match are looked into.
#[derive(Debug, Clone)]
pub(super) struct Pattern {
    pub(super) parts: Vec<Part>,
    pub(super) whole: GlobMatcher,
}

/// What is followed, and what is not.
#[derive(Debug, Clone)]
pub struct Patterns {
    pub(super) include: Vec<(String, Pattern)>,
    pub(super) exclude: GlobSet,
}

impl Patterns {
    /// Takes `include` without `exclude`. A pattern of the latter without a slash is about names alone.
    ///
    /// # Errors
    /// If one cannot be used.
    pub fn new(include: &[String], exclude: &[String]) -> Result<Self, PatternError> {
        let include = include
            .iter()
            .map(|text| Ok((text.clone(), Pattern::new(text)?)))
            .collect::<Result<_, PatternError>>()?;
        let mut set = GlobSetBuilder::new();
        for text in exclude {
            let text = if text.contains('/') { text.clone() } else { format!("**/{text}") };
            set.add(glob(&text)?);
        }
        let exclude = set.build().map_err(|error| syntax("", &error))?;
        Ok(Self { include, exclude })
    }

    /// Whether this path is followed.
    #[must_use]
    pub fn matches(&self, path: &Path) -> bool {
        self.include.iter().any(|(_, pattern)| pattern.whole.is_match(path)) && !self.exclude.is_match(path)
    }
}

impl Pattern {
    fn new(text: &str) -> Result<Self, PatternError> {
        let path = Path::new(text);
        if !path.is_absolute() || path.components().any(|part| part == Component::ParentDir) {
            return Err(PatternError::Relative(text.to_owned()));
        }
        let whole = glob(text)?.compile_matcher();
        let mut parts = Vec::new();
        for name in text.split('/').filter(|name| !name.is_empty() && *name != ".") {
            parts.push(match name {
                "**" => Part::Folders,
                name if name.contains(['*', '?', '[', '{', '\\']) => {
                    Part::Matching(glob(name)?.compile_matcher())
                }
                name => Part::Name(PathBuf::from(name)),
            });
        }
        Ok(Self { parts, whole })
    }
}

fn glob(text: &str) -> Result<globset::Glob, PatternError> {
    let built = GlobBuilder::new(text).literal_separator(true).backslash_escape(true).build();
    built.map_err(|error| syntax(text, &error))
}

fn syntax(text: &str, error: &globset::Error) -> PatternError {
    PatternError::Syntax { pattern: text.to_owned(), reason: error.kind().to_string() }
}
