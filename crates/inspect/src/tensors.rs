//! Which tensors a file describes, by the parsers that inspect it: only headers are read.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::io::Result;
use std::rc::Rc;

use super::cursor::Cursor;
use super::error::{ParseError, ParseResult};
use super::magic::{Magic, claims, magic};
use super::siblings::path_within;
use super::source::{Source, Window, read_head};
use super::tensor::{Tensor, TensorList};
use super::unpack::{Kind, Unpack};
use super::zip_directory::{self, Member};
use super::{gguf, numpy, onnx, openvino, safetensors, shards};

/// The maximum number of bytes that the headers of an archive's members may unpack to, all together.
const MAX_UNPACKED_BYTES: u64 = 64 << 20;
/// The maximum number of bytes of a header, and of where it begins, that are read of a member.
const MAX_MEMBER_BYTES: u64 = 2 << 20;
/// The maximum number of files that one model is spread over.
const MAX_SHARDS: usize = 2000;
/// What the names of the members of NumPy's archives end in.
const ARRAY: &str = ".npy";

/// Where the tensors of a model are described.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tensors {
    /// In the file itself, which has these.
    Here(Vec<Tensor>),
    /// In other files, each of which describes its own: by the names that this one has for them, their paths within the version.
    Shards(BTreeMap<String, String>),
}

/// Why no tensors of a file can be listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoTensors {
    /// It is of no format that describes tensors in a header.
    Format,
    /// Its bytes break the rules of its format, or end too early.
    Broken(String),
    /// They ask for more work or memory than listing them may cost.
    Limit(String),
}

/// Lists the tensors of the file at `path`, which is relative to the folder that holds the version: of safetensors and its index, GGUF,
/// ONNX, OpenVINO IR and NumPy, which is told as [`inspect`](crate::inspect) tells it.
///
/// Errors: those of `source`, as they are.
pub fn list_tensors(path: &str, source: &dyn Source) -> Result<std::result::Result<Tensors, NoTensors>> {
    match read(path, source) {
        Ok(Some(tensors)) => Ok(Ok(tensors)),
        Ok(None) => Ok(Err(NoTensors::Format)),
        Err(ParseError::Failed(error)) => Err(error),
        Err(ParseError::Truncated) => Ok(Err(NoTensors::Broken("it ends too early".to_owned()))),
        Err(ParseError::Malformed(why)) => Ok(Err(NoTensors::Broken(why))),
        Err(ParseError::Limit(why)) => Ok(Err(NoTensors::Limit(why))),
    }
}

/// Nothing where the file is of another format.
fn read(path: &str, source: &dyn Source) -> ParseResult<Option<Tensors>> {
    let start = read_head(source, 512)?;
    let magic = magic(&start);
    let name = path.rsplit('/').next().unwrap_or(path).to_ascii_lowercase();
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    let list = match (magic, extension) {
        (Magic::Zip, _) => archive(source, claims(&name, Magic::Zip))?,
        (Magic::Gguf, _) | (_, "gguf") => Some(gguf::list(source)?),
        (Magic::Npy, _) => Some(numpy::list(source)?),
        (_, "safetensors") => Some(safetensors::list(source)?),
        (_, "onnx") => Some(onnx::list(source)?),
        (_, "xml") if openvino::is_model(&start) => Some(openvino::list(path, source)?),
        _ if name.ends_with(".safetensors.index.json") => return index(path, source).map(Some),
        _ if safetensors::is_header(source, &start) => Some(safetensors::list(source)?),
        _ => None,
    };
    Ok(list.map(|list| Tensors::Here(list.into_tensors())))
}

fn index(path: &str, source: &dyn Source) -> ParseResult<Tensors> {
    let files = shards::files(source)?;
    if files.len() > MAX_SHARDS {
        return Err(ParseError::limit(format!("it names more than {MAX_SHARDS} files")));
    }
    let within = |file: String| match path_within(path, &file) {
        Some(path) => Ok((file, path)),
        None => Err(ParseError::malformed(format!("`{}` leads outside the version", file.escape_debug()))),
    };
    Ok(Tensors::Shards(files.into_iter().map(within).collect::<ParseResult<_>>()?))
}

/// NumPy's arrays in an archive; nothing where it is one of another kind.
fn archive(source: &dyn Source, claimed: bool) -> ParseResult<Option<TensorList>> {
    let directory = match zip_directory::read(source) {
        // Only the first bytes say that it is an archive.
        Err(ParseError::Truncated | ParseError::Malformed(_)) if !claimed => return Ok(None),
        read => read?,
    };
    let members = directory.members;
    if members.is_empty() || !members.iter().all(|member| member.name.ends_with(ARRAY)) {
        return Ok(None);
    }
    let left = Rc::new(Cell::new(MAX_UNPACKED_BYTES));
    let mut list = TensorList::default();
    for member in &members {
        list.add(array(source, member, &left)?)?;
    }
    Ok(Some(list))
}

fn array(source: &dyn Source, member: &Member, left: &Rc<Cell<u64>>) -> ParseResult<Tensor> {
    let name = member.name.strip_suffix(ARRAY).unwrap_or(&member.name);
    let shown = member.name.escape_debug();
    let packed = Window::new(source, member.data, member.packed);
    if member.flags & 1 != 0 {
        return Err(ParseError::malformed(format!("`{shown}` is encrypted")));
    }
    let kind = match member.method {
        0 => {
            let mut tensor = numpy::array(name, &mut Cursor::over(&packed, MAX_MEMBER_BYTES))?;
            tensor.offset = tensor.offset.and_then(|offset| offset.checked_add(member.data));
            return Ok(tensor);
        }
        8 => Kind::Deflate,
        12 => Kind::Bzip2,
        93 => Kind::Zstd,
        other => return Err(ParseError::malformed(format!("`{shown}` is compressed by method {other}"))),
    };
    let mut input = Cursor::new(Unpack::new(&packed, kind, left.clone()), MAX_MEMBER_BYTES);
    // Where its bytes are in the archive, they are compressed.
    Ok(Tensor { offset: None, ..numpy::array(name, &mut input)? })
}
