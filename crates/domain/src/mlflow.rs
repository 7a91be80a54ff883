//! What the database of an MLflow server says, where a service keeps its models in one.

use std::collections::BTreeMap;

use super::Millis;

/// A registered model of MLflow's.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RegisteredModel {
    /// Its name, which no other has.
    pub name: String,
    /// When it was created.
    pub created_at: Option<Millis>,
    /// When it was changed last; its tags' changes do not count.
    pub updated_at: Option<Millis>,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
}
