//! Sources of versions as clients write them: URIs of models, of runs and of the artifact proxy, our own URLs, and
//! places elsewhere.
//!
//! Upstream's checks are `_validate_source_run` and its neighbours in `mlflow/server/handlers.py`.

use percent_encoding::percent_decode_str;

use crate::artifacts::meant;
use crate::domain::{Error, FilePath, Result, Stage};
use crate::models::spelled;
use crate::registry::numbered::{VersionSource, WhichVersion};
use crate::registry::tracking::run_files::Folder;

/// What our URLs of the artifact proxy go on with after the address of this server.
const PROXIES: [&str; 2] = ["/api/2.0/mlflow-artifacts/artifacts/", "/ajax-api/2.0/mlflow-artifacts/artifacts/"];

/// What those of files of an artifact go on with.
const ARTIFACTS: &str = "/api/v1/artifacts/";

/// How often a text is decoded at most until it does not change any more.
const MAX_LAYERS: usize = 16;

/// A source.
#[derive(Debug, Clone, PartialEq)]
pub struct Source {
    /// What it means.
    pub source: VersionSource,
    /// How it is written.
    pub text: String,
    /// Whether it must belong to the run of the request, where that names one.
    pub must_be_of_run: bool,
}

impl Source {
    /// A place elsewhere.
    pub fn foreign(text: &str) -> Self {
        Self { source: VersionSource::Foreign, text: text.to_owned(), must_be_of_run: false }
    }
}

/// The source that a text means to a server whose URLs begin with `base`.
///
/// Errors: InvalidArgument on `source`.
pub fn parse(text: &str, base: &str) -> Result<Source> {
    check_plain(text)?;
    let source = |source, must_be_of_run| Source { source, text: text.to_owned(), must_be_of_run };
    let Some((scheme, rest)) = text.split_once(':').filter(|(scheme, _)| is_scheme(scheme)) else {
        return if text.starts_with(['/', '\\']) { Err(local(text)) } else { Ok(Source::foreign(text)) };
    };
    match scheme.to_ascii_lowercase().as_str() {
        "file" => Err(local(text)),
        "models" => Ok(source(of_models(rest).ok_or_else(|| invalid(text))?, false)),
        "runs" => Ok(source(of_runs(rest).ok_or_else(|| invalid(text))?, true)),
        "mlflow-artifacts" => match proxy_path(rest, base) {
            Some(path) => Ok(source(of_proxy(path).ok_or_else(|| invalid(text))?, true)),
            None => Ok(Source::foreign(text)),
        },
        "http" | "https" => {
            let Some(path) = text.strip_prefix(base).filter(|path| path.starts_with('/')) else {
                return Ok(Source::foreign(text));
            };
            let path = percent_decode_str(path).decode_utf8().map_err(|_| invalid(text))?;
            if let Some(path) = PROXIES.iter().find_map(|proxy| path.strip_prefix(proxy)) {
                return Ok(source(of_proxy(path).ok_or_else(|| invalid(text))?, true));
            }
            match path.strip_prefix(ARTIFACTS) {
                Some(path) => Ok(source(of_artifact(path).ok_or_else(|| invalid(text))?, false)),
                None => Ok(Source::foreign(text)),
            }
        }
        _ => Ok(Source::foreign(text)),
    }
}

/// Refuses what goes up in the tree of folders, however it is encoded, and what no path has.
fn check_plain(text: &str) -> Result<()> {
    let mut decoded = text.to_owned();
    for _ in 0..MAX_LAYERS {
        let next = percent_decode_str(&decoded).decode_utf8_lossy().into_owned();
        if next == decoded {
            break;
        }
        decoded = next;
    }
    let goes_up = decoded.split(['/', '\\']).any(|segment| matches!(segment, "." | ".."));
    if goes_up || decoded.chars().any(char::is_control) {
        let shown = text.escape_debug();
        return Err(Error::invalid(
            "source",
            format!(
                "Invalid model version source: '{shown}'. If supplying a source as an http, https, local file path, \
                 ftp, objectstore, or mlflow-artifacts uri, an absolute path must be provided without relative path \
                 references present. Please provide an absolute path."
            ),
        ));
    }
    Ok(())
}

/// Whether a text is the scheme of a URI (RFC 3986 §3.1).
fn is_scheme(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
}

