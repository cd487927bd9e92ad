//! The commands.

mod arguments;
mod capture_arguments;
mod configuration;
mod doctor;
mod failure;
mod filter_arguments;
mod identity_arguments;
mod interrupt;
mod live;
mod logs;
mod observers;
mod replay;
mod run;
mod session;
mod source;
mod stat;
mod values;
mod watch;

use std::{
    env,
    ffi::OsString,
    io::{IsTerminal, Write},
    process::ExitCode,
};

use clap::Parser;

pub use doctor::{Check, Outcome as CheckOutcome};
pub use failure::Failure;

use arguments::{Arguments, Command, ReplayArguments, StatArguments, WatchArguments};
use interrupt::Interrupt;
use source::Source;
use stat::Stat;
use watch::Watch;

use crate::{
    flow::Observer,
    identity::Identities,
    pipeline::LiveOptions,
    signal::{Clock, Filter, KeyField, Status, default_fields},
    tui,
};

/// Runs the command that the arguments name.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let result = match arguments.command {
        None => watch(&arguments.watch),
        Some(Command::Watch(arguments)) => watch(&arguments),
        Some(Command::Stat(arguments)) => stat(arguments),
        Some(Command::Replay(arguments)) => replay(arguments),
        Some(Command::Run(arguments)) => run::run(arguments),
        Some(Command::Logs(command)) => logs::run(&command),
        Some(Command::Check(arguments)) => configuration::check(&arguments.file),
        Some(Command::Doctor(arguments)) => return doctor::run(arguments.json),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            failure.report();
            failure.exit_code()
        }
    }
}

fn watch(arguments: &WatchArguments) -> Result<(), Failure> {
    let filter = arguments.filter.filter();
    let options = live::options(&arguments.capture, &filter);
    let display = if arguments.json {
        watch::Display::Json
    } else if tui::terminal_is_usable() {
        watch::Display::Screen(what_is_watched())
    } else {
        watch::Display::Lines { colours: false }
    };
    let identities = arguments.capture.identity.identities();
    let watch = Watch {
        filter,
        clock: Clock::boot_time(),
        display,
        duration: arguments.limit.duration.map(|duration| duration.0),
        identities: Some(identities.clone()),
    };
    let quiet = matches!(watch.display, watch::Display::Screen(_));
    let status = watch.run(Interrupt::listen(), |observer| begin(&options, &identities, quiet, observer))?;
    summarise(&status);
    Ok(())
}

/// Starts live observation, and says so unless a screen shows it: whoever waits to send requests can begin.
fn begin<O: Observer + Send + 'static>(
    options: &LiveOptions,
    identities: &Identities,
    quiet: bool,
    observer: &mut dyn FnMut() -> O,
) -> Result<Box<dyn Source>, Failure> {
    let source = live::start(options, identities, observer)?;
    if !quiet {
        say("watching this host; Ctrl-C ends");
    }
    Ok(source)
}

fn stat(arguments: StatArguments) -> Result<(), Failure> {
    let filter = arguments.filter.filter();
    let options = live::options(&arguments.capture, &filter);
    let display = if arguments.json {
        stat::Display::Json
    } else if tui::terminal_is_usable() {
        stat::Display::Screen(what_is_watched())
    } else {
        stat::Display::Tables
    };
    let identities = arguments.capture.identity.identities();
    let stat = Stat {
        by: keys(arguments.grouping.by, &filter, true),
        filter,
        keys: arguments.grouping.keys,
        display,
        interval: arguments.grouping.interval.map(|interval| interval.0),
        duration: arguments.limit.duration.map(|duration| duration.0),
        identities: Some(identities.clone()),
        own_time: false,
    };
    let quiet = matches!(stat.display, stat::Display::Screen(_));
    let status = stat.run(Interrupt::listen(), |observer| begin(&options, &identities, quiet, observer))?;
    summarise(&status);
    Ok(())
}

fn replay(arguments: ReplayArguments) -> Result<(), Failure> {
    let filter = arguments.filter.filter(&arguments.protocol);
    if filter.needs_process() {
        say(
            "warning: capture files know no processes, so nothing passes --pid, --comm, --container and --pod",
        );
    }
    let settings = arguments.reading.settings(&filter);
    let duration = arguments.limit.duration.map(|duration| duration.0);
    let failures = replay::Failures::default();
    let files = arguments.files;
    let noted = failures.clone();
    let status = if arguments.stat {
        let display = if arguments.json { stat::Display::Json } else { stat::Display::Tables };
        let stat = Stat {
            by: keys(arguments.by, &filter, false),
            filter,
            keys: arguments.keys,
            display,
            interval: None,
            duration,
            identities: None,
            own_time: true,
        };
        stat.run(Interrupt::listen(), |observer| {
            Ok(Box::new(replay::Replay::start(files, settings, noted, observer())?))
        })?
    } else {
        let colours =
            std::io::stdout().is_terminal() && env::var_os("NO_COLOR").is_none_or(|no| no.is_empty());
        let display = if arguments.json { watch::Display::Json } else { watch::Display::Lines { colours } };
        let watch = Watch { filter, clock: Clock::WallTime, display, duration, identities: None };
        watch.run(Interrupt::listen(), |observer| {
            Ok(Box::new(replay::Replay::start(files, settings, noted, observer())?))
        })?
    };
    summarise(&status);
    failures.into_result()
}

fn keys(given: Vec<KeyField>, filter: &Filter, by_process: bool) -> Vec<KeyField> {
    if given.is_empty() { default_fields(&filter.protocols, by_process) } else { given }
}

/// The arguments as a person typed them, apart from the program and the command.
fn what_is_watched() -> String {
    let is_command = |argument: &OsString| argument == "watch" || argument == "stat";
    let mut arguments = env::args_os().skip(1).peekable();
    arguments.next_if(is_command);
    let text =
        arguments.map(|argument| argument.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ");
    if text.is_empty() { "everything on this host".to_owned() } else { text }
}

/// The last words of every command, on standard error so that they do not mix with the data.
fn summarise(status: &Status) {
    for warning in &status.warnings {
        say(&format!("warning: {warning}"));
    }
    say(&status.to_string());
}

/// Says something on standard error. That nobody may be listening is no reason to fail.
fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "plainsight: {text}");
}
