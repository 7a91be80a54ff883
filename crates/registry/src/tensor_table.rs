//! The tensors of a file, or of a model in several files, in the order of their names: filtered, grouped and counted.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use modelport_inspect::Tensor;

use crate::domain::{Error, PageSize, Result, Sha256};

/// How many groups are listed at most: those with the first names.
pub const MAX_GROUPS: usize = 1000;

/// What separates the parts of the names of tensors.
const SEPARATORS: [char; 2] = ['.', '/'];

/// Which tensors of a table are wanted.
#[derive(Debug, Clone)]
pub struct TensorQuery {
    /// Whose names begin so.
    pub prefix: String,
    /// Whose names have this somewhere, in capital letters or not.
    pub text: String,
    /// How many of them at most.
    pub size: PageSize,
    /// Those that follow.
    pub token: Option<TensorToken>,
}

/// How many tensors there are, and what they take together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TensorTotals {
    /// How many tensors.
    pub tensors: u64,
    /// How many elements they have.
    pub parameters: u64,
    /// How many bytes these take, as far as that is known.
    pub bytes: u64,
}

impl TensorTotals {
    fn add(&mut self, tensor: &Tensor) {
        self.tensors += 1;
        self.parameters = self.parameters.saturating_add(tensor.parameters);
        self.bytes = self.bytes.saturating_add(tensor.bytes.unwrap_or(0));
    }
}

/// Tensors whose names begin alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorGroup {
    /// What they begin with, up to a separator, which is its last character.
    pub prefix: String,
    /// How many there are.
    pub totals: TensorTotals,
}

/// A page of the tensors that are wanted, in the order of their names, and what is known of all that are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorPage {
    /// The tensors.
    pub tensors: Vec<Tensor>,
    /// How many are wanted in all.
    pub totals: TensorTotals,
    /// The same for each element type, up to [`MAX_GROUPS`] of them.
    pub dtypes: BTreeMap<String, TensorTotals>,
    /// The groups into which the next part of their names divides those whose names go on, up to [`MAX_GROUPS`].
    pub groups: Vec<TensorGroup>,
    /// Whether there are more groups than are listed.
    pub has_more_groups: bool,
    /// What continues the list; `None` at the end.
    pub next: Option<TensorToken>,
}

/// The opaque token of a page of tensors, tied to the bytes of the files that have them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorToken {
    table: Sha256,
    /// How many tensors of the table, wanted or not, come before the page.
    at: usize,
}

impl TensorToken {
    /// The token as text.
    pub fn encode(&self) -> String {
        URL_SAFE_NO_PAD.encode(format!("{}/{}", self.table, self.at))
    }

    /// The token from its text.
    ///
    /// Errors: InvalidArgument.
    pub fn decode(text: &str) -> Result<Self> {
        let read = || {
            let text = String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
            let (table, at) = text.split_once('/')?;
            Some(Self { table: table.parse().ok()?, at: at.parse().ok()? })
        };
        read().ok_or_else(|| Error::invalid("nextPageToken", format!("page token `{}` is broken", text.escape_debug())))
    }
}

/// The tensors of a file, or of a model in several files, in the order of their names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TensorTable(Vec<Tensor>);

impl TensorTable {
    /// A table of these tensors.
    pub(crate) fn new(mut tensors: Vec<Tensor>) -> Self {
        let key = |tensor: &Tensor| (tensor.file.clone(), tensor.offset);
        tensors.sort_by(|one, other| one.name.cmp(&other.name).then_with(|| key(one).cmp(&key(other))));
        tensors.shrink_to_fit();
        Self(tensors)
    }

    /// The tensors.
    pub(crate) fn tensors(&self) -> &[Tensor] {
        &self.0
    }

    /// About how many bytes it takes in memory.
    pub(crate) fn size_in_memory(&self) -> usize {
        self.0.iter().map(Tensor::size_in_memory).sum()
    }

    /// A page of the tensors that are wanted of this table, whose bytes have that digest.
    ///
    /// Errors: InvalidArgument where the token is another table's.
    pub(crate) fn page(&self, digest: Sha256, query: &TensorQuery) -> Result<TensorPage> {
        let from = match &query.token {
            Some(token) if token.table != digest => {
                return Err(Error::invalid("nextPageToken", "page token belongs to another query, or to other bytes"));
            }
            token => token.as_ref().map_or(0, |token| token.at),
        };
        let text = query.text.to_lowercase();
        let is_wanted = |tensor: &Tensor| {
            tensor.name.starts_with(&query.prefix) && (text.is_empty() || tensor.name.to_lowercase().contains(&text))
        };
        let mut page = TensorPage {
            tensors: Vec::new(),
            totals: TensorTotals::default(),
            dtypes: BTreeMap::new(),
            groups: Vec::new(),
            has_more_groups: false,
            next: None,
        };
        for (at, tensor) in self.0.iter().enumerate().filter(|(_, tensor)| is_wanted(tensor)) {
            page.totals.add(tensor);
            if page.dtypes.len() < MAX_GROUPS || page.dtypes.contains_key(&tensor.dtype) {
                page.dtypes.entry(tensor.dtype.clone()).or_default().add(tensor);
            }
            page.add_to_group(&query.prefix, tensor);
            if at < from {
                continue;
            }
            if page.tensors.len() < query.size.get() as usize {
                page.tensors.push(tensor.clone());
            } else if page.next.is_none() {
                page.next = Some(TensorToken { table: digest, at });
            }
        }
        Ok(page)
    }
}

