//! What a model of Geti becomes here: a registered model for its group, a version for its trained model, an artifact.

use serde_json::{Map, Value as Json};

use super::tree::{Tree, Wanted};
use crate::domain::{ArtifactState, Draft, Error, FilePath, Properties, Result, Value};
use crate::registry::imports::Arrival;

/// The longest name, in characters.
const LONGEST: usize = 400;

/// The drafts of what a model becomes. The artifact's free properties have the names of the edge registry's fields.
pub(super) fn arrival(server: &str, tree: &Tree, wanted: Wanted<'_>) -> Result<Arrival> {
    let Wanted { group, trained, leaf } = wanted;
    let named = |name: &str, id: String| -> Result<Draft> {
        let name: String = name.chars().filter(|each| *each != '\0').take(LONGEST).collect();
        let name = if name.is_empty() { "unnamed".to_owned() } else { name };
        Ok(Draft { external_id: Some(id.parse()?), ..Draft::named(name.parse()?) })
    };
    let model = named(&format!("{} - {}", tree.name, group.name), format!("geti:{}", group.id))?;
    let version = named(&trained.version.to_string(), format!("geti:{}", trained.id))?;
    let artifact = named(&leaf.name, leaf.id.clone())?;
    let origin = properties([("origin", "Geti"), ("project_id", &tree.id), ("project_name", &tree.name)]);
    Ok(Arrival {
        model: Draft { custom: origin.clone(), ..model.with("state", Some("LIVE")).with("provider", Some("Geti")) },
        version: Draft { custom: with(&trained.training, origin.clone()), ..version.with("state", Some("LIVE")) },
        artifact: Draft {
            state: Some(ArtifactState::Live.number()),
            custom: custom(server, tree, wanted, origin),
            ..artifact
                .with("model_format_name", Some("openvino"))
                .with("model_source_kind", Some("geti"))
                .with("model_source_group", Some(tree.id.as_str()))
                .with("model_source_id", Some(leaf.id.as_str()))
        },
    })
}

fn custom(server: &str, tree: &Tree, wanted: Wanted<'_>, origin: Properties) -> Properties {
    let Wanted { group, trained, leaf } = wanted;
    // The name is that of the group, and the version the number of the trained model as text (edge registry).
    let texts = properties([
        ("name", group.name.as_str()),
        ("version", &trained.version.to_string()),
        ("format", "openvino"),
        ("category", &tree.category),
        ("geti_server", server),
        ("model_name", &leaf.name),
        ("model_group_id", &group.id),
        ("base_model_id", &trained.id),
    ]);
    let mut all = with(&leaf.properties, origin);
    all.extend(texts);
    all
}

fn properties<const N: usize>(texts: [(&str, &str); N]) -> Properties {
    let told = texts.into_iter().filter(|(_, text)| !text.is_empty());
    told.map(|(name, text)| (name.to_owned(), Value::from(text.replace('\0', "").as_str()))).collect()
}

/// JSON as free properties, each of the kind that it has. Null is nothing; the edge registry stored it as `None`.
pub(super) fn with(json: &Map<String, Json>, mut properties: Properties) -> Properties {
    for (name, value) in json {
        let value = match value {
            Json::Null => continue,
            Json::Bool(value) => Value::Bool(*value),
            Json::String(text) => Value::from(text.replace('\0', "").as_str()),
            Json::Number(number) => match (number.as_i64(), number.as_f64()) {
                // A score of 1 is a number like one of 0.9.
                (_, Some(number)) if name == "score" => Value::Double(number),
                (Some(number), _) => Value::Int(number),
                (None, Some(number)) => Value::Double(number),
                (None, None) => continue,
            },
            Json::Array(_) | Json::Object(_) => Value::Struct(value.clone()),
        };
        properties.insert(name.clone(), value);
    }
    properties
}

/// The folder in which all of a package lies, as it did in the edge registry: DL Streamer takes an archive's first member for
/// its folder, and passes by whatever is not in it.
pub(super) fn folder(tree: &Tree) -> Result<FilePath> {
    path_of(&slug(tree))
}

/// Where the package is kept below the artifact: as the edge registry named it in its bucket.
pub(super) fn path(tree: &Tree, id: &str) -> Result<FilePath> {
    path_of(&format!("{id}/{}.zip", slug(tree)))
}

fn path_of(text: &str) -> Result<FilePath> {
    text.parse().map_err(|error: Error| Error::internal("a path is none").caused_by(error))
}

fn slug(tree: &Tree) -> String {
    let plain = |each: char| match each {
        ' ' => Some('-'),
        '.' => None,
        each if each.is_alphanumeric() || matches!(each, '-' | '_') => Some(each),
        _ => Some('_'),
    };
    let slug: String = tree.name.to_lowercase().chars().filter_map(plain).take(100).collect();
    if slug.is_empty() { "project".to_owned() } else { slug }
}
