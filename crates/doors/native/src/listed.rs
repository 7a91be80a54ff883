//! What lists of models, versions and experiments are asked with and show.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use utoipa::{IntoParams, ToSchema};

use super::enums::Verdict;
use super::wire::{AliasView, NodeView, plain_number};
use super::{Paging, hundred};
use crate::domain::filter::kubeflow::{Known, parse_own};
use crate::domain::filter::{Attribute, Expr, VERDICTS};
use crate::domain::value::{check_text, find_named};
use crate::domain::{LogicalType, Order, OrderBy, Result};
use crate::registry::listed::environments::ListedEnvironment;
use crate::registry::listed::experiments::ListedExperiment;
use crate::registry::listed::models::{ListedAlias, ListedModel};
use crate::registry::listed::{ListRequest, ListedPage, ListedVersion, Total};

/// What a list is ordered by.
#[derive(Debug, ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "for the document alone")]
pub enum OrderName {
    /// The id.
    Id,
    /// The name.
    Name,
    /// The time of creation.
    CreatedAt,
    /// The time of the last change.
    UpdatedAt,
}

/// In which direction.
#[derive(Debug, ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "for the document alone")]
pub enum SortOrder {
    /// The smallest first.
    Asc,
    /// The greatest first.
    Desc,
}

/// Which items of a list are wanted, and in which order.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct Listing {
    /// What must be true of them, in the language of `filterQuery`: `owner = 'risk' AND verdict = 'clean'`.
    filter: Option<String>,
    /// What they are ordered by; `createdAt` when it is not given.
    #[param(inline, value_type = Option<OrderName>)]
    order_by: Option<String>,
    /// In which direction; `desc` when it is not given.
    #[param(inline, value_type = Option<SortOrder>)]
    sort_order: Option<String>,
    /// Whether the items of all pages are counted.
    #[serde(default)]
    totals: bool,
    /// At most this many items, and never more than 10000.
    #[serde(default = "hundred")]
    #[param(value_type = i64, minimum = 1, maximum = 4_294_967_295_u32)]
    page_size: std::num::NonZeroU32,
    /// Continues a list.
    #[serde(default)]
    next_page_token: String,
}

/// Which metrics a list of versions shows.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ShownMetrics {
    /// The names of up to 50 metrics that are shown of each version, separated by commas.
    #[serde(default)]
    metrics: String,
}

impl ShownMetrics {
    /// The names.
    pub fn names(&self) -> Result<Vec<String>> {
        check_text("metrics", &self.metrics)?;
        Ok(self.metrics.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect())
    }
}

impl Listing {
    /// The filter, of nodes of that type.
    pub fn filter(&self, logical: LogicalType) -> Result<Option<Expr>> {
        filter(self.filter.as_deref(), logical)
    }

    /// The order.
    pub fn order(&self) -> Result<Order> {
        const ORDERS: [(&str, OrderBy); 4] = [
            ("id", OrderBy::Id),
            ("name", OrderBy::Name),
            ("createdAt", OrderBy::CreateTime),
            ("updatedAt", OrderBy::UpdateTime),
        ];
        let by = self.order_by.as_deref().unwrap_or("createdAt");
        let (_, by) = find_named(&ORDERS, |(name, _)| name, "orderBy", by)?;
        let direction = self.sort_order.as_deref().unwrap_or("desc");
        let descending = find_named(&["asc", "desc"], |name| name, "sortOrder", direction)? == "desc";
        Ok(Order { by, descending })
    }

    /// The page.
    pub fn request(&self) -> Result<ListRequest> {
        let Self { page_size, next_page_token, .. } = self;
        let paging = Paging { page_size: *page_size, next_page_token: next_page_token.clone() };
        Ok(ListRequest { with_total: self.totals, ..paging.list_request()? })
    }
}

impl Paging {
    /// The page of a list.
    pub fn list_request(&self) -> Result<ListRequest> {
        Ok(ListRequest { size: self.size(), token: self.token()?, with_total: false })
    }
}

/// A filter of nodes of that type.
pub fn filter(text: Option<&str>, logical: LogicalType) -> Result<Option<Expr>> {
    let known = |name: &str| known(logical, name);
    text.filter(|text| !text.is_empty()).map(|text| parse_own(text, &known)).transpose()
}

/// What a well-known name means in a filter of nodes of that type. Times have the names that other filters have, too.
fn known(logical: LogicalType, name: &str) -> Option<Known> {
    let has_versions = matches!(logical, LogicalType::RegisteredModel | LogicalType::ModelVersion);
    Some(match name {
        "id" => Known::Attribute(Attribute::Id),
        "name" => Known::Attribute(Attribute::Name),
        "externalId" => Known::Attribute(Attribute::ExternalId),
        "createdAt" | "createTimeSinceEpoch" => Known::Attribute(Attribute::CreatedAt),
        "updatedAt" | "lastUpdateTimeSinceEpoch" => Known::Attribute(Attribute::UpdatedAt),
        "alias" if has_versions => Known::Attribute(Attribute::Alias),
        "format" if has_versions => Known::Attribute(Attribute::Format),
        "verdict" if has_versions => Known::Named(Attribute::Verdict, &VERDICTS),
        name => {
            let is_it = |declared: &str| declared == name || camel_case(declared) == name;
            let (declared, kind) = logical.properties().iter().find(|(declared, _)| is_it(declared))?;
            Known::Property(declared, *kind)
        }
    })
}

