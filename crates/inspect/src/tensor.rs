//! The tensors that a file describes, as parsers find them in its header, and what bounds them.

use std::sync::Arc;

use super::error::{ParseError, ParseResult};
use super::inspection::clip;

/// The maximum number of bytes that the tensors of one file may take in memory.
const MAX_BYTES: usize = 64 << 20;
/// The maximum length of the name of an element type.
const MAX_DTYPE: usize = 100;
/// What each of the pieces that a tensor consists of takes besides its content.
const OVERHEAD: usize = 16;

/// A tensor as the header of its file describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tensor {
    /// Its name. NumPy's arrays without one are `arr_0`, `arr_1` and so on, as NumPy calls them.
    pub name: String,
    /// Its element type, in the words of the format: `F32`, `Q4_K`, `FLOAT`, `f16`, `<f4`.
    pub dtype: String,
    /// How many elements it has in each dimension, in the order in which the file says it.
    pub shape: Vec<u64>,
    /// How many elements it has.
    pub parameters: u64,
    /// How many bytes they take; `None` where that depends on the elements, or the element type is not known.
    pub bytes: Option<u64>,
    /// Where they begin in the file that has them; `None` where they do not lie there as they are.
    pub offset: Option<u64>,
    /// The file that has them where that is another one, as this one writes its path.
    pub file: Option<Arc<str>>,
}

impl Tensor {
    /// About how many bytes it takes in memory.
    pub fn size_in_memory(&self) -> usize {
        let pieces = [
            self.name.len(),
            self.dtype.len(),
            self.shape.len() * size_of::<u64>(),
            self.file.as_ref().map_or(0, |file| file.len()),
        ];
        size_of::<Self>() + pieces.iter().map(|piece| piece + OVERHEAD).sum::<usize>()
    }
}

/// Takes the tensors of a file as a parser finds them.
#[derive(Debug, Default)]
pub(super) struct TensorList {
    tensors: Vec<Tensor>,
    bytes: usize,
}

impl TensorList {
    /// Adds a tensor, unless there are more than are listed.
    pub(super) fn add(&mut self, mut tensor: Tensor) -> ParseResult<()> {
        if tensor.dtype.len() > MAX_DTYPE {
            tensor.dtype = clip(&tensor.dtype, MAX_DTYPE);
        }
        self.bytes += tensor.size_in_memory();
        if self.bytes > MAX_BYTES {
            let count = self.tensors.len();
            return Err(ParseError::limit(format!(
                "it describes more tensors than are listed: after {count} of them the table takes {MAX_BYTES} bytes"
            )));
        }
        self.tensors.push(tensor);
        Ok(())
    }

    /// Moves the offsets of all tensors, which were found before it was known where their data begins.
    pub(super) fn shift(&mut self, by: u64) {
        for offset in self.tensors.iter_mut().filter_map(|tensor| tensor.offset.as_mut()) {
            *offset = offset.saturating_add(by);
        }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.tensors.len()
    }

    /// The tensors, in the order in which they were found.
    pub(super) fn into_tensors(self) -> Vec<Tensor> {
        self.tensors
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tensor(name: String) -> Tensor {
        let (dtype, shape) = ("F32".to_owned(), vec![1]);
        Tensor { name, dtype, shape, parameters: 1, bytes: Some(4), offset: Some(0), file: None }
    }

    #[test]
    fn a_table_has_an_end() {
        let mut list = TensorList::default();
        let name = "x".repeat(1 << 20);
        let added = (0..100).take_while(|_| list.add(tensor(name.clone())).is_ok()).count();
        assert_eq!((added, list.len()), (63, 63));
        assert!(matches!(list.add(tensor(name)), Err(ParseError::Limit(_))));
    }

    #[test]
    fn offsets_are_moved_and_long_types_cut() {
        let mut list = TensorList::default();
        list.add(Tensor { dtype: "é".repeat(100), ..tensor("a".to_owned()) }).unwrap();
        list.add(Tensor { offset: None, ..tensor("b".to_owned()) }).unwrap();
        list.shift(7);
        let found = list.into_tensors();
        let offsets: Vec<_> = found.iter().map(|tensor| tensor.offset).collect();
        assert_eq!((offsets, found[0].dtype.len()), (vec![Some(7), None], MAX_DTYPE));
    }
}
