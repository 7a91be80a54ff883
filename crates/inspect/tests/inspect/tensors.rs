//! Tables of tensors beside what the formats' own libraries say, and headers that are broken or ask for too much.

use std::collections::BTreeMap;
use std::fs;

use modelport_inspect::{Bytes, NoTensors, Tensor, Tensors, list_tensors};
use serde_json::{Value, json};

use super::{files, folder};

fn list(path: &str, bytes: &[u8]) -> Result<Tensors, NoTensors> {
    list_tensors(path, &Bytes(bytes)).unwrap()
}

/// The tensors of a file that describes them itself.
fn here(path: &str, bytes: &[u8]) -> Vec<Tensor> {
    match list(path, bytes) {
        Ok(Tensors::Here(tensors)) => tensors,
        other => panic!("{path}: {other:?}"),
    }
}

fn by_name(tensors: Vec<Tensor>) -> BTreeMap<String, Tensor> {
    tensors.into_iter().map(|tensor| (tensor.name.clone(), tensor)).collect()
}

/// The bytes of a tensor in the file that has them.
fn data<'a>(bytes: &'a [u8], tensor: &Tensor) -> &'a [u8] {
    let from = usize::try_from(tensor.offset.unwrap()).unwrap();
    &bytes[from..from + usize::try_from(tensor.bytes.unwrap()).unwrap()]
}

#[test]
fn totals_are_those_of_the_libraries() {
    let made = files("made");
    for path in ["small.safetensors", "small.gguf", "small.onnx", "external.onnx", "small.xml"] {
        let expected = fs::read(folder("made").join(format!("{path}.expected.json"))).unwrap();
        let facts = serde_json::from_slice::<Value>(&expected).unwrap()["facts"].clone();
        let tensors = here(path, &made[path]);
        let parameters: u64 = tensors.iter().map(|tensor| tensor.parameters).sum();
        assert_eq!(
            (json!(tensors.len()), json!(parameters)),
            (facts["tensor_count"].clone(), facts["parameter_count"].clone())
        );
        let mut dtypes: BTreeMap<&str, u64> = BTreeMap::new();
        for tensor in &tensors {
            *dtypes.entry(&tensor.dtype).or_default() += 1;
        }
        if !facts["dtypes"].is_null() {
            assert_eq!(json!(dtypes), facts["dtypes"], "{path}");
        }
        for tensor in &tensors {
            assert_eq!(tensor.shape.iter().product::<u64>(), tensor.parameters, "{path}: {tensor:?}");
        }
    }
}

#[test]
fn the_bytes_of_tensors_are_where_the_table_says() {
    let made = files("made");
    let bytes = &made["small.safetensors"];
    let tensors = by_name(here("small.safetensors", bytes));
    assert_eq!(data(bytes, &tensors["steps"]), 7i64.to_le_bytes());
    let floats: Vec<u8> = (0..12u8).flat_map(|each| f32::from(each).to_le_bytes()).collect();
    assert_eq!(
        (data(bytes, &tensors["a.weight"]), tensors["a.weight"].shape.as_slice()),
        (floats.as_slice(), &[3, 4][..])
    );
    let ones = |count: usize| 1f32.to_le_bytes().repeat(count);
    let bytes = &made["small.gguf"];
    let tensors = by_name(here("small.gguf", bytes));
    assert_eq!((data(bytes, &tensors["norm"]), tensors["weight"].dtype.as_str()), (ones(64).as_slice(), "Q8_0"));
    let bytes = &made["small.onnx"];
    let tensors = by_name(here("small.onnx", bytes));
    assert_eq!((data(bytes, &tensors["weight"]), &tensors["weight"].file), (ones(12).as_slice(), &None));
    for (path, weights) in [("external.onnx", "external.data"), ("small.xml", "small.bin")] {
        let tensors = here(path, &made[path]);
        let floats = tensors.iter().find(|tensor| matches!(tensor.dtype.as_str(), "FLOAT" | "f32")).unwrap();
        let expected = ones(usize::try_from(floats.parameters).unwrap());
        assert_eq!((data(&made[weights], floats), floats.file.as_deref()), (expected.as_slice(), Some(weights)));
    }
    let bytes = &made["array.npy"];
    let tensors = by_name(here("array.npy", bytes));
    let floats: Vec<u8> = (0..6u8).flat_map(|each| f32::from(each).to_le_bytes()).collect();
    assert_eq!((data(bytes, &tensors["arr_0"]), tensors["arr_0"].dtype.as_str()), (floats.as_slice(), "<f4"));
}

