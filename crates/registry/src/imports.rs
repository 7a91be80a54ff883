//! Imports from other systems: lists what can be imported, enqueues imports, and creates each imported model exactly once.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::context::RequestContext;
use super::entities::create;
use super::import_source::ImportSource;
use super::resolve::{homes, made};
use super::transaction::{ReadTransaction, WriteTransaction};
use crate::domain::access::Permission;
use crate::domain::graph::{EventType, EventWrite, NodeWrite, TypeDraft, TypeRules};
use crate::domain::imports::mlflow::{MLFLOW_IMPORT, MlflowImport};
use crate::domain::imports::{GETI_IMPORT, ImportRequest, ModelRef, RemoteProject};
use crate::domain::{
    Draft, Error, ExecutionState, ExternalId, Job, LogicalType, Name, Node, NodeId, NodeKind, Properties, Result,
};
use crate::services::Imports;
use crate::store::{graph, nodes};

/// The type of the executions that tie a trained model to the revision that it was trained from.
const TRAINING: &str = "geti.Training";

/// A model to import from another system: what to create for it here.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelImport {
    /// The registered model, whose external id is the id in the other system. If its name is taken, the id is appended.
    pub model: Draft,
    /// The version, likewise.
    pub version: Draft,
    /// The model artifact, whose unique external id ensures that it is created once.
    pub artifact: Draft,
}

/// An imported model, found by its id in the other system.
#[derive(Debug, Clone, PartialEq)]
pub struct ExistingImport {
    /// The model artifact.
    pub artifact: Node,
    /// The name of the registered model.
    pub model: Option<String>,
    /// The name of the version.
    pub version: Option<String>,
}

/// How one revision was trained.
#[derive(Debug, Clone, PartialEq)]
pub struct Training {
    /// The id of the trained model in the other system.
    pub id: String,
    /// The properties of the training.
    pub properties: Properties,
    /// The artifacts of the previous revision.
    pub inputs: Vec<NodeId>,
    /// The artifacts of this one.
    pub outputs: Vec<NodeId>,
}

impl Imports {
    /// The projects of a Geti server: of the first one in the settings, where none is named. They are read with the credentials of this
    /// registry, so they are for whoever may import them.
    ///
    /// Errors: PermissionDenied; InvalidState when there is none in the settings; Upstream and UpstreamUnavailable with what the server
    /// says.
    pub async fn geti_projects(&self, context: &RequestContext, server: Option<&str>) -> Result<Vec<RemoteProject>> {
        self.core.read(context, |tx| tx.demand_in_workspace(Permission::Create)).await?;
        let (source, server) = self.source(server)?;
        source.projects(&server).await
    }

    /// One project of a Geti server. Errors: as [`Imports::geti_projects`], and NotFound.
    pub async fn geti_project(
        &self,
        context: &RequestContext,
        server: Option<&str>,
        id: &str,
    ) -> Result<RemoteProject> {
        self.core.read(context, |tx| tx.demand_in_workspace(Permission::Create)).await?;
        crate::domain::imports::check_id("project", id)?;
        let (source, server) = self.source(server)?;
        source.project(&server, id).await
    }

    /// Enqueues an import of these models of a project, or of all of them where none is named.
    ///
    /// Errors: PermissionDenied; InvalidState when the settings name no server; InvalidArgument when they name no such server, and on
    /// what is no id.
    pub async fn start_import(
        &self,
        context: &RequestContext,
        server: Option<&str>,
        project: String,
        models: Vec<ModelRef>,
    ) -> Result<Job> {
        // Each attempt asks again. Who may not begin is told so at once.
        self.core.read(context, |tx| tx.demand_in_workspace(Permission::Create)).await?;
        let (_, server) = self.source(server)?;
        let request = ImportRequest { server, project, models };
        request.check()?;
        let payload = serde_json::to_value(&request)
            .map_err(|error| Error::internal("an import is not JSON").caused_by(error))?;
        self.core.jobs().enqueue(context, GETI_IMPORT, payload).await
    }

