//! The names of models, aliases and versions: what requests may give to new ones, and how they mean those that are
//! there.

use crate::domain::{Alias, Error, Name, NodeId, Result};
use crate::input::{Input, missing};
use crate::registry::numbered::{ModelSpelling, OtherSpelling};

/// What stands for the first slash of a name in a URI of a model.
const SLASH: &str = "--";

/// What stands before the id of a model whose name a URI cannot have.
const ID: char = '~';

/// The name of a new model, as upstream takes it (`_validate_model_name` in `mlflow/utils/validation.py`).
///
/// Errors: InvalidArgument.
pub fn new_name(input: &Input, field: &str) -> Result<Name> {
    let name = input.required_text(field)?;
    if name.trim().is_empty() {
        return Err(missing(field));
    }
    let shown = name.escape_debug();
    if name.contains(['/', ':']) {
        return Err(Error::invalid(field, format!("Invalid model name '{shown}'. Names cannot contain '/' or ':'.")));
    }
    if matches!(name, "." | "..") {
        return Err(Error::invalid(field, format!("Invalid model name '{shown}'. Names must not be paths.")));
    }
    name.parse().map_err(|error: Error| error.on_field(field))
}

/// The model that a request means: that of the name, or else the one whose name is spelled so in URIs, which can have
/// no slash.
///
/// Errors: InvalidArgument where it is no name.
pub fn model_named(input: &Input) -> Result<ModelSpelling> {
    spelled(input.required_text("name")?)
}

/// The same of any text.
pub fn spelled(text: &str) -> Result<ModelSpelling> {
    let otherwise = match text.strip_prefix(ID) {
        Some(id) => id.parse::<NodeId>().ok().map(OtherSpelling::Id),
        None if text.contains(SLASH) => Some(OtherSpelling::Name(text.replacen(SLASH, "/", 1).parse()?)),
        None => None,
    };
    Ok(ModelSpelling { name: text.parse()?, otherwise })
}

/// A new alias. Upstream takes fewer than other protocols: words without dots, and none that looks like the number of a
/// version.
///
/// Errors: InvalidArgument.
pub fn new_alias(input: &Input) -> Result<Alias> {
    let text = input.required_text("alias")?;
    let shown = text.escape_debug();
    if !text.chars().all(|char| char.is_alphanumeric() || matches!(char, '_' | '-')) {
        return Err(Error::invalid(
            "alias",
            format!(
                "Invalid alias name: '{shown}'. Names may only contain alphanumerics, underscores (_), and dashes (-)."
            ),
        ));
    }
    if let Some(digits) = text.strip_prefix(['v', 'V'])
        && !digits.is_empty()
        && digits.chars().all(char::is_numeric)
    {
        return Err(Error::invalid("alias", format!("Version alias name '{shown}' is reserved.")));
    }
    text.parse()
}

/// The number of a version, as a text or, from old clients, a number.
///
/// Errors: InvalidArgument.
pub fn number(input: &Input) -> Result<i64> {
    let number = input
        .int("version")
        .map_err(|error| Error::invalid("version", "Parameter 'version' must be an integer.").caused_by(error))?;
    number.ok_or_else(|| missing("version"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn input(body: &serde_json::Value) -> Input {
        Input::of_body(body.to_string().as_bytes()).unwrap()
    }

    #[test]
    fn new_names_have_no_slash_and_are_not_blank() {
        for good in ["a", "a b", "größe", "...", "a--b", "~1"] {
            assert_eq!(new_name(&input(&json!({"name": good})), "name").unwrap().as_str(), good);
        }
        for bad in ["", "  ", "a/b", "a:b", ".", "..", "a\u{0}b"] {
            let error = new_name(&input(&json!({"new_name": bad})), "new_name").unwrap_err();
            assert_eq!(error.field(), Some("new_name"), "{bad}");
        }
    }

    #[test]
    fn a_name_is_meant_as_it_is_written_first() {
        let spelling = |text: &str| spelled(text).unwrap();
        assert_eq!(spelling("a/b").otherwise, None);
        assert_eq!(spelling("a--b--c").otherwise, Some(OtherSpelling::Name("a/b--c".parse().unwrap())));
        assert_eq!(spelling("~12").otherwise, Some(OtherSpelling::Id(NodeId(12))));
        assert_eq!(spelling("~12").name.as_str(), "~12");
        assert_eq!(spelling("~x").otherwise, None);
    }

    #[test]
    fn aliases_are_words_that_mean_no_version() {
        for good in ["champion", "größte_1-a", "v1a", "version1", "v"] {
            assert_eq!(new_alias(&input(&json!({"alias": good}))).unwrap().as_str(), good);
        }
        for bad in ["", "a.b", "a b", "v1", "V12", "latest", "LATEST", &"a".repeat(256)] {
            assert!(new_alias(&input(&json!({"alias": bad}))).is_err(), "{bad}");
        }
    }

    #[test]
    fn numbers_are_texts_or_numbers() {
        assert_eq!(number(&input(&json!({"version": "12"}))).unwrap(), 12);
        assert_eq!(number(&input(&json!({"version": 12}))).unwrap(), 12);
        for bad in [json!({}), json!({"version": "a"}), json!({"version": "1.5"}), json!({"version": ["1"]})] {
            assert_eq!(number(&input(&bad)).unwrap_err().field(), Some("version"), "{bad}");
        }
    }
}