#[test]
fn arrays_in_archives_are_listed_by_their_names() {
    let made = files("made");
    let tensors = by_name(here("arrays.npz", &made["arrays.npz"]));
    let shown = |name: &str| {
        let Tensor { dtype, shape, parameters, bytes, offset, .. } = &tensors[name];
        (dtype.clone(), shape.clone(), *parameters, *bytes, *offset)
    };
    // They are compressed, so that their bytes are nowhere as they are.
    assert_eq!(shown("a"), ("<f4".to_owned(), vec![2, 3], 6, Some(24), None));
    assert_eq!(shown("b"), ("<U2".to_owned(), vec![2], 2, Some(16), None));
    assert_eq!(shown("c"), ("|O".to_owned(), vec![2], 2, None, None));
    let objects = here("objects.npy", &made["objects.npy"]);
    assert_eq!((objects.len(), objects[0].bytes, objects[0].shape.as_slice()), (1, None, &[2][..]));
    let twice = made["array.npy"].repeat(2);
    let names: Vec<String> = here("a.npy", &twice).into_iter().map(|tensor| tensor.name).collect();
    assert_eq!(names, ["arr_0", "arr_1"]);
}

#[test]
fn an_index_leads_to_its_files() {
    let index = json!({"weight_map": {"a": "one.safetensors", "b": "sub/two.safetensors", "c": "one.safetensors"}});
    let Ok(Tensors::Shards(shards)) = list("m/model.safetensors.index.json", index.to_string().as_bytes()) else {
        panic!("{index}")
    };
    let expected = [("one.safetensors", "m/one.safetensors"), ("sub/two.safetensors", "m/sub/two.safetensors")];
    assert_eq!(shards, BTreeMap::from(expected.map(|(name, path)| (name.to_owned(), path.to_owned()))));
    let many: BTreeMap<String, String> = (0..2001).map(|at| (at.to_string(), format!("{at}.safetensors"))).collect();
    for (index, is_limit) in [
        (json!({"weight_map": {"a": "../x.safetensors"}}), false),
        (json!({"weight_map": {"a": "/x.safetensors"}}), false),
        (json!({"weight_map": {"a": 1}}), false),
        (json!({"metadata": {}}), false),
        (json!([]), false),
        (json!({"weight_map": many}), true),
    ] {
        let found = list("model.safetensors.index.json", index.to_string().as_bytes());
        let is_expected =
            matches!((&found, is_limit), (Err(NoTensors::Broken(_)), false) | (Err(NoTensors::Limit(_)), true));
        assert!(is_expected, "{found:?}");
    }
}

#[test]
fn other_formats_have_no_table() {
    let made = files("made");
    for path in ["small.bin", "state.pt", "forest.joblib", "small.keras", "small.h5", "external.data"] {
        assert_eq!(list(path, &made[path]), Err(NoTensors::Format), "{path}");
    }
    for (path, bytes) in [("a", &b""[..]), ("README.md", b"# Card"), ("config.json", b"{}"), ("a.xml", b"<a/>")] {
        assert_eq!(list(path, bytes), Err(NoTensors::Format), "{path}");
    }
    // A name is not needed where the bytes say it.
    assert_eq!(here("weights", &made["small.safetensors"]).len(), 4);
    assert_eq!(here("weights", &made["small.gguf"]).len(), 2);
}

fn safetensors(header: &str, data: usize) -> Vec<u8> {
    [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &vec![0; data]].concat()
}

fn gguf(tensors: u64, rest: &[u8]) -> Vec<u8> {
    [b"GGUF\x03\0\0\0", &tensors.to_le_bytes()[..], &0u64.to_le_bytes(), rest].concat()
}

fn gguf_tensor(name: &str, shape: &[u64], kind: u32, offset: u64) -> Vec<u8> {
    let mut bytes = [&(name.len() as u64).to_le_bytes()[..], name.as_bytes()].concat();
    bytes.extend((shape.len() as u32).to_le_bytes());
    bytes.extend(shape.iter().flat_map(|size| size.to_le_bytes()));
    bytes.extend(kind.to_le_bytes());
    bytes.extend(offset.to_le_bytes());
    bytes
}

