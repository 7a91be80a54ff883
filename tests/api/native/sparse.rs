//! Files with holes in tars that GNU tar wrote, in each of its forms: unpacked they are what they were, and kept they are read.

use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::process::Command;

use super::paths;
use crate::api::app::TestApp;
use crate::support::Backend;

const FORMS: [&[&str]; 4] = [
    &["--format=gnu"],
    &["--format=posix", "--sparse-version=0.0"],
    &["--format=posix", "--sparse-version=0.1"],
    &["--format=posix", "--sparse-version=1.0"],
];

/// A pickle that runs `os.system` when it is read.
const DANGEROUS: &[u8] = b"cos\nsystem\n(S'true'\ntR.";

/// A file of that size with these bytes at these places, and nothing elsewhere.
fn write(folder: &Path, name: &str, size: u64, pieces: &[(u64, &[u8])]) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let file = File::create(path).unwrap();
    for (at, bytes) in pieces {
        file.write_all_at(bytes, *at).unwrap();
    }
    file.set_len(size).unwrap();
}

/// Files with few and many stretches, and with holes at either end.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let block = [7; 4096];
    let each = |count: u64| (0..count).map(|at| (at * 65_536, block.as_slice())).collect::<Vec<_>>();
    write(folder.path(), "one", 1 << 20, &[(0, &block)]);
    write(folder.path(), "six", 6 * 65_536, &each(6));
    write(folder.path(), "sixty", 60 * 65_536, &each(60));
    write(folder.path(), "deep/er/two hundred", 200 * 65_536 - 61_440, &each(200));
    write(folder.path(), "late", 100_001, &[(99_328, &[1; 673])]);
    write(folder.path(), "nothing", 100_000, &[]);
    write(folder.path(), &format!("{}/long", "n".repeat(120)), 1 << 20, &[(1 << 19, &block)]);
    fs::write(folder.path().join("plain"), b"no holes").unwrap();
    folder
}

fn tar(folder: &Path, form: &[&str]) -> Vec<u8> {
    let sparse = ["--create", "--sparse", "--hole-detection=raw"];
    let made = Command::new("tar").args(sparse).args(form).arg("-C").arg(folder).arg(".").output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    made.stdout
}

fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                found.push((path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned(), fs::read(&path).unwrap()));
            }
        }
    }
    found.sort();
    found
}

#[actix_web::test]
async fn files_with_holes_come_in_as_they_were() {
    let folder = folder();
    let expected = files(folder.path());
    for (backend, form) in [Backend::Sqlite, Backend::Postgres].into_iter().zip([0..4, 0..1]) {
        let app = &TestApp::on(backend).await;
        for form in &FORMS[form] {
            let body = tar(folder.path(), form);
            let whole: usize = expected.iter().map(|(_, bytes)| bytes.len()).sum();
            assert!(body.len() < whole / 2, "{form:?} stores holes");
            let version = form.join("").replace(['-', '='], "");
            let url = format!("/api/v1/models/holes/versions/{version}/files");
            app.put(&format!("{url}?unpack=true"), body).await.expect(201);
            let names: Vec<_> = expected.iter().map(|(name, _)| name.clone()).collect();
            assert_eq!(paths(&app.get(&url).await), names, "{form:?}");
            for (name, bytes) in &expected {
                let got = app.get(&format!("{url}/{}", name.replace(' ', "%20"))).await.expect(200);
                assert!(got.body == *bytes, "{form:?} {name}");
            }
        }
    }
}

#[actix_web::test]
async fn a_kept_tar_with_holes_is_read_to_its_end() {
    let (honest, dangerous) = (folder(), folder());
    write(dangerous.path(), "model.pkl", 1 << 20, &[(0, DANGEROUS)]);
    let app = &TestApp::new().await;
    for (at, form) in FORMS.iter().enumerate() {
        for (folder, verdict) in [(&honest, "clean"), (&dangerous, "danger")] {
            let path = format!("/api/v1/models/{verdict}/versions/{at}/files/all.tar");
            let stored = app.put(&path, tar(folder.path(), form)).await.expect(201).json();
            assert_eq!(stored["inspection"]["verdict"], verdict, "{form:?}: {stored}");
        }
    }
}
