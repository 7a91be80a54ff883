//! Maps a model of Geti to drafts: a registered model for its group, a version for its trained model, an artifact.

use serde_json::{Map, Value as Json};

use super::project::{Project, SelectedModel};
use crate::domain::{ArtifactState, Draft, Error, FilePath, Properties, Result, Value};
use crate::registry::imports::ModelImport;

/// The maximum length of a name, in characters.
const MAX_NAME_CHARS: usize = 400;

/// The drafts for a model. The artifact's free properties have the names of the edge registry's fields.
pub(super) fn drafts(server: &str, project: &Project, selected: SelectedModel<'_>) -> Result<ModelImport> {
    let SelectedModel { group, trained, model } = selected;
    let named = |name: &str, id: String| -> Result<Draft> {
        let name: String = name.chars().filter(|each| *each != '\0').take(MAX_NAME_CHARS).collect();
        let name = if name.is_empty() { "unnamed".to_owned() } else { name };
        Ok(Draft { external_id: Some(id.parse()?), ..Draft::named(name.parse()?) })
    };
    let model_draft = named(&format!("{} - {}", project.name, group.name), format!("geti:{}", group.id))?;
    let version_draft = named(&trained.version.to_string(), format!("geti:{}", trained.id))?;
    let artifact_draft = named(&model.name, model.id.clone())?;
    let origin = properties([("origin", "Geti"), ("project_id", &project.id), ("project_name", &project.name)]);
    Ok(ModelImport {
        model: Draft {
            custom: origin.clone(),
            ..model_draft.with("state", Some("LIVE")).with("provider", Some("Geti"))
        },
        version: Draft { custom: with(&trained.training, origin.clone()), ..version_draft.with("state", Some("LIVE")) },
        artifact: Draft {
            state: Some(ArtifactState::Live.number()),
            custom: custom(server, project, selected, origin),
            ..artifact_draft
                .with("model_format_name", Some("openvino"))
                .with("model_source_kind", Some("geti"))
                .with("model_source_group", Some(project.id.as_str()))
                .with("model_source_id", Some(model.id.as_str()))
        },
    })
}

fn custom(server: &str, project: &Project, selected: SelectedModel<'_>, origin: Properties) -> Properties {
    let SelectedModel { group, trained, model } = selected;
    // The name is that of the group, and the version the number of the trained model as text (edge registry).
    let texts = properties([
        ("name", group.name.as_str()),
        ("version", &trained.version.to_string()),
        ("format", "openvino"),
        ("category", &project.category),
        ("geti_server", server),
        ("model_name", &model.name),
        ("model_group_id", &group.id),
        ("base_model_id", &trained.id),
    ]);
    let mut all = with(&model.properties, origin);
    all.extend(texts);
    all
}

fn properties<const N: usize>(texts: [(&str, &str); N]) -> Properties {
    let told = texts.into_iter().filter(|(_, text)| !text.is_empty());
    told.map(|(name, text)| (name.to_owned(), Value::from(text.replace('\0', "").as_str()))).collect()
}

/// JSON as free properties, each of the kind that it has. Null is left out; the edge registry stored it as `None`.
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

/// The folder in which all of a package lies, as it did in the edge registry: DL Streamer reads the folder of an archive's first
/// member, and ignores everything outside it.
pub(super) fn folder(project: &Project) -> Result<FilePath> {
    path_of(&slug(project))
}

/// Where the package is kept below the artifact: as the edge registry named it in its bucket.
pub(super) fn path(project: &Project, id: &str) -> Result<FilePath> {
    path_of(&format!("{id}/{}.zip", slug(project)))
}

fn path_of(text: &str) -> Result<FilePath> {
    text.parse().map_err(|error: Error| Error::internal("a path is none").caused_by(error))
}

fn slug(project: &Project) -> String {
    let plain = |each: char| match each {
        ' ' => Some('-'),
        '.' => None,
        each if each.is_alphanumeric() || matches!(each, '-' | '_') => Some(each),
        _ => Some('_'),
    };
    let slug: String = project.name.to_lowercase().chars().filter_map(plain).take(100).collect();
    if slug.is_empty() { "project".to_owned() } else { slug }
}
