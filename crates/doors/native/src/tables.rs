//! Lists as tables: which columns each has.

use super::changes::ChangeView;
use super::csv::{Cell, Column, Table, property};
use super::deployments::DeploymentView;
use super::listed::{ModelRow, VersionRow};

impl Table for ModelRow {
    const COLUMNS: &'static [Column<Self>] = &[
        ("id", |row| row.model.id.as_str().into()),
        ("name", |row| row.model.name.clone().into()),
        ("externalId", |row| row.model.external_id.clone().into()),
        ("state", |row| property(&row.model, "state")),
        ("owner", |row| property(&row.model, "owner")),
        ("description", |row| property(&row.model, "description")),
        ("createdAt", |row| row.model.created_at.into()),
        ("updatedAt", |row| row.model.updated_at.into()),
        ("versions", |row| row.versions.into()),
        ("moreVersions", |row| row.more_versions.into()),
        ("aliases", |row| joined(row.aliases.iter().map(|alias| alias.alias.as_str()))),
        ("latestVersion", |row| of_latest(row, |latest| latest.version.name.clone().into())),
        ("files", |row| of_latest(row, |latest| latest.files.into())),
        ("size", |row| of_latest(row, |latest| latest.size.into())),
        ("verdict", |row| of_latest(row, |latest| latest.verdict.into())),
        ("formats", |row| of_latest(row, |latest| joined(latest.formats.iter().map(String::as_str)))),
        ("quarantined", |row| of_latest(row, |latest| latest.quarantined.into())),
    ];
}

impl Table for VersionRow {
    const COLUMNS: &'static [Column<Self>] = &[
        ("id", |row| row.version.id.as_str().into()),
        ("name", |row| row.version.name.clone().into()),
        ("number", |row| row.number.into()),
        ("externalId", |row| row.version.external_id.clone().into()),
        ("state", |row| property(&row.version, "state")),
        ("author", |row| property(&row.version, "author")),
        ("description", |row| property(&row.version, "description")),
        ("createdAt", |row| row.version.created_at.into()),
        ("updatedAt", |row| row.version.updated_at.into()),
        ("aliases", |row| joined(row.aliases.iter().map(String::as_str))),
        ("files", |row| row.files.into()),
        ("size", |row| row.size.into()),
        ("verdict", |row| row.verdict.into()),
        ("formats", |row| joined(row.formats.iter().map(String::as_str))),
        ("quarantined", |row| row.quarantined.into()),
    ];
}

impl Table for DeploymentView {
    const COLUMNS: &'static [Column<Self>] = &[
        ("id", |row| row.service.id.as_str().into()),
        ("name", |row| row.service.name.clone().into()),
        ("externalId", |row| row.service.external_id.clone().into()),
        ("environment", |row| row.environment.clone().into()),
        ("model", |row| row.model.clone().into()),
        ("modelId", |row| row.model_id.clone().into()),
        ("version", |row| row.version.clone().into()),
        ("versionId", |row| row.version_id.clone().into()),
        ("followsLatest", |row| row.follows_latest.into()),
        ("aliases", |row| joined(row.aliases.iter().map(String::as_str))),
        ("deployedVersion", |row| row.deployed_version.clone().into()),
        ("desiredState", |row| property(&row.service, "desired_state")),
        ("runtime", |row| property(&row.service, "runtime")),
        ("createdAt", |row| row.service.created_at.into()),
        ("updatedAt", |row| row.service.updated_at.into()),
    ];
}

impl Table for ChangeView {
    const COLUMNS: &'static [Column<Self>] = &[
        ("id", |row| row.id.into()),
        ("position", |row| row.position.into()),
        ("at", |row| row.at.into()),
        ("actor", |row| row.actor.as_str().into()),
        ("action", |row| row.action.as_str().into()),
        ("nodeId", |row| row.node_id.as_str().into()),
        ("type", |row| row.node.as_ref().and_then(|node| node.type_name.clone()).into()),
        ("name", |row| row.node.as_ref().and_then(|node| node.name.clone()).into()),
        ("revision", |row| row.revision.into()),
        ("requestId", |row| row.request_id.clone().into()),
        ("clientRequestId", |row| row.client_request_id.clone().into()),
        ("document", |row| row.document.to_string().into()),
    ];
}

/// What the latest version of a model has, where it has one.
fn of_latest(row: &ModelRow, cell: fn(&VersionRow) -> Cell) -> Cell {
    row.latest_version.as_ref().map_or(Cell::Empty, cell)
}

/// Several words in one cell. None of aliases and formats has a blank.
fn joined<'a>(words: impl Iterator<Item = &'a str>) -> Cell {
    words.collect::<Vec<_>>().join(" ").into()
}