/// `models:/m-…`, `models:/name/version` or `models:/name@alias`.
fn of_models(rest: &str) -> Option<VersionSource> {
    let path = rooted(rest)?;
    let Some((name, suffix)) = path.split_once('/') else {
        return match path.rsplit_once('@') {
            Some((name, alias)) => {
                Some(VersionSource::Version(spelled(name).ok()?, WhichVersion::Aliased(alias.parse().ok()?)))
            }
            None => Some(VersionSource::LoggedModel(path.parse().ok()?, None)),
        };
    };
    let which = if suffix.bytes().all(|byte| byte.is_ascii_digit()) {
        WhichVersion::Number(suffix.parse().ok()?)
    } else if suffix.eq_ignore_ascii_case("latest") {
        WhichVersion::Latest
    } else if let Ok(stage) = suffix.parse::<Stage>() {
        WhichVersion::Staged(stage)
    } else if suffix.contains('/') {
        return None;
    } else {
        WhichVersion::Named(suffix.parse().ok()?)
    };
    Some(VersionSource::Version(spelled(name).ok()?, which))
}

/// `runs:/<run>/path`.
fn of_runs(rest: &str) -> Option<VersionSource> {
    let (run, path) = split_first(rooted(rest)?);
    Some(VersionSource::Run(run.parse().ok()?, below(path)?))
}

/// A path of the artifact proxy.
fn of_proxy(path: &str) -> Option<VersionSource> {
    Some(match meant(path).ok()?? {
        (Folder::Run(run), path) => VersionSource::Run(run, path),
        (Folder::LoggedModel(id), path) => VersionSource::LoggedModel(id, path),
        (Folder::Version(id), path) => VersionSource::VersionFiles(id, path),
        (Folder::Named(name), path) => VersionSource::Folder(name, path),
        (Folder::Trace(_), _) => return None,
        (Folder::Numbered(model, number), _) => VersionSource::Version(model.into(), WhichVersion::Number(number)),
    })
}

/// `<id>/files/path`, as URIs of artifacts are shown whose files are stored here.
fn of_artifact(path: &str) -> Option<VersionSource> {
    let (id, rest) = split_first(path);
    let (files, rest) = split_first(rest);
    (files == "files").then_some(VersionSource::Artifact(id.parse().ok()?, below(rest)?))
}

/// The path of a URI of the artifact proxy, if that is ours: it names no server, or this one.
fn proxy_path<'a>(rest: &'a str, base: &str) -> Option<&'a str> {
    let Some(named) = rest.strip_prefix("//") else { return Some(rest.trim_start_matches('/')) };
    let (authority, path) = split_first(named);
    let own = base.split_once("://").map_or(base, |(_, own)| own);
    let is_own = authority.is_empty() || own.split('/').next().is_some_and(|own| own.eq_ignore_ascii_case(authority));
    is_own.then_some(path)
}

/// What stands behind the one slash that the path of a URI without a server begins with.
fn rooted(rest: &str) -> Option<&str> {
    rest.strip_prefix('/').filter(|path| !path.is_empty() && !path.starts_with('/'))
}

fn split_first(path: &str) -> (&str, &str) {
    path.split_once('/').unwrap_or((path, ""))
}

/// A path that may be empty, or end in a slash.
fn below(path: &str) -> Option<Option<FilePath>> {
    let path = path.trim_end_matches('/');
    if path.is_empty() { Some(None) } else { Some(Some(path.parse().ok()?)) }
}

fn invalid(text: &str) -> Error {
    let shown = text.escape_debug();
    Error::invalid(
        "source",
        format!("Invalid model version source: '{shown}'. It names nothing that this server could have."),
    )
}