/// The name as Kubeflow's API spells it.
fn camel_case(name: &str) -> String {
    let mut words = name.split('_');
    let mut spelled = words.next().unwrap_or_default().to_owned();
    for word in words {
        let mut rest = word.chars();
        spelled.extend(rest.next().map(|first| first.to_ascii_uppercase()));
        spelled.push_str(rest.as_str());
    }
    spelled
}

/// A version as lists show it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct VersionRow {
    /// The version itself.
    #[serde(flatten)]
    pub version: NodeView,
    /// Its number, by which protocols without names know it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<i64>,
    /// The names of the aliases that point at it.
    pub aliases: Vec<String>,
    /// How many files it has.
    pub files: u64,
    /// How many bytes they have together.
    pub size: u64,
    /// The heaviest verdict on one of them; absent where none was inspected.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Verdict>)]
    pub verdict: Option<&'static str>,
    /// Their formats.
    pub formats: Vec<String>,
    /// How many are quarantined.
    pub quarantined: u64,
    /// The latest values of the metrics that were asked for, of those that it has. What is no number is a text.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub metrics: BTreeMap<String, Json>,
}

impl From<&ListedVersion> for VersionRow {
    fn from(listed: &ListedVersion) -> Self {
        let held = &listed.held;
        Self {
            version: NodeView::new(&listed.version),
            number: listed.number,
            aliases: listed.aliases.clone(),
            files: held.files,
            size: held.bytes,
            verdict: held.verdict,
            formats: held.formats.clone(),
            quarantined: held.quarantined,
            metrics: listed.metrics.iter().map(|each| (each.name.clone(), plain_number(each.point.value))).collect(),
        }
    }
}

/// A model as lists show it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ModelRow {
    /// The model itself.
    #[serde(flatten)]
    pub model: NodeView,
    /// Its aliases, in alphabetical order.
    pub aliases: Vec<AliasView>,
    /// The version that was made last; absent where it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latest_version: Option<VersionRow>,
    /// How many versions it has, counted up to 1000.
    pub versions: u64,
    /// Whether it has more than that.
    pub more_versions: bool,
}

impl From<&ListedModel> for ModelRow {
    fn from(listed: &ListedModel) -> Self {
        Self {
            model: NodeView::new(&listed.model),
            aliases: listed.aliases.iter().map(AliasView::from).collect(),
            latest_version: listed.latest.as_ref().map(VersionRow::from),
            versions: listed.versions,
            more_versions: listed.has_more_versions,
        }
    }
}

/// An experiment as lists show it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExperimentRow {
    /// The experiment itself.
    #[serde(flatten)]
    pub experiment: NodeView,
    /// How many runs it has that are not archived, counted up to 1000.
    pub runs: u64,
    /// Whether it has more than that.
    pub more_runs: bool,
}

impl From<&ListedExperiment> for ExperimentRow {
    fn from(listed: &ListedExperiment) -> Self {
        let ListedExperiment { experiment, runs, has_more_runs } = listed;
        Self { experiment: NodeView::new(experiment), runs: *runs, more_runs: *has_more_runs }
    }
}

/// A serving environment as lists show it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EnvironmentRow {
    /// The environment itself.
    #[serde(flatten)]
    pub environment: NodeView,
    /// How many deployments, which are inference services, it has, counted up to 1000.
    pub deployments: u64,
    /// Whether it has more than that.
    pub more_deployments: bool,
}

impl From<&ListedEnvironment> for EnvironmentRow {
    fn from(listed: &ListedEnvironment) -> Self {
        let ListedEnvironment { environment, deployments, has_more_deployments } = listed;
        Self {
            environment: NodeView::new(environment),
            deployments: *deployments,
            more_deployments: *has_more_deployments,
        }
    }
}

impl From<&ListedAlias> for AliasView {
    fn from(listed: &ListedAlias) -> Self {
        let ListedAlias { alias, version_id, version } = listed;
        Self { alias: alias.clone(), version: version.clone(), version_id: version_id.to_string() }
    }
}

macro_rules! lists {
    ($($(#[$says:meta])* $list:ident of $row:ident from $listed:ident;)+) => {$(
        $(#[$says])*
        #[derive(Debug, Serialize, ToSchema)]
        #[serde(rename_all = "camelCase")]
        pub struct $list {
            /// The items.
            pub items: Vec<$row>,
            /// Continues the list; empty at its end.
            pub next_page_token: String,
            /// How many items all pages have, where that was asked for and they are not more than 10000.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub total: Option<u64>,
            /// That all pages have as many items or more, where that was asked for and they are more than are counted.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub total_at_least: Option<u64>,
        }

        impl From<&ListedPage<$listed>> for $list {
            fn from(page: &ListedPage<$listed>) -> Self {
                let (total, total_at_least) = match page.total {
                    None => (None, None),
                    Some(Total::Exactly(total)) => (Some(total), None),
                    Some(Total::AtLeast(total)) => (None, Some(total)),
                };
                Self {
                    items: page.items.iter().map($row::from).collect(),
                    next_page_token: super::next_token(page.next.as_ref()),
                    total,
                    total_at_least,
                }
            }
        }
    )+};
}

lists! {
    /// A page of models.
    ModelList of ModelRow from ListedModel;
    /// A page of versions.
    VersionList of VersionRow from ListedVersion;
    /// A page of experiments.
    ExperimentList of ExperimentRow from ListedExperiment;
    /// A page of environments.
    EnvironmentList of EnvironmentRow from ListedEnvironment;
}

/// A page of aliases, in alphabetical order.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AliasList {
    /// The aliases.
    pub items: Vec<AliasView>,
    /// Continues the list; empty at its end.
    pub next_page_token: String,
}
