//! Registered models and prompts, with their aliases.

use std::collections::HashSet;

use serde_json::Value as Json;

use super::client::Answer;
use super::failure::Failure;
use super::importing::{Importing, api, becomes, read, words};
use super::mapping::{EXPERIMENT_IDS, IS_PROMPT, custom, digest};
use super::wire::{Page, RegisteredModel as Said};
use crate::domain::imports::mlflow::{Became, ImportedKind};
use crate::domain::{Alias, LogicalType, Name, NodeId, Properties, Value};
use crate::registry::tracking::imported::Completed;

/// How many models a page has.
const PAGE: &str = "100";

/// A registered model of the server's.
pub(super) struct Model {
    /// Its name.
    pub(super) name: Name,
    /// Its node; `None` where nothing is written.
    pub(super) node: Option<NodeId>,
    /// Whether it is a prompt.
    pub(super) is_prompt: bool,
}

impl Importing {
    /// Imports the registered models and prompts that are wanted, with their versions.
    pub(super) async fn import_models(&self) -> Answer<()> {
        let mut missing: HashSet<&String> = self.wanted.models.iter().collect();
        // Unless they are asked for, prompts are in no answer.
        let prompts = format!("tags.`{IS_PROMPT}` = 'true'");
        for (kind, filter) in [(ImportedKind::RegisteredModel, None), (ImportedKind::Prompt, Some(prompts.as_str()))] {
            let mut token = String::new();
            loop {
                let page = self.search(&["registered-models", "search"], filter, None, PAGE, &token).await?;
                for said in &page.items {
                    let model: Said = read(said)?;
                    let is_wanted = self.wanted.is_of_all() || self.wanted.models.contains(&model.name);
                    missing.remove(&model.name);
                    if is_wanted {
                        let outcome = self.import_model(kind, said, &model).await;
                        self.ended(kind, &model.name, outcome)?;
                    }
                }
                match page.next_page_token.filter(|next| !next.is_empty() && *next != token) {
                    Some(next) => token = next,
                    None => break,
                }
            }
        }
        match missing.iter().next() {
            Some(missing) => Err(Failure::missing(&format!("registered model or prompt `{missing}`"))),
            None => Ok(()),
        }
    }

    /// A page of a search by GET.
    pub(super) async fn search(
        &self,
        path: &[&str],
        filter: Option<&str>,
        order: Option<&str>,
        size: &str,
        token: &str,
    ) -> Answer<Page> {
        let mut query = vec![("max_results", size)];
        query.extend(filter.map(|filter| ("filter", filter)));
        query.extend(order.map(|order| ("order_by", order)));
        if !token.is_empty() {
            query.push(("page_token", token));
        }
        self.client.get(&api(path), &query).await
    }

    async fn import_model(&self, kind: ImportedKind, said: &Json, model: &Said) -> Answer<Became> {
        let name: Name = model.name.parse()?;
        let created_at = model.creation_timestamp.unwrap_or_default();
        // Versions are told apart by themselves.
        let mut own = said.clone();
        if let Some(members) = own.as_object_mut() {
            members.remove("latest_versions");
        }
        let digest = digest(&own);
        let known = self.registry.models.known_model(&self.context, &name).await?;
        if known.as_ref().is_some_and(|known| !known.is_of(created_at)) {
            return Err(Failure::of_item("another one of that name is here, which does not come from there"));
        }
        let became = becomes(known.as_ref(), &digest);
        let is_unchanged = became == Became::Unchanged;
        let mut node = known.map(|known| known.node);
        if !is_unchanged && !self.wanted.dry_run {
            let tags = self.tags_of(model);
            let description = model.description.as_deref();
            let models = &self.registry.models;
            node = Some(models.import_model(&self.context, &name, description, tags, created_at).await?);
        }
        let found = Model { name, node, is_prompt: kind == ImportedKind::Prompt };
        let is_changed = self.import_versions(&found).await?;
        let Some(node) = node.filter(|_| !self.wanted.dry_run && (is_changed || !is_unchanged)) else {
            return Ok(became);
        };
        self.import_aliases(&found, model, kind).await?;
        let done = Completed {
            logical: LogicalType::RegisteredModel,
            node,
            times: Some((created_at, model.last_updated_timestamp.unwrap_or(created_at))),
            state: None,
            uri: None,
            digest,
        };
        self.registry.tracking.complete_import(&self.context, done).await?;
        Ok(if is_unchanged { Became::Updated } else { became })
    }

    /// The tags of a model. Those of a prompt name its experiments, which have other ids here.
    fn tags_of(&self, model: &Said) -> Properties {
        let mut tags = custom(&model.tags);
        if let Some(Value::String(ids)) = tags.get_mut(EXPERIMENT_IDS) {
            let here = |id: &str| match self.experiment(id) {
                Some(node) if id != "0" => node.to_string(),
                _ => id.to_owned(),
            };
            *ids = ids.split(',').map(here).collect::<Vec<_>>().join(",");
        }
        tags
    }

    async fn import_aliases(&self, found: &Model, model: &Said, kind: ImportedKind) -> Answer<()> {
        for said in &model.aliases {
            let set = async {
                let alias: Alias = said.alias.parse()?;
                let spelling = found.name.clone().into();
                self.registry.models.alias_number(&self.context, &spelling, &alias, said.version).await
            };
            match set.await.map_err(Failure::from) {
                Err(failure) if failure.is_of_item => {
                    let why =
                        format!("its alias `{}` is not here: {}", said.alias.escape_debug(), words(&failure.error));
                    self.say(kind, found.name.as_str(), why);
                }
                set => set?,
            }
        }
        Ok(())
    }
}
