//! Whether what the registry is built on can be used.

use super::services::Upkeep;
use crate::domain::Result;
use crate::store::PoolStatus;

/// Whether the services below can be used.
#[derive(Debug)]
pub struct Health {
    /// The database's answer.
    pub database: Result<()>,
    /// The object store's answer.
    pub object_store: Result<()>,
}

/// The state of a pool of connections to the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectionPool {
    /// Its name.
    pub name: &'static str,
    /// Open connections.
    pub open: u32,
    /// Open connections that are idle.
    pub idle: u32,
    /// The largest number of connections.
    pub max: u32,
}

impl Upkeep {
    /// Compares the object store's id with the database's. Where neither has one yet, this store becomes the database's;
    /// where the database has none, it takes the store's.
    ///
    /// Errors: Unavailable where the store is another one, which is from then on not written either, or where one of the two
    /// cannot be asked.
    pub async fn identify_store(&self) -> Result<()> {
        self.core.store_id.want();
        self.core.check_store_id().await
    }

    /// Checks the database and the object store concurrently. The object store has to be the one of this database.
    pub async fn health(&self) -> Health {
        let object_store = async {
            self.core.blobs.check().await?;
            self.core.check_store_id().await
        };
        let (database, object_store) = tokio::join!(self.core.store.check(), object_store);
        Health { database, object_store }
    }

    /// The state of the database's connection pools.
    pub fn pools(&self) -> Vec<ConnectionPool> {
        let pools = self.core.store.pools().into_iter();
        pools.map(|PoolStatus { name, open, idle, max }| ConnectionPool { name, open, idle, max }).collect()
    }
}
