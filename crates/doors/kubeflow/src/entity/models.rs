//! Registered models and their versions.

use super::{Entity, Mutability, Storage, WireType, life, list, member, text};
use crate::domain::LogicalType;

/// A registered model.
pub static REGISTERED_MODEL: Entity = Entity {
    logical: LogicalType::RegisteredModel,
    schema: "RegisteredModel",
    artifact_type: None,
    name_required: true,
    members: &[
        text("readme", "readme", "Model documentation in Markdown."),
        text("maturity", "maturity", "Maturity level of the model."),
        list("language", "language", "Languages that the model supports."),
        list("tasks", "tasks", "Tasks that the model is made for."),
        text("provider", "provider", "Name of the organization or entity that provides the model."),
        text("logo", "logo", "URL of the model's logo, or a data URL."),
        text("license", "license", "Short name of the model's license."),
        text("licenseLink", "license_link", "URL of the license text."),
        text("libraryName", "library_name", "Name of the library that the model is for."),
        text("owner", "owner", "Who is responsible for the model."),
        life("RegisteredModelState"),
    ],
};

/// A model version.
pub static MODEL_VERSION: Entity = Entity {
    logical: LogicalType::ModelVersion,
    schema: "ModelVersion",
    artifact_type: None,
    name_required: true,
    members: &[
        life("ModelVersionState"),
        text("author", "author", "Name of the author."),
        member(
            "registeredModelId",
            Storage::Home,
            WireType::Id,
            Mutability::Required,
            "Id of the registered model that the version belongs to.",
        ),
    ],
};
