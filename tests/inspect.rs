//! `modelport inspect`, on real files: what it prints, what its exit status says, and that it needs nothing else.

use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value, json};
use tempfile::TempDir;

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/inspect").join(name)
}

fn inspect(folder: &Path, arguments: &[&str]) -> Output {
    // Settings that no server would start with.
    Command::new(env!("CARGO_BIN_EXE_modelport"))
        .arg("inspect")
        .args(arguments)
        .env_clear()
        .env("MODELPORT__SERVER__LISTEN", "nonsense")
        .env("MODELPORT__DATABASE__URL", "nonsense")
        .current_dir(folder)
        .output()
        .unwrap()
}

fn status(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn document(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", text(output)))
}

/// A folder with copies of files of the test data.
fn folder<const N: usize>(files: [(&str, &str); N]) -> TempDir {
    let folder = TempDir::new().unwrap();
    for (path, from) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::copy(data(from), path).unwrap();
    }
    folder
}

#[test]
fn the_status_is_that_of_the_heaviest_finding() {
    let folder = folder([
        ("clean", "made/forest.joblib"),
        ("a.gguf", "harmless/gguf/newer-type.gguf"),
        ("config.json", "harmful/code/config.json"),
        ("gap.safetensors", "evasions/gap.safetensors"),
        ("os.pkl", "evasions/os.pkl"),
    ]);
    for (files, expected, verdict) in [
        (&["clean"][..], 0, "clean"),
        (&["clean", "a.gguf"], 0, "info"),
        (&["a.gguf", "config.json"], 3, "warn"),
        (&["gap.safetensors", "config.json"], 4, "suspicious"),
        (&["os.pkl", "clean", "gap.safetensors"], 5, "danger"),
        (&["."], 5, "danger"),
        (&["os.pkl", "missing"], 1, "danger"),
    ] {
        let output = inspect(folder.path(), files);
        assert_eq!(status(&output), expected, "{files:?}: {}", text(&output));
        let output = inspect(folder.path(), &[&["--format", "json"], files].concat());
        assert_eq!((status(&output), &document(&output)["verdict"]), (expected, &json!(verdict)), "{files:?}");
    }
    let left = fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(left, 5, "the command leaves nothing behind");
}

#[test]
fn wrong_arguments_are_told_from_findings() {
    let folder = TempDir::new().unwrap();
    for arguments in [&[][..], &["--format", "xml", "a"], &["--no-such-flag", "a"]] {
        let output = inspect(folder.path(), arguments);
        assert_eq!(status(&output), 2, "{arguments:?}");
        assert!(output.stdout.is_empty() && !output.stderr.is_empty());
    }
    let help = text(&inspect(folder.path(), &["--help"]));
    assert!(help.contains("Exit status:"), "{help}");
}

#[test]
fn the_table_has_formats_facts_and_findings() {
    let folder = folder([("a/model.onnx", "made/small.onnx"), ("a/os.pkl", "evasions/os.pkl")]);
    let output = inspect(folder.path(), &["a"]);
    insta::assert_snapshot!(text(&output));
}

#[test]
fn the_document_has_what_the_native_api_shows() {
    let folder = folder([("a/model.onnx", "made/small.onnx"), ("a/os.pkl", "evasions/os.pkl")]);
    let output = inspect(folder.path(), &["--format=json", "a", "missing"]);
    insta::assert_json_snapshot!(document(&output), { ".readerVersion" => "[version]", ".rulesVersion" => "[version]" });
}

#[test]
fn folders_are_read_to_the_bottom_in_order_and_once() {
    let folder = folder([
        ("b/c/os.pkl", "evasions/os.pkl"),
        ("b/a.gguf", "harmless/gguf/one-bit.gguf"),
        ("z", "evasions/os.pkl"),
    ]);
    symlink(folder.path(), folder.path().join("b/c/round")).unwrap();
    symlink("../z", folder.path().join("b/link.pkl")).unwrap();
    let output = inspect(folder.path(), &["--format", "json", "."]);
    let files: Vec<Value> =
        document(&output)["files"].as_array().unwrap().iter().map(|file| file["path"].clone()).collect();
    assert_eq!(files, ["./b/a.gguf", "./b/c/os.pkl", "./b/link.pkl", "./z"]);
    let empty = TempDir::new().unwrap();
    let output = inspect(empty.path(), &["."]);
    assert_eq!((status(&output), text(&output).lines().last()), (0, Some("no files")));
}

