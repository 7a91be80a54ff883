//! Model cards: the YAML front matter of a `README.md`.

use serde_json::Value;

use super::error::{ParseError, ParseResult};
use super::finding::Rule;
use super::inspection::Inspection;
use super::source::{Source, read_head};
use super::yaml;

/// Reads a card. A text without front matter is none, and one whose front matter cannot be read says nothing: it is for
/// people to read, and nothing loads it.
pub(super) fn read(seen: &mut Inspection, source: &dyn Source) -> ParseResult<()> {
    let bytes = read_head(source, yaml::MAX_BYTES)?;
    let text = String::from_utf8_lossy(&bytes);
    let text = text.trim_start_matches('\u{feff}');
    let Some(front) = front(text) else { return Ok(()) };
    let card = match yaml::parse(front) {
        Ok(Value::Object(card)) => card,
        Ok(_) => return Ok(()),
        Err(ParseError::Failed(error)) => return Err(error.into()),
        Err(ParseError::Malformed(why) | ParseError::Limit(why)) => {
            seen.add_finding(Rule::CardUnreadable, "", format!("the front matter: {why}"));
            return Ok(());
        }
        Err(ParseError::Truncated) => {
            seen.add_finding(Rule::CardUnreadable, "", "the front matter ends too early");
            return Ok(());
        }
    };
    seen.set_format("model-card", None);
    for name in
        ["license", "license_name", "library_name", "pipeline_tag", "base_model_relation", "model_name", "thumbnail"]
    {
        if let Some(text) = card.get(name).and_then(Value::as_str) {
            seen.text(name, text);
        }
    }
    for (name, fact) in [
        ("base_model", "base_model"),
        ("language", "language"),
        ("tags", "tags"),
        ("datasets", "datasets"),
        ("metrics", "metrics"),
    ] {
        match card.get(name) {
            Some(Value::String(text)) => seen.text(fact, text),
            // A single base model is filtered by its name.
            Some(Value::Array(items)) if fact == "base_model" && items.len() == 1 => {
                seen.text(fact, items.first().and_then(Value::as_str).unwrap_or_default());
            }
            Some(Value::Array(items)) => {
                let texts: Vec<_> =
                    items.iter().filter(|item| item.is_string() || item.is_boolean()).take(1000).cloned().collect();
                seen.json(fact, texts.into());
            }
            _ => {}
        }
    }
    if let Some(results) = card.get("model-index").filter(|results| results.is_array()) {
        seen.json("model_index", results.clone());
    }
    Ok(())
}

/// What stands between the first line, which is `---`, and the next such line.
fn front(text: &str) -> Option<&str> {
    let rest = text.strip_prefix("---")?;
    let (first, rest) = rest.split_once('\n')?;
    if !first.trim().is_empty() {
        return None;
    }
    let mut at = 0;
    for line in rest.split_inclusive('\n') {
        if line.trim_end() == "---" {
            return rest.get(..at);
        }
        at += line.len();
    }
    None
}
