//! Bytes without sense, for every parser: no panic, no hang, no more than a bounded part of the file read and kept.

use std::cell::Cell;
use std::io::Result;
use std::time::{Duration, Instant};

use modelport_inspect::{Bytes, Finding, Severity, Source, inspect, list_tensors};
use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, TestRng};

use super::{files, look};

/// A source that counts what is read, and may be much larger than the bytes it has.
struct Counted<'a> {
    bytes: &'a [u8],
    size: u64,
    read: Cell<u64>,
}

impl Source for Counted<'_> {
    fn size(&self) -> u64 {
        self.size
    }

    fn read(&self, at: u64, buf: &mut [u8]) -> Result<usize> {
        let length = usize::try_from(self.size.saturating_sub(at)).unwrap().min(buf.len());
        for (offset, byte) in buf[..length].iter_mut().enumerate() {
            *byte = usize::try_from(at).ok().and_then(|at| self.bytes.get(at + offset)).copied().unwrap_or(0);
        }
        self.read.set(self.read.get() + length as u64);
        Ok(length)
    }
}

/// Names that lead to each of the parsers, with the bytes that each of them begins with.
const KINDS: &[(&str, &[u8])] = &[
    ("a.pkl", b""),
    ("a.pkl", b"\x80\x04"),
    ("a.joblib", b"\x80\x04cjoblib.numpy_pickle\nNumpyArrayWrapper\n)\x81}("),
    ("a.bin", b""),
    ("a.safetensors", b""),
    ("a.safetensors", b"\x40\0\0\0\0\0\0\0{\"a\":{\"dtype\":\"F32\",\"shape\":["),
    ("a.gguf", b"GGUF\x03\0\0\0\x02\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\0"),
    ("a.onnx", b"\x08\x08"),
    ("a.xml", b"<net version=\"11\"><layers>"),
    ("a.npy", b"\x93NUMPY\x01\0"),
    ("a.keras", b"PK\x03\x04"),
    ("a.h5", b"\x89HDF\r\n\x1a\n"),
    ("a.gz", b"\x1f\x8b\x08\0\0\0\0\0\0\0"),
    ("a.bz2", b"BZh91AY&SY"),
    ("a.xz", b"\xfd7zXZ\0\0\x04\xe6\xd6\xb4\x46\x02\0\x21\x01\x16\0\0\0"),
    ("a.lzma", b"\x5d\0\0\x80\0\0\0\x10\0\0\0\0\0\0"),
    ("a.lz4", b"\x04\x22\x4d\x18\x64\x40\xa7"),
    ("a.zst", b"\x28\xb5\x2f\xfd\x04\x58"),
    ("a.npy", b"\x93NUMPY\x01\0\x76\0{'descr': "),
    ("a.tar", b""),
    ("config.json", b"{\"auto_map\":{"),
    ("tokenizer.json", b"{\"model\":{\"vocab\":"),
    ("tokenizer_config.json", b"{\"chat_template\":"),
    ("model.safetensors.index.json", b"{\"weight_map\":{"),
    ("processor_config.json", b"{\"auto_map\":{\"a\":"),
    ("other.json", b"{\"class_name\":\"Dense\",\"config\":{"),
    ("chat_template.jinja", b"{{ a['"),
    ("MLmodel", b"flavors:\n  "),
    ("README.md", b"---\n"),
];

