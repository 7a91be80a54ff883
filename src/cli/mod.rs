//! The commands, one file each: they read the settings, call the library, and turn its result into an exit code.

mod admin;
mod audit;
mod config;
mod gc;
mod healthcheck;
mod import;
mod inspect;
mod migrate;
mod openapi;
mod progress;
mod proto;
mod remote;
mod rescan;
mod serve;
mod verify;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config::{Problems, Settings, SettingsArgs};

/// A model registry that speaks the protocols machine-learning tools already speak.
#[derive(Parser)]
#[command(name = "modelport", version, about)]
pub struct Cli {
    #[command(flatten)]
    settings: SettingsArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the registry until SIGTERM or SIGINT
    Serve,
    /// Bring the database's tables up to this build
    Migrate,
    /// Print an OpenAPI document as JSON
    Openapi(openapi::Args),
    /// Print the gRPC service as a binary FileDescriptorSet, as `grpcurl -protoset` and `protoc` read it
    Proto,
    /// Remove stored objects that nothing needs
    Gc(gc::Args),
    /// Read all stored bytes again, and compare them with their digests
    Verify(verify::Args),
    /// Evaluate stored files by the current rules and policies
    Rescan(rescan::Args),
    /// Report the format of model files, their metadata, and what is dangerous in them
    Inspect(inspect::Args),
    /// Bring models in from other systems
    #[command(subcommand)]
    Import(import::Command),
    /// Change who may do what, on the database itself
    #[command(subcommand)]
    Admin(admin::Command),
    /// Log in to a server, with any browser beside, and keep what opens it for the other commands
    Login(remote::login::LoginArgs),
    /// Forget a login
    Logout(remote::ServerArgs),
    /// Say who is logged in, and in which groups
    Whoami(remote::ServerArgs),
    /// Tokens for programs, of whoever is logged in
    #[command(subcommand)]
    Token(remote::tokens::Command),
    /// Print the audit trail: who read, was refused, or changed who may do what
    Audit(audit::Args),
    /// Look at the settings
    #[command(subcommand)]
    Config(config::Command),
    /// Ask the server at the configured address whether it is ready
    Healthcheck,
}

/// What a command ends with; an error's text goes to stderr.
type Outcome = Result<(), Box<dyn std::error::Error>>;

/// The process's arguments. Wrong ones, `--help` and `--version` end the process here.
pub fn parse() -> Cli {
    Cli::parse()
}

/// Runs the command: exit code 0, or 1 with the error on stderr. `inspect` has codes of its own for what it finds.
pub fn run(cli: Cli) -> ExitCode {
    let settings = &cli.settings;
    let outcome = match cli.command {
        Command::Serve => serve::run(settings),
        Command::Migrate => migrate::run(settings),
        Command::Openapi(args) => openapi::run(&args),
        Command::Proto => proto::run(),
        Command::Gc(args) => gc::run(settings, &args),
        Command::Verify(args) => verify::run(settings, &args),
        Command::Rescan(args) => rescan::run(settings, &args),
        Command::Inspect(args) => match inspect::run(&args) {
            Ok(code) => return code,
            Err(error) => Err(error),
        },
        Command::Import(command) => import::run(settings, command),
        Command::Admin(command) => admin::run(settings, command),
        Command::Login(args) => remote::login::login(&args),
        Command::Logout(args) => remote::login::logout(&args),
        Command::Whoami(args) => remote::whoami(&args),
        Command::Token(command) => remote::tokens::run(command),
        Command::Audit(args) => audit::run(settings, &args),
        Command::Config(command) => config::run(settings, command),
        Command::Healthcheck => healthcheck::run(settings),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("modelport: {error}");
            ExitCode::FAILURE
        }
    }
}

fn load(args: &SettingsArgs) -> Result<Settings, Problems> {
    Settings::load(args, std::env::vars_os())
}

fn load_to_serve(args: &SettingsArgs) -> Result<Settings, Problems> {
    Settings::load_to_serve(args, std::env::vars_os(), crate::runtime::tls_problems)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn settings_may_stand_on_either_side_of_the_command() {
        for line in [["modelport", "--listen", "none", "healthcheck"], ["modelport", "healthcheck", "--listen", "none"]]
        {
            assert_eq!(Cli::try_parse_from(line).unwrap().settings.listen.as_deref(), Some("none"));
        }
    }
}
