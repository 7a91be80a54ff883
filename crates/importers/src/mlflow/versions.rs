//! Versions of registered models and prompts, each with the files that it has there.

use std::collections::HashMap;

use serde_json::Value as Json;

use super::client::Answer;
use super::failure::Failure;
use super::importing::{Importing, api, becomes, read};
use super::mapping::{IS_PROMPT, custom, digest};
use super::models::Model;
use super::place::Place;
use super::wire::{DownloadUri, ModelVersion as Said};
use crate::domain::imports::mlflow::{Became, ImportedKind};
use crate::domain::tracking::LoggedModelId;
use crate::domain::{FilePath, LogicalType, Stage};
use crate::registry::numbered::{ImportedVersion, NewVersion, VersionSource};
use crate::registry::target::Target;
use crate::registry::tracking::imported::{Completed, Known};
use crate::registry::tracking::run_files::Folder;

/// How many versions a page has.
const PAGE: &str = "200";

/// Where the files of a version are.
enum Files {
    /// In a run or a logged model that is here.
    Here(VersionSource),
    /// At the server, which gives them out.
    There(Place),
    /// At the server, which does not give them out, or nowhere.
    Unreachable(String),
    /// Elsewhere, at that place.
    Elsewhere(String),
}

impl Importing {
    /// Imports the versions of a model, in the order of their numbers. Says whether any was made or changed.
    pub(super) async fn import_versions(&self, model: &Model) -> Answer<bool> {
        let name = model.name.as_str();
        let quote = if name.contains('\'') { '"' } else { '\'' };
        if name.contains(quote) {
            return Err(Failure::of_item("its versions cannot be asked for: its name has both kinds of quotes"));
        }
        let mut filter = format!("name = {quote}{name}{quote}");
        if model.is_prompt {
            filter.push_str(&format!(" AND tags.`{IS_PROMPT}` = 'true'"));
        }
        let mut is_changed = false;
        let mut token = String::new();
        loop {
            let order = Some("version_number ASC");
            let page = self.search(&["model-versions", "search"], Some(&filter), order, PAGE, &token).await?;
            let mut found = Vec::new();
            for said in &page.items {
                found.push((said, read::<Said>(said)?));
            }
            let numbers = found.iter().map(|(_, version)| version.version).collect();
            let known = match model.node {
                Some(node) => self.registry.models.known_versions(&self.context, node, numbers).await?,
                None => HashMap::new(),
            };
            for (said, version) in &found {
                let outcome = self.import_version(model, said, version, known.get(&version.version)).await;
                is_changed |= !matches!(outcome, Ok(Became::Unchanged));
                self.ended(ImportedKind::ModelVersion, &format!("{name}/{}", version.version), outcome)?;
            }
            match page.next_page_token.filter(|next| !next.is_empty() && *next != token) {
                Some(next) => token = next,
                None => return Ok(is_changed),
            }
        }
    }

    async fn import_version(
        &self,
        model: &Model,
        said: &Json,
        version: &Said,
        known: Option<&Known>,
    ) -> Answer<Became> {
        let (digest, number) = (digest(said), version.version);
        let became = becomes(known, &digest);
        if became == Became::Unchanged || self.wanted.dry_run {
            return Ok(became);
        }
        let id = format!("{}/{number}", model.name);
        let files = self.files_of(model, version, known.is_some()).await?;
        let (source, uri) = match &files {
            Files::Here(source) => (source.clone(), None),
            Files::There(_) => (VersionSource::Foreign, None),
            Files::Unreachable(uri) | Files::Elsewhere(uri) => {
                (VersionSource::Foreign, Some(uri.clone()).filter(|uri| !uri.is_empty()))
            }
        };
        let logged_model = match &files {
            Files::Here(VersionSource::LoggedModel(id, _)) => Some(id.clone()),
            _ => version.model_id.parse().ok().or_else(|| named_model(&version.source)),
        };
        let filled = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
        let created_at = version.creation_timestamp.unwrap_or_default();
        let imported = ImportedVersion {
            number,
            stage: version.current_stage.parse::<Stage>().unwrap_or_default(),
            new: NewVersion {
                model: model.name.clone().into(),
                source,
                source_text: version.source.clone(),
                run: filled(&version.run_id),
                must_be_of_run: false,
                logged_model,
                run_link: filled(&version.run_link),
                description: filled(&version.description),
                custom: custom(&version.tags),
            },
            uri,
            created_at,
        };
        let made = self.registry.models.import_version(&self.context, imported).await?;
        let is_whole = match &files {
            Files::There(place) => {
                let folder = Folder::Numbered(model.name.clone(), number);
                self.mirror(place, &folder, &Target::Artifact(made.artifact)).await?.are_all_here()
            }
            Files::Unreachable(uri) => {
                self.say(ImportedKind::ModelVersion, &id, format!("the server does not give out the files at `{uri}`"));
                false
            }
            Files::Here(_) | Files::Elsewhere(_) => true,
        };
        if !version.status.is_empty() && version.status != "READY" {
            let why = format!("its status is {}; here every version is READY", version.status.escape_debug());
            self.say(ImportedKind::ModelVersion, &id, why);
        }
        let done = Completed {
            logical: LogicalType::ModelVersion,
            node: made.version,
            times: Some((created_at, version.last_updated_timestamp.unwrap_or(created_at))),
            state: None,
            uri: None,
            digest: if is_whole { digest } else { String::new() },
        };
        self.registry.tracking.complete_import(&self.context, done).await?;
        Ok(if is_whole { became } else { Became::Left })
    }

