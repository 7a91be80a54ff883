//! New versions, named by their numbers, and made of what is stored here or elsewhere.

use std::sync::Arc;

use super::copy::copy_files;
use super::models::LIVE;
use super::shown::SOURCE_KIND;
use super::source::{Resolved, VersionSource, named_run, resolve};
use super::{ModelSpelling, NumberedVersion, lock_model, touch_locked};
use crate::context::RequestContext;
use crate::domain::tracking::LoggedModelId;
use crate::domain::{ArtifactState, Draft, Error, LogicalType, NodeId, Properties, Result, Stage, Value};
use crate::entities::create_in;
use crate::policy::Policy;
use crate::services::Models;
use crate::store::files;
use crate::store::tracking::numbers;
use crate::transaction::{ReadTransaction, WriteTransaction};

/// A new version.
#[derive(Debug, Clone, PartialEq)]
pub struct NewVersion {
    /// Its model.
    pub model: ModelSpelling,
    /// What it is made of.
    pub source: VersionSource,
    /// The same as its creator wrote it.
    pub source_text: String,
    /// The id of the run that it comes from; that of the source where it is `None`.
    pub run: Option<String>,
    /// Whether the source must belong to that run, where one is given.
    pub must_be_of_run: bool,
    /// The logged model that it comes from.
    pub logged_model: Option<LoggedModelId>,
    /// Where more is to be learned of the run.
    pub run_link: Option<String>,
    /// Its description.
    pub description: Option<String>,
    /// Its custom properties.
    pub custom: Properties,
}

impl Models {
    /// Makes a version, with a model artifact that has the files of the source where they are stored here: copies of
    /// their rows, which share the bytes, so that nothing that happens to the source changes the version.
    ///
    /// Errors: NotFound when the model or the version that is the source is not there; InvalidArgument when another
    /// source is not there, or is of another run or logged model than the version; Unsupported when the model's policy
    /// refuses a file.
    pub async fn create_version(&self, context: &RequestContext, new: NewVersion) -> Result<NumberedVersion> {
        let draft = version_draft(&new)?;
        let policy = Arc::clone(&self.core.policy);
        self.core.write(context, move |tx| create_version(tx, &policy, &new, draft.clone())).await
    }
}

/// A new version, but for its name.
pub(super) fn version_draft(new: &NewVersion) -> Result<Draft> {
    let filled = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let (description, run_link) = (filled(&new.description), filled(&new.run_link));
    let draft = Draft { custom: new.custom.clone(), ..Draft::default() }
        .with("state", Some(LIVE))
        .with("description", description.as_deref())
        .with("run_link", run_link.as_deref());
    draft.check(LogicalType::ModelVersion)?;
    Ok(draft)
}

fn create_version(
    tx: &mut WriteTransaction<'_, '_>,
    policy: &Policy,
    new: &NewVersion,
    draft: Draft,
) -> Result<NumberedVersion> {
    // Nobody else makes a version of the model until this one is there: its name is the number that it gets.
    let model = lock_model(tx, &new.model)?;
    let mut source = of_its_run(tx, new)?;
    if let Some((holder, below)) = &source.files
        && !files::list_below(tx, *holder, below.as_ref(), None, 1)?.is_empty()
    {
        source.uri = None;
    }
    let number = numbers::last_given(tx, model.id)?.saturating_add(1);
    let draft = Draft { name: Some(number.to_string().parse()?), ..draft };
    let version = create_in(tx, LogicalType::ModelVersion, &model, &draft)?;
    let draft = artifact_draft(new, &source, model.name.as_deref().unwrap_or_default())?;
    let artifact = create_in(tx, LogicalType::ModelArtifact, &version, &draft)?;
    if let Some((holder, below)) = &source.files {
        copy_files(tx, policy, (*holder, below.as_ref()), &artifact)?;
    }
    touch_locked(tx, &model)?;
    Ok(NumberedVersion {
        model: model.name.unwrap_or_default(),
        number,
        stage: Stage::of(&version),
        aliases: Vec::new(),
        source: Some(new.source_text.clone()),
        run: source.run.map(|(id, _)| id),
        version,
    })
}

/// The model artifact of a new version.
pub(super) fn artifact_draft(new: &NewVersion, source: &Resolved, name: &str) -> Result<Draft> {
    let mut draft = Draft::named(name.parse()?)
        .with("model_source_kind", Some(SOURCE_KIND))
        .with("model_source_id", Some(new.source_text.as_str()))
        .with("model_source_name", source.logged_model.as_deref())
        .with("model_source_group", source.run.as_ref().map(|(id, _)| id.as_str()));
    if let Some((_, Some(run))) = &source.run {
        let mut point_at = |name: &str, id: NodeId| draft.properties.insert(name.to_owned(), Value::Int(id.0));
        point_at("experiment_run_id", run.id);
        if let Some(experiment) = run.home_id {
            point_at("experiment_id", experiment);
        }
    }
    draft.uri.clone_from(&source.uri);
    draft.state = Some(ArtifactState::Live.number());
    draft.check(LogicalType::ModelArtifact)?;
    Ok(draft)
}

/// The source, with the run and the logged model that the caller gives.
fn of_its_run(tx: &mut ReadTransaction<'_, '_>, new: &NewVersion) -> Result<Resolved> {
    let mut source = resolve(tx, &new.source, &new.source_text)?;
    let other = |what: &str, field: &str| {
        Err(Error::invalid("source", format!("the source is not of the {what} that `{field}` says")))
    };
    if let Some(given) = new.run.as_deref().filter(|run| !run.is_empty()) {
        let must_agree = new.must_be_of_run || matches!(new.source, VersionSource::Version(..));
        match &source.run {
            Some((found, _)) if found == given => {}
            Some(_) if must_agree => return other("run", "run_id"),
            _ => source.run = Some(named_run(tx, given)?),
        }
    }
    if let Some(given) = &new.logged_model {
        match &source.logged_model {
            Some(found) if found != given.as_str() => return other("logged model", "model_id"),
            Some(_) => {}
            None => {
                let logged = resolve(tx, &VersionSource::LoggedModel(given.clone(), None), "")?;
                source.run = source.run.or(logged.run);
                source.logged_model = logged.logged_model;
            }
        }
    }
    Ok(source)
}
