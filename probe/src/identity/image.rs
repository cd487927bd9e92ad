//! References to images of containers.

/// An image.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Image {
    /// The name with its registry, as it was given: `docker.io/library/nginx`. Empty where only the id is known.
    pub name: Box<str>,
    /// The tag: `1.25`.
    pub tag: Option<Box<str>>,
    /// The digest of its manifest: `sha256:…`.
    pub digest: Option<Box<str>>,
}

impl Image {
    /// Reads `NAME[:TAG][@DIGEST]` (the grammar of references of the OCI distribution specification). What is only a
    /// digest is an image's id, and names no image.
    pub(super) fn parse(reference: &str) -> Option<Self> {
        let (rest, digest) = match reference.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest)),
            None => (reference, None),
        };
        // A colon before the last slash separates a registry from its port.
        let (name, tag) = match rest.rsplit_once(':') {
            Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
            _ => (rest, None),
        };
        let is_id = tag.is_some_and(|tag| tag.len() == 64) && name == "sha256";
        let is_bare_id = rest.len() == 64 && rest.bytes().all(|byte| byte.is_ascii_hexdigit());
        if name.is_empty() || is_id || is_bare_id {
            return None;
        }
        Some(Self { name: name.into(), tag: tag.map(Into::into), digest: digest.map(Into::into) })
    }

    /// The version by semantic conventions 1.44, k8s-attributes: `TAG@DIGEST`, else the digest, else the tag.
    pub(super) fn version(&self) -> Option<String> {
        match (&self.tag, &self.digest) {
            (Some(tag), Some(digest)) => Some(format!("{tag}@{digest}")),
            (tag, digest) => digest.as_ref().or(tag.as_ref()).map(ToString::to_string),
        }
    }

    /// The name as a person would give it: `NAME:TAG`, else `NAME@DIGEST`.
    #[must_use]
    pub fn reference(&self) -> String {
        match (&self.tag, &self.digest) {
            (Some(tag), _) => format!("{}:{tag}", self.name),
            (None, Some(digest)) => format!("{}@{digest}", self.name),
            (None, None) => self.name.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_fall_into_name_tag_and_digest() {
        let digest = format!("sha256:{}", "ab".repeat(32));
        let cases = [
            ("nginx", ("nginx", None, None)),
            ("nginx:1.25", ("nginx", Some("1.25"), None)),
            ("registry:5000/a/b", ("registry:5000/a/b", None, None)),
            ("registry:5000/a/b:v1", ("registry:5000/a/b", Some("v1"), None)),
            (&format!("docker.io/a@{digest}"), ("docker.io/a", None, Some(&*digest))),
            (&format!("docker.io/a:1@{digest}"), ("docker.io/a", Some("1"), Some(&*digest))),
        ];
        for (reference, (name, tag, wanted)) in cases {
            let image = Image::parse(reference).expect("an image");
            assert_eq!((&*image.name, image.tag.as_deref(), image.digest.as_deref()), (name, tag, wanted));
        }
    }

    #[test]
    fn an_id_is_no_name() {
        for reference in ["", ":tag", &format!("sha256:{}", "ab".repeat(32)), &"ab".repeat(32), "@sha256:1"] {
            assert_eq!(Image::parse(reference), None, "{reference}");
        }
    }

    #[test]
    fn a_version_is_tag_and_digest_as_far_as_they_are_known() {
        let version = |reference| Image::parse(reference).and_then(|image| image.version());
        assert_eq!(version("a:1@sha256:x").as_deref(), Some("1@sha256:x"));
        assert_eq!(version("a@sha256:x").as_deref(), Some("sha256:x"));
        assert_eq!(version("a:1").as_deref(), Some("1"));
        assert_eq!(version("a"), None);
    }
}