    /// Enqueues an import and waits until it has ended. A caller that stops waiting does not stop the import.
    ///
    /// Errors: as [`Imports::start_import`]; an import that failed is no error here but a job that says so.
    pub async fn import_and_wait(
        &self,
        context: &RequestContext,
        server: Option<&str>,
        project: String,
        models: Vec<ModelRef>,
    ) -> Result<Job> {
        let job = self.start_import(context, server, project, models).await?;
        self.core.jobs().await_job(context, GETI_IMPORT, job.id).await
    }

    /// Enqueues an import from another tracking server, which the settings name.
    ///
    /// Errors: PermissionDenied; InvalidState when the settings name no server; InvalidArgument when they name no such server, or too much is named.
    pub async fn start_mlflow_import(&self, context: &RequestContext, wanted: MlflowImport) -> Result<Job> {
        self.core.read(context, |tx| tx.demand_in_workspace(Permission::Create)).await?;
        let servers = &self.core.tracking_servers;
        if servers.is_empty() {
            return Err(Error::invalid_state("no tracking server is in the settings: set `imports.mlflow`"));
        }
        if !servers.contains(&wanted.source) {
            let message = format!("no tracking server `{}` is in the settings", wanted.source.escape_debug());
            return Err(Error::invalid("source", message));
        }
        wanted.check()?;
        let payload =
            serde_json::to_value(&wanted).map_err(|error| Error::internal("an import is not JSON").caused_by(error))?;
        self.core.jobs().enqueue(context, MLFLOW_IMPORT, payload).await
    }

    fn source(&self, server: Option<&str>) -> Result<(Arc<dyn ImportSource>, String)> {
        let unset = || Error::invalid_state("no Geti server is in the settings: set `geti.url`");
        let source = self.core.source.as_ref().ok_or_else(unset)?;
        let known = source.servers();
        let first = known.first().ok_or_else(unset)?;
        let found = match server {
            None => first.clone(),
            Some(name) => known.iter().find(|each| *each == name).cloned().ok_or_else(|| {
                Error::invalid("server", format!("no Geti server `{}` is in the settings", name.escape_debug()))
            })?,
        };
        Ok((Arc::clone(source), found))
    }

    /// Finds those of the models that have been imported, by their ids in the other system.
    pub async fn find_imported(
        &self,
        context: &RequestContext,
        ids: Vec<String>,
    ) -> Result<BTreeMap<String, ExistingImport>> {
        self.core
            .read(context, move |tx| {
                let artifacts = graph::nodes::find_external(tx, NodeKind::Artifact, &ids)?;
                let versions = homes(tx, &artifacts)?;
                let models = homes(tx, versions.values())?;
                let existing = |artifact: Node| {
                    let version = artifact.home_id.and_then(|id| versions.get(&id));
                    let model = version.and_then(|version| models.get(&version.home_id?));
                    let name = |node: Option<&Node>| node.and_then(|node| node.name.clone());
                    let (model, version) = (name(model), name(version));
                    Some((artifact.external_id.clone()?, ExistingImport { artifact, model, version }))
                };
                Ok(artifacts.into_iter().filter_map(existing).collect())
            })
            .await
    }

    /// Records how a revision was trained, as an execution with the artifacts of the previous revision as inputs and its own as
    /// outputs. What is recorded already stays.
    pub async fn record_training(&self, context: &RequestContext, training: Training) -> Result<()> {
        let external = format!("geti:training:{}", training.id);
        let execution = match self.execution(context, &external).await? {
            Some(found) => found,
            None => match self.put_training(context, &external, training.properties).await {
                // It was recorded concurrently.
                Err(error) if error.kind().is_taken() => self.execution(context, &external).await?.ok_or(error)?,
                put => put?,
            },
        };
        let inputs = training.inputs.iter().map(|id| (id, EventType::Input));
        for (artifact, event) in inputs.chain(training.outputs.iter().map(|id| (id, EventType::Output))) {
            let write = EventWrite {
                artifact_id: Some(artifact.0),
                execution_id: Some(execution.0),
                event_type: event as i64,
                ..EventWrite::default()
            };
            match self.core.graph().put_events(context, vec![write]).await {
                Err(error) if error.kind().is_taken() => {}
                put => put?,
            }
        }
        Ok(())
    }

