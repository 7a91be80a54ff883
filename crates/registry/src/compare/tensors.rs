//! What the tensors of two versions' files differ in: which there are, of which shapes and element types. Their elements are not compared.

use std::cmp::Ordering;
use std::sync::Arc;

use modelport_inspect::Tensor;

use super::MAX_LISTED;
use super::to_read::{Pair, ToRead};
use crate::context::RequestContext;
use crate::domain::{FilePath, Result};
use crate::inspection::ServedFile;
use crate::services::Files;
use crate::tensor_cache::Known;
use crate::tensor_table::TensorTable;

/// A tensor that two versions do not have alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorDifference {
    /// The path of the file in its version.
    pub path: FilePath,
    /// What the one has.
    pub a: Option<Tensor>,
    /// What the other has.
    pub b: Option<Tensor>,
}

/// Which tensors two versions do not have alike, in the files that they do not have alike.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TensorDifferences {
    /// The tensors in the order of the paths of their files and of their names, up to [`MAX_LISTED`].
    pub items: Vec<TensorDifference>,
    /// How many were added, whether they are listed or not.
    pub added: u64,
    /// How many were removed.
    pub removed: u64,
    /// How many have another shape or element type.
    pub changed: u64,
    /// How many have the same, in the files that differ.
    pub same: u64,
    /// Whether there are more differences than are listed.
    pub truncated: bool,
    /// Whether more files differ than are compared, so that those with the last paths are left out.
    pub partial: bool,
    /// How many files are left out because the caller may not read them, or because their headers cannot be read.
    pub unread: u64,
}

impl Files {
    /// What the tensors of these files differ in.
    pub(super) async fn compare_tensors(
        &self,
        context: &RequestContext,
        to_read: &ToRead,
    ) -> Result<TensorDifferences> {
        let mut found =
            TensorDifferences { unread: to_read.unread, partial: to_read.partial, ..TensorDifferences::default() };
        for Pair { a, b, .. } in &to_read.tensors {
            let Some(path) = b.as_ref().or(a.as_ref()).map(|file| file.path.clone()) else { continue };
            match (self.table(context, a.as_ref()).await?, self.table(context, b.as_ref()).await?) {
                (Some(a), Some(b)) => found.add(&path, a.tensors(), b.tensors()),
                _ => found.unread += 1,
            }
        }
        Ok(found)
    }

    /// The tensors of a file, which are none where there is no file; `None` where its header cannot be read.
    async fn table(&self, context: &RequestContext, file: Option<&ServedFile>) -> Result<Option<Arc<TensorTable>>> {
        let Some(file) = file else { return Ok(Some(Arc::new(TensorTable::new(Vec::new())))) };
        match self.header(context, file).await? {
            Known::Table(table) => Ok(Some(table)),
            Known::Shards(_) | Known::Nothing(_) => Ok(None),
        }
    }
}

impl TensorDifferences {
    /// Adds what two files differ in, whose tensors are in the order of their names.
    fn add(&mut self, path: &FilePath, a: &[Tensor], b: &[Tensor]) {
        let (mut a, mut b) = (a.iter().peekable(), b.iter().peekable());
        loop {
            let order = match (a.peek(), b.peek()) {
                (Some(a), Some(b)) => a.name.cmp(&b.name),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (None, None) => return,
            };
            let pair = match order {
                Ordering::Less => (a.next(), None),
                Ordering::Equal => (a.next(), b.next()),
                Ordering::Greater => (None, b.next()),
            };
            match pair {
                (Some(a), Some(b)) if (&a.dtype, &a.shape) == (&b.dtype, &b.shape) => {
                    self.same += 1;
                    continue;
                }
                (Some(_), Some(_)) => self.changed += 1,
                (Some(_), None) => self.removed += 1,
                (None, _) => self.added += 1,
            }
            if self.items.len() < MAX_LISTED {
                let (a, b) = (pair.0.cloned(), pair.1.cloned());
                self.items.push(TensorDifference { path: path.clone(), a, b });
            } else {
                self.truncated = true;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tensor(name: &str, dtype: &str, shape: &[u64]) -> Tensor {
        let (name, dtype, shape) = (name.to_owned(), dtype.to_owned(), shape.to_vec());
        Tensor { name, dtype, parameters: shape.iter().product(), shape, bytes: None, offset: None, file: None }
    }

    #[test]
    fn tensors_are_told_apart_by_name_shape_and_type() {
        let a =
            [tensor("a", "F32", &[1]), tensor("b", "F32", &[2, 3]), tensor("c", "F32", &[6]), tensor("d", "F32", &[])];
        let b =
            [tensor("b", "F32", &[3, 2]), tensor("c", "F16", &[6]), tensor("d", "F32", &[]), tensor("e", "F32", &[])];
        let mut found = TensorDifferences::default();
        found.add(&"m".parse().unwrap(), &a, &b);
        assert_eq!((found.added, found.removed, found.changed, found.same), (1, 1, 2, 1));
        let names = found.items.iter().map(|each| {
            let name = |tensor: &Option<Tensor>| tensor.as_ref().map_or("-".to_owned(), |tensor| tensor.name.clone());
            format!("{} {}", name(&each.a), name(&each.b))
        });
        assert_eq!(names.collect::<Vec<_>>(), ["a -", "b b", "c c", "- e"]);
        assert!(!found.truncated);
    }

    #[test]
    fn more_differences_than_are_listed_are_counted() {
        let many: Vec<Tensor> = (0..=MAX_LISTED).map(|at| tensor(&format!("{at:05}"), "F32", &[1])).collect();
        let mut found = TensorDifferences::default();
        found.add(&"m".parse().unwrap(), &[], &many);
        assert_eq!((found.items.len(), found.added, found.truncated), (MAX_LISTED, MAX_LISTED as u64 + 1, true));
    }
}
