//! The database and the bucket of an old deployment, put together for the command that moves its records over.

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use super::{access_keys, open, registry_options, runtime};
use crate::blobs::{AccessKeys, ForeignBucket, Location, S3Location};
use crate::config::Settings;
use crate::domain::access::Access;
use crate::domain::mlflow::RegisteredModel;
use crate::domain::{Actor, Error, Result};
use crate::importers::edge::{Deployment, Moved, Object, move_records};
use crate::store::MlflowDatabase;

/// How many records are read from the database together.
const BATCH: u32 = 200;

/// Where an old deployment is.
pub struct OldDeployment {
    /// The URL of its database.
    pub database_url: String,
    /// Its bucket: the URL of it, or its name where it is on the same server as ours.
    pub bucket: String,
    /// Who may read it; those who may read ours unless given.
    pub keys: Option<AccessKeys>,
    /// Whether archives count that have another size than their records say.
    pub any_size: bool,
}

struct Opened {
    database: MlflowDatabase,
    bucket: ForeignBucket,
}

impl Deployment for Opened {
    fn models(&self, after: Option<String>) -> BoxFuture<'_, Result<Vec<RegisteredModel>>> {
        self.database.registered_models(after, BATCH).boxed()
    }

    fn object<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<Object>>> {
        async move {
            let found = self.bucket.get(name).await?;
            Ok(found.map(|object| Object { size: object.size, bytes: object.bytes }))
        }
        .boxed()
    }
}

/// Moves the records of an old deployment over; tells of each, and of how many there are.
pub fn move_deployment(settings: &Settings, old: &OldDeployment, mut tell: impl FnMut(Moved, u64)) -> Result<()> {
    runtime()?.block_on(async {
        let location = bucket(&old.bucket, settings.artifacts.store.as_str())?;
        let keys = match &old.keys {
            Some(keys) => Some(keys.clone()),
            None => access_keys(settings)?,
        };
        let database = MlflowDatabase::open(&old.database_url).await?;
        let bucket = ForeignBucket::open(&location, keys.as_ref()).await?;
        let count = database.count().await?;
        let registry = open(settings, registry_options(settings)?).await?;
        let context = registry.context(Actor::anonymous("import"), Access::unrestricted());
        move_records(&registry, &context, &Opened { database, bucket }, old.any_size, |moved| tell(moved, count)).await
    })
}

fn bucket(said: &str, ours: &str) -> Result<S3Location> {
    let refuse = |why: &str| Error::invalid("bucket", format!("bucket `{}`: {why}", said.escape_debug()));
    let text = if said.contains("://") { said.to_owned() } else { format!("s3://{said}") };
    let Location::S3(named) = text.parse()? else { return Err(refuse("expected `s3://NAME?endpoint=…`, or a name")) };
    if said.contains("://") {
        return Ok(named);
    }
    match ours.parse()? {
        Location::S3(ours) => Ok(S3Location { bucket: named.bucket, prefix: String::new(), ..ours }),
        Location::Local(_) => Err(refuse("say on which server it is, as in `s3://NAME?endpoint=http://HOST:9000`")),
    }
}
