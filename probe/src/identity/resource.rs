//! The entity that telemetry comes from, in OpenTelemetry's terms.

/// The value of a resource's attribute.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ResourceValue {
    /// Text.
    Text(Box<str>),
    /// A number.
    Integer(i64),
    /// Several texts, in order.
    Texts(Vec<Box<str>>),
}

/// A service instance, or whatever can be said of a process whose service nobody named: the attributes of
/// semantic conventions 1.44, resource. Shared by all that the same process, or the same container, sends.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Resource {
    /// `service.name`; never empty: `unknown_service:EXE` where nothing better is known.
    pub service_name: Box<str>,
    /// `service.namespace`.
    pub service_namespace: Option<Box<str>>,
    /// All attributes, sorted by name, those above included.
    pub attributes: Vec<(Box<str>, ResourceValue)>,
}
