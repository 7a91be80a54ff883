//! One search through the names, texts and paths of a workspace, the digests of its files, and people.

mod kinds;
mod ranked;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use self::ranked::{digest, parts, phrase};
use super::access::{WithSlugs, find_people};
use super::context::RequestContext;
use super::found_files::{FoundFile, with_homes};
use super::listed::Total;
use super::resolve::homes;
use super::transaction::ReadTransaction;
use super::uris::fill_uris;
use crate::domain::access::{Principal, PrincipalId};
use crate::domain::value::check_text;
use crate::domain::{Error, FilePath, LogicalType, Node, NodeId, Result};
use crate::services::Searches;
use crate::store::search::{self, MAX_MATCHES, MIN_CHARS, Match, Matches, Source};
use crate::store::{files, nodes};

pub use self::kinds::SearchKind;
pub use self::ranked::Matched;

/// The longest text that is searched for, in characters.
pub const MAX_CHARS: usize = 200;

/// How many results there are at most.
pub const MAX_RESULTS: u32 = 100;

/// What is searched for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchRequest {
    /// The text.
    pub text: String,
    /// The kinds that are wanted.
    pub kinds: Vec<SearchKind>,
    /// How many results are wanted at most, and never more than [`MAX_RESULTS`].
    pub size: u32,
}

/// What was found.
#[derive(Debug, Clone, PartialEq)]
pub enum Found {
    /// A node, and what it belongs to, the outermost first.
    Node(Box<Node>, Vec<Node>),
    /// A file.
    File(Box<FoundFile>),
    /// A principal.
    Person(Box<WithSlugs<Principal>>),
}

/// One result.
#[derive(Debug, Clone, PartialEq)]
pub struct SearchResult {
    /// Its kind.
    pub kind: SearchKind,
    /// How it was found.
    pub matched: Matched,
    /// What was found.
    pub found: Found,
}

/// The best results, the best first; those that are equally good by kinds, and of a kind the newest first.
#[derive(Debug, Clone, PartialEq)]
pub struct SearchResults {
    /// The results.
    pub items: Vec<SearchResult>,
    /// How many there are; at least so many where more texts match than are looked at.
    pub total: Total,
}

impl Searches {
    /// The best results in the request's workspace, of what the caller sees. A text of one or two characters is looked for at the beginnings
    /// of names and labels alone.
    ///
    /// Errors: InvalidArgument when the text is empty or too long.
    pub async fn search(&self, context: &RequestContext, request: SearchRequest) -> Result<SearchResults> {
        let SearchRequest { text, kinds, size } = request;
        check_text("q", &text)?;
        let phrase = phrase(&text);
        let chars = phrase.chars().count();
        if !(1..=MAX_CHARS).contains(&chars) {
            return Err(Error::invalid(
                "q",
                format!("`q` has {chars} characters besides spaces, not 1 to {MAX_CHARS}"),
            ));
        }
        let size = size.clamp(1, MAX_RESULTS) as usize;
        self.core
            .read_long(context, move |tx| {
                let mut hits = Hits::default();
                hits.find(tx, &phrase, &kinds)?;
                let total = hits.total();
                let best = hits.best(size);
                let items = shown(tx, best, &hits.people)?;
                Ok(SearchResults { items, total })
            })
            .await
    }
}

/// What is found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Target {
    Node(SearchKind, NodeId),
    File(NodeId, String),
    Person(PrincipalId),
}

impl Target {
    /// Its place among those that match equally well: by kinds, and of a kind the newest first.
    fn place(&self) -> (SearchKind, Reverse<i64>, &str) {
        match self {
            Self::Node(kind, id) => (*kind, Reverse(id.0), ""),
            Self::File(id, path) => (SearchKind::Files, Reverse(id.0), path),
            Self::Person(id) => (SearchKind::People, Reverse(id.0), ""),
        }
    }
}

/// What was found so far, each with the best way in which it was.
#[derive(Default)]
struct Hits {
    found: BTreeMap<Target, Matched>,
    people: BTreeMap<PrincipalId, WithSlugs<Principal>>,
    is_cut: bool,
}

