//! Pages of searches, and the tokens that continue them: where the page before ended, and of which search.

use super::tokens::{PAGE_TOKEN, decoded, encoded, in_order};
use crate::domain::search::{KeyValue, Search};
use crate::domain::{Error, Node, PageSize, Result, fingerprint};
use crate::store::nodes;
use crate::store::tracking::search::{self, Found};
use crate::transaction::ReadTransaction;

/// The nodes of a page of a search in the workspace of the request, of what its caller sees, and the token of the next page; the first
/// page without a token.
///
/// What is made or removed between two pages makes neither skip nor repeat anything else.
///
/// Errors: InvalidArgument on `page_token` where that is none, or of another search.
pub(crate) fn page(
    tx: &mut ReadTransaction<'_, '_>,
    search: &Search,
    size: PageSize,
    token: Option<&str>,
) -> Result<(Vec<Node>, Option<String>)> {
    let fingerprint = fingerprint(&(tx.access().workspace(), search));
    let after = token.map(|token| end_before(token, fingerprint)).transpose()?;
    let Found { ids, end } = search::page(tx, search, after.as_deref(), size)?;
    let found = in_order(nodes::find_all(tx, &ids)?, &ids);
    Ok((found, end.map(|end| encoded(&(fingerprint, end))).transpose()?))
}

/// The same of what is no node and has an id that is a text: its ids in order, and the token of the next page.
///
/// Errors: as those of [`page`].
pub(crate) fn page_of_texts(
    tx: &mut ReadTransaction<'_, '_>,
    search: &Search,
    size: PageSize,
    token: Option<&str>,
) -> Result<(Vec<String>, Option<String>)> {
    let fingerprint = fingerprint(&(tx.access().workspace(), search));
    let after = token.map(|token| end_before(token, fingerprint)).transpose()?;
    let Found { ids, end } = search::page_of_texts(tx, search, after.as_deref(), size)?;
    Ok((ids, end.map(|end| encoded(&(fingerprint, end))).transpose()?))
}

/// Where the page ended that gave a token.
fn end_before(token: &str, fingerprint: u64) -> Result<Vec<KeyValue>> {
    let (of, end): (u64, Vec<KeyValue>) = decoded(token)?;
    if of == fingerprint {
        return Ok(end);
    }
    Err(Error::invalid(PAGE_TOKEN, "the page token belongs to another search"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::access::WorkspaceId;
    use crate::domain::filter::mlflow::{clauses, order_keys};
    use crate::domain::search::Searched;
    use crate::domain::tracking::View;
    use crate::domain::{ErrorKind, NodeId};

    fn search(filter: &str, order: &str) -> Search {
        Search {
            of: Searched::Runs,
            experiments: vec![NodeId(1)],
            view: View::Active,
            clauses: clauses(Searched::Runs, filter).unwrap(),
            order: order_keys(Searched::Runs, &[order]).unwrap(),
            datasets: Vec::new(),
        }
    }

    #[test]
    fn a_token_continues_its_own_search_alone() {
        let own = search("metrics.m > 0.5", "params.p DESC");
        let here = WorkspaceId::DEFAULT;
        let end = vec![KeyValue::Text("ü".to_owned()), KeyValue::Missing, KeyValue::Double(f64::INFINITY)];
        let token = encoded(&(fingerprint(&(here, &own)), &end)).unwrap();
        assert!(token.is_ascii());
        assert_eq!(end_before(&token, fingerprint(&(here, &own))).unwrap(), end);
        let others = [
            search("metrics.m > 0.25", "params.p DESC"),
            search("metrics.m >= 0.5", "params.p DESC"),
            search("metrics.m > 0.5", "params.p"),
            search("metrics.m > 0.5", "tags.p DESC"),
            Search { experiments: vec![NodeId(2)], ..own.clone() },
            Search { experiments: Vec::new(), ..own.clone() },
            Search { view: View::All, ..own.clone() },
            Search { datasets: vec![("d".to_owned(), None)], ..own.clone() },
            Search { of: Searched::LoggedModels, ..own.clone() },
        ];
        let elsewhere = fingerprint(&(WorkspaceId(here.0 + 1), &own));
        for other in others.iter().map(|other| fingerprint(&(here, other))).chain([elsewhere]) {
            let error = end_before(&token, other).unwrap_err();
            assert_eq!((error.kind(), error.field()), (ErrorKind::InvalidArgument, Some(PAGE_TOKEN)));
        }
    }

    #[test]
    fn what_is_no_token_is_refused() {
        let plain = |text: &str| encoded(&text).unwrap();
        for bad in ["", "x", "{}", "ünï", "AAAA", "W10", "e30=", &plain("a"), &plain("[1,[{\"i\":true}]]")] {
            let error = end_before(bad, 1).unwrap_err();
            assert_eq!((error.kind(), error.field()), (ErrorKind::InvalidArgument, Some(PAGE_TOKEN)), "{bad}");
        }
    }
}
