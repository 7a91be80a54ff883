//! A new record: its archive's bytes first, whatever is said of it before or after them; then one transaction.

use std::sync::Arc;

use uuid::Uuid;

use super::read::{self, say};
use super::{Written, made_for_records};
use crate::blobs::{Key, Stored};
use crate::context::RequestContext;
use crate::domain::record::{Identity, Record, RecordDraft, RecordId};
use crate::domain::{
    ArtifactState, Change, Draft, Error, ErrorKind, ExternalId, FilePath, LogicalType, Name, Node, NodeId, NodeKind,
    Patch, Result, Value, VersionRef,
};
use crate::entities;
use crate::inspection::Siblings;
use crate::link::{Place, StagedBlob, take};
use crate::policy::Policy;
use crate::services::Records;
use crate::staged::StagedFile;
use crate::store::records::ARCHIVE_PATH;
use crate::store::{nodes, records};
use crate::target::{Precondition, Target};
use crate::transaction::{ReadTransaction, WriteTransaction};
use crate::upload::abandon;

/// How many records of a version one batch has.
const BATCH: u32 = 200;

impl Records {
    /// Makes a record of what is said and of bytes that are stored, which are to be an archive unless `unchecked`. Makes
    /// its version, and its model when there is none of that name.
    ///
    /// Errors: InvalidArgument when the draft cannot be stored; Unsupported when the bytes are no zip archive or the policy
    /// refuses them. On any of them, and of a duplicate, nothing is kept.
    pub async fn create_record(
        &self,
        context: &RequestContext,
        draft: RecordDraft,
        path: FilePath,
        file: StagedFile,
        unchecked: bool,
    ) -> Result<Written> {
        let StagedFile { key, stored, guard } = file;
        let result = self.link_record(context, draft, path, &key, stored, unchecked).await;
        guard.disarm();
        if !matches!(result, Ok(Written::Done(_))) {
            abandon(&self.core.files(), &key).await;
        }
        result
    }

    async fn link_record(
        &self,
        context: &RequestContext,
        draft: RecordDraft,
        path: FilePath,
        key: &Key,
        stored: Stored,
        unchecked: bool,
    ) -> Result<Written> {
        draft.check()?;
        let (files, inspections) = (self.core.files(), self.core.inspections());
        let unusable = inspections.unusable_archive(key, stored.size);
        if !unchecked && let Some(why) = files.with_heartbeat(key, unusable).await? {
            return Err(Error::unsupported("file", format!("the file is not a usable zip archive: {why}")));
        }
        let target = Target::Version {
            model: draft.identity.name.parse()?,
            version: VersionRef::Named(draft.identity.version.parse()?),
        };
        let objects = [(stored.sha256, key.clone())];
        let seen = files.with_heartbeat(key, async {
            self.core.check_existing_blobs(&objects).await?;
            inspections.inspect_stored(context, &target, &path, key, stored, &Siblings::default()).await
        });
        let seen = seen.await?;
        let id = draft.id.clone().map_or_else(|| Uuid::new_v4().to_string().parse(), Ok)?;
        let archive = StagedBlob {
            path,
            media_type: "application/zip".to_owned(),
            precondition: Precondition::None,
            key: key.clone(),
            stored,
            seen,
        };
        let (new, policy) = (New { id, draft, archive }, Arc::clone(&self.core.policy));
        let written = self
            .core
            .write(context, move |tx| match duplicate(tx, &new.draft.identity, Some(&new.id), None)? {
                Some(id) => Ok((Written::Duplicate(id), None)),
                None => Ok((Written::Done(new.id.clone()), insert(tx, &new, &policy)?)),
            })
            .await?;
        if let (_, Some(linked)) = &written
            && linked != key.as_str()
        {
            files.drop_object(key).await;
        }
        Ok(written.0)
    }
}

struct New {
    id: RecordId,
    draft: RecordDraft,
    archive: StagedBlob,
}

/// The record that has the id already, or is the same, `but` that one.
pub(super) fn duplicate(
    tx: &mut ReadTransaction<'_, '_>,
    identity: &Identity,
    id: Option<&RecordId>,
    but: Option<&RecordId>,
) -> Result<Option<RecordId>> {
    if let Some(id) = id
        && nodes::find_external(tx, NodeKind::Artifact, &id.as_str().parse()?)?.is_some()
    {
        return Ok(Some(id.clone()));
    }
    let key: ExternalId = identity.key().parse()?;
    let keyed = nodes::find_external(tx, NodeKind::Context, &key)?;
    let model = nodes::find_named(tx, LogicalType::RegisteredModel, None, &identity.name.parse()?)?;
    let named = match model {
        // What was not made as a record has no key, and its version's name is the record's.
        Some(model) => nodes::find_named(tx, LogicalType::ModelVersion, Some(model.id), &identity.version.parse()?)?,
        None => None,
    };
    let is_same = |record: &Record| record.identity.key() == key.as_str() && Some(&record.id) != but;
    for version in [keyed.as_ref(), named.as_ref()].into_iter().flatten() {
        if let Some(record) = find_in_version(tx, version.id, is_same)? {
            return Ok(Some(record.id));
        }
    }
    Ok(None)
}

