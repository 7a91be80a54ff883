//! What `modelport inspect` prints: a table for people, or a JSON document for programs.

use std::collections::BTreeMap;
use std::io::{self, Write};

use modelport_inspect::{Fact, Finding, Import, READER_VERSION, RULES_VERSION, Severity, verdict_name};
use serde::Serialize;

use super::Total;
use super::files::{Content, Found};

/// The maximum number of characters of a value in the table.
const MAX_SHOWN: usize = 100;

/// Where files go, one after the other.
pub(super) trait Output {
    fn begin(&mut self) -> io::Result<()>;
    fn file(&mut self, found: &Found) -> io::Result<()>;
    fn end(&mut self, total: &Total) -> io::Result<()>;
}

/// For people.
pub(super) struct Table<W>(W);

impl<W: Write> Table<W> {
    pub(super) fn new(out: W) -> Self {
        Self(out)
    }

    fn row(&mut self, verdict: &str, format: &str, found: &Found) -> io::Result<()> {
        writeln!(self.0, "{verdict:<12}{format:<23} {}", printable(&found.path.to_string_lossy()))
    }

    fn detail(&mut self, name: &str, value: &str) -> io::Result<()> {
        let mut shown: String = value.chars().take(MAX_SHOWN).collect();
        if shown.len() < value.len() {
            shown.push('…');
        }
        writeln!(self.0, "{:12}{name:<23} {}", "", printable(&shown))
    }
}

impl<W: Write> Output for Table<W> {
    fn begin(&mut self) -> io::Result<()> {
        writeln!(self.0, "{:<12}{:<24}FILE", "VERDICT", "FORMAT")
    }

    fn file(&mut self, found: &Found) -> io::Result<()> {
        let inspection = match &found.content {
            Ok(content) => &content.inspection,
            Err(error) => {
                self.row("unreadable", "", found)?;
                return writeln!(self.0, "{:12}{}", "", printable(&error.to_string()));
            }
        };
        let format = inspection.format.as_ref().map_or("-".to_owned(), |format| match &format.version {
            Some(version) => format!("{} {version}", format.name),
            None => format.name.clone(),
        });
        self.row(verdict_name(inspection.severity()), &printable(&format), found)?;
        for finding in inspection.verdict() {
            let place = if finding.place.is_empty() { String::new() } else { format!(" in `{}`", finding.place) };
            // What was found is told whole, unlike a fact.
            writeln!(
                self.0,
                "{:12}{}{}: {}",
                "",
                finding.severity().name(),
                printable(&place),
                printable(&format!("{} ({})", finding.message, finding.rule))
            )?;
        }
        for (name, fact) in &inspection.facts {
            let value = match fact {
                Fact::Integer(number) => number.to_string(),
                Fact::Text(text) => text.clone(),
                Fact::Json(json) => json.to_string(),
            };
            self.detail(name, &value)?;
        }
        self.0.flush()
    }

    fn end(&mut self, total: &Total) -> io::Result<()> {
        let heavier = Severity::ALL.into_iter().map(Severity::name).zip(total.by_severity);
        let counts = [("clean", total.clean)].into_iter().chain(heavier).chain([("unreadable", total.unreadable)]);
        let counts: Vec<_> =
            counts.filter(|(_, files)| *files > 0).map(|(name, files)| format!("{files} {name}")).collect();
        writeln!(self.0, "{}", if counts.is_empty() { "no files".to_owned() } else { counts.join(", ") })?;
        self.0.flush()
    }
}

/// The text without what would steer a terminal.
fn printable(text: &str) -> String {
    let mut printable = String::with_capacity(text.len());
    for each in text.chars() {
        match each {
            '\'' | '"' | '\\' => printable.push(each),
            _ => printable.extend(each.escape_debug()),
        }
    }
    printable
}

/// For programs. Its members have the names that the native API has for the same.
pub(super) struct Json<W> {
    out: W,
    is_first: bool,
}

impl<W: Write> Json<W> {
    pub(super) fn new(out: W) -> Self {
        Self { out, is_first: true }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FileView<'a> {
    path: String,
    #[serde(flatten)]
    content: ContentView<'a>,
}

#[derive(Serialize)]
#[serde(untagged, rename_all_fields = "camelCase")]
enum ContentView<'a> {
    Read {
        size: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        format: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        format_version: Option<&'a str>,
        verdict: &'static str,
        facts: &'a BTreeMap<String, Fact>,
        findings: Vec<FindingView>,
        imports: Vec<String>,
    },
    Unreadable {
        error: String,
    },
}

#[derive(Serialize)]
struct FindingView {
    rule: &'static str,
    severity: &'static str,
    message: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    place: String,
}

impl From<Finding> for FindingView {
    fn from(finding: Finding) -> Self {
        Self {
            rule: finding.rule.id(),
            severity: finding.severity().name(),
            message: finding.message,
            place: finding.place,
        }
    }
}

impl<'a> From<&'a Content> for ContentView<'a> {
    fn from(content: &'a Content) -> Self {
        let inspection = &content.inspection;
        let format = inspection.format.as_ref();
        Self::Read {
            size: content.size,
            format: format.map(|format| format.name.as_str()),
            format_version: format.and_then(|format| format.version.as_deref()),
            verdict: verdict_name(inspection.severity()),
            facts: &inspection.facts,
            findings: inspection.verdict().into_iter().map(FindingView::from).collect(),
            imports: inspection.imports.iter().map(Import::full_name).collect(),
        }
    }
}

impl<W: Write> Output for Json<W> {
    fn begin(&mut self) -> io::Result<()> {
        write!(self.out, "{{\"files\":[")
    }

    fn file(&mut self, found: &Found) -> io::Result<()> {
        let content = match &found.content {
            Ok(content) => content.into(),
            Err(error) => ContentView::Unreadable { error: error.to_string() },
        };
        let view = FileView { path: found.path.to_string_lossy().into_owned(), content };
        let separator = if self.is_first { "\n" } else { ",\n" };
        self.is_first = false;
        write!(self.out, "{separator}{}", serde_json::to_string(&view)?)
    }

    fn end(&mut self, total: &Total) -> io::Result<()> {
        let (verdict, unreadable) = (verdict_name(total.heaviest()), total.unreadable);
        writeln!(
            self.out,
            "\n],\"verdict\":\"{verdict}\",\"unreadable\":{unreadable},\"readerVersion\":{READER_VERSION},\"rulesVersion\":{RULES_VERSION}}}"
        )?;
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_steers_a_terminal() {
        assert_eq!(printable("it's `a\\b` \"é\""), "it's `a\\b` \"é\"");
        assert_eq!(printable("\u{1b}[2J\r\n\u{202e}x"), "\\u{1b}[2J\\r\\n\\u{202e}x");
    }
}
