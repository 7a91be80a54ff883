//! Stages: moving one version, and archiving those that it takes the place of.

use super::shown::shown_version;
use super::{ModelSpelling, NumberedVersion, find_version, lock_model, touch};
use crate::context::RequestContext;
use crate::domain::access::Permission;
use crate::domain::{Error, Node, NodeId, Result, Stage};
use crate::services::Models;
use crate::store::graph::nodes::update_all;
use crate::store::nodes;
use crate::store::tracking::numbers;
use crate::transaction::WriteTransaction;

impl Models {
    /// Moves a version into a stage. Those that are in it can be archived by the same transaction.
    ///
    /// Errors: NotFound; InvalidArgument on `archive_existing_versions` when those of a stage are to be archived whose
    /// versions are not used; PermissionDenied.
    pub async fn move_to_stage(
        &self,
        context: &RequestContext,
        model: &ModelSpelling,
        number: i64,
        stage: Stage,
        archive_existing: bool,
    ) -> Result<NumberedVersion> {
        if archive_existing && !stage.is_active() {
            let message =
                format!("versions of stage `{stage}` cannot be archived by another one: it is not an active stage");
            return Err(Error::invalid("archive_existing_versions", message));
        }
        let model = model.clone();
        self.core
            .write(context, move |tx| {
                let model = lock_model(tx, &model)?;
                let version = find_version(tx, &model, number)?;
                let mut ids =
                    if archive_existing { numbers::in_stage(tx, model.id, stage.name())? } else { Vec::new() };
                ids.push(version.id);
                ids.sort_unstable();
                ids.dedup();
                nodes::lock(tx, &ids)?;
                let found = nodes::find_all(tx, &ids)?;
                let is_meant = |node: &Node| node.id == version.id || Stage::of(node) == stage;
                let moved = found.into_iter().filter(is_meant);
                let moved =
                    moved.map(|node| if node.id == version.id { (node, stage) } else { (node, Stage::Archived) });
                let moved: Vec<_> = moved.collect();
                let moved = put(tx, version.id, moved)?;
                touch(tx, model.id)?;
                let gone = || Error::not_found(format!("version `{number}` of the model"));
                shown_version(tx, &model, moved.ok_or_else(gone)?)?.ok_or_else(gone)
            })
            .await
    }
}

/// Puts versions, which are locked, into stages, and returns the one of that id.
fn put(tx: &mut WriteTransaction<'_, '_>, wanted: NodeId, moved: Vec<(Node, Stage)>) -> Result<Option<Node>> {
    let now = tx.now();
    let change = |(was, stage): (Node, Stage)| {
        let mut node = was.clone();
        node.properties.remove(Stage::PROPERTY);
        if stage != Stage::None {
            node.properties.insert(Stage::PROPERTY.to_owned(), stage.name().into());
        }
        // One that is archived as such would be in no other stage.
        if stage != Stage::Archived && Stage::of(&was) == Stage::Archived && node.properties.contains_key("state") {
            node.properties.insert("state".to_owned(), super::models::LIVE.into());
        }
        node.updated_at = now.max(was.updated_at + 1);
        (was, node)
    };
    let mut changed: Vec<(Node, Node)> = moved.into_iter().map(change).collect();
    update_all(tx, &mut changed)?;
    for (was, node) in &changed {
        tx.demand(Permission::Promote, node.place)?;
        tx.record_update(was, node)?;
    }
    Ok(changed.into_iter().map(|(_, node)| node).find(|node| node.id == wanted))
}
