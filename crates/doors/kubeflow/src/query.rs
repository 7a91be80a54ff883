//! Query parameters. Unknown ones are ignored, as upstream does.

use std::collections::HashMap;

use super::entity::{Entity, artifact_of, artifacts};
use crate::domain::filter::Expr;
use crate::domain::filter::kubeflow::{self, Known};
use crate::domain::value::check_text;
use crate::domain::{Error, ExternalId, Name, NodeId, Order, OrderBy, PageRequest, PageSize, PageToken, Result};
use crate::registry::entities::Find;

/// The most steps that a history may be narrowed to.
const MAX_STEPS: usize = 1000;

/// The parameters of a request, decoded.
pub struct Query(HashMap<String, String>);

/// How a list is cut and ordered.
#[derive(Debug, Clone)]
pub struct Listing {
    /// The order.
    pub order: Order,
    /// The page.
    pub page: PageRequest,
}

impl Query {
    /// Reads the query of a URL.
    pub fn parse(query: &str) -> Result<Self> {
        let pairs = url::form_urlencoded::parse(query.as_bytes());
        let query = Self(pairs.map(|(name, value)| (name.into_owned(), value.into_owned())).collect());
        query.0.iter().try_for_each(|(name, value)| check_text(name, value))?;
        Ok(query)
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The parameters of a list.
    pub fn listing(&self) -> Result<Listing> {
        let size = self.get("pageSize").map(page_size).transpose()?;
        let by = match self.get("orderBy") {
            None | Some("ID") => OrderBy::Id,
            Some("CREATE_TIME") => OrderBy::CreateTime,
            Some("LAST_UPDATE_TIME") => OrderBy::UpdateTime,
            Some("NAME") => OrderBy::Name,
            Some(other) => {
                let other = other.escape_debug();
                return Err(Error::invalid(
                    "orderBy",
                    format!("orderBy `{other}` is none of `CREATE_TIME`, `LAST_UPDATE_TIME`, `ID`, `NAME`"),
                ));
            }
        };
        let descending = match self.get("sortOrder") {
            None | Some("ASC") => false,
            Some("DESC") => true,
            Some(other) => {
                let other = other.escape_debug();
                return Err(Error::invalid("sortOrder", format!("sortOrder `{other}` is neither `ASC` nor `DESC`")));
            }
        };
        let token = self.get("nextPageToken").map(PageToken::decode).transpose()?;
        let with_total = self.flag("totals")?;
        Ok(Listing { order: Order { by, descending }, page: PageRequest { size, token, with_total } })
    }

    /// Whether a removal takes along what is owned.
    pub fn recursive(&self) -> Result<bool> {
        self.flag("recursive")
    }

    fn flag(&self, name: &str) -> Result<bool> {
        match self.get(name) {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(other) => {
                let other = other.escape_debug();
                Err(Error::invalid(name, format!("{name} `{other}` is neither `true` nor `false`")))
            }
        }
    }

    /// The `filterQuery`; `known` says what the entity's well-known names mean.
    pub fn filter(&self, known: &dyn Fn(&str) -> Option<Known>) -> Result<Option<Expr>> {
        self.get("filterQuery").map(|text| kubeflow::parse(text, known)).transpose()
    }

    /// The steps that a metric's history is narrowed to.
    pub fn step_ids(&self) -> Result<Vec<i64>> {
        let Some(list) = self.get("stepIds") else { return Ok(Vec::new()) };
        let steps: std::result::Result<Vec<i64>, _> = list.split(',').map(str::parse).collect();
        steps.ok().filter(|steps| steps.len() <= MAX_STEPS).ok_or_else(|| {
            let list = list.escape_debug();
            Error::invalid("stepIds", format!("stepIds `{list}` is not a list of up to {MAX_STEPS} integers"))
        })
    }

    /// The `name` that a nested list is narrowed to.
    pub fn name(&self) -> Result<Option<Name>> {
        self.get("name").map(str::parse).transpose()
    }

    /// The `externalId` that a nested list is narrowed to.
    pub fn external_id(&self) -> Result<Option<ExternalId>> {
        self.get("externalId").map(str::parse).transpose()
    }

    /// The artifacts that a list is narrowed to by `artifactType`.
    pub fn artifact_type(&self) -> Result<Option<&'static Entity>> {
        let Some(given) = self.get("artifactType") else { return Ok(None) };
        artifact_of(given).map(Some).ok_or_else(|| {
            let types: Vec<_> = artifacts().filter_map(|entity| entity.artifact_type).collect();
            let given = given.escape_debug();
            Error::invalid("artifactType", format!("artifactType `{given}` is none of `{}`", types.join("`, `")))
        })
    }

    /// What a singular path looks for: a name, in its parent where there is one, or an external id.
    pub fn find(&self, has_parent: bool) -> Result<Find> {
        let parent: Option<NodeId> = self
            .get("parentResourceId")
            .filter(|_| has_parent)
            .map(|id| id.parse().map_err(|error: Error| error.on_field("parentResourceId")))
            .transpose()?;
        match (self.name()?, parent, self.external_id()?) {
            (Some(name), None, _) if !has_parent => Ok(Find::Name(name, None)),
            (Some(name), Some(parent), _) => Ok(Find::Name(name, Some(parent))),
            (_, _, Some(external_id)) => Ok(Find::ExternalId(external_id)),
            _ if has_parent => {
                Err(Error::invalid("name", "either name with parentResourceId, or externalId must be given"))
            }
            _ => Err(Error::invalid("name", "either name or externalId must be given")),
        }
    }
}

/// One to nine digits, without a zero before them.
fn page_size(text: &str) -> Result<PageSize> {
    match text.parse::<u32>() {
        Ok(size) if (1..=999_999_999).contains(&size) && size.to_string() == text => Ok(PageSize::new(size)),
        _ => Err(Error::invalid("pageSize", format!("pageSize `{}` is not a positive integer", text.escape_debug()))),
    }
}
