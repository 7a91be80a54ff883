//! Where the files of something are at the other server, and by which of its paths they are listed and fetched.

use reqwest::Response;

use super::client::{Answer, Client};
use super::failure::Failure;
use super::importing::api;
use super::wire::{FileInfo, Listing};
use crate::domain::tracking::{LoggedModelId, RunId};

/// The scheme of what the server's proxy has.
const SCHEME: &str = "mlflow-artifacts:/";

/// The path of the server's proxy.
const PROXY: [&str; 4] = ["api", "2.0", "mlflow-artifacts", "artifacts"];

/// What the files belong to.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Owner {
    Run(RunId),
    LoggedModel(LoggedModelId),
    /// Nothing that is known: they are in the proxy alone.
    Proxy,
}

/// A folder of files at the other server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    owner: Owner,
    /// Where all of it is in the proxy, if it is there.
    proxied: Option<String>,
    /// The folder that is meant among the owner's files; empty for all of them.
    base: String,
}

/// A file or a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// Its path in the place.
    pub(super) path: String,
    /// How many bytes a file has, where the server knows it; `None` of a folder.
    pub(super) size: Option<u64>,
    /// Whether it is a folder.
    pub(super) is_folder: bool,
}

impl Place {
    /// The files of a run.
    pub(super) fn of_run(id: &RunId, uri: &str) -> Self {
        Self { owner: Owner::Run(id.clone()), proxied: proxied(uri), base: String::new() }
    }

    /// The files of a logged model.
    pub(super) fn of_logged_model(id: &LoggedModelId, uri: &str) -> Self {
        Self { owner: Owner::LoggedModel(id.clone()), proxied: proxied(uri), base: String::new() }
    }

    /// The place that a URI means; `None` where this server cannot have it.
    pub(super) fn of_uri(uri: &str) -> Option<Self> {
        let proxied = proxied(uri);
        match owner(uri) {
            Some((owner, base)) => {
                let root =
                    proxied.map(|path| path.strip_suffix(&base).unwrap_or(&path).trim_end_matches('/').to_owned());
                Some(Self { owner, proxied: root, base })
            }
            None => proxied.map(|path| Self { owner: Owner::Proxy, proxied: Some(path), base: String::new() }),
        }
    }

    /// The run whose files they are, and the folder among them.
    pub(super) fn run(&self) -> Option<(&RunId, &str)> {
        match &self.owner {
            Owner::Run(id) => Some((id, &self.base)),
            Owner::LoggedModel(_) | Owner::Proxy => None,
        }
    }

    /// The logged model whose files they are, and the folder among them.
    pub(super) fn logged_model(&self) -> Option<(&LoggedModelId, &str)> {
        match &self.owner {
            Owner::LoggedModel(id) => Some((id, &self.base)),
            Owner::Run(_) | Owner::Proxy => None,
        }
    }

    /// What a folder of it has at its top; nothing of what is a file, or is not there.
    pub(super) async fn list(&self, client: &Client, folder: &str) -> Answer<Vec<Entry>> {
        let path = joined(&self.base, folder);
        let mut found = Vec::new();
        let mut token = String::new();
        loop {
            let listing = self.list_page(client, &path, &token).await?;
            for file in listing.files {
                found.extend(self.entry(&file, &path, folder)?);
            }
            match listing.next_page_token.filter(|next| !next.is_empty() && *next != token) {
                None => return Ok(found),
                Some(next) => token = next,
            }
        }
    }

    async fn list_page(&self, client: &Client, path: &str, token: &str) -> Answer<Listing> {
        let (route, mut query) = match &self.owner {
            Owner::Run(id) => {
                let query = vec![("run_id", id.as_str()), ("run_uuid", id.as_str()), ("path", path)];
                (api(&["artifacts", "list"]), query)
            }
            Owner::LoggedModel(id) => {
                let route = api(&["logged-models", id.as_str(), "artifacts", "directories"]);
                (route, vec![("artifact_directory_path", path)])
            }
            Owner::Proxy => {
                let root = self.proxied.as_deref().unwrap_or_default();
                let whole = joined(root, path);
                return client.get(&PROXY, &[("path", &whole)]).await;
            }
        };
        query.retain(|(_, value)| !value.is_empty());
        if !token.is_empty() {
            query.push(("page_token", token));
        }
        client.get(&route, &query).await
    }

    /// An entry of a listing, whose path is below the owner's files; in the proxy it is a name alone.
    fn entry(&self, file: &FileInfo, path: &str, folder: &str) -> Answer<Option<Entry>> {
        let name = match &self.owner {
            Owner::Proxy => Some(file.path.as_str()),
            Owner::Run(_) | Owner::LoggedModel(_) if path.is_empty() => Some(file.path.as_str()),
            Owner::Run(_) | Owner::LoggedModel(_) if file.path == path => Some(""),
            Owner::Run(_) | Owner::LoggedModel(_) => {
                file.path.strip_prefix(path).and_then(|rest| rest.strip_prefix('/'))
            }
        };
        let elsewhere = || {
            let shown = file.path.escape_debug();
            Failure::of_item(format!("the server lists `{shown}` in the folder `{path}`"))
        };
        let name = name.ok_or_else(elsewhere)?;
        // Some stores list the folder itself.
        if name.is_empty() {
            return Ok(None);
        }
        if name.contains('/') || matches!(name, "." | "..") {
            return Err(elsewhere());
        }
        let size = file.file_size.and_then(|size| u64::try_from(size).ok()).filter(|_| !file.is_dir);
        Ok(Some(Entry { path: joined(folder, name), size, is_folder: file.is_dir }))
    }