    async fn execution(&self, context: &RequestContext, external: &str) -> Result<Option<NodeId>> {
        let external: ExternalId = external.parse()?;
        let found = self.core.read(context, move |tx| nodes::find_external(tx, NodeKind::Execution, &external)).await?;
        Ok(found.map(|node| node.id))
    }

    async fn put_training(&self, context: &RequestContext, external: &str, properties: Properties) -> Result<NodeId> {
        let draft = TypeDraft {
            kind: NodeKind::Execution,
            name: TRAINING.to_owned(),
            version: String::new(),
            description: Some("a training in Intel Geti".to_owned()),
            external_id: None,
            base_type: None,
            input_type: None,
            output_type: None,
            properties: BTreeMap::new(),
        };
        let rules = TypeRules { can_add_fields: true, can_omit_fields: true, all_fields_match: true };
        let type_id = self.core.graph().put_types(context, vec![draft], rules).await?.first().copied();
        let write = NodeWrite {
            type_id,
            name: Some(external.to_owned()),
            external_id: Some(external.to_owned()),
            state: Some(ExecutionState::Complete.number()),
            custom: properties,
            ..NodeWrite::default()
        };
        let put = self.core.graph().put_nodes(context, NodeKind::Execution, vec![write], None, false).await?;
        put.first().copied().ok_or_else(|| Error::internal("an execution that was put is not there"))
    }
}

/// Creates the model, version and artifact of an import. Returns the ids of the artifact, the version and the model.
///
/// Errors: AlreadyExists on field `externalId` when it was imported before; Conflict when it is imported concurrently.
pub(super) fn create_imported(
    tx: &mut WriteTransaction<'_, '_>,
    import: &ModelImport,
) -> Result<(NodeId, NodeId, NodeId)> {
    check_absent(tx, import)?;
    let model = known_or_new(tx, LogicalType::RegisteredModel, None, &import.model)?;
    let version = known_or_new(tx, LogicalType::ModelVersion, Some(model), &import.version)?;
    let draft = without_taken_name(tx, LogicalType::ModelArtifact, Some(version), &import.artifact)?;
    let artifact = made(create(tx, LogicalType::ModelArtifact, Some(version), &draft))?;
    Ok((artifact.id, version, model))
}

/// Refuses an import that was made before.
pub(super) fn check_absent(tx: &mut ReadTransaction<'_, '_>, import: &ModelImport) -> Result<()> {
    let Some(id) = &import.artifact.external_id else {
        return Err(Error::internal("an import has no id in the other system"));
    };
    match nodes::find_external(tx, NodeKind::Artifact, id)? {
        Some(_) => Err(Error::already_exists(format!("model `{id}` is registered already")).on_field("externalId")),
        None => Ok(()),
    }
}

fn known_or_new(
    tx: &mut WriteTransaction<'_, '_>,
    logical: LogicalType,
    home: Option<NodeId>,
    draft: &Draft,
) -> Result<NodeId> {
    if let Some(id) = &draft.external_id
        && let Some(found) = nodes::find_external(tx, NodeKind::Context, id)?
        && found.logical_type() == Some(logical)
        && found.home_id == home
    {
        return Ok(found.id);
    }
    let draft = without_taken_name(tx, logical, home, draft)?;
    Ok(made(create(tx, logical, home, &draft))?.id)
}

/// The draft, with its id appended to its name if the name is taken.
fn without_taken_name(
    tx: &mut ReadTransaction<'_, '_>,
    logical: LogicalType,
    home: Option<NodeId>,
    draft: &Draft,
) -> Result<Draft> {
    let mut draft = draft.clone();
    if let (Some(name), Some(id)) = (&draft.name, &draft.external_id)
        && nodes::find_named(tx, logical, home, name)?.is_some()
    {
        draft.name = Some(format!("{name} ({id})").parse::<Name>()?);
    }
    Ok(draft)
}
