//! One search through everything that has a name.

use actix_web::HttpResponse;
use actix_web::web::Query;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::accounts::principals::PrincipalView;
use super::enums::{MatchedName, SearchKindName};
use super::errors::ListModelsErrors;
use super::found_files::FoundFileView;
use super::lineage::HomeView;
use super::wire::NodeView;
use crate::domain::value::find_named;
use crate::http::caller::Caller;
use crate::http::problem::Problem;
use crate::registry::RequestContext;
use crate::registry::listed::Total;
use crate::registry::search::{Found, SearchKind, SearchRequest, SearchResult};

fn twenty() -> std::num::NonZeroU32 {
    std::num::NonZeroU32::MIN.saturating_add(19)
}

/// What is searched for.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct SearchOptions {
    /// The text: a name, the beginning of one, or words that a name, a text or a path has. 8 to 64 hexadecimal digits are a digest, too.
    #[param(min_length = 1, max_length = 200, pattern = r"\S")]
    q: String,
    /// The kinds that are wanted, separated by commas: `models`, `versions`, `experiments`, `runs`, `environments`, `deployments`,
    /// `artifacts`, `files`, `people`; all of them when it is not given.
    #[param(
        pattern = "^(models|versions|experiments|runs|environments|deployments|artifacts|files|people)(,(models|versions|experiments|runs|environments|deployments|artifacts|files|people))*$"
    )]
    kinds: Option<String>,
    /// At most this many results, and never more than 100.
    #[serde(default = "twenty")]
    #[param(value_type = i64, minimum = 1, maximum = 4_294_967_295_u32)]
    page_size: std::num::NonZeroU32,
}

/// Something that a search found; it has one of `node`, `file` and `principal`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SearchResultView {
    /// Its kind.
    #[schema(value_type = SearchKindName)]
    pub kind: &'static str,
    /// How it was found.
    #[schema(value_type = MatchedName)]
    pub matched: &'static str,
    /// The id of the node or the principal, or that of the artifact that has the file.
    pub id: String,
    /// The node.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<NodeView>,
    /// What the node belongs to, the outermost first: the model of a version, the experiment of a run.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub homes: Vec<HomeView>,
    /// The file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<FoundFileView>,
    /// The principal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub principal: Option<PrincipalView>,
}

impl SearchResultView {
    fn new(context: &RequestContext, result: &SearchResult) -> Self {
        let SearchResult { kind, matched, found } = result;
        let empty = Self {
            kind: kind.name(),
            matched: matched.name(),
            id: String::new(),
            node: None,
            homes: Vec::new(),
            file: None,
            principal: None,
        };
        match found {
            Found::Node(node, homes) => Self {
                id: node.id.to_string(),
                node: Some(NodeView::new(node)),
                homes: homes.iter().map(HomeView::from).collect(),
                ..empty
            },
            Found::File(found) => {
                Self { id: found.file.node_id.to_string(), file: Some(FoundFileView::new(context, found)), ..empty }
            }
            Found::Person(person) => {
                Self { id: person.id.to_string(), principal: Some(PrincipalView::from(&**person)), ..empty }
            }
        }
    }
}

/// The best results, the best first.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SearchResultList {
    /// The results.
    pub items: Vec<SearchResultView>,
    /// How many there are, unless more texts match than are looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,
    /// That there are so many or more: of the texts that match, the 10000 newest were looked at, and of the names and labels that begin so 2000 of each kind.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total_at_least: Option<u64>,
}

/// Searches the names, descriptions, cards, tasks and labels of a workspace, the paths of its files and their digests, and people.
///
/// The best results come first: what has just that name; whose name begins so; in whose name a word begins so; whose name has it anywhere; which
/// has a label that begins so, the value of a custom property or the name of an empty one; and what has it in a text. Those that match
/// equally well are in the order of the kinds, and of a kind the newest come first. Several words of three characters or more need not follow each other. One or two characters are looked
/// for at the beginnings of names and labels alone. Letters of the Latin alphabet match in either case. Of a text the first 500 characters count.
/// People are found by whoever may list them.
#[utoipa::path(
    get, path = "/search", operation_id = "search", tag = "search",
    params(SearchOptions),
    responses(
        (status = 200, description = "The results.", body = SearchResultList),
        ListModelsErrors,
    ),
)]
pub async fn search(caller: Caller, options: Query<SearchOptions>) -> Result<HttpResponse, Problem> {
    let SearchOptions { q, kinds, page_size } = options.into_inner();
    let kind = |name: &str| find_named(&SearchKind::ALL, SearchKind::name, "kinds", name);
    let kinds = match kinds {
        Some(kinds) => kinds.split(',').map(kind).collect::<crate::domain::Result<_>>()?,
        None => SearchKind::ALL.to_vec(),
    };
    let request = SearchRequest { text: q, kinds, size: page_size.get() };
    let found = caller.registry.searches.search(&caller.context, request).await?;
    let (total, total_at_least) = match found.total {
        Total::Exactly(total) => (Some(total), None),
        Total::AtLeast(total) => (None, Some(total)),
    };
    let items = found.items.iter().map(|result| SearchResultView::new(&caller.context, result)).collect();
    Ok(HttpResponse::Ok().json(SearchResultList { items, total, total_at_least }))
}