impl Hits {
    fn find(&mut self, tx: &mut ReadTransaction<'_, '_>, phrase: &str, kinds: &[SearchKind]) -> Result<()> {
        let numbers = SearchKind::numbers(kinds);
        let parts = parts(phrase, MIN_CHARS);
        if !numbers.is_empty() {
            let names = search::names(tx, phrase, &numbers)?;
            self.add(names, |found| Matched::by_name(&found.text, phrase));
            let labels = search::labels(tx, phrase, &numbers)?;
            self.add(labels, |_| Matched::Label);
            if !parts.is_empty() {
                let texts = search::texts(tx, &parts, &numbers)?;
                self.add(texts, |found| match found.source {
                    Source::Name => Matched::by_name(&found.text, phrase),
                    Source::Path => Matched::by_path(&found.text, phrase),
                    Source::Property => Matched::Text,
                });
            }
        }
        if let Some(beginning) = digest(phrase).filter(|_| kinds.contains(&SearchKind::Files)) {
            let files = search::files_with_digest(tx, beginning)?;
            self.add(files, |_| Matched::Digest);
        }
        if kinds.contains(&SearchKind::People) {
            let limit = i64::try_from(MAX_MATCHES + 1).unwrap_or(i64::MAX);
            let mut people = find_people(tx, phrase, parts.is_empty(), limit)?;
            self.is_cut |= people.len() > MAX_MATCHES;
            people.truncate(MAX_MATCHES);
            for person in people {
                let names = [Some(&person.handle), person.display_name.as_ref(), person.email.as_ref()];
                let names = names.into_iter().flatten().map(|name| name.to_ascii_lowercase());
                let ways = names.filter(|name| name.contains(phrase)).map(|name| Matched::by_name(&name, phrase));
                let Some(matched) = ways.min() else { continue };
                self.found.insert(Target::Person(person.id), matched);
                self.people.insert(person.id, person);
            }
        }
        Ok(())
    }

    fn add(&mut self, matches: Matches, matched: impl Fn(&Match) -> Matched) {
        self.is_cut |= matches.is_cut;
        for found in matches.found {
            let matched = matched(&found);
            let target = match found.source {
                Source::Path => Target::File(found.node, found.path),
                Source::Name | Source::Property => {
                    let kind = LogicalType::from_id(found.kind).and_then(SearchKind::of);
                    let Some(kind) = kind else { continue };
                    Target::Node(kind, found.node)
                }
            };
            let best = self.found.entry(target).or_insert(matched);
            *best = matched.min(*best);
        }
    }

    fn total(&self) -> Total {
        let total = self.found.len() as u64;
        if self.is_cut { Total::AtLeast(total) } else { Total::Exactly(total) }
    }

    fn best(&self, size: usize) -> Vec<(Target, Matched)> {
        let mut all: Vec<(&Target, Matched)> = self.found.iter().map(|(target, matched)| (target, *matched)).collect();
        all.sort_unstable_by_key(|(target, matched)| (*matched, target.place()));
        all.truncate(size);
        all.into_iter().map(|(target, matched)| (target.clone(), matched)).collect()
    }
}

/// The results with what is shown of each, in their order.
fn shown(
    tx: &mut ReadTransaction<'_, '_>,
    best: Vec<(Target, Matched)>,
    people: &BTreeMap<PrincipalId, WithSlugs<Principal>>,
) -> Result<Vec<SearchResult>> {
    let (mut ids, mut places) = (BTreeSet::new(), BTreeSet::new());
    for (target, _) in &best {
        match target {
            Target::Node(_, id) => {
                ids.insert(*id);
            }
            Target::File(id, path) => {
                places.insert((*id, search::file_path(path)?));
            }
            Target::Person(_) => {}
        }
    }
    let mut nodes = nodes::find_all(tx, &ids.into_iter().collect::<Vec<_>>())?;
    fill_uris(tx, &mut nodes)?;
    let inner = homes(tx, &nodes)?;
    let outer = homes(tx, inner.values())?;
    let mut nodes: BTreeMap<NodeId, Node> = nodes.into_iter().map(|node| (node.id, node)).collect();
    let files = files::at(tx, &places)?;
    let key = |found: &FoundFile| (found.file.node_id, found.file.path.clone());
    let mut files: BTreeMap<(NodeId, FilePath), FoundFile> =
        with_homes(tx, files)?.into_iter().map(|found| (key(&found), found)).collect();
    let mut items = Vec::with_capacity(best.len());
    for (target, matched) in best {
        let found = match target {
            Target::Node(kind, id) => nodes.remove(&id).map(|node| {
                let home = node.home_id.and_then(|home| inner.get(&home));
                let above = home.and_then(|home| outer.get(&home.home_id?));
                let homes = above.into_iter().chain(home).cloned().collect();
                (kind, Found::Node(Box::new(node), homes))
            }),
            Target::File(id, path) => {
                let file = files.remove(&(id, search::file_path(&path)?));
                file.map(|file| (SearchKind::Files, Found::File(Box::new(file))))
            }
            Target::Person(id) => {
                people.get(&id).map(|person| (SearchKind::People, Found::Person(Box::new(person.clone()))))
            }
        };
        items.extend(found.map(|(kind, found)| SearchResult { kind, matched, found }));
    }
    Ok(items)
}