    /// The bytes of a file, as far as the headers before them.
    pub(super) async fn open(&self, client: &Client, file: &str) -> Answer<Response> {
        let path = joined(&self.base, file);
        if let Some(root) = &self.proxied {
            let whole = joined(root, &path);
            return client.open(&PROXY.into_iter().chain(whole.split('/')).collect::<Vec<_>>(), &[]).await;
        }
        match &self.owner {
            Owner::Run(id) => {
                let query = [("run_id", id.as_str()), ("run_uuid", id.as_str()), ("path", path.as_str())];
                client.open(&["get-artifact"], &query).await
            }
            Owner::LoggedModel(id) => {
                let route = ["ajax-api", "2.0", "mlflow", "logged-models", id.as_str(), "artifacts", "files"];
                client.open(&route, &[("artifact_file_path", path.as_str())]).await
            }
            Owner::Proxy => Err(Failure::of_item(format!("`{path}` is not in the server's proxy"))),
        }
    }
}

/// One path below another.
fn joined(folder: &str, path: &str) -> String {
    match (folder.is_empty(), path.is_empty()) {
        (true, _) => path.to_owned(),
        (_, true) => folder.to_owned(),
        _ => format!("{folder}/{path}"),
    }
}

/// The path in the server's own proxy that a URI is. One that names a server may mean another one.
fn proxied(uri: &str) -> Option<String> {
    let rest = uri.strip_prefix(SCHEME).filter(|rest| !rest.starts_with('/'))?;
    let path = rest.trim_matches('/');
    let is_plain = path.split('/').all(|part| !matches!(part, "" | "." | ".."));
    is_plain.then(|| path.to_owned())
}

/// What the files at a URI belong to, by the form that it has in every store, and the folder among them.
fn owner(uri: &str) -> Option<(Owner, String)> {
    let parts: Vec<&str> = uri.trim_end_matches('/').split('/').collect();
    (0..parts.len()).find_map(|at| {
        let (owner, rest) = match parts.get(at..)? {
            ["models", id, "artifacts", rest @ ..] => (Owner::LoggedModel(id.parse().ok()?), rest),
            [id, "artifacts", rest @ ..] => (Owner::Run(id.parse().ok()?), rest),
            _ => return None,
        };
        let is_plain = rest.iter().all(|part| !matches!(*part, "" | "." | ".."));
        is_plain.then(|| (owner, rest.join("/")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "0123456789abcdef0123456789abcdef";

    #[test]
    fn a_uri_tells_whose_files_are_meant_and_whether_the_proxy_has_them() {
        let place = |uri: &str| Place::of_uri(&uri.replace("{hex}", HEX));
        let run = |proxied: Option<&str>, base: &str| {
            let proxied = proxied.map(|path| path.replace("{hex}", HEX));
            Some(Place { owner: Owner::Run(HEX.parse().unwrap()), proxied, base: base.to_owned() })
        };
        assert_eq!(place("mlflow-artifacts:/1/{hex}/artifacts/a/b"), run(Some("1/{hex}/artifacts"), "a/b"));
        assert_eq!(place("mlflow-artifacts:/1/{hex}/artifacts"), run(Some("1/{hex}/artifacts"), ""));
        assert_eq!(place("s3://bucket/x/1/{hex}/artifacts/model/"), run(None, "model"));
        assert_eq!(place("mlflow-artifacts://host:5000/1/{hex}/artifacts/model"), run(None, "model"));
        assert_eq!(place("file:///srv/1/{hex}/artifacts/../../etc"), None);
        let logged = place("mlflow-artifacts:/1/models/m-{hex}/artifacts").unwrap();
        assert_eq!(
            logged.logged_model().map(|(id, base)| (id.as_str(), base)),
            Some((format!("m-{HEX}").as_str(), ""))
        );
        assert_eq!(place("mlflow-artifacts:/somewhere/else").unwrap().owner, Owner::Proxy);
        for foreign in ["s3://bucket/model", "dbfs:/x", "dummy-source", "mlflow-artifacts:/a/../b"] {
            assert_eq!(place(foreign), None, "{foreign}");
        }
    }

    #[test]
    fn entries_are_named_below_their_place() {
        let run = Place::of_uri(&format!("mlflow-artifacts:/1/{HEX}/artifacts/model")).unwrap();
        let entry = |path: &str, folder: &str| {
            let file = FileInfo { path: path.to_owned(), is_dir: false, file_size: Some(3) };
            run.entry(&file, &joined("model", folder), folder).unwrap().map(|entry| entry.path)
        };
        assert_eq!(entry("model/MLmodel", ""), Some("MLmodel".to_owned()));
        assert_eq!(entry("model/code/a.py", "code"), Some("code/a.py".to_owned()));
        assert_eq!(entry("model/code", "code"), None);
        for elsewhere in ["../x", "model/../x", "model2", "model/a/b", "model/.."] {
            let file = FileInfo { path: elsewhere.to_owned(), is_dir: false, file_size: None };
            assert!(run.entry(&file, "model", "").is_err(), "{elsewhere}");
        }
        // The proxy says names alone.
        let proxy = Place::of_uri("mlflow-artifacts:/model").unwrap();
        let file = FileInfo { path: "model2".to_owned(), is_dir: true, file_size: None };
        assert_eq!(proxy.entry(&file, "model", "model").unwrap().unwrap().path, "model/model2");
    }
}
