//! The filters and orders of MLflow's searches (MLflow's documentation: Search Runs, Search Experiments, Search Logged
//! Models).
//!
//! ```text
//! filter := clause { AND clause }
//! clause := path ( cmp value | (LIKE | ILIKE) text | [NOT] IN "(" text {"," text} [","] ")" | IS [NOT] NULL )
//! order  := path [ ASC | DESC ]
//! path   := [ entity "." ] name { "." name }
//! ```
//!
//! A name is a word, or anything between backticks or double quotes; in what is quoted, a quote that is doubled stands
//! for itself. Upstream takes an AND at the end, too; here it is refused.

mod dialect;
mod measured;
mod parser;
mod words;

use super::{check_length, refused};
use crate::search::{Clause, Facet, OrderKey, Searched, Test};
use crate::trace_metrics::MetricFilter;
use crate::value::check_text;
use crate::{Error, Result};

use parser::Parser;
use words::{Use, attribute, is_searched_by_metrics};

/// The parameter that errors of filters name.
const FILTER: &str = "filter";

/// The parameter that errors of orders name.
const ORDER_BY: &str = "order_by";

/// How many keys an order may have: each of them is looked up for everything that is found.
const MAX_ORDER_KEYS: usize = 16;

/// The tag of what is no model, but a prompt that is kept as one.
const PROMPT: &str = "mlflow.prompt.is_prompt";

/// Reads a filter. One of blanks has no clauses. Prompts are no models and no versions, unless a clause names their
/// tag.
///
/// Errors: InvalidArgument on `filter` that tells the character where it cannot continue.
pub fn clauses(of: Searched, text: &str) -> Result<Vec<Clause>> {
    check_length(FILTER, text)?;
    let mut clauses = Parser::new(FILTER, of, text)?.clauses()?;
    if matches!(of, Searched::Models | Searched::Versions) {
        let prompt = Facet::Tag { name: PROMPT.to_owned(), fallback: None };
        let mut is_named = false;
        for clause in clauses.iter_mut().filter(|clause| clause.facet == prompt) {
            is_named = true;
            if let Some(excluded) = what_it_excludes(&clause.test) {
                clause.test = Test::Not(excluded.to_owned());
            }
        }
        if !is_named {
            clauses.push(Clause { facet: prompt, test: Test::Not("true".to_owned()) });
        }
    }
    Ok(clauses)
}

/// Reads a filter of what traces are measured by: one condition, `trace.status`, `trace.tag.…`, `trace.metadata.…`, `span.name`, `span.type`,
/// `span.status`, `assessment.name` or `assessment.type` being equal to a text.
///
/// Errors: InvalidArgument on `filter` that tells the character where it cannot continue.
pub fn metric_filter(text: &str) -> Result<MetricFilter> {
    check_length(FILTER, text)?;
    Parser::new(FILTER, Searched::Traces, text)?.metric_filter()
}

/// What a test of the prompts' tag excludes. What has no such tag is no prompt.
fn what_it_excludes(test: &Test) -> Option<&'static str> {
    use super::Comparison::{Equal, NotEqual};
    match test {
        Test::Text(NotEqual, text) if text == "true" => Some("true"),
        Test::Text(Equal, text) if text == "false" => Some("true"),
        _ => None,
    }
}

/// Reads the keys of an order.
///
/// Errors: InvalidArgument on `order_by` that tells the character where it cannot continue; when two keys are the same.
pub fn order_keys(of: Searched, texts: &[&str]) -> Result<Vec<OrderKey>> {
    order_keys_of(ORDER_BY, of, texts)
}

/// The same of a parameter of another name, which its errors have then.
pub fn order_keys_of(parameter: &'static str, of: Searched, texts: &[&str]) -> Result<Vec<OrderKey>> {
    if texts.len() > MAX_ORDER_KEYS {
        let message = format!("{parameter} has {} keys, more than {MAX_ORDER_KEYS}", texts.len());
        return Err(Error::invalid(parameter, message));
    }
    let mut keys: Vec<OrderKey> = Vec::new();
    for text in texts {
        check_length(parameter, text)?;
        let key = Parser::new(parameter, of, text)?.order_key()?;
        if keys.iter().any(|before| before.facet == key.facet) {
            return Err(refused(parameter, text, 0, format_args!("`{text}` orders by what a key before it does")));
        }
        keys.push(key);
    }
    Ok(keys)
}

/// The key of an order of logged models: a field's name is an attribute, or `metrics.` and a metric's name as it is.
///
/// Errors: InvalidArgument on `order_by`.
pub fn logged_model_order(
    field_name: &str,
    ascending: bool,
    dataset: Option<(&str, Option<&str>)>,
) -> Result<OrderKey> {
    let unknown =
        || Error::invalid(ORDER_BY, format!("logged models are not ordered by `{}`", field_name.escape_debug()));
    check_text(ORDER_BY, field_name)?;
    let facet = match field_name.split_once('.') {
        Some((entity, name)) if is_searched_by_metrics(entity) && !name.is_empty() => {
            let dataset = dataset.map(|(name, digest)| (name.to_owned(), digest.map(str::to_owned)));
            for text in dataset.iter().flat_map(|(name, digest)| std::iter::once(name).chain(digest)) {
                check_text(ORDER_BY, text)?;
            }
            Facet::Metric { name: name.to_owned(), dataset }
        }
        Some(_) => return Err(unknown()),
        None => attribute(Searched::LoggedModels, field_name, Use::Order).ok_or_else(unknown)?.facet.clone(),
    };
    Ok(OrderKey { facet, descending: !ascending })
}

#[cfg(test)]
mod tests;
