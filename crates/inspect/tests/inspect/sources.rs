//! What a source may do: return fewer bytes than asked for, and fail.

use std::cell::Cell;
use std::io::{Error, ErrorKind, Result};

use modelport_inspect::{Bytes, Siblings, Source, inspect};

use super::{files, look};

/// Returns one byte at a time.
struct ByteByByte<'a>(Bytes<'a>);

impl Source for ByteByByte<'_> {
    fn size(&self) -> u64 {
        self.0.size()
    }

    fn read(&self, at: u64, buf: &mut [u8]) -> Result<usize> {
        let length = buf.len().min(1);
        self.0.read(at, &mut buf[..length])
    }
}

/// Fails after a number of reads.
struct Failing<'a> {
    bytes: Bytes<'a>,
    left: Cell<usize>,
}

impl Source for Failing<'_> {
    fn size(&self) -> u64 {
        self.bytes.size()
    }

    fn read(&self, at: u64, buf: &mut [u8]) -> Result<usize> {
        match self.left.get().checked_sub(1) {
            Some(left) => self.left.set(left),
            None => return Err(Error::new(ErrorKind::ConnectionReset, "the bucket is away")),
        }
        self.bytes.read(at, buf)
    }
}

#[test]
fn short_reads_hide_nothing() {
    for folder in ["evasions", "harmful", "hdf5"] {
        let made = files(folder);
        let siblings: Siblings = made.iter().map(|(path, bytes)| (path.clone(), bytes.len() as u64)).collect();
        for (path, bytes) in made.iter().filter(|(_, bytes)| bytes.len() < 1 << 20) {
            let seen = inspect(path, &ByteByByte(Bytes(bytes)), &siblings).unwrap();
            assert_eq!(seen, look(&made, path), "{folder}/{path}");
        }
    }
}

/// Whatever reader it passes through, it is never reported as malformed bytes.
#[test]
fn the_error_of_a_source_comes_back_as_it_is() {
    let mut failed = 0;
    for folder in ["made", "evasions", "harmful", "hdf5"] {
        let made = files(folder);
        let siblings: Siblings = made.iter().map(|(path, bytes)| (path.clone(), bytes.len() as u64)).collect();
        for (path, bytes) in made.iter().filter(|(_, bytes)| (1..1 << 18).contains(&bytes.len())) {
            let all = Failing { bytes: Bytes(bytes), left: Cell::new(usize::MAX) };
            inspect(path, &all, &siblings).unwrap();
            let reads = usize::MAX - all.left.get();
            for left in (0..reads).filter(|left| *left < 10 || left % 17 == 0).take(40) {
                let source = Failing { bytes: Bytes(bytes), left: Cell::new(left) };
                let error =
                    inspect(path, &source, &siblings).expect_err(&format!("{folder}/{path} after {left} reads"));
                assert_eq!(
                    (error.kind(), error.to_string().as_str()),
                    (ErrorKind::ConnectionReset, "the bucket is away")
                );
                failed += 1;
            }
        }
    }
    assert!(failed > 1000, "only {failed} reads failed");
}

#[test]
fn a_path_that_leads_outside_is_an_error() {
    for path in ["/tmp/model.onnx", "../model.onnx", "a\\b", ""] {
        let error = inspect(path, &Bytes(b""), &Siblings::new()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{path}");
    }
}
