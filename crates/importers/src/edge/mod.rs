//! Intel's edge model registry 1.0.3, whose records move over with their archives, ids and dates. It kept each record as a
//! registered model of MLflow's, with a tag for each member, and the archive in one bucket.

mod tags;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;

use crate::domain::mlflow::RegisteredModel;
use crate::domain::record::RecordId;
use crate::domain::{ErrorKind, Result};
use crate::registry::records::Written;
use crate::registry::{Registry, RequestContext};
use tags::Read;

/// The database and the bucket of the old deployment.
pub trait Deployment: Sync {
    /// The next registered models after the one of that name; none when there are no more.
    fn models(&self, after: Option<String>) -> BoxFuture<'_, Result<Vec<RegisteredModel>>>;

    /// The object of that name; `None` when there is none.
    fn object<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<Object>>>;
}

/// An archive of the old deployment.
pub struct Object {
    /// How many bytes it has.
    pub size: u64,
    /// These bytes.
    pub bytes: BoxStream<'static, Result<Bytes>>,
}

/// The outcome of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// Its id in the old deployment.
    pub old_id: String,
    /// Its name there; empty when it has none.
    pub name: String,
    /// Its outcome.
    pub outcome: Outcome,
    /// Problems that were worked around.
    pub remarks: Vec<String>,
}

/// The outcome of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is here now, under that id.
    Moved(RecordId),
    /// It was here before, under that id, and is left as it is.
    Present(RecordId),
    /// It stays where it is; the reason is among the remarks.
    Skipped,
}

/// Imports every record that is not here yet, and reports each.
///
/// An archive of another size than its record says is left where it is, unless `any_size`.
/// Errors: Unavailable, and errors that do not concern a single record. Records that were reported are done; calling it again
/// continues.
pub async fn move_records(
    registry: &Registry,
    context: &RequestContext,
    from: &dyn Deployment,
    any_size: bool,
    mut report: impl FnMut(Moved),
) -> Result<()> {
    let mut after = None;
    loop {
        let models = from.models(after.take()).await?;
        let Some(last) = models.last() else { return Ok(()) };
        after = Some(last.name.clone());
        for model in models {
            let mut read = tags::read(&model)?;
            let outcome = match move_record(registry, context, from, &mut read, any_size).await {
                Ok(outcome) => outcome,
                Err(error) if is_of_record(error.kind()) => {
                    read.remarks.push(error.message().to_owned());
                    Outcome::Skipped
                }
                Err(error) => return Err(error),
            };
            let name = model.tags.get("name").cloned().unwrap_or_default();
            report(Moved { old_id: model.name, name, outcome, remarks: read.remarks });
        }
    }
}

/// Whether an error concerns this record alone, so that the next one may succeed.
fn is_of_record(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::InvalidArgument
            | ErrorKind::InvalidBody
            | ErrorKind::DigestMismatch
            | ErrorKind::Unsupported
            | ErrorKind::TooLarge
    )
}

async fn move_record(
    registry: &Registry,
    context: &RequestContext,
    from: &dyn Deployment,
    read: &mut Read,
    any_size: bool,
) -> Result<Outcome> {
    if registry.records.has_record(context, &read.id).await? {
        // Its remarks were reported when it was imported.
        read.remarks.clear();
        return Ok(Outcome::Present(read.id.clone()));
    }
    // Before its bytes are fetched.
    read.draft.check()?;
    let mut skip = |why: String| {
        read.remarks.push(why);
        Ok(Outcome::Skipped)
    };
    let Some(name) = &read.object else { return skip("it does not say where its archive is".to_owned()) };
    let Some(object) = from.object(name).await? else {
        return skip(format!("the bucket has no object `{}`", name.escape_debug()));
    };
    match read.size.filter(|said| *said != object.size) {
        Some(said) if !any_size => {
            return skip(format!("its archive has {} bytes, and should have {said}", object.size));
        }
        // Shown as it was.
        said => read.draft.details.size = said.and_then(|said| i64::try_from(said).ok()),
    }
    let staged = registry.files.stage_file(context, Some(object.size), object.bytes).await?;
    if let Some(why) = registry.files.check_archive(context, &staged).await? {
        read.remarks.push(format!("its archive is not a usable zip: {why}"));
    }
    let written = registry.records.create_record(context, read.draft.clone(), read.path.clone(), staged, true).await?;
    match written {
        Written::Done(id) => {
            let file = registry.records.get_record(context, &id).await?.file;
            if let Some(why) = file.and_then(|file| file.quarantine) {
                read.remarks.push(format!("its archive is quarantined: {why}"));
            }
            Ok(Outcome::Moved(id))
        }
        Written::Duplicate(id) if id == read.id => Ok(Outcome::Present(id)),
        Written::Duplicate(id) => {
            read.remarks.push(format!("`{id}` has the same project, name, version and precision"));
            Ok(Outcome::Skipped)
        }
    }
}
