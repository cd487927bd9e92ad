//! Labels and annotations, which strangers write: bounded in number and length.

/// Most labels that are kept of one container or pod.
const LABELS: usize = 64;

/// Longest value that is kept, in bytes. Kubernetes allows 63 for labels, and any length for annotations.
const VALUE_BYTES: usize = 512;

/// Longest key that is kept: a prefix of 253 bytes, a slash and a name of 63, as Kubernetes allows.
const KEY_BYTES: usize = 317;

/// Keys with values, sorted by key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Labels {
    pairs: Vec<(Box<str>, Box<str>)>,
    dropped: u32,
}

impl Labels {
    /// Keeps as many as the bound allows. Those that name services and what owns pods come before all others. A key or a
    /// value that is too long is left out, for half of it would be another.
    #[must_use]
    pub fn new(pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut all: Vec<(String, String)> = pairs.into_iter().collect();
        let before = all.len();
        all.retain(|(key, value)| key.len() <= KEY_BYTES && value.len() <= VALUE_BYTES);
        all.sort_unstable();
        all.dedup_by(|later, earlier| later.0 == earlier.0);
        if all.len() > LABELS {
            // Stable: within both kinds the order by key stays.
            all.sort_by_key(|(key, _)| !is_needed(key));
            all.truncate(LABELS);
            all.sort_unstable();
        }
        let dropped = u32::try_from(before - all.len()).unwrap_or(u32::MAX);
        let pairs = all.into_iter().map(|(key, value)| (key.into(), value.into())).collect();
        Self { pairs, dropped }
    }

    /// The value of a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        let place = self.pairs.binary_search_by(|(known, _)| (**known).cmp(key)).ok()?;
        self.pairs.get(place).map(|(_, value)| &**value)
    }

    /// All of them.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.pairs.iter().map(|(key, value)| (&**key, &**value))
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    /// How many were left out for the bounds.
    #[must_use]
    pub const fn dropped(&self) -> u32 {
        self.dropped
    }
}

/// Whether a key is one that this program reads itself.
fn is_needed(key: &str) -> bool {
    const PREFIXES: [&str; 6] = [
        "resource.opentelemetry.io/",
        "app.kubernetes.io/",
        "io.kubernetes.",
        "com.docker.",
        "pod-template-",
        "statefulset.kubernetes.io/",
    ];
    PREFIXES.iter().any(|prefix| key.starts_with(prefix)) || key.ends_with("job-name")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(key: &str, value: &str) -> (String, String) {
        (key.to_owned(), value.to_owned())
    }

    #[test]
    fn labels_are_found_by_key() {
        let labels = Labels::new([pair("b", "2"), pair("a", "1")]);
        assert_eq!((labels.get("a"), labels.get("b"), labels.get("c")), (Some("1"), Some("2"), None));
        assert!(labels.iter().eq([("a", "1"), ("b", "2")]));
    }

    #[test]
    fn beyond_the_bound_those_that_name_services_are_kept() {
        let mut many: Vec<_> = (0..LABELS + 100).map(|number| pair(&format!("a{number:04}"), "")).collect();
        many.push(pair("resource.opentelemetry.io/service.name", "shop"));
        let labels = Labels::new(many);
        assert_eq!((labels.iter().len(), labels.dropped()), (LABELS, 101));
        assert_eq!(labels.get("resource.opentelemetry.io/service.name"), Some("shop"));
    }

    #[test]
    fn what_is_too_long_is_left_out_and_counted() {
        let labels = Labels::new([pair("long", &"x".repeat(VALUE_BYTES + 1)), pair(&"k".repeat(400), "")]);
        assert!(labels.is_empty());
        assert_eq!(labels.dropped(), 2);
    }
}
