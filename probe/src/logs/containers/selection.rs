//! Which containers are meant.

use std::collections::BTreeMap;

use globset::{GlobBuilder, GlobMatcher};

use crate::{
    config::LogContainerMatch,
    identity::{Container, Labels, Pod},
    logs::discover::PatternError,
};

/// What is known of a container when it is decided about. What is absent is not known.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Subject<'a> {
    pub(super) namespace: Option<&'a str>,
    pub(super) pod: Option<&'a str>,
    pub(super) container: Option<&'a str>,
    /// Labels of the pod, and of the container.
    pub(super) labels: [Option<&'a Labels>; 2],
    pub(super) annotations: Option<&'a Labels>,
    pub(super) environment: Option<&'a [(Box<str>, Box<str>)]>,
}

impl<'a> Subject<'a> {
    pub(super) fn new(
        container: &'a Container,
        pod: Option<&'a Pod>,
        environment: Option<&'a [(Box<str>, Box<str>)]>,
    ) -> Self {
        Self {
            namespace: pod.and_then(|pod| pod.namespace.as_deref()),
            pod: pod.and_then(|pod| pod.name.as_deref()),
            container: container.name.as_deref(),
            labels: [pod.map(|pod| &pod.labels), Some(&container.labels)],
            annotations: pod.map(|pod| &pod.annotations),
            environment,
        }
    }
}

/// What was decided about a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Choice {
    /// Its files are followed.
    Selected,
    /// They are not.
    Left,
    /// They are not, because this is not known of it.
    Unknown(&'static str),
}

/// Patterns of what must be so, and of what must not.
#[derive(Debug, Clone, Default)]
pub(super) struct Selection {
    include: Conditions,
    exclude: Conditions,
}

/// Conditions of each kind. Of names one must match; of pairs, all.
#[derive(Debug, Clone, Default)]
struct Conditions {
    namespaces: Vec<GlobMatcher>,
    pods: Vec<GlobMatcher>,
    containers: Vec<GlobMatcher>,
    labels: Vec<(String, GlobMatcher)>,
    annotations: Vec<(String, GlobMatcher)>,
    environment: Vec<(String, GlobMatcher)>,
}

impl Selection {
    /// # Errors
    /// If a pattern cannot be used.
    pub(super) fn new(
        include: &LogContainerMatch,
        exclude: &LogContainerMatch,
    ) -> Result<Self, PatternError> {
        Ok(Self { include: Conditions::new(include)?, exclude: Conditions::new(exclude)? })
    }

    /// Decides about a container: all kinds of conditions that include must be met, and no kind of those that exclude.
    pub(super) fn choose(&self, subject: &Subject<'_>) -> Choice {
        let (mut choice, exclude) = (Choice::Selected, self.exclude.answers(subject));
        for (what, _, answer) in self.include.answers(subject) {
            match answer {
                Some(true) => {}
                Some(false) => return Choice::Left,
                None => choice = Choice::Unknown(what),
            }
        }
        for (what, is_any, answer) in exclude {
            match answer {
                Some(true) if is_any => return Choice::Left,
                Some(_) => {}
                None => choice = Choice::Unknown(what),
            }
        }
        choice
    }
}

impl Conditions {
    fn new(texts: &LogContainerMatch) -> Result<Self, PatternError> {
        let LogContainerMatch { namespaces, pods, containers, labels, annotations, environment } = texts;
        let names = |list: &[String]| list.iter().map(|text| matcher(text)).collect::<Result<Vec<_>, _>>();
        let pairs = |map: &BTreeMap<String, String>| {
            let pair = |(key, text): (&String, &String)| Ok((key.clone(), matcher(text)?));
            map.iter().map(pair).collect::<Result<Vec<_>, _>>()
        };
        Ok(Self {
            namespaces: names(namespaces)?,
            pods: names(pods)?,
            containers: names(containers)?,
            labels: pairs(labels)?,
            annotations: pairs(annotations)?,
            environment: pairs(environment)?,
        })
    }

    /// For each kind what it is called, whether it has conditions, and whether they are met; nothing if that is not known.
    fn answers(&self, subject: &Subject<'_>) -> [(&'static str, bool, Option<bool>); 6] {
        let name = |patterns: &[GlobMatcher], name: Option<&str>| match (patterns, name) {
            ([], _) => Some(true),
            (patterns, Some(name)) => Some(patterns.iter().any(|pattern| pattern.is_match(name))),
            (_, None) => None,
        };
        let labels = |key: &str| subject.labels.iter().flatten().find_map(|labels| labels.get(key));
        let annotation = |key: &str| subject.annotations.and_then(|annotations| annotations.get(key));
        let variable = |key: &str| {
            let found = subject.environment?.iter().rev().find(|(name, _)| **name == *key);
            found.map(|(_, value)| &**value)
        };
        let knows_labels = subject.labels.iter().any(Option::is_some);
        [
            ("namespace", !self.namespaces.is_empty(), name(&self.namespaces, subject.namespace)),
            ("pod", !self.pods.is_empty(), name(&self.pods, subject.pod)),
            ("container name", !self.containers.is_empty(), name(&self.containers, subject.container)),
            ("labels", !self.labels.is_empty(), pairs(&self.labels, knows_labels, labels)),
            (
                "annotations",
                !self.annotations.is_empty(),
                pairs(&self.annotations, subject.annotations.is_some(), annotation),
            ),
            (
                "environment",
                !self.environment.is_empty(),
                pairs(&self.environment, subject.environment.is_some(), variable),
            ),
        ]
    }
}

