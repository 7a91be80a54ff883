//! `modelport inspect`: the format, facts and findings of model files. Needs no server, no database and no settings.

mod files;
mod output;

use std::error::Error;
use std::io::{self, BufWriter};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::ValueEnum;
use modelport_inspect::Severity;

use files::Found;
use output::{Json, Output, Table};

const STATUSES: &str = "Exit status:
  0  no finding, or none that is more than worth knowing (`info`)
  1  a file could not be read, whatever was found in the others
  2  wrong arguments
  3  the heaviest finding is `warn`
  4  the heaviest finding is `suspicious`
  5  the heaviest finding is `danger`";

#[derive(clap::Args)]
#[command(after_help = STATUSES)]
pub(super) struct Args {
    /// Files, and folders that are read with all that is below them
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// How the result is printed
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    Table,
    Json,
}

/// What was found in all files.
#[derive(Debug, Default)]
struct Total {
    /// Files by their verdicts.
    clean: u64,
    by_severity: [u64; 4],
    unreadable: u64,
}

impl Total {
    fn add(&mut self, found: &Found) {
        match found.content.as_ref().map(|content| content.inspection.severity()) {
            Ok(None) => self.clean += 1,
            Ok(Some(severity)) => {
                for (count, _) in self.by_severity.iter_mut().zip(Severity::ALL).filter(|(_, each)| *each == severity) {
                    *count += 1;
                }
            }
            Err(_) => self.unreadable += 1,
        }
    }

    /// The weight of the heaviest finding in any file.
    fn heaviest(&self) -> Option<Severity> {
        Severity::ALL.into_iter().zip(self.by_severity).filter(|(_, count)| *count > 0).map(|(each, _)| each).max()
    }

    fn status(&self) -> u8 {
        match self.heaviest() {
            _ if self.unreadable > 0 => 1,
            None | Some(Severity::Info) => 0,
            Some(Severity::Warn) => 3,
            Some(Severity::Suspicious) => 4,
            Some(Severity::Danger) => 5,
        }
    }
}

/// Prints each file as soon as it is inspected, so that no more than one is in memory.
pub(super) fn run(args: &Args) -> Result<ExitCode, Box<dyn Error>> {
    let out = BufWriter::new(io::stdout().lock());
    let mut output: Box<dyn Output> = match args.format {
        Format::Table => Box::new(Table::new(out)),
        Format::Json => Box::new(Json::new(out)),
    };
    output.begin()?;
    let mut total = Total::default();
    for path in &args.files {
        files::visit(path, &mut |found| {
            total.add(&found);
            output.file(&found)
        })?;
    }
    output.end(&total)?;
    Ok(ExitCode::from(total.status()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_heaviest_finding_decides_unless_a_file_could_not_be_read() {
        let total = |by_severity, unreadable| Total { clean: 9, by_severity, unreadable };
        for (by_severity, status) in
            [([0, 0, 0, 0], 0), ([2, 0, 0, 0], 0), ([1, 1, 0, 0], 3), ([0, 1, 1, 0], 4), ([1, 1, 1, 1], 5)]
        {
            assert_eq!(total(by_severity, 0).status(), status);
            assert_eq!(total(by_severity, 1).status(), 1);
        }
    }
}
