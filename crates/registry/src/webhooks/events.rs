//! Which changes are which events, and what is told of them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::{Value as Json, json};

use crate::domain::access::WorkspaceId;
use crate::domain::change::node_of;
use crate::domain::secrets::mask;
use crate::domain::webhook::{Occurrence, WebhookEvent, WebhookId};
use crate::domain::{Action, ChangeRecord, Error, LogicalType, Millis, Node, NodeId, Properties, Result, Value};
use crate::numbered::{is_prompt, shown_versions};
use crate::store::access::workspaces;
use crate::store::tracking::numbers;
use crate::store::{changes, nodes};
use crate::transaction::ReadTransaction;

/// What happened to a model or a version.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Happened {
    ModelCreated,
    ModelTagSet(String),
    ModelTagDeleted(String),
    AliasSet { alias: String, version: NodeId, name: String },
    AliasDeleted(String),
    VersionCreated,
    VersionTagSet(String),
    VersionTagDeleted(String),
}

impl Happened {
    /// Which event that is: none for a tag of a model that is no prompt.
    fn event(&self, is_prompt: bool) -> Option<WebhookEvent> {
        let (plain, of_prompt) = match self {
            Self::ModelCreated => (Some(WebhookEvent::ModelCreated), WebhookEvent::PromptCreated),
            Self::ModelTagSet(_) => (None, WebhookEvent::PromptTagSet),
            Self::ModelTagDeleted(_) => (None, WebhookEvent::PromptTagDeleted),
            Self::AliasSet { .. } => (Some(WebhookEvent::AliasCreated), WebhookEvent::PromptAliasCreated),
            Self::AliasDeleted(_) => (Some(WebhookEvent::AliasDeleted), WebhookEvent::PromptAliasDeleted),
            Self::VersionCreated => (Some(WebhookEvent::VersionCreated), WebhookEvent::PromptVersionCreated),
            Self::VersionTagSet(_) => (Some(WebhookEvent::VersionTagSet), WebhookEvent::PromptVersionTagSet),
            Self::VersionTagDeleted(_) => {
                (Some(WebhookEvent::VersionTagDeleted), WebhookEvent::PromptVersionTagDeleted)
            }
        };
        if is_prompt { Some(of_prompt) } else { plain }
    }

    /// The name of the tag or the alias.
    fn key(&self) -> Option<&str> {
        match self {
            Self::ModelCreated | Self::VersionCreated => None,
            Self::AliasSet { alias: key, .. }
            | Self::AliasDeleted(key)
            | Self::ModelTagSet(key)
            | Self::ModelTagDeleted(key)
            | Self::VersionTagSet(key)
            | Self::VersionTagDeleted(key) => Some(key),
        }
    }
}

/// One event of a change, as the job that delivers it keeps it. Values are read from the change when it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) delivery: String,
    pub(super) event: WebhookEvent,
    pub(super) change: i64,
    pub(super) model: String,
    pub(super) version: Option<String>,
    pub(super) source: Option<String>,
    pub(super) run: Option<String>,
    pub(super) key: Option<String>,
}

impl Told {
    /// The input of the job.
    pub(super) fn payload(&self, webhook: WebhookId) -> Json {
        json!({
            "webhook": webhook.0,
            "delivery": self.delivery,
            "event": self.event.name(),
            "change": self.change,
            "model": self.model,
            "version": self.version,
            "source": self.source,
            "run": self.run,
            "key": self.key,
        })
    }

    /// What the input of a job says, and for which webhook.
    pub(super) fn of(payload: &Json) -> Result<(WebhookId, Self)> {
        let broken = || Error::internal("a delivery does not say what is delivered");
        let text = |name: &str| payload.get(name).and_then(Json::as_str).map(str::to_owned);
        let webhook = payload.get("webhook").and_then(Json::as_i64).map(WebhookId).ok_or_else(broken)?;
        let told = Self {
            delivery: text("delivery").ok_or_else(broken)?,
            event: text("event").ok_or_else(broken)?.parse()?,
            change: payload.get("change").and_then(Json::as_i64).ok_or_else(broken)?,
            model: text("model").ok_or_else(broken)?,
            version: text("version"),
            source: text("source"),
            run: text("run"),
            key: text("key"),
        };
        Ok((webhook, told))
    }