fn pairs<'v>(
    patterns: &[(String, GlobMatcher)],
    is_known: bool,
    value: impl Fn(&str) -> Option<&'v str>,
) -> Option<bool> {
    if !is_known && !patterns.is_empty() {
        return None;
    }
    Some(patterns.iter().all(|(key, pattern)| value(key).is_some_and(|value| pattern.is_match(value))))
}

/// Values are no paths: a star stands for slashes, too.
fn matcher(text: &str) -> Result<GlobMatcher, PatternError> {
    let built = GlobBuilder::new(text).literal_separator(false).backslash_escape(true).build();
    built
        .map(|glob| glob.compile_matcher())
        .map_err(|error| PatternError::Syntax { pattern: text.to_owned(), reason: error.kind().to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conditions(text: &str) -> LogContainerMatch {
        let mut conditions = LogContainerMatch::default();
        for part in text.split_whitespace() {
            let (kind, value) = part.split_once('=').expect("a condition");
            let pair = |map: &mut BTreeMap<String, String>| {
                let (key, value) = value.split_once(':').expect("a pair");
                map.insert(key.to_owned(), value.to_owned());
            };
            match kind {
                "ns" => conditions.namespaces.push(value.to_owned()),
                "pod" => conditions.pods.push(value.to_owned()),
                "name" => conditions.containers.push(value.to_owned()),
                "label" => pair(&mut conditions.labels),
                "annotation" => pair(&mut conditions.annotations),
                "env" => pair(&mut conditions.environment),
                other => panic!("{other}"),
            }
        }
        conditions
    }

    fn choose(include: &str, exclude: &str, subject: &Subject<'_>) -> Choice {
        Selection::new(&conditions(include), &conditions(exclude)).expect("patterns").choose(subject)
    }

    #[test]
    fn every_kind_of_condition_includes_and_excludes() {
        let labels = |pairs: &[(&str, &str)]| {
            Labels::new(pairs.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())))
        };
        let (of_pod, of_container) =
            (labels(&[("app", "web"), ("tier", "front/end")]), labels(&[("built", "ci")]));
        let annotations = labels(&[("team", "red")]);
        let environment: [(Box<str>, Box<str>); 2] =
            [("LOG".into(), "yes".into()), ("EMPTY".into(), "".into())];
        let subject = Subject {
            namespace: Some("shop"),
            pod: Some("web-7d4b9c-x2x4z"),
            container: Some("app"),
            labels: [Some(&of_pod), Some(&of_container)],
            annotations: Some(&annotations),
            environment: Some(&environment),
        };
        for matching in [
            "ns=shop",
            "ns=other ns=sh*",
            "pod=web-*",
            "name={app,sidecar}",
            "label=app:web",
            "label=tier:front*",
            "label=built:ci",
            "annotation=team:r?d",
            "env=LOG:*",
            "env=EMPTY:",
            "ns=shop label=app:web env=LOG:yes",
        ] {
            assert_eq!(choose(matching, "", &subject), Choice::Selected, "{matching}");
            // Any kind that matches excludes.
            assert_eq!(choose("", matching, &subject), Choice::Left, "without {matching}");
        }
        for other in [
            "ns=kube-*",
            "pod=db-*",
            "name=sidecar",
            "label=app:db",
            "label=app:web label=none:*",
            "annotation=team:blue",
            "env=OTHER:*",
            "env=LOG:no",
            "ns=shop label=app:db",
        ] {
            assert_eq!(choose(other, "", &subject), Choice::Left, "{other}");
        }
        for other in ["ns=kube-*", "label=app:db", "env=OTHER:*", "label=app:web label=none:*"] {
            assert_eq!(choose("", other, &subject), Choice::Selected, "without {other}");
        }
        assert_eq!(choose("ns=shop", "name=app", &subject), Choice::Left);
    }

    #[test]
    fn what_is_not_known_selects_nothing_and_is_named() {
        let subject = Subject { namespace: Some("shop"), ..Subject::default() };
        assert_eq!(choose("ns=shop", "", &subject), Choice::Selected);
        assert_eq!(choose("label=app:web", "", &subject), Choice::Unknown("labels"));
        assert_eq!(choose("", "env=LOG:no", &subject), Choice::Unknown("environment"));
        // What is known may suffice.
        assert_eq!(choose("ns=other label=app:web", "", &subject), Choice::Left);
        assert_eq!(choose("", "ns=shop env=LOG:no", &subject), Choice::Left);
    }
}
