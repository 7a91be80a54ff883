//! The database of an MLflow server, which is read and never written: its registered models with their tags.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use diesel::prelude::*;
use diesel::table;

use super::connection::{AnyConnection, Use};
use super::postgres::Session;
use super::{BoundedPool, Location, PreparedStatements, StoreOptions, Tx};
use crate::error::DatabaseResult as _;
use modelport_domain::mlflow::RegisteredModel;
use modelport_domain::{Error, Result};

table! {
    registered_models (name) {
        name -> Text,
        creation_time -> Nullable<BigInt>,
        last_updated_time -> Nullable<BigInt>,
    }
}

table! {
    registered_model_tags (key, name) {
        key -> Text,
        name -> Text,
        value -> Nullable<Text>,
    }
}

/// A PostgreSQL database with MLflow's tables.
pub struct MlflowDatabase(Arc<BoundedPool>);

impl MlflowDatabase {
    /// Makes ready to read it. Errors: InvalidArgument on `database_url` when it is no PostgreSQL database, Unavailable when
    /// it cannot be reached, InvalidState when it has no registered models' tables.
    pub async fn open(url: &str) -> Result<Self> {
        let location: Location = url.parse().map_err(|error: Error| error.on_field("database_url"))?;
        if !matches!(location, Location::Postgres(_)) {
            return Err(Error::invalid("database_url", "the old database is not PostgreSQL"));
        }
        let (acquire_timeout, answer_timeout) = (Duration::from_secs(15), Duration::from_secs(120));
        let prepared_statements = PreparedStatements::Off;
        let options = StoreOptions { location, pool_size: 1, acquire_timeout, answer_timeout, prepared_statements };
        let pool = Arc::new(BoundedPool::open("mlflow", &options, Use::Read, Session::SHARED, options.pool_size));
        let there = pool.run(Use::Read, None, has_tables).await?;
        if there {
            return Ok(Self(pool));
        }
        let message = "the old database has no tables `registered_models` and `registered_model_tags`";
        Err(Error::invalid_state(message))
    }

    /// How many registered models there are.
    pub async fn count(&self) -> Result<u64> {
        self.0
            .run(Use::Read, None, |tx| {
                let count: i64 = registered_models::table.count().get_result(tx.conn).db()?;
                Ok(count.unsigned_abs())
            })
            .await
    }

    /// The next registered models after the one of that name, by name.
    pub async fn registered_models(&self, after: Option<String>, limit: u32) -> Result<Vec<RegisteredModel>> {
        self.0.run(Use::Read, None, move |tx| models(tx, after.as_deref(), limit)).await
    }
}

fn has_tables(tx: &mut Tx<'_>) -> Result<bool> {
    #[derive(QueryableByName)]
    struct Found {
        #[diesel(sql_type = diesel::sql_types::Bool)]
        found: bool,
    }
    let AnyConnection::Postgres(conn) = &mut *tx.conn else { return Ok(false) };
    let asked = "SELECT to_regclass('registered_models') IS NOT NULL
            AND to_regclass('registered_model_tags') IS NOT NULL AS found";
    Ok(diesel::sql_query(asked).get_result::<Found>(conn).db()?.found)
}

type Row = (String, Option<i64>, Option<i64>);

fn models(tx: &mut Tx<'_>, after: Option<&str>, limit: u32) -> Result<Vec<RegisteredModel>> {
    use {registered_model_tags as tag, registered_models as model};
    let mut query = model::table.order(model::name).limit(limit.into()).into_boxed();
    if let Some(after) = after {
        query = query.filter(model::name.gt(after));
    }
    let rows: Vec<Row> =
        query.select((model::name, model::creation_time, model::last_updated_time)).load(tx.conn).db()?;
    let names: Vec<_> = rows.iter().map(|(name, ..)| name.clone()).collect();
    let mut tags: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    let found = tag::table.filter(tag::name.eq_any(&names)).select((tag::name, tag::key, tag::value));
    for (name, key, value) in found.load::<(String, String, Option<String>)>(tx.conn).db()? {
        tags.entry(name).or_default().extend(value.map(|value| (key, value)));
    }
    let model = |(name, created_at, updated_at): Row| {
        let tags = tags.remove(&name).unwrap_or_default();
        RegisteredModel { name, created_at, updated_at, tags }
    };
    Ok(rows.into_iter().map(model).collect())
}