    /// What is told of it, with what its change says.
    pub(super) fn occurrence(self, change: &ChangeRecord, workspace: String) -> Occurrence {
        let node = node_of(&change.document, change.place);
        let made = node.as_ref().filter(|_| self.event.action() == "created" && self.key.is_none());
        let description = made.and_then(|node| node.text("description")).map(str::to_owned);
        let value = match (&self.key, &node) {
            (Some(key), Some(node)) if self.event.action() == "set" => node.custom.get(key).map(text_of),
            _ => None,
        };
        Occurrence {
            event: self.event,
            at: change.at,
            workspace,
            tags: made.map(|node| texts_of(&node.custom)).unwrap_or_default(),
            description,
            model: self.model,
            version: self.version,
            source: self.source,
            run: self.run,
            key: self.key,
            value,
        }
    }
}

fn texts_of(custom: &Properties) -> BTreeMap<String, String> {
    custom.iter().map(|(key, value)| (key.clone(), text_of(value))).collect()
}

/// A value as the text of a tag.
fn text_of(value: &Value) -> String {
    match value {
        Value::Int(int) => int.to_string(),
        Value::Double(double) => double.to_string(),
        Value::String(text) => text.clone(),
        Value::Struct(json) => json.to_string(),
        Value::Proto { type_url, .. } => type_url.clone(),
        Value::Bool(bool) => bool.to_string(),
    }
}

/// What a change says, with the node as it was afterwards.
fn happened(change: &ChangeRecord) -> Option<(Node, Vec<Happened>)> {
    let node = node_of(&change.document, change.place)?;
    let is_model = match node.logical_type()? {
        LogicalType::RegisteredModel => true,
        LogicalType::ModelVersion => false,
        _ => return None,
    };
    let alias = || change.document.get("alias").and_then(|alias| alias.get("name")).and_then(Json::as_str);
    let is = |action: Action| change.action == action.to_string();
    let happened = if is(Action::Create) {
        vec![if is_model { Happened::ModelCreated } else { Happened::VersionCreated }]
    } else if is(Action::Update) {
        let before = change.document.get("before").and_then(|before| before.get("customProperties"));
        let keys = before.and_then(Json::as_object).into_iter().flat_map(|members| members.keys());
        keys.map(|key| match (is_model, node.custom.contains_key(key)) {
            (true, true) => Happened::ModelTagSet(key.clone()),
            (true, false) => Happened::ModelTagDeleted(key.clone()),
            (false, true) => Happened::VersionTagSet(key.clone()),
            (false, false) => Happened::VersionTagDeleted(key.clone()),
        })
        .collect()
    } else if is(Action::SetAlias) {
        let pointer = change.document.get("alias")?;
        vec![Happened::AliasSet {
            alias: alias()?.to_owned(),
            version: NodeId(pointer.get("versionId")?.as_i64()?),
            name: pointer.get("version").and_then(Json::as_str).unwrap_or_default().to_owned(),
        }]
    } else if is(Action::DeleteAlias) {
        vec![Happened::AliasDeleted(alias()?.to_owned())]
    } else {
        return None;
    };
    (!happened.is_empty()).then_some((node, happened))
}

/// A change, its node, and what happened to that.
type Found<'a> = (&'a ChangeRecord, Node, Vec<Happened>);

/// What these changes are to whoever wants those events, in their order. A fixed number of statements, however many there are.
pub(super) fn told(
    tx: &mut ReadTransaction<'_, '_>,
    wanted: &BTreeSet<WebhookEvent>,
    page: &[ChangeRecord],
) -> Result<Vec<Told>> {
    let found: Vec<Found<'_>> =
        page.iter().filter_map(|change| happened(change).map(|(node, happened)| (change, node, happened))).collect();
    if found.is_empty() {
        return Ok(Vec::new());
    }
    let models = models(tx, &found)?;
    let numbers = numbers_of(tx, &found)?;
    let made = made(tx, &found)?;
    let mut told = Vec::new();
    for (change, node, all) in found {
        let is_version = node.logical_type() == Some(LogicalType::ModelVersion);
        let model = if is_version { node.home_id.and_then(|home| models.get(&home)) } else { Some(&node) };
        let Some(model) = model else { continue };
        let number = |id: NodeId, name: &str| numbers.get(&id).map_or_else(|| name.to_owned(), i64::to_string);
        for happened in all {
            let Some(event) = happened.event(is_prompt(model)).filter(|event| wanted.contains(event)) else { continue };
            let version = match &happened {
                Happened::AliasSet { version, name, .. } => Some(number(*version, name)),
                _ if is_version => Some(number(node.id, node.name.as_deref().unwrap_or_default())),
                _ => None,
            };
            let (source, run) = match happened {
                Happened::VersionCreated => made.get(&node.id).cloned().unwrap_or_default(),
                _ => (None, None),
            };
            told.push(Told {
                delivery: uuid::Uuid::new_v4().to_string(),
                event,
                change: change.id,
                model: model.name.clone().unwrap_or_default(),
                version,
                source,
                run,
                key: happened.key().map(str::to_owned),
            });
        }
    }
    Ok(told)
}

