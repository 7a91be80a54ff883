//! Texts and raw numbers that begin as some format does: they are served, and set no facts.

use modelport_inspect::{Bytes, Severity, inspect};

/// Beginnings of every format that is told by its first bytes.
const BEGINNINGS: &[&[u8]] = &[
    b"PK\x03\x04",
    b"PK\x05\x06",
    b"PK\x03\x04\x14\0\0\0\x08\0",
    b"GGUF",
    b"GGUF\x03\0\0\0",
    b"GGUF\0\0\0\x03",
    b"\x89HDF\r\n\x1a\n",
    b"\x93NUMPY",
    b"\x93NUMPY\x01\0",
    b"\x93NUMPY\x01\0\x10\0",
    b"\x1f\x8b",
    b"\x1f\x8b\x08",
    b"\x1f\x8b\x08\0\0\0\0\0\0\x03",
    b"BZh",
    b"BZh9",
    b"BZh91AY&SY",
    b"\xfd7zXZ\0",
    b"\xfd7zXZ\0\0\x04\xe6\xd6\xb4\x46",
    b"7z\xbc\xaf\x27\x1c",
    b"7z\xbc\xaf\x27\x1c\0\x04",
    b"Rar!\x1a\x07\0",
    b"Rar!\x1a\x07\x01\0",
    b"\x28\xb5\x2f\xfd",
    b"\x50\x2a\x4d\x18\x04\0\0\0",
    b"\x04\x22\x4d\x18",
    b"\x04\x22\x4d\x18\x64\x40\xa7",
    b"\x5d\0\0\0",
    b"\x5d\0\0\x80\0\xff\xff\xff\xff\xff\xff\xff\xff",
    b"\x5d\0\0\x80\0",
    b"ZF0x1f",
    b"ZF0x1f             ",
    b"\x78\x01",
    b"\x78\x9c",
    b"x\xda",
    b"\x78\x5e",
    b"\x80\x02",
    b"\x80\x04\x95",
    b"\x80\x04N",
    b"\x80\x05\x95\x10\0\0\0\0\0\0\0",
    b"c",
    b"cos\nsystem\n",
    b"(dp0\n",
    b"\x08\x07",
    b"\x10\0\0\0\0\0\0\0{\"",
];

/// What follows: numbers, zeros, text, and bytes that are opcodes.
fn continuations() -> Vec<Vec<u8>> {
    let numbers = |count: u32| (0..count).flat_map(u32::to_le_bytes).collect::<Vec<u8>>();
    let floats = (0..300).flat_map(|at| (f64::from(at) * 0.37).to_le_bytes()).collect();
    let wave = (0..4000u32).map(|at| u8::try_from(at * at % 251).unwrap()).collect();
    vec![
        numbers(2),
        numbers(400),
        vec![0; 4000],
        vec![0xff; 64],
        floats,
        wave,
        b"\n# A title\n\nAnd a text of some length.\n".repeat(20),
        b"N.N.N.".to_vec(),
    ]
}