fn cases() -> u32 {
    std::env::var("MODELPORT_TEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(200)
}

fn bounded(name: &str, bytes: &[u8], size: u64) {
    let source = Counted { bytes, size: size.max(bytes.len() as u64), read: Cell::new(0) };
    let begun = Instant::now();
    let seen = inspect(name, &source, &Default::default()).unwrap();
    assert!(begun.elapsed() < Duration::from_secs(20), "{name} took {:?}", begun.elapsed());
    assert!(source.read.get() < 1 << 30, "{name} read {} bytes", source.read.get());
    assert!(seen.findings.len() <= 200);
    let begun = Instant::now();
    source.read.set(0);
    list_tensors(name, &source).unwrap().ok();
    assert!(begun.elapsed() < Duration::from_secs(20), "the tensors of {name} took {:?}", begun.elapsed());
    assert!(source.read.get() < 1 << 30, "for the tensors of {name} {} bytes were read", source.read.get());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_bytes_do_no_harm(kind in 0..KINDS.len(), bytes in proptest::collection::vec(any::<u8>(), 0..2048)) {
        let (name, start) = KINDS[kind];
        let whole = [start, &bytes].concat();
        bounded(name, &whole, 0);
    }

    /// Opcodes that are all valid lead deeper than random bytes.
    #[test]
    fn random_opcodes_do_no_harm(opcodes in proptest::collection::vec(
        proptest::sample::select(b"(.012FGIJKLMNPQRSTUVX]})abcdeghijlopqrstu\n\x00\x01\x80\x81\x82\x83\x84\x85\x86\x87\x88\x89\x8a\x8b\x8c\x8d\x8e\x8f\x90\x91\x92\x93\x94\x95\x96\x97\x98BC".to_vec()),
        0..1024,
    )) {
        bounded("a.pkl", &opcodes, 0);
    }

    /// Real files with some bytes changed, and cut off anywhere.
    #[test]
    fn damaged_files_do_no_harm(which in any::<prop::sample::Index>(), changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8), cut in any::<prop::sample::Index>()) {
        static FILES: std::sync::OnceLock<Vec<(String, Vec<u8>)>> = std::sync::OnceLock::new();
        let files = FILES.get_or_init(|| files("made").into_iter().chain(files("evasions")).chain(files("honest")).collect());
        let (path, bytes) = which.get(files);
        let mut bytes = bytes.clone();
        for (at, value) in changes {
            if !bytes.is_empty() {
                let at = at.index(bytes.len());
                bytes[at] = value;
            }
        }
        bounded(path, &bytes, 0);
        bytes.truncate(cut.index(bytes.len() + 1));
        bounded(path, &bytes, 0);
    }
}

#[test]
fn the_kept_corpus_does_no_harm() {
    let corpus = files("corpus");
    for (path, bytes) in &corpus {
        look(&corpus, path);
        for (name, _) in KINDS {
            bounded(name, bytes, 0);
        }
    }
}

#[test]
fn a_large_file_is_not_read_to_its_end() {
    for (name, start) in KINDS {
        bounded(name, start, 1 << 36);
    }
}

/// What chance makes of a file that is named for nothing is no reason to keep it from anybody.
#[test]
fn random_bytes_are_not_suspicious() {
    let beginnings: [&[u8]; 20] = [
        b"BZh91AY&SY",
        b"\xfd7zXZ\0\0\x04\xe6\xd6\xb4\x46",
        b"\x5d\0\0\x80\0\xff\xff\xff\xff\xff\xff\xff\xff\0",
        b"\x5d\0\0\0",
        b"\x04\x22\x4d\x18\x64\x40\xa7",
        b"\x28\xb5\x2f\xfd",
        b"PK\x03\x04",
        b"GGUF\x03\0\0\0",
        b"\x93NUMPY\x01\0",
        b"ZF0x1f             ",
        b"7z\xbc\xaf\x27\x1c",
        b"\x78\x9c",
        b"\x78\x01",
        b"\x1f\x8b",
        b"\x1f\x8b\x08\0",
        b"c",
        b"i",
        b"\x82",
        b"\x83",
        b"\x80\x04",
    ];
    let mut random = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    for beginning in beginnings {
        for _ in 0..cases() * 10 {
            let mut bytes = beginning.to_vec();
            bytes.resize(bytes.len() + random.random_range(0..1024), 0);
            random.fill_bytes(&mut bytes[beginning.len()..]);
            let seen = inspect("weights", &Bytes(&bytes), &Default::default()).unwrap();
            let worst = seen.findings.iter().map(Finding::severity).max();
            assert!(worst < Some(Severity::Suspicious), "{beginning:02x?}: {:?} {:02x?}", seen.findings, bytes);
        }
    }
}