fn local(text: &str) -> Error {
    let shown = text.escape_debug();
    let why = "A path on a machine of the client's is no place that others could load the version from";
    Error::invalid("source", format!("Invalid model version source: '{shown}'. {why}."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::NodeId;

    const BASE: &str = "http://here:8080";
    const RUN: &str = "0123456789abcdef0123456789abcdef";

    fn meant(text: &str) -> VersionSource {
        parse(text, BASE).unwrap().source
    }

    fn run(path: Option<&str>) -> VersionSource {
        VersionSource::Run(RUN.parse().unwrap(), path.map(|path| path.parse().unwrap()))
    }

    #[test]
    fn what_is_stored_here_is_known() {
        assert_eq!(meant(&format!("runs:/{RUN}/a/b")), run(Some("a/b")));
        assert_eq!(meant(&format!("runs:/{RUN}")), run(None));
        assert_eq!(meant(&format!("mlflow-artifacts:/12/{RUN}/artifacts/model/")), run(Some("model")));
        assert_eq!(meant(&format!("mlflow-artifacts://here:8080/12/{RUN}/artifacts")), run(None));
        assert_eq!(
            meant(&format!("{BASE}/api/2.0/mlflow-artifacts/artifacts/12/{RUN}/artifacts/a%20b")),
            run(Some("a b"))
        );
        let logged = VersionSource::LoggedModel(format!("m-{RUN}").parse().unwrap(), None);
        assert_eq!(meant(&format!("models:/m-{RUN}")), logged);
        assert_eq!(meant(&format!("mlflow-artifacts:/12/models/m-{RUN}/artifacts")), logged);
        assert_eq!(meant("mlflow-artifacts:/versions/7"), VersionSource::VersionFiles(NodeId(7), None));
        let file = Some("a b".parse().unwrap());
        assert_eq!(meant(&format!("{BASE}/api/v1/artifacts/9/files/a%20b")), VersionSource::Artifact(NodeId(9), file));
        assert_eq!(meant(&format!("{BASE}/api/v1/artifacts/9/files")), VersionSource::Artifact(NodeId(9), None));
    }

    #[test]
    fn versions_are_meant_in_every_way_of_a_uri() {
        let which = |text: &str| match meant(text) {
            VersionSource::Version(model, which) => (model.name.to_string(), which),
            other => panic!("{text}: {other:?}"),
        };
        let model = |name: &str, which| (name.to_owned(), which);
        assert_eq!(which("models:/a b/3"), model("a b", WhichVersion::Number(3)));
        assert_eq!(which("models:/a/Latest"), model("a", WhichVersion::Latest));
        assert_eq!(which("models:/a/production"), model("a", WhichVersion::Staged(Stage::Production)));
        assert_eq!(which("models:/a/v1.2"), model("a", WhichVersion::Named("v1.2".parse().unwrap())));
        assert_eq!(which("models:/a@b@c"), model("a@b", WhichVersion::Aliased("c".parse().unwrap())));
    }

    #[test]
    fn other_places_are_foreign() {
        for text in [
            "s3://bucket/path",
            "dbfs:/databricks/x",
            "dummy-source",
            "path/to/model",
            "http://there/api/2.0/mlflow-artifacts/artifacts/1/x/artifacts",
            "http://here:80801/api/v1/artifacts/9/files",
            "http://here:8080/elsewhere",
            "mlflow-artifacts://there/1/2",
        ] {
            assert_eq!(meant(text), VersionSource::Foreign, "{text}");
        }
    }

    #[test]
    fn what_must_belong_to_the_run_is_said() {
        let must = |text: &str| parse(text, BASE).unwrap().must_be_of_run;
        assert!(must(&format!("runs:/{RUN}/a")) && must(&format!("mlflow-artifacts:/1/{RUN}/artifacts")));
        assert!(!must(&format!("models:/m-{RUN}")) && !must("models:/a/1") && !must("s3://a/b"));
    }

    #[test]
    fn what_means_nothing_here_or_leaves_its_folder_is_refused() {
        for text in [
            "models:/",
            "models://a/1",
            "models:/a",
            "models:/a/b/1",
            "models:/a/99999999999999999999",
            "runs:/x/model",
            "runs://host/x",
            "mlflow-artifacts:/1",
            "mlflow-artifacts:/1/x/artifacts",
            "mlflow-artifacts:/versions/x",
            "/etc/passwd",
            "file:///etc/passwd",
            "s3://bucket/a/../b",
            "s3://bucket/a/%2e%2e/b",
            "s3://bucket/a/%252e%252e/b",
            "mlflow-artifacts://host:8080/..%2f..%2f..%2f",
            "http://host/api/2.0/mlflow-artifacts/artifacts%00",
            "s3:/bucket\\..\\x",
            "a/./b",
        ] {
            assert_eq!(parse(text, BASE).unwrap_err().field(), Some("source"), "{text}");
        }
    }
}
