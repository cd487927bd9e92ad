//! Set-up, build, run, test, virtual machines and benches of plainsight.
//!
//! `cargo xtask run` and `cargo xtask test` are all that a fresh clone needs; both install what is missing. Nothing
//! here is needed at run time.

mod apt;
mod bench;
mod build;
mod checks;
mod command;
mod elf;
mod fuzz;
mod interrupt;
mod lint;
mod privilege;
mod python;
mod report;
mod run;
mod setup;
mod supervise;
mod victoria_metrics;
mod vm;
mod workspace;

use std::{ffi::OsString, process::ExitCode};

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::{report::Report, workspace::Workspace};

#[derive(Debug, Parser)]
#[command(
    name = "cargo xtask",
    about = "Set-up, build, run, test, virtual machines and benches of plainsight"
)]
struct Arguments {
    #[command(flatten)]
    set_up: setup::Options,
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Install what a build needs: bpf-linker and the standard library's sources
    Setup,
    /// Build plainsight with optimisation
    Build {
        /// Without any shared library, to be carried to another machine
        #[arg(long = "static")]
        fully_static: bool,
    },
    /// Build plainsight and start it; without arguments, the live view
    Run {
        /// Arguments for plainsight, after `--`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
    /// Run all tests, installing what they need
    Test(checks::Options),
    /// Boot the kernels of the matrix in virtual machines and capture traffic in each
    Vm(vm::Options),
    /// Measure what the probe costs
    Bench(bench::Options),
    /// Run the fuzz targets for a while
    Fuzz(fuzz::Options),
    /// Check format, lints, licences and sources of dependencies
    Lint,
    /// Everything that must hold before a change lands: lint, then test
    Ci,
    /// Answer HTTP requests, working for each; what the bench of a service measures
    #[command(hide = true)]
    Serve(bench::ServiceOptions),
    /// Hold connections open; what the bench of memory measures
    #[command(hide = true)]
    Hold(bench::HoldOptions),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run_task(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run_task(arguments: Arguments) -> Result<()> {
    let workspace = Workspace::find()?;
    let set_up = &arguments.set_up;
    interrupt::watch()?;
    let mut report = Report::default();
    match arguments.task {
        Task::Setup => return setup::run(&workspace, set_up),
        Task::Build { fully_static } => {
            setup::run(&workspace, set_up)?;
            let program =
                if fully_static { build::static_release(&workspace) } else { build::release(&workspace) }?;
            println!("built {} ({})", program.display(), build::version(&program)?);
            return Ok(());
        }
        Task::Run { arguments } => return run::run(&workspace, set_up, &arguments),
        Task::Bench(options) => return bench::run(&workspace, set_up, &options),
        Task::Serve(options) => return bench::serve(&options),
        Task::Hold(options) => return bench::hold(&options),
        Task::Test(options) => checks::run(&workspace, &mut report, set_up, &options),
        Task::Vm(options) => vm::run(&workspace, &mut report, set_up, &options),
        Task::Fuzz(options) => fuzz::run(&workspace, &mut report, &options),
        Task::Lint => lint::run(&workspace, &mut report, set_up),
        Task::Ci => {
            lint::run(&workspace, &mut report, set_up);
            checks::run(&workspace, &mut report, set_up, &checks::Options::default());
        }
    }
    report.close()
}
