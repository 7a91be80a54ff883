//! ML Metadata's `filter_query`: names, operators and joins of upstream, with types checked here.
//!
//! ```text
//! or      := and { OR and }
//! and     := not { AND not }
//! not     := NOT not | test
//! test    := bits [ cmp bits | [NOT] LIKE text | [NOT] BETWEEN bits AND bits | [NOT] IN "(" bits {"," bits} ")"
//!          | IS [NOT] (NULL | TRUE | FALSE) ]
//! bits    := sum { "&" sum }
//! sum     := product { ("+" | "-" | "||") product }
//! product := signed { ("*" | "/") signed }
//! signed  := ("-" | "+") signed | primary
//! primary := literal | path | function "(" [ or {"," or} ] ")" | case | "(" or ")"
//! case    := CASE [or] WHEN or THEN or { WHEN or THEN or } [ELSE or] END
//! path    := column | neighbour "." column
//! ```
//!
//! Every neighbour that is mentioned is joined once, wherever it is mentioned: a node without it never matches.

mod build;
mod calls;
mod dialect;
mod literals;
mod names;
mod parser;

use std::collections::BTreeSet;

use super::scalar::{Join, Neighbour, Scalar};
use super::{Expr, MAX_BYTES, MAX_DEPTH};
use crate::{Error, NodeKind, Result};

pub(super) use dialect::DIALECT;

/// How many neighbours a filter may mention: each is a join.
pub const MAX_NEIGHBOURS: usize = 16;

/// How deep expressions may nest, operators counted.
const MAX_HEIGHT: usize = 2 * MAX_DEPTH;

/// The parameter that errors name.
const FIELD: &str = "filter_query";

/// Reads a filter of nodes of that kind; `None` when the text is empty.
///
/// Errors: InvalidArgument on `filter_query`, which begins as upstream's and tells the character.
pub fn parse(kind: NodeKind, text: &str) -> Result<Option<Expr>> {
    if text.is_empty() {
        return Ok(None);
    }
    if let Some(at) = text.find('\0') {
        return Err(refused(text, at, "a NUL character cannot be in a filter"));
    }
    if text.len() > MAX_BYTES {
        return Err(invalid(format!("it has {} bytes, more than {MAX_BYTES}", text.len())));
    }
    let scalar = parser::parse(kind, text)?;
    if scalar.depth() > MAX_HEIGHT {
        return Err(invalid(format!("expressions nest deeper than {MAX_HEIGHT}")));
    }
    let mut neighbours = BTreeSet::new();
    scalar.add_neighbours(&mut neighbours);
    if neighbours.len() > MAX_NEIGHBOURS {
        return Err(invalid(format!(
            "it mentions {} properties, contexts, artifacts, executions and events, more than {MAX_NEIGHBOURS}",
            neighbours.len()
        )));
    }
    let mut joins = groups(kind, scalar);
    Ok(Some(if joins.len() == 1 {
        Expr::Some(joins.remove(0))
    } else {
        Expr::And(joins.into_iter().map(Expr::Some).collect())
    }))
}

/// What is true together, as joins of those neighbours alone that a condition ties together.
///
/// That is the same as one join of all, because what holds of some a and of some b, independently, holds of some pair.
fn groups(kind: NodeKind, scalar: Scalar) -> Vec<Join> {
    let terms = match scalar {
        Scalar::And(terms) => terms,
        other => vec![other],
    };
    let mut groups: Vec<(BTreeSet<Neighbour>, Vec<Scalar>)> = Vec::new();
    for term in terms {
        let mut neighbours = BTreeSet::new();
        term.add_neighbours(&mut neighbours);
        let mut merged = (neighbours, Vec::new());
        let mut place = groups.len();
        let mut at = 0;
        while let Some((others, _)) = groups.get(at) {
            let tied = if merged.0.is_empty() { others.is_empty() } else { !merged.0.is_disjoint(others) };
            if tied {
                place = place.min(at);
                let (others, terms) = groups.remove(at);
                merged.0.extend(others);
                merged.1.extend(terms);
            } else {
                at += 1;
            }
        }
        merged.1.push(term);
        groups.insert(place.min(groups.len()), merged);
    }
    let join = |(neighbours, mut terms): (BTreeSet<Neighbour>, Vec<Scalar>)| Join {
        kind,
        neighbours: neighbours.into_iter().collect(),
        holds: if terms.len() == 1 { terms.remove(0) } else { Scalar::And(terms) },
    };
    groups.into_iter().map(join).collect()
}

fn invalid(what: impl std::fmt::Display) -> Error {
    Error::invalid(FIELD, format!("Invalid `{FIELD}`: {what}"))
}

/// A filter that cannot be accepted, at that byte of its text.
fn refused(text: &str, at: usize, what: impl std::fmt::Display) -> Error {
    let column = text.get(..at).map_or(at, |before| before.chars().count()) + 1;
    invalid(format_args!("at character {column}: {what}"))
}

#[cfg(test)]
mod tests;