/// References to other files are looked up where the file lies, whether it is named itself or its folder is.
#[test]
fn files_beside_it_belong_to_it() {
    let folder = folder([("ir/model.xml", "made/small.xml")]);
    let rules = |argument: &str| -> Vec<String> {
        let document = document(&inspect(folder.path(), &["--format", "json", argument]));
        let findings = document["files"][0]["findings"].as_array().unwrap().clone();
        findings.iter().map(|finding| finding["rule"].as_str().unwrap().to_owned()).collect()
    };
    for argument in ["ir/model.xml", "ir", "."] {
        assert_eq!(rules(argument), ["external-data-missing"], "{argument}");
    }
    fs::copy(data("made/small.bin"), folder.path().join("ir/model.bin")).unwrap();
    assert_eq!(rules("ir/model.xml"), Vec::<String>::new());
}

#[test]
fn what_cannot_be_read_is_said_and_counted() {
    let folder = folder([("good", "made/forest.joblib")]);
    let path = |name: &str| folder.path().join(name);
    assert!(Command::new("mkfifo").arg(path("pipe")).status().unwrap().success());
    File::create(folder.path().join(std::ffi::OsStr::from_bytes(b"\xff.pkl"))).unwrap();
    File::create(path("back\\slash")).unwrap();
    symlink("nowhere", path("broken")).unwrap();
    let output = inspect(folder.path(), &["--format", "json", "."]);
    let document = document(&output);
    assert_eq!((status(&output), &document["unreadable"], &document["verdict"]), (1, &json!(4), &json!("clean")));
    let errors: Vec<_> =
        document["files"].as_array().unwrap().iter().filter_map(|file| file["error"].as_str()).collect();
    assert_eq!(errors.len(), 4);
    for what in ["neither a file nor a folder", "not UTF-8", "not a plain relative path", "No such file"] {
        assert!(errors.iter().any(|error| error.contains(what)), "{what}: {errors:?}");
    }
    let table = text(&inspect(folder.path(), &["."]));
    assert!(table.contains("unreadable") && table.ends_with("1 clean, 4 unreadable\n"), "{table}");
}

/// 5 GiB in a process that may not have 2.
#[test]
fn a_large_file_is_not_held_in_memory() {
    let folder = TempDir::new().unwrap();
    for (name, start) in [
        ("weights.bin", &b""[..]),
        ("model.safetensors", b"\x02\0\0\0\0\0\0\0{}"),
        ("a.npy", b"\x93NUMPY\x01\0\x02\0{}"),
    ] {
        let mut file = File::create(folder.path().join(name)).unwrap();
        file.write_all(start).unwrap();
        file.set_len(5 << 30).unwrap();
    }
    let run = "ulimit -v 2097152 && exec \"$0\" inspect --format json .";
    let output = Command::new("sh")
        .args(["-c", run, env!("CARGO_BIN_EXE_modelport")])
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert_eq!(status(&output), 4, "{}", String::from_utf8_lossy(&output.stderr));
    let document = document(&output);
    assert_eq!(document["files"].as_array().unwrap().len(), 3);
    assert!(document["files"].as_array().unwrap().iter().all(|file| file["size"] == json!(5u64 << 30)), "{document}");
}

#[test]
fn names_and_values_do_not_steer_a_terminal() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("README.md"), "---\nlicense: \"a\\e[2Jb\"\n---\n").unwrap();
    let output = inspect(folder.path(), &["."]);
    assert!(text(&output).contains("\\u{1b}[2J"), "{}", text(&output));
    assert!(!output.stdout.contains(&0x1b));
}