/// The first record of the version that `is_wanted`.
fn find_in_version(
    tx: &mut ReadTransaction<'_, '_>,
    version: NodeId,
    is_wanted: impl Fn(&Record) -> bool,
) -> Result<Option<Record>> {
    let mut after = None;
    loop {
        let artifacts = records::list_of_version(tx, version, after, BATCH)?;
        let Some(last) = artifacts.last() else { return Ok(None) };
        after = Some(last.id);
        if let Some(record) = read::records(tx, artifacts)?.into_iter().find(&is_wanted) {
            return Ok(Some(record));
        }
    }
}

/// Makes the record. Returns the key of its archive's blob, which is an older one if the bytes existed already.
fn insert(tx: &mut WriteTransaction<'_, '_>, new: &New, policy: &Policy) -> Result<Option<String>> {
    let New { id, draft, archive } = new;
    let taken = take(tx, std::slice::from_ref(archive))?;
    let name: Name = draft.identity.name.parse()?;
    let live = |draft: Draft| draft.with("state", Some("LIVE"));
    let found = nodes::find_named(tx, LogicalType::RegisteredModel, None, &name)?;
    let is_new = found.is_none();
    let model = match found {
        Some(model) => model,
        None => {
            let draft = live(Draft { custom: made_for_records(), ..Draft::named(name.clone()) });
            made(entities::create(tx, LogicalType::RegisteredModel, None, &draft))?
        }
    };
    let version = live(Draft {
        external_id: Some(take_key(tx, &draft.identity)?),
        ..Draft::named(version_name(tx, &model, id, &draft.identity)?)
    });
    let version = made(entities::create(tx, LogicalType::ModelVersion, Some(model.id), &version))?;
    let mut artifact = Draft {
        external_id: Some(id.as_str().parse()?),
        state: Some(ArtifactState::Live.number()),
        ..Draft::named(name)
    }
    .with("model_format_name", draft.details.format.as_deref());
    say(&mut artifact.custom, &draft.identity, &draft.details);
    artifact.custom.insert(ARCHIVE_PATH.to_owned(), Value::String(archive.path.as_str().to_owned()));
    artifact.check(LogicalType::ModelArtifact)?;
    let artifact = made(entities::create(tx, LogicalType::ModelArtifact, Some(version.id), &artifact))?;
    let linked = taken.link(tx, policy, &[Place::Made(artifact.id)], |_, error| error)?;
    if let Some((created_at, updated_at)) = draft.times {
        nodes::date(tx, &[version.id, artifact.id], created_at, updated_at)?;
        if is_new {
            nodes::date(tx, &[model.id], created_at, updated_at)?;
        }
    }
    Ok(linked.into_iter().next().map(|archive| archive.file.blob.key))
}

/// Takes the identity's key from a version that has it and is no such record any more. Errors: Conflict when it is one, so
/// that the transaction is retried and sees it.
pub(super) fn take_key(tx: &mut WriteTransaction<'_, '_>, identity: &Identity) -> Result<ExternalId> {
    let key: ExternalId = identity.key().parse()?;
    match nodes::find_external(tx, NodeKind::Context, &key)? {
        Some(node) if node.logical_type() == Some(LogicalType::ModelVersion) => {
            nodes::lock(tx, &[node.id])?;
            if find_in_version(tx, node.id, |record| record.identity.key() == key.as_str())?.is_some() {
                return Err(Error::conflict("the same model was registered concurrently; retry"));
            }
            let patch = Patch { external_id: Change::Clear, ..Patch::default() };
            entities::update(tx, LogicalType::ModelVersion, node.id, &patch)?;
        }
        Some(node) => {
            return Err(Error::already_exists(format!("external id `{key}` is that of node `{}`", node.id)));
        }
        None => {}
    }
    Ok(key)
}

/// The record's version where that is free; what tells it from the others otherwise.
fn version_name(tx: &mut ReadTransaction<'_, '_>, model: &Node, id: &RecordId, identity: &Identity) -> Result<Name> {
    let precise = format!("{}-{}", identity.version, identity.precision.join("-"));
    let project = identity.project_name.as_ref().or(identity.project_id.as_ref());
    let projected = project.map(|project| format!("{precise}-{project}"));
    let candidates = [Some(identity.version.clone()), Some(precise), projected];
    for candidate in candidates.into_iter().flatten().filter_map(|name| name.parse().ok()) {
        if nodes::find_named(tx, LogicalType::ModelVersion, Some(model.id), &candidate)?.is_none() {
            return Ok(candidate);
        }
    }
    format!("{}-{id}", identity.version).parse()
}

/// The same thing was created concurrently, or what it is created in was removed: the transaction is retried and sees it.
fn made(created: Result<Node>) -> Result<Node> {
    created.map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists | ErrorKind::NameTaken | ErrorKind::NotFound => {
            Error::conflict("the same records were changed concurrently; retry").caused_by(error)
        }
        _ => error,
    })
}
