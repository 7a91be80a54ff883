//! Headers of NumPy's arrays in every spelling: where NumPy would unpickle what follows, it is evaluated as a pickle.

use std::fs;

use modelport_inspect::{Bytes, Inspection, Severity, inspect};

use super::folder;

const EVIL: &[u8] = b"\x80\x02cos\nsystem\nX\x04\0\0\0true\x85R.";

#[derive(serde::Deserialize)]
struct Row {
    version: u8,
    header: String,
    numpy: String,
}

fn rows() -> Vec<Row> {
    serde_json::from_slice(&fs::read(folder("numpy-headers.json")).unwrap()).unwrap()
}

fn array(row: &Row, data: &[u8]) -> Vec<u8> {
    let header: Vec<u8> = match row.version {
        3 => row.header.clone().into_bytes(),
        _ => row.header.chars().map(|each| u8::try_from(u32::from(each)).unwrap()).collect(),
    };
    let length = u32::try_from(header.len()).unwrap().to_le_bytes();
    let length = if row.version == 1 { &length[..2] } else { &length };
    [b"\x93NUMPY", [row.version, 0].as_slice(), length, &header, data].concat()
}

fn seen(name: &str, bytes: &[u8]) -> Inspection {
    inspect(name, &Bytes(bytes), &Default::default()).unwrap()
}

#[test]
fn what_numpy_unpickles_is_evaluated_as_a_pickle() {
    let rows = rows();
    let objects: Vec<_> = rows.iter().filter(|row| row.numpy == "objects").collect();
    assert!(objects.len() > 50, "{}", objects.len());
    let served: Vec<_> = ["a.npy", "a.bin", "a"]
        .into_iter()
        .flat_map(|name| objects.iter().map(move |row| (name, row)))
        .filter(|(name, row)| seen(name, &array(row, EVIL)).severity() != Some(Severity::Danger))
        .map(|(name, row)| format!("{name}: {}", row.header))
        .collect();
    assert!(served.is_empty(), "{}", served.join("\n"));
}

#[test]
fn what_numpy_reads_as_numbers_is_clean() {
    let mut wrong = Vec::new();
    for row in rows().iter().filter(|row| row.numpy == "plain") {
        let seen = seen("a.npy", &array(row, &[0; 4096]));
        if seen.severity().is_some() || seen.format.as_ref().is_none_or(|format| format.name != "npy") {
            wrong.push(format!("{}: {:?}", row.header, seen.verdict()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_numpy_refuses_is_malformed_only_where_the_name_says_so() {
    for row in rows().iter().filter(|row| row.numpy == "refused") {
        if row.header.contains(['O', 'T']) || row.header.contains("object") {
            // Who reads on regardless finds the same pickle.
            assert_eq!(seen("a.npy", &array(row, EVIL)).severity(), Some(Severity::Danger), "{}", row.header);
        } else {
            assert!(seen("a", &array(row, &[0; 4096])).severity() < Some(Severity::Warn), "{}", row.header);
        }
    }
}
