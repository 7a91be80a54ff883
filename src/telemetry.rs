//! The log: one line per event on stderr, as text for people or as JSON for machines. Knows nothing of requests.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;

use env_logger::{Builder, Target};
use log::kv::{self, VisitSource};
use log::{Level, Metadata, Record, SetLoggerError};
use serde_json::Value;

use crate::config::{Log, LogFormat};

/// Starts logging. An error means that somebody did so before.
pub fn init_logs(settings: &Log) -> Result<(), SetLoggerError> {
    let line = match settings.format {
        LogFormat::Text => text_line,
        LogFormat::Json => json_line,
    };
    let logger = Builder::new()
        .parse_filters(settings.level.as_str())
        .target(Target::Stderr)
        .format(move |out, record| {
            let at = out.timestamp_millis().to_string();
            writeln!(out, "{}", line(&at, record))
        })
        .build();
    let max_level = logger.filter();
    log::set_boxed_logger(Box::new(Quieter(logger)))?;
    log::set_max_level(max_level);
    Ok(())
}

/// A logger to which what actix says of itself at info, a line for each listener and its workers, is debug.
struct Quieter(env_logger::Logger);

impl Quieter {
    fn level(metadata: &Metadata<'_>) -> Level {
        match metadata.level() {
            Level::Info if metadata.target().starts_with("actix_") => Level::Debug,
            level => level,
        }
    }
}

impl log::Log for Quieter {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        let quieter = Metadata::builder().level(Self::level(metadata)).target(metadata.target()).build();
        self.0.enabled(&quieter)
    }

    fn log(&self, record: &Record<'_>) {
        self.0.log(&record.to_builder().level(Self::level(record.metadata())).build());
    }

    fn flush(&self) {
        self.0.flush();
    }
}

/// `<time> <level> <target>: <message> key=value …`, always on one line.
fn text_line(at: &str, record: &Record<'_>) -> String {
    let mut line = format!("{at} {:<5} {}: ", record.level(), record.target());
    push_escaped(&mut line, &record.args().to_string());
    for (key, value) in members(record) {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let bare = !text.is_empty() && !text.contains(|c: char| c.is_whitespace() || c.is_control() || c == '"');
        // Writing to a string cannot fail.
        let _ = if bare { write!(line, " {key}={text}") } else { write!(line, " {key}={text:?}") };
    }
    line
}

/// One JSON object: `ts`, `level`, `target`, `message`, then the record's key-values.
fn json_line(at: &str, record: &Record<'_>) -> String {
    let mut object = serde_json::Map::new();
    object.insert("ts".to_owned(), at.into());
    object.insert("level".to_owned(), record.level().as_str().to_ascii_lowercase().into());
    object.insert("target".to_owned(), record.target().into());
    object.insert("message".to_owned(), record.args().to_string().into());
    for (key, value) in members(record) {
        object.entry(key).or_insert(value);
    }
    Value::Object(object).to_string()
}

/// A line break in a message would let a client's text pass for a line of ours.
fn push_escaped(line: &mut String, message: &str) {
    for c in message.chars() {
        if c.is_control() { line.extend(c.escape_default()) } else { line.push(c) }
    }
}

fn members(record: &Record<'_>) -> BTreeMap<String, Value> {
    struct Members(BTreeMap<String, Value>);

    impl<'kvs> VisitSource<'kvs> for Members {
        fn visit_pair(&mut self, key: kv::Key<'kvs>, value: kv::Value<'kvs>) -> Result<(), kv::Error> {
            let json = serde_json::to_value(&value).unwrap_or_else(|_| value.to_string().into());
            self.0.insert(key.to_string(), json);
            Ok(())
        }
    }

    let mut members = Members(BTreeMap::new());
    // The visitor never fails, and a source that does has given what it could.
    let _ = record.key_values().visit(&mut members);
    members.0
}

#[cfg(test)]
mod tests {
    use log::Log as _;

    use super::*;

    fn with_record(check: impl FnOnce(&Record<'_>)) {
        let members: &[(&str, kv::Value<'_>)] =
            &[("status", 200.into()), ("request.id", "r-1".into()), ("error", "two words".into())];
        let builder = &mut Record::builder();
        let builder = builder.level(Level::Info).target("access").key_values(&members);
        check(&builder.args(format_args!("a\nb")).build());
    }

    #[test]
    fn what_actix_says_of_itself_is_debug() {
        for (filter, target, level, is_shown) in [
            ("info", "actix_server::builder", Level::Info, false),
            ("debug", "actix_server::builder", Level::Info, true),
            ("info", "actix_server::builder", Level::Warn, true),
            ("info", "modelport::runtime", Level::Info, true),
            ("info", "modelport::runtime", Level::Debug, false),
        ] {
            let logger = Quieter(Builder::new().parse_filters(filter).build());
            let metadata = Metadata::builder().level(level).target(target).build();
            assert_eq!(logger.enabled(&metadata), is_shown, "{target} at {level} with {filter}");
        }
    }

    #[test]
    fn a_text_line_is_one_line() {
        with_record(|record| {
            let line = text_line("T", record);
            assert_eq!(line, r#"T INFO  access: a\nb error="two words" request.id=r-1 status=200"#);
        });
    }

    #[test]
    fn a_json_line_keeps_types() {
        with_record(|record| {
            let line: Value = serde_json::from_str(&json_line("T", record)).unwrap();
            let expected = serde_json::json!({
                "ts": "T", "level": "info", "target": "access", "message": "a\nb",
                "status": 200, "request.id": "r-1", "error": "two words",
            });
            assert_eq!(line, expected);
        });
    }
}