#[test]
fn raw_numbers_are_served_whatever_they_begin_with() {
    let mut wrong = Vec::new();
    for beginning in BEGINNINGS {
        for rest in continuations() {
            // Numbers stand in files of these names.
            for name in ["data", "weights.bin", "tensor.raw", "data/0", "labels.idx", "values.dat"] {
                let bytes = [beginning, rest.as_slice()].concat();
                let seen = inspect(name, &Bytes(&bytes), &Default::default()).unwrap();
                if seen.severity() >= Some(Severity::Warn) || seen.format.is_some() || !seen.facts.is_empty() {
                    wrong.push(format!(
                        "{name} of {:02x?}…: {:?} {:?} {:?}",
                        bytes.get(..24),
                        seen.format,
                        seen.facts,
                        seen.verdict()
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} of them:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn integers_are_served_whatever_the_first_is() {
    for first in 0..=u16::MAX {
        let [low, high] = first.to_le_bytes();
        for bytes in [
            [[low, high, 0, 0], 7u32.to_le_bytes(), 9u32.to_le_bytes(), [0; 4], [0xff; 4]].concat(),
            [low, high].iter().copied().chain((0..40).map(|at| at * 3)).collect(),
        ] {
            let seen = inspect("first.bin", &Bytes(&bytes), &Default::default()).unwrap();
            assert!(seen.severity() < Some(Severity::Warn) && seen.format.is_none(), "{first}: {seen:?}");
        }
    }
}

#[test]
fn texts_are_served_whatever_they_begin_with() {
    let mut wrong = Vec::new();
    for text in [
        "cheese\npickle\ntomato\n",
        "csharp\njava\n.net\n",
        "cat\ndog\n",
        "cos\nsystem\ntomato\n",
        "cos\nsystem\n.net\n",
        "cbuiltins\neval\n",
        "cos\nsystem\n",
        "coriander\nos\nsystem\n",
        "(ice\ncream\nsundae\n",
        "iceland\nnorway\n",
        "cposix\nsystem\n(",
        "GGUF\n====\n\nA README about it.\n",
        "GGUF is a format",
        "BZhang Wei\nBZheng Li\n",
        "BZh9 is a street\n",
        "PK\nis a country code\n",
        "PK is not an archive\n",
        "x^2 + y^2\n",
        "x\u{1}y",
        "ZF Friedrichshafen\n",
        "ZF0x\n",
        "7z\n",
        "Rar! said the lion\n",
        "]\n[\n",
        "}\n",
        ")\n",
        "N.\n",
        "I1\n.\n",
        "S'a'\n.\n",
        "V1\n.\n",
        "F1.5\n.",
        "L1L\n.",
        "PNG\n",
        "P1\n.",
        "Qatar\n",
        "Rwanda\n",
        "badger\nbear\n",
        "e\nf\n",
        "t\n",
        "u\n",
        "0\n1\n2\n",
        "1\n2\n",
        "2.\n",
        "(lp0\nI1\na.",
        "]q\u{1}.",
        "{\"a\": 1}",
        "<net>\n",
        "\u{201c}NUMPY\u{201d} is a library\n",
        "HDF\n",
        "ustar\n",
        "cnumpy\nndarray\nq",
        "cos\nsystem\n(S'true'\nt",
        "csklearn.svm\nSVC\n.",
        "ccopy_reg\n_reconstructor\n.",
        "cdatetime\ndatetime\n.\n",
        "\u{feff}c\nd\n.",
    ] {
        for name in [
            "labels.txt",
            "README.md",
            "names",
            "vocab.txt",
            "classes.names",
            "merges.txt",
            "LICENSE",
            "notes.csv",
            "data",
        ] {
            for text in [text.to_owned(), text.replace('\n', "\r\n"), text.repeat(400)] {
                let seen = inspect(name, &Bytes(text.as_bytes()), &Default::default()).unwrap();
                let facts = seen.facts.keys().any(|name| name.starts_with("pickle"));
                let card = seen.format.as_ref().is_none_or(|format| format.name == "model-card");
                if seen.severity() >= Some(Severity::Warn) || !card || facts {
                    wrong.push(format!(
                        "{name}: {:?}: {:?} {:?}",
                        &text[..text.len().min(40)],
                        seen.format,
                        seen.verdict()
                    ));
                }
            }
        }
    }
    // The same as it was written on older systems.
    let typographic = b"\x93NUMPY\x94 is a library, as everybody knows who has ever read its documentation\n";
    let seen = inspect("notes.txt", &Bytes(typographic), &Default::default()).unwrap();
    assert!(seen.format.is_none() && seen.verdict().is_empty(), "{seen:?}");
    assert!(wrong.is_empty(), "{} of them:\n{}", wrong.len(), wrong.join("\n"));
}