impl TensorPage {
    /// Counts a tensor in its group. Those of a group follow each other, because names are in order.
    fn add_to_group(&mut self, prefix: &str, tensor: &Tensor) {
        let Some(prefix) = group(&tensor.name, prefix.len()) else { return };
        if let Some(last) = self.groups.last_mut().filter(|last| last.prefix == prefix) {
            last.totals.add(tensor);
        } else if self.groups.len() < MAX_GROUPS {
            let mut totals = TensorTotals::default();
            totals.add(tensor);
            self.groups.push(TensorGroup { prefix: prefix.to_owned(), totals });
        } else {
            self.has_more_groups = true;
        }
    }
}

/// The beginning of a name up to the next separator from `from` on; `None` where there is none.
fn group(name: &str, from: usize) -> Option<&str> {
    let end = from + name.get(from..)?.find(SEPARATORS)?;
    name.get(..=end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tensor(name: &str, dtype: &str, parameters: u64) -> Tensor {
        let bytes = (dtype == "F32").then_some(4 * parameters);
        let shape = vec![parameters];
        Tensor { name: name.to_owned(), dtype: dtype.to_owned(), shape, parameters, bytes, offset: Some(0), file: None }
    }

    fn table() -> TensorTable {
        TensorTable::new(vec![
            tensor("model.layers.1.q", "F32", 2),
            tensor("lm_head", "F32", 1),
            tensor("model.layers.0.Q", "F32", 4),
            tensor("model.norm", "odd", 8),
            tensor("model.layers.0.k", "F32", 16),
            tensor("/graph/ü", "F32", 32),
        ])
    }

    fn digest() -> Sha256 {
        Sha256::from_bytes([1; 32])
    }

    fn query(prefix: &str, text: &str, size: u32) -> TensorQuery {
        TensorQuery { prefix: prefix.to_owned(), text: text.to_owned(), size: PageSize::new(size), token: None }
    }

    fn totals(tensors: u64, parameters: u64, bytes: u64) -> TensorTotals {
        TensorTotals { tensors, parameters, bytes }
    }

    fn names(page: &TensorPage) -> Vec<&str> {
        page.tensors.iter().map(|tensor| tensor.name.as_str()).collect()
    }

    #[test]
    fn all_are_counted_and_grouped_by_the_next_part_of_their_names() {
        let page = table().page(digest(), &query("", "", 100)).unwrap();
        let expected =
            ["/graph/ü", "lm_head", "model.layers.0.Q", "model.layers.0.k", "model.layers.1.q", "model.norm"];
        assert_eq!((names(&page), page.totals), (expected.to_vec(), totals(6, 63, 220)));
        assert_eq!(
            page.dtypes,
            BTreeMap::from([("F32".to_owned(), totals(5, 55, 220)), ("odd".to_owned(), totals(1, 8, 0))])
        );
        let groups = |page: &TensorPage| -> Vec<(String, TensorTotals)> {
            page.groups.iter().map(|group| (group.prefix.clone(), group.totals)).collect()
        };
        let expected = [("/".to_owned(), totals(1, 32, 128)), ("model.".to_owned(), totals(4, 30, 88))];
        assert_eq!(groups(&page), expected);
        let page = table().page(digest(), &query("model.layers.", "", 100)).unwrap();
        let expected =
            [("model.layers.0.".to_owned(), totals(2, 20, 80)), ("model.layers.1.".to_owned(), totals(1, 2, 8))];
        assert_eq!((groups(&page), page.totals), (expected.to_vec(), totals(3, 22, 88)));
        // A prefix need not end where a part of a name does.
        assert_eq!(groups(&table().page(digest(), &query("mod", "", 100)).unwrap())[0].0, "model.");
        assert_eq!(groups(&table().page(digest(), &query("/graph/ü", "", 100)).unwrap()), []);
    }

    #[test]
    fn a_text_is_found_anywhere_and_pages_follow_each_other() {
        let mut query = query("model.layers.", "q", 1);
        let first = table().page(digest(), &query).unwrap();
        assert_eq!((names(&first), first.totals.tensors), (vec!["model.layers.0.Q"], 2));
        query.token = Some(TensorToken::decode(&first.next.unwrap().encode()).unwrap());
        let second = table().page(digest(), &query).unwrap();
        assert_eq!((names(&second), second.totals.tensors, &second.next), (vec!["model.layers.1.q"], 2, &None));
        assert!(table().page(Sha256::from_bytes([2; 32]), &query).is_err());
        assert!(TensorToken::decode("!").is_err() && TensorToken::decode("YS8x").is_err());
    }

    #[test]
    fn groups_have_an_end() {
        let many = (0..=MAX_GROUPS).map(|at| tensor(&format!("{at:05}.w"), "F32", 1)).collect();
        let page = TensorTable::new(many).page(digest(), &query("", "", 1)).unwrap();
        assert_eq!((page.groups.len(), page.has_more_groups), (MAX_GROUPS, true));
        assert_eq!(page.totals.tensors, MAX_GROUPS as u64 + 1);
    }
}