fn npy(header: &str) -> Vec<u8> {
    let length = u16::try_from(header.len()).unwrap().to_le_bytes();
    [b"\x93NUMPY\x01\0", &length[..], header.as_bytes()].concat()
}

#[test]
fn broken_headers_are_refused_with_what_is_wrong() {
    let huge = u64::MAX.to_string();
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        ("a.safetensors", b"\x08".to_vec(), "ends too early"),
        ("a.safetensors", safetensors("{\"a\":", 0), "the header"),
        ("a.safetensors", safetensors("[]", 0), "does not begin with"),
        ("a.safetensors", safetensors(r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}"#, 4), "bytes that its"),
        ("a.safetensors", safetensors(r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#, 2), "ends too early"),
        ("a.safetensors", safetensors(r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#, 8), "a gap"),
        (
            "a.safetensors",
            safetensors(&format!(r#"{{"a":{{"dtype":"F32","shape":[{huge},{huge}],"data_offsets":[0,0]}}}}"#), 0),
            "bytes that its",
        ),
        ("a.gguf", gguf(1, &gguf_tensor("w", &[u64::MAX, 2], 0, 0)), "without bounds"),
        ("a.gguf", gguf(1, &gguf_tensor("w", &[1; 9], 0, 0)), "9 dimensions"),
        ("a.gguf", gguf(1, &gguf_tensor("w", &[1], 0, 7)), "not aligned"),
        ("a.gguf", gguf(1, &gguf_tensor("w", &[4096], 0, 0)), "ends too early"),
        ("a.gguf", gguf(1_000_000, b""), "ends too early"),
        ("a.onnx", b"\x08\x08\x3a\xff".to_vec(), "ends too early"),
        ("a.onnx", b"\x3a\0".to_vec(), "no IR version"),
        // A graph with a weight of 2^63 times 4 elements.
        ("a.onnx", b"\x08\x08\x3a\x0f\x2a\x0d\x0a\x0b\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01\x04".to_vec(), "without bounds"),
        ("a.npy", npy("{'descr': '<f4', 'shape': (1,)}"), "NumPy refuses"),
        ("a.npy", npy("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}"), "without bounds"),
        ("a.npy", npy("{'descr': '<f4', 'fortran_order': False, 'shape': (4,)}"), "ends too early"),
        ("a.xml", b"<net version=\"11\"><layers><layer type=\"Const\"><data offset=\"x\"/>".to_vec(), "not a number"),
        (
            "a.xml",
            format!("<net version=\"11\"><layers><layer type=\"Const\"><data offset=\"{huge}\" size=\"{huge}\"/></layer></layers></net>")
                .into_bytes(),
            "beyond all bounds",
        ),
        ("a.xml", b"<net version=\"11\"><!DOCTYPE x>".to_vec(), "document type"),
    ];
    for (path, bytes, why) in cases {
        match list(path, &bytes) {
            Err(NoTensors::Broken(message)) => assert!(message.contains(why), "{path}: {message}, not {why}"),
            other => panic!("{path}: {other:?}, not {why}"),
        }
    }
}

#[test]
fn what_asks_for_too_much_is_refused() {
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("a.safetensors", [&u64::from(u32::MAX).to_le_bytes()[..], b"{\"a\""].concat()),
        ("a.gguf", gguf(1_000_001, b"")),
        ("a.npy", [&b"\x93NUMPY\x02\0"[..], &u32::MAX.to_le_bytes(), b"{"].concat()),
    ];
    for (path, bytes) in cases {
        let found = list(path, &bytes);
        assert!(matches!(found, Err(NoTensors::Limit(_))), "{path}: {found:?}");
    }
}

#[test]
fn types_that_are_not_known_are_listed_without_their_bytes() {
    let tensors = here("a.gguf", &gguf(1, &[gguf_tensor("ü", &[3, 5], 999, 0), vec![0; 64]].concat()));
    let expected = Tensor {
        name: "ü".to_owned(),
        dtype: "type 999".to_owned(),
        shape: vec![3, 5],
        parameters: 15,
        bytes: None,
        offset: tensors[0].offset,
        file: None,
    };
    assert_eq!(tensors, [expected]);
    let header = r#"{"w":{"dtype":"Z9","shape":[3],"data_offsets":[0,6]}}"#;
    let tensors = here("a.safetensors", &safetensors(header, 6));
    assert_eq!((tensors[0].dtype.as_str(), tensors[0].bytes, tensors[0].parameters), ("Z9", Some(6), 3));
}
