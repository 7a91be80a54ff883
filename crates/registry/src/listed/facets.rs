//! What values the models of a workspace have of what they are filtered by, and how many models have each.

use serde_json::Value as Json;

use super::models::without_prompts;
use super::{MAX_COUNTED, Total};
use crate::context::RequestContext;
use crate::domain::filter::Expr;
use crate::domain::{LogicalType, Result, Selection};
use crate::services::Models;
use crate::store::facets::{Counts, of_aliases, of_files, of_properties};
use crate::store::nodes;

/// How many values of a facet are shown.
pub const MAX_VALUES: usize = 20;

/// Something that models are filtered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Facet {
    /// Who owns the model.
    Owner,
    /// Its state.
    State,
    /// Its licence.
    License,
    /// Its maturity.
    Maturity,
    /// Who provides it.
    Provider,
    /// The library that it is for.
    Library,
    /// Its tasks.
    Tasks,
    /// Its languages.
    Language,
    /// Its aliases.
    Alias,
    /// The formats of its latest version's files.
    Format,
    /// The heaviest verdict on them.
    Verdict,
    /// The names of its custom properties that are empty texts.
    Label,
}

impl Facet {
    /// Every facet.
    pub const ALL: [Self; 12] = [
        Self::Owner,
        Self::State,
        Self::License,
        Self::Maturity,
        Self::Provider,
        Self::Library,
        Self::Tasks,
        Self::Language,
        Self::Alias,
        Self::Format,
        Self::Verdict,
        Self::Label,
    ];

    /// Its name, which is that in a filter.
    pub fn name(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::State => "state",
            Self::License => "license",
            Self::Maturity => "maturity",
            Self::Provider => "provider",
            Self::Library => "libraryName",
            Self::Tasks => "tasks",
            Self::Language => "language",
            Self::Alias => "alias",
            Self::Format => "format",
            Self::Verdict => "verdict",
            Self::Label => "label",
        }
    }

    /// The declared property that it is, and whether that is a list of texts.
    fn property(self) -> Option<(&'static str, bool)> {
        match self {
            Self::Owner => Some(("owner", false)),
            Self::State => Some(("state", false)),
            Self::License => Some(("license", false)),
            Self::Maturity => Some(("maturity", false)),
            Self::Provider => Some(("provider", false)),
            Self::Library => Some(("library_name", false)),
            Self::Tasks => Some(("tasks", true)),
            Self::Language => Some(("language", true)),
            Self::Alias | Self::Format | Self::Verdict | Self::Label => None,
        }
    }
}

/// The values of a facet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FacetValues {
    /// Which facet.
    pub facet: Facet,
    /// The values that most models have, with how many have each; at most [`MAX_VALUES`].
    pub values: Vec<(String, u64)>,
    /// Whether there are more values.
    pub has_more: bool,
}

/// The facets of models.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelFacets {
    /// How many models there are. Where they are more than are counted, the values are those of so many of them.
    pub models: Total,
    /// Each facet.
    pub facets: Vec<FacetValues>,
}

impl Models {
    /// The facets of the models in the request's workspace that meet a filter. What is a prompt is none of them.
    pub async fn model_facets(&self, context: &RequestContext, filter: Option<Expr>) -> Result<ModelFacets> {
        let filter = Some(without_prompts(filter));
        let selection = Selection { filter, ..Selection::of(LogicalType::RegisteredModel) };
        self.core
            .read_long(context, move |tx| {
                let mut models = nodes::ids_up_to(tx, &selection, MAX_COUNTED + 1)?;
                let is_more = models.len() > MAX_COUNTED as usize;
                models.truncate(MAX_COUNTED as usize);
                models.sort_unstable();
                let names: Vec<&str> = Facet::ALL.iter().filter_map(|facet| Some(facet.property()?.0)).collect();
                let mut properties = of_properties(tx, &models, &names)?;
                let mut aliases = of_aliases(tx, &models)?;
                let mut files = of_files(tx, &models)?;
                let facets = Facet::ALL.into_iter().map(|facet| {
                    let counts = match (facet, facet.property()) {
                        (_, Some((name, is_list))) => {
                            let counts = properties.declared.remove(name).unwrap_or_default();
                            if is_list { of_items(&counts) } else { counts }
                        }
                        (Facet::Alias, None) => std::mem::take(&mut aliases),
                        (Facet::Format, None) => std::mem::take(&mut files.formats),
                        (Facet::Verdict, None) => std::mem::take(&mut files.verdicts),
                        (_, None) => std::mem::take(&mut properties.labels),
                    };
                    most_frequent(facet, counts)
                });
                let facets = facets.collect();
                let counted = models.len() as u64;
                let models = if is_more { Total::AtLeast(counted) } else { Total::Exactly(counted) };
                Ok(ModelFacets { models, facets })
            })
            .await
    }
}

/// The values that most models have; among those that as many have, in alphabetical order.
fn most_frequent(facet: Facet, counts: Counts) -> FacetValues {
    let mut values: Vec<(String, u64)> = counts.into_iter().collect();
    values.sort_by(|(_, one), (_, other)| other.cmp(one));
    let has_more = values.len() > MAX_VALUES;
    values.truncate(MAX_VALUES);
    FacetValues { facet, values, has_more }
}

/// The items of lists, which are JSON, each counted once for a list.
fn of_items(lists: &Counts) -> Counts {
    let mut counts = Counts::new();
    for (list, models) in lists {
        let Ok(Json::Array(mut items)) = serde_json::from_str(list) else { continue };
        let mut texts: Vec<String> = items.drain(..).filter_map(|item| item.as_str().map(str::to_owned)).collect();
        texts.sort_unstable();
        texts.dedup();
        for text in texts {
            *counts.entry(text).or_default() += models;
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_most_models_have_is_first_and_ties_are_alphabetical() {
        let counts = Counts::from([("b".to_owned(), 2), ("a".to_owned(), 2), ("c".to_owned(), 3)]);
        let shown = most_frequent(Facet::Owner, counts);
        let shown: Vec<(&str, u64)> = shown.values.iter().map(|(value, count)| (value.as_str(), *count)).collect();
        assert_eq!(shown, [("c", 3), ("a", 2), ("b", 2)]);
        let many: Counts = (0..25).map(|value| (value.to_string(), 1)).collect();
        let shown = most_frequent(Facet::Owner, many);
        assert_eq!((shown.values.len(), shown.has_more), (MAX_VALUES, true));
    }

    #[test]
    fn each_item_of_a_list_counts_once() {
        let lists = Counts::from([
            (r#"["a","b","a"]"#.to_owned(), 2),
            (r#"["b",1]"#.to_owned(), 3),
            (r#"{"a":1}"#.to_owned(), 5),
            ("no JSON".to_owned(), 7),
        ]);
        assert_eq!(of_items(&lists), Counts::from([("a".to_owned(), 2), ("b".to_owned(), 5)]));
    }
}
