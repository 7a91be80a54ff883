//! The `modelport` command.

use std::process::ExitCode;

use modelport::cli;

fn main() -> ExitCode {
    cli::run(cli::parse())
}
