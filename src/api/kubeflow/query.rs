//! Query parameters (contracts/kubeflow §1.2). Unknown ones are ignored, as upstream does.

use std::collections::HashMap;

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use std::future::{Ready, ready};
use utoipa::IntoParams;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::SchemaType;
use utoipa::openapi::{KnownFormat, ObjectBuilder, Ref, RefOr, Required, Schema, SchemaFormat, Type};

use super::entity::Entity;
use super::error::KubeflowError;
use crate::domain::filter::{Expr, kubeflow};
use crate::domain::value::check_text;
use crate::domain::{Error, ExternalId, Name, NodeId, Order, OrderBy, PageSize, PageToken, Result};
use crate::registry::entities::Find;

/// The parameters of a request, decoded.
pub struct Query(HashMap<String, String>);

/// How a list is cut and ordered.
#[derive(Debug, Clone)]
pub struct Listing {
    /// How many items a page has; all of them when it was not given.
    pub size: Option<PageSize>,
    /// The order.
    pub order: Order,
    /// Where to go on.
    pub token: Option<PageToken>,
}

impl FromRequest for Query {
    type Error = KubeflowError;
    type Future = Ready<Result<Self, KubeflowError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let pairs = url::form_urlencoded::parse(request.query_string().as_bytes());
        let query = Self(pairs.map(|(name, value)| (name.into_owned(), value.into_owned())).collect());
        let checked = query.0.iter().try_for_each(|(name, value)| check_text(name, value));
        ready(checked.map(|()| query).map_err(KubeflowError::from))
    }
}

impl Query {
    fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The parameters of a list.
    pub fn listing(&self) -> Result<Listing> {
        let size = self.get("pageSize").map(|text| match text.parse::<u32>() {
            Ok(size) if size > 0 => Ok(PageSize::new(size)),
            _ => {
                Err(Error::invalid("pageSize", format!("pageSize `{}` is not a positive integer", text.escape_debug())))
            }
        });
        let by = match self.get("orderBy") {
            None | Some("ID") => OrderBy::Id,
            Some("CREATE_TIME") => OrderBy::CreateTime,
            Some("LAST_UPDATE_TIME") => OrderBy::UpdateTime,
            Some(other) => {
                let other = other.escape_debug();
                return Err(Error::invalid(
                    "orderBy",
                    format!("orderBy `{other}` is none of `CREATE_TIME`, `LAST_UPDATE_TIME`, `ID`"),
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
        Ok(Listing { size: size.transpose()?, order: Order { by, descending }, token })
    }

    /// The `filterQuery`, in the entity's words.
    pub fn filter(&self, entity: &Entity) -> Result<Option<Expr>> {
        self.get("filterQuery").map(|text| kubeflow::parse(text, &|name| entity.known(name))).transpose()
    }

    /// The `name` that a nested list is narrowed to.
    pub fn name(&self) -> Result<Option<Name>> {
        self.get("name").map(str::parse).transpose()
    }

    /// The `externalId` that a nested list is narrowed to.
    pub fn external_id(&self) -> Result<Option<ExternalId>> {
        self.get("externalId").map(str::parse).transpose()
    }

    /// The `artifactType` that a list of artifacts is narrowed to.
    pub fn artifact_type(&self) -> Option<&str> {
        self.get("artifactType")
    }

    /// What a singular path looks for: a name, in its parent where there is one, or an external id.
    pub fn find(&self, has_parent: bool) -> Result<Find> {
        let parent: Option<NodeId> = self
            .get("parentResourceId")
            .map(|id| id.parse().map_err(|error: Error| error.on_field("parentResourceId")))
            .transpose()?;
        match (self.name()?, parent, self.external_id()?) {
            (Some(name), None, _) if !has_parent => Ok(Find::Name(name, None)),
            (Some(name), Some(parent), _) if has_parent => Ok(Find::Name(name, Some(parent))),
            (Some(name), Some(_), _) => Ok(Find::Name(name, None)),
            (_, _, Some(external_id)) => Ok(Find::ExternalId(external_id)),
            _ if has_parent => {
                Err(Error::invalid("name", "either name with parentResourceId, or externalId must be given"))
            }
            _ => Err(Error::invalid("name", "either name or externalId must be given")),
        }
    }
}

fn parameter(name: &str, description: &str, schema: impl Into<RefOr<Schema>>) -> Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Query)
        .required(Required::False)
        .description(Some(description))
        .schema(Some(schema))
        .build()
}

fn text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(SchemaType::new(Type::String))
}

fn reference(schema: &str) -> RefOr<Schema> {
    RefOr::Ref(Ref::from_schema_name(schema))
}

/// The parameters of a list, for the document.
pub struct ListParams;

impl IntoParams for ListParams {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        vec![
            parameter(
                "filterQuery",
                "Only items that meet the condition, as in `name LIKE 'fraud%' AND accuracy > 0.9`.",
                text(),
            ),
            parameter("pageSize", "Number of items in a page.", text().pattern(Some("^[1-9][0-9]{0,8}$"))),
            parameter("orderBy", "What the list is ordered by.", reference("OrderByField")),
            parameter("sortOrder", "The direction of the order.", reference("SortOrder")),
            parameter("nextPageToken", "Continues a list.", text()),
        ]
    }
}

/// `name` and `externalId`, for the document.
pub struct NameParams;

impl IntoParams for NameParams {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        vec![
            parameter("name", "Name of the entity.", text()),
            parameter("externalId", "Id of the entity in another system.", text()),
        ]
    }
}

/// `parentResourceId`, for the document.
pub struct ParentParams;

impl IntoParams for ParentParams {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let schema = text().format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)));
        vec![parameter("parentResourceId", "Id of the parent, for a search by name.", schema)]
    }
}

/// `artifactType`, for the document.
pub struct ArtifactTypeParams;

impl IntoParams for ArtifactTypeParams {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        vec![parameter("artifactType", "Only artifacts of this type.", reference("ArtifactTypeQueryParam"))]
    }
}
