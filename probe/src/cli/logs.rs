//! Commands about log files.

use std::{io::Write as _, path::Path};

use super::{
    Failure,
    arguments::{LogsCommand, LogsPreviewArguments, LogsRunArguments, LogsStatusArguments},
    configuration,
    interrupt::Interrupt,
    run::{failure, line},
    say,
};
use crate::{
    config::{Config, Environment},
    daemon::{self, Start},
    export::{Output, visible},
    logs::{
        preview::{FilePreview, preview},
        status,
    },
};

pub(super) fn run(command: &LogsCommand) -> Result<(), Failure> {
    match command {
        LogsCommand::Status(arguments) => show_status(arguments),
        LogsCommand::Preview(arguments) => show_preview(arguments),
        LogsCommand::Run(arguments) => follow(arguments),
    }
}

/// A configuration that names log files.
fn load(path: &Path) -> Result<(Config, Environment), Failure> {
    let (config, environment) = configuration::load(Some(path))?;
    if config.logs.0.is_empty() {
        return Err(Failure::Usage(format!(
            "{} names no log files; list pipelines under `logs:`",
            path.display()
        )));
    }
    Ok((config, environment))
}

fn show_status(arguments: &LogsStatusArguments) -> Result<(), Failure> {
    let (config, _) = configuration::load(arguments.config.as_deref())?;
    let status = status::read(&config.daemon.state).map_err(|error| Failure::Running(error.to_string()))?;
    let mut output = Output::stdout()?;
    if arguments.json {
        output.json(&status)?;
    } else {
        output.text(status::text(&status).trim_end())?;
    }
    Ok(output.flush()?)
}

fn show_preview(arguments: &LogsPreviewArguments) -> Result<(), Failure> {
    let (config, _) = load(&arguments.config)?;
    let identity = daemon::identity_settings(&config);
    let mut output = Output::stdout()?;
    for source in &config.logs.0 {
        let shown = preview(source, &identity, arguments.files, arguments.records)
            .map_err(|error| Failure::Usage(error.to_string()))?;
        if arguments.json {
            output.json(&shown)?;
            continue;
        }
        let count = shown.files.len() + shown.more_files;
        output.text(&format!("{}: {count} files match", shown.name))?;
        for container in &shown.containers {
            output.text(&format!("  container {} ({})", visible(&container.name), container.phase))?;
        }
        if shown.more_containers > 0 {
            output.text(&format!("  and {} further containers", shown.more_containers))?;
        }
        for note in &shown.notes {
            output.text(&format!("  note: {}", visible(note)))?;
        }
        for pattern in &shown.without_files {
            output.text(&format!("  no file matches {pattern}"))?;
        }
        for sentence in &shown.unreadable {
            output.text(&format!("  cannot be read: {}", visible(sentence)))?;
        }
        for file in &shown.files {
            show_file(&mut output, file)?;
        }
        if shown.more_files > 0 {
            output.text(&format!("  and {} further files", shown.more_files))?;
        }
    }
    Ok(output.flush()?)
}

fn show_file(output: &mut Output, file: &FilePreview) -> Result<(), Failure> {
    let path = match (&file.container, &file.within) {
        (Some(container), Some(within)) => format!("{container}:{}", within.display()),
        (_, _) => file.path.display().to_string(),
    };
    output.text(&format!("  {} ({} bytes)", visible(&path), file.size_bytes))?;
    for record in &file.records {
        output.text(&format!("    {record}"))?;
    }
    let seen = file.records_seen;
    for (count, what) in [
        (file.unparsable, "match no format of `parse` and keep their text"),
        (file.cut, "are cut at line_bytes"),
        (file.filtered, "are left out by `keep` and `drop`"),
    ] {
        if count > 0 {
            output.text(&format!("    {count} of the first {seen} records {what}"))?;
        }
    }
    if let Some(example) = &file.unparsable_example {
        output.text(&format!("    such as: {}", visible(example)))?;
    }
    Ok(())
}

fn follow(arguments: &LogsRunArguments) -> Result<(), Failure> {
    let (config, environment) = load(&arguments.config)?;
    let interrupt = Interrupt::listen();
    let start = Start { config, path: None, environment };
    let (pipelines, destinations) =
        daemon::run_logs(start, &mut say, &|| interrupt.asked()).map_err(failure)?;
    for destination in &destinations {
        say(&line(destination));
    }
    for pipeline in &pipelines {
        say(&format!(
            "{}: {} lines of {} files, {} bytes read, {} acknowledged",
            pipeline.name, pipeline.lines, pipeline.files, pipeline.read_bytes, pipeline.acknowledged_bytes
        ));
        for finding in &pipeline.findings {
            let _ = writeln!(std::io::stderr(), "plainsight: note: {}", visible(&finding.sentence));
        }
    }
    Ok(())
}