    /// Where the files of a version are. One that was begun has what was here then; the rest is fetched.
    async fn files_of(&self, model: &Model, version: &Said, is_begun: bool) -> Answer<Files> {
        if model.is_prompt {
            return Ok(Files::Elsewhere(version.source.clone()));
        }
        let path = api(&["model-versions", "get-download-uri"]);
        let number = version.version.to_string();
        let query = [("name", model.name.as_str()), ("version", number.as_str())];
        let uri = match self.client.get::<DownloadUri>(&path, &query).await {
            Ok(uri) => uri.artifact_uri,
            // The version of a source that is gone.
            Err(failure) if failure.is_of_item => version.source.clone(),
            Err(failure) => return Err(failure),
        };
        let Some(place) = Place::of_uri(&uri) else { return Ok(Files::Elsewhere(uri)) };
        if !is_begun && let Some(source) = self.source_here(&place).await? {
            return Ok(Files::Here(source));
        }
        match place.list(&self.client, "").await {
            Ok(entries) if entries.is_empty() => Ok(Files::Unreachable(uri)),
            Ok(_) => Ok(Files::There(place)),
            Err(failure) if failure.is_of_item => Ok(Files::Unreachable(uri)),
            Err(failure) => Err(failure),
        }
    }

    /// The run or the logged model that has the files of a place, where that is here as a whole and has them.
    async fn source_here(&self, place: &Place) -> Answer<Option<VersionSource>> {
        let tracking = &self.registry.tracking;
        let path = |base: &str| Some(base).filter(|base| !base.is_empty()).map(str::parse::<FilePath>).transpose();
        let (folder, source, known) = if let Some((id, base)) = place.run() {
            let known = tracking.known_runs(&self.context, vec![id.clone()]).await?.remove(id);
            (Folder::Run(id.clone()), VersionSource::Run(id.clone(), path(base)?), known)
        } else if let Some((id, base)) = place.logged_model() {
            let known = tracking.known_logged_models(&self.context, vec![id.clone()]).await?.remove(id);
            (Folder::LoggedModel(id.clone()), VersionSource::LoggedModel(id.clone(), path(base)?), known)
        } else {
            return Ok(None);
        };
        if known.is_none_or(|known| known.digest.is_none_or(|digest| digest.is_empty())) {
            return Ok(None);
        }
        let below = match &source {
            VersionSource::Run(_, below) | VersionSource::LoggedModel(_, below) => below.clone(),
            _ => None,
        };
        match tracking.list_folder(&self.context, &folder, below).await {
            Ok((_, entries)) if !entries.is_empty() => Ok(Some(source)),
            Ok(_) => Ok(None),
            Err(error) => match Failure::from(error) {
                // A logged model that is removed.
                failure if failure.is_of_item => Ok(None),
                failure => Err(failure),
            },
        }
    }
}

/// The logged model that the source of a version names.
fn named_model(source: &str) -> Option<LoggedModelId> {
    let place = Place::of_uri(source);
    let named = place.as_ref().and_then(|place| place.logged_model()).map(|(id, _)| id.clone());
    named.or_else(|| source.strip_prefix("models:/")?.split('/').next()?.parse().ok())
}
