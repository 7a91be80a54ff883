//! The folder of MLflow's own pages, which a server looks at before it starts.

use std::os::unix::fs::symlink;

use modelport::config::{Settings, SettingsArgs};

use super::{env, folder};

const SETTING: &str = "MODELPORT__MLFLOW__STATIC_DIR";

/// What keeps a server from starting with that folder, and with a number of threads that is none where `also` says so.
fn problems(path: &str, also: bool) -> Vec<String> {
    let workers = ("MODELPORT__SERVER__WORKERS", if also { "many" } else { "1" });
    let variables = [(SETTING, path), workers];
    let load = Settings::load_to_serve(&SettingsArgs::default(), env(variables), modelport::runtime::tls_problems);
    load.err().map(|problems| problems.lines().to_vec()).unwrap_or_default()
}

#[test]
fn a_folder_that_is_none_of_mlflows_is_named_among_all_problems() {
    let pages = folder([("index.html", "<!doctype html>")]);
    let other = folder([("main.js", "1")]);
    let linked = folder([]);
    symlink(pages.path().join("index.html"), linked.path().join("index.html")).unwrap();
    let nested = folder([]);
    std::fs::create_dir(nested.path().join("index.html")).unwrap();
    let path = |folder: &tempfile::TempDir| folder.path().to_str().unwrap().to_owned();
    for (path, wrong) in [
        ("/missing/build".to_owned(), "the folder cannot be read: No such file or directory (os error 2)"),
        (path(&other), "it is not the folder of MLflow's UI, as `mlflow/server/js/build` of an installed MLflow is: "),
        (path(&linked), "its `index.html` is a symbolic link that leads out of it, and such are not followed"),
        (path(&nested), "its `index.html` is no file"),
        (format!("{}/index.html", path(&pages)), "it is not the folder of MLflow's UI, as"),
    ] {
        let [workers, folder] = problems(&path, true).try_into().unwrap();
        assert!(workers.starts_with("`server.workers` is `many`"), "{workers}");
        assert!(folder.starts_with(&format!("`mlflow.static_dir` is `{path}`: {wrong}")), "{folder}");
        // Commands that serve nothing do not mind.
        Settings::load(&SettingsArgs::default(), env([(SETTING, path.as_str())])).unwrap();
    }
    assert_eq!(problems(&path(&pages), false), Vec::<String>::new());
    assert_eq!(problems("", false), Vec::<String>::new());
}
