//! What the configuration says of log files, as the settings of the parts that do it.

use std::sync::Arc;

use super::{
    containers::{ContainerSettings, KnownContainers},
    discover::{PatternError, Patterns},
    records::{
        Change, Container, Encoding, Filter, FilterAction, Mask, MaskKind, Multiline, MultilineRule, Plan,
        Preset, Settings, SettingsError, SeveritySettings, TimeFormat, TimeSettings, TimeSource,
    },
};
use crate::{
    config::{LogContainer, LogMask, LogMultiline, LogPreset, LogSource},
    identity::{ContainerResources, IdentitySettings, PodSource},
};

/// Which files a pipeline follows.
///
/// # Errors
/// If a pattern cannot be used.
pub fn patterns(source: &LogSource) -> Result<Patterns, PatternError> {
    Patterns::new(&source.include, &source.exclude)
}

/// How a pipeline makes records, made ready.
///
/// # Errors
/// If a setting cannot be used.
pub fn plan(source: &LogSource) -> Result<Arc<Plan>, SettingsError> {
    Plan::new(&settings(source)).map(Arc::new)
}

/// How it makes records of the output of containers, whose lines their runtime has wrapped.
///
/// # Errors
/// If a setting cannot be used.
pub fn output_plan(source: &LogSource) -> Result<Arc<Plan>, SettingsError> {
    let mut settings = settings(source);
    if settings.container == Container::None {
        settings.container = Container::Auto;
    }
    Plan::new(&settings).map(Arc::new)
}

/// Which files of containers a pipeline follows; `plan` says how records are made of those within them.
///
/// # Errors
/// If a setting cannot be used.
pub fn containers(
    source: &LogSource,
    plan: &Arc<Plan>,
    known: &KnownContainers,
    identity: &IdentitySettings,
    pods: Option<&Arc<dyn PodSource>>,
) -> Result<Option<ContainerSettings>, SettingsError> {
    let Some(config) = &source.containers.0 else { return Ok(None) };
    Ok(Some(ContainerSettings {
        known: known.clone(),
        config: config.clone(),
        exclude: source.exclude.clone(),
        output_plan: output_plan(source)?,
        plan: Arc::clone(plan),
        service: source.service.as_deref().map(Into::into),
        resources: Arc::new(ContainerResources::new(identity)),
        pods: pods.cloned(),
        host_root: identity.host_root.clone(),
        proc: identity.proc.clone(),
    }))
}

fn settings(source: &LogSource) -> Settings {
    let bytes = usize::try_from(source.line_bytes.0).unwrap_or(usize::MAX);
    Settings {
        encoding: match source.encoding.to_ascii_lowercase().as_str() {
            "utf-8" | "utf8" => Encoding::Utf8,
            "utf-16le" => Encoding::Utf16Le,
            "utf-16be" => Encoding::Utf16Be,
            "gbk" => Encoding::Gbk,
            "latin1" => Encoding::Latin1,
            other => Encoding::Named(other.to_owned()),
        },
        container: match source.container {
            LogContainer::None => Container::None,
            LogContainer::Auto => Container::Auto,
            LogContainer::Cri => Container::Cri,
            LogContainer::Docker => Container::Docker,
        },
        line_bytes: bytes,
        record_bytes: bytes,
        line_timeout: source.line_timeout.0,
        multiline: multiline(&source.multiline),
        parse: source.parse.0.clone(),
        time: TimeSettings {
            source: source.time.field.clone().map_or(TimeSource::Usual, TimeSource::Field),
            formats: source.time.formats.iter().cloned().map(TimeFormat::Pattern).collect(),
            zone: source.time.zone.clone().unwrap_or_default(),
        },
        severity: SeveritySettings { field: source.severity.clone(), ..SeveritySettings::default() },
        filters: filters(source),
        changes: changes(source),
        masks: masks(source),
        ..Settings::default()
    }
}

fn multiline(multiline: &LogMultiline) -> Option<Multiline> {
    let LogMultiline { start, continuation, indentation, presets, timeout } = multiline;
    let rule = match (start, continuation, indentation) {
        (Some(start), ..) => MultilineRule::Start(start.clone()),
        (_, Some(continuation), _) => MultilineRule::Continuation(continuation.clone()),
        (.., true) => MultilineRule::Indentation,
        _ if presets.is_empty() => return None,
        _ => MultilineRule::Presets(presets.iter().map(preset).collect()),
    };
    Some(Multiline { rule, timeout: timeout.0 })
}

fn preset(preset: &LogPreset) -> Preset {
    match preset {
        LogPreset::Java => Preset::Java,
        LogPreset::Python => Preset::Python,
        LogPreset::Go => Preset::Go,
        LogPreset::DotNet => Preset::DotNet,
        LogPreset::Node => Preset::Node,
    }
}

fn filters(source: &LogSource) -> Vec<Filter> {
    let filter = |action| move |pattern: &String| Filter { action, field: None, pattern: pattern.clone() };
    let kept = source.keep.iter().map(filter(FilterAction::Keep));
    kept.chain(source.drop.iter().map(filter(FilterAction::Drop))).collect()
}

fn changes(source: &LogSource) -> Vec<Change> {
    let added =
        source.add.iter().map(|(name, value)| Change::Add { name: name.clone(), value: value.clone() });
    let renamed =
        source.rename.iter().map(|(from, to)| Change::Rename { from: from.clone(), to: to.clone() });
    let removed = source.remove.iter().map(|name| Change::Remove { name: name.clone() });
    added.chain(renamed).chain(removed).collect()
}

fn masks(source: &LogSource) -> Vec<Mask> {
    let preset = source.mask.iter().map(|mask| match mask {
        LogMask::CardNumber => MaskKind::CardNumber,
        LogMask::Email => MaskKind::Email,
        LogMask::Token => MaskKind::Token,
        LogMask::UrlPassword => MaskKind::UrlPassword,
    });
    let own = source.mask_patterns.iter().cloned().map(MaskKind::Pattern);
    let mask = |kind| Mask { kind, fields: Vec::new(), replacement: Mask::REPLACEMENT.to_owned() };
    preset.chain(own).map(mask).collect()
}