/// The models of these versions: as they are, or as they were when they were removed.
fn models(tx: &mut ReadTransaction<'_, '_>, found: &[Found<'_>]) -> Result<HashMap<NodeId, Node>> {
    let homes: BTreeSet<NodeId> = found.iter().filter_map(|(_, node, _)| node.home_id).collect();
    let homes: Vec<NodeId> = homes.into_iter().collect();
    let mut models: HashMap<NodeId, Node> =
        nodes::find_all(tx, &homes)?.into_iter().map(|node| (node.id, node)).collect();
    let gone: Vec<NodeId> = homes.into_iter().filter(|id| !models.contains_key(id)).collect();
    if !gone.is_empty() {
        let removed = changes::removals(tx, &gone)?.into_iter();
        models.extend(removed.filter_map(|change| Some((change.node_id, node_of(&change.document, change.place)?))));
    }
    Ok(models)
}

/// The numbers of the versions that these changes are about.
fn numbers_of(tx: &mut ReadTransaction<'_, '_>, found: &[Found<'_>]) -> Result<HashMap<NodeId, i64>> {
    let changed = found.iter().filter(|(_, node, _)| node.home_id.is_some()).map(|(_, node, _)| node.id);
    let aliased = found.iter().flat_map(|(_, _, all)| all).filter_map(|happened| match happened {
        Happened::AliasSet { version, .. } => Some(*version),
        _ => None,
    });
    let ids: BTreeSet<NodeId> = changed.chain(aliased).collect();
    numbers::of(tx, &ids.into_iter().collect::<Vec<_>>())
}

/// Where a version came from, and the id of its run.
type Origin = (Option<String>, Option<String>);

/// Where the versions that were made came from, without what gives access, and the ids of their runs.
fn made(tx: &mut ReadTransaction<'_, '_>, found: &[Found<'_>]) -> Result<HashMap<NodeId, Origin>> {
    let made = found.iter().filter(|(_, _, all)| all.contains(&Happened::VersionCreated));
    let ids: Vec<NodeId> = made.map(|(_, node, _)| node.id).collect();
    let versions = nodes::find_all(tx, &ids)?;
    let shown = shown_versions(tx, versions)?.into_iter();
    Ok(shown
        .map(|version| {
            let source = version.source.map(|source| mask(&source).into_owned());
            (version.version.id, (source, version.run))
        })
        .collect())
}

/// The slug of a workspace.
pub(super) fn slug(tx: &mut ReadTransaction<'_, '_>, workspace: WorkspaceId) -> Result<String> {
    let found = workspaces::find(tx, workspace)?;
    Ok(found.map(|found| found.slug.as_str().to_owned()).unwrap_or_default())
}

/// An event that did not happen, for trying a receiver. It says everything; the payload takes what belongs to the event.
pub(super) fn example(event: WebhookEvent, at: Millis, workspace: String) -> Occurrence {
    let text = str::to_owned;
    let key = if event.entity().ends_with("alias") { "example_alias" } else { "example_key" };
    Occurrence {
        event,
        at,
        workspace,
        model: text("example_model"),
        version: Some(text("1")),
        source: Some(text("models:/123")),
        run: Some(text("abcd1234abcd5678")),
        tags: BTreeMap::from([(text("example_key"), text("example_value"))]),
        description: Some(text("An example, sent to try this webhook")),
        key: Some(text(key)),
        value: Some(text("example_value")),
    }
}
