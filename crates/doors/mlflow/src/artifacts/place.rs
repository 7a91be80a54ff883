//! Paths of the artifact proxy. Those of runs and logged models begin with their experiment's id, or with where it says its files are:
//! `<experiment>/<run>/artifacts/…`, `<experiment>/models/<model>/artifacts/…`, `<experiment>/traces/<trace>/artifacts/…`; those of versions are `versions/<id>/…`.

use percent_encoding::percent_decode_str;

use super::super::wire::{artifact_location, experiment_id};
use crate::domain::trace::TraceId;
use crate::domain::tracking::{LoggedModelId, RunId};
use crate::domain::{Error, FilePath, Node, NodeId, Result};
use crate::registry::tracking::run_files::{Folder, FolderOwner};

/// The scheme of what the proxy has.
const SCHEME: &str = "mlflow-artifacts:/";

/// The segments that tell the folders of the proxy.
const ARTIFACTS: &str = "artifacts";
const MODELS: &str = "models";
const TRACES: &str = "traces";
const VERSIONS: &str = "versions";

/// What the ids of traces begin with.
const TRACE: &str = "tr-";

/// A place in the proxy.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Place {
    /// Whose files they are.
    pub(super) folder: Folder,
    /// The file or folder among them; `None` is all of them.
    pub(super) path: Option<FilePath>,
    /// What stands before a run or a logged model.
    location: String,
}

impl Place {
    /// The place that a path means; `None` where nothing can have files.
    ///
    /// Errors: InvalidArgument for a path that leads elsewhere.
    pub(super) fn of(path: &str) -> Result<Option<Self>> {
        let path = safe(path)?;
        let segments: Vec<&str> = path.split('/').collect();
        let Some((folder, before, after)) = folder(&segments).or_else(|| named(&segments)) else { return Ok(None) };
        let (location, rest) = segments.split_at_checked(before).unwrap_or_default();
        let rest = rest.get(after..).unwrap_or_default().join("/");
        let path = Some(rest).filter(|rest| !rest.is_empty()).map(|rest| rest.parse()).transpose()?;
        Ok(Some(Self { folder, path, location: location.join("/") }))
    }

    /// The error for a path at which nothing is kept.
    pub(super) fn unknown() -> Error {
        let message = "below the id of an experiment, files are kept at `<experiment_id>/<run_id>/artifacts/<path>` and \
                       `<experiment_id>/models/<model_id>/artifacts/<path>` alone; any other is in a folder";
        Error::invalid("path", message)
    }

    /// Checks that a run or a logged model is of the experiment that the path begins with.
    ///
    /// Errors: NotFound.
    pub(super) fn check(&self, owner: &FolderOwner) -> Result<()> {
        let Some(experiment) = &owner.experiment else { return Ok(()) };
        let location = artifact_location(experiment);
        let is_of_it = self.location == experiment_id(experiment)
            || self.location == experiment.id.to_string()
            || in_proxy(&location).is_some_and(|location| location == self.location);
        if is_of_it {
            return Ok(());
        }
        let what = match &self.folder {
            Folder::Run(id) => format!("run `{id}`"),
            Folder::LoggedModel(id) => format!("logged model `{id}`"),
            Folder::Trace(id) => format!("trace `{id}`"),
            Folder::Named(name) => format!("folder `{name}`"),
            Folder::Version(id) => format!("version `{id}`"),
            Folder::Numbered(model, number) => format!("version `{number}` of `{model}`"),
        };
        Err(Error::not_found(format!("{what} in `{}`", self.location.escape_debug())))
    }
}

/// Whose files a path means, and which of them; `None` where nothing can have files.
///
/// Errors: InvalidArgument for a path that leads elsewhere.
pub fn meant(path: &str) -> Result<Option<(Folder, Option<FilePath>)>> {
    Ok(Place::of(path)?.map(|place| (place.folder, place.path)))
}

/// The folder that a path begins with, how many segments are before what it belongs to, and how many say what that is.
fn folder(segments: &[&str]) -> Option<(Folder, usize, usize)> {
    if let [VERSIONS, version, ..] = segments
        && let Ok(version) = version.parse::<NodeId>()
    {
        return Some((Folder::Version(version), 0, 2));
    }
    (0..segments.len()).find_map(|at| match segments.get(at..)? {
        [MODELS, model, ARTIFACTS, ..] => Some((Folder::LoggedModel(model.parse::<LoggedModelId>().ok()?), at, 3)),
        [TRACES, trace, ARTIFACTS, ..] if trace.starts_with(TRACE) => {
            Some((Folder::Trace(trace.parse::<TraceId>().ok()?), at, 3))
        }
        [run, ARTIFACTS, ..] => Some((Folder::Run(run.parse::<RunId>().ok()?), at, 2)),
        _ => None,
    })
}

/// The folder at the top that belongs to nothing else. What begins with a number is of an experiment, whoever may see that.
fn named(segments: &[&str]) -> Option<(Folder, usize, usize)> {
    let top = segments.first().filter(|top| !top.is_empty() && **top != VERSIONS)?;
    if top.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some((Folder::Named(format!("{SCHEME}{top}").parse().ok()?), 0, 1))
}

/// The path in the proxy that a location is, where it is there.
fn in_proxy(location: &str) -> Option<&str> {
    let rest = location.strip_prefix(SCHEME)?;
    // A host and a port may stand before it.
    let path = rest.strip_prefix('/').map_or(rest, |rest| rest.split_once('/').map_or("", |(_, path)| path));
    Some(path.trim_matches('/'))
}

/// The path without slashes at its end, where it leads nowhere else, however often it is percent-decoded.
///
/// Errors: InvalidArgument.
pub(super) fn safe(path: &str) -> Result<&str> {
    let mut decoded = path.to_owned();
    loop {
        let leads_elsewhere = decoded.starts_with('/')
            || decoded.contains('\\')
            || decoded.split('/').any(|segment| segment == "..")
            || decoded.chars().any(char::is_control);
        if leads_elsewhere {
            return Err(Error::invalid("path", "Invalid path"));
        }
        let next = percent_decode_str(&decoded).decode_utf8_lossy().into_owned();
        if next == decoded {
            return Ok(path.trim_end_matches('/'));
        }
        decoded = next;
    }
}

/// Where the files of a run are.
pub fn run_root(run: &Node, id: &RunId, experiment: &Node) -> String {
    let declared = run.text("artifact_uri").map(ToOwned::to_owned);
    declared.unwrap_or_else(|| format!("{}/{id}/{ARTIFACTS}", artifact_location(experiment)))
}

/// Where the files of a logged model are.
pub fn model_root(id: &LoggedModelId, experiment: &Node) -> String {
    format!("{}/{MODELS}/{id}/{ARTIFACTS}", artifact_location(experiment))
}

/// Where the files of a trace are.
pub fn trace_root(id: &TraceId, experiment: &Node) -> String {
    format!("{}/{TRACES}/{id}/{ARTIFACTS}", artifact_location(experiment))
}

/// Where a folder is.
pub(super) fn root_uri(folder: &Folder, owner: &FolderOwner) -> Option<String> {
    let experiment = owner.experiment.as_ref()?;
    match folder {
        Folder::Run(id) => Some(run_root(owner.node.as_ref()?, id, experiment)),
        Folder::LoggedModel(id) => Some(model_root(id, experiment)),
        Folder::Trace(id) => Some(trace_root(id, experiment)),
        Folder::Named(_) | Folder::Version(_) | Folder::Numbered(..) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "0123456789abcdef0123456789abcdef";

    #[test]
    fn paths_tell_whose_files_they_are() {
        let place = |path: &str| Place::of(&path.replace("{hex}", HEX)).unwrap();
        let run = Folder::Run(HEX.parse().unwrap());
        let model = Folder::LoggedModel(format!("m-{HEX}").parse().unwrap());
        let trace = Folder::Trace("tr-1".parse().unwrap());
        for (path, location, folder, rest) in [
            ("0/{hex}/artifacts/a/b", "0", &run, Some("a/b")),
            ("0/{hex}/artifacts", "0", &run, None),
            ("0/{hex}/artifacts/", "0", &run, None),
            ("my/place/{hex}/artifacts/{hex}/artifacts", "my/place", &run, Some("{hex}/artifacts")),
            ("12/models/m-{hex}/artifacts/MLmodel", "12", &model, Some("MLmodel")),
            ("0/traces/tr-1/artifacts/traces.json", "0", &trace, Some("traces.json")),
            ("custom/place/f", "", &Folder::Named("mlflow-artifacts:/custom".parse().unwrap()), Some("place/f")),
            ("custom", "", &Folder::Named("mlflow-artifacts:/custom".parse().unwrap()), None),
            ("versions/7/x", "", &Folder::Version(NodeId(7)), Some("x")),
        ] {
            let found = place(path).unwrap();
            let rest = rest.map(|rest| rest.replace("{hex}", HEX).parse().unwrap());
            assert_eq!(found, Place { folder: folder.clone(), path: rest, location: location.to_owned() }, "{path}");
        }
        for path in ["", "0", "0/{hex}", "0/{hex}/traces/x", "0/models/{hex}x/artifacts/a", "versions/x", "12/b/c"] {
            assert_eq!(place(path), None, "{path}");
        }
    }

    #[test]
    fn no_path_leads_elsewhere() {
        let run = format!("0/{HEX}/artifacts");
        for bad in [
            "/etc/passwd",
            "//etc/passwd",
            "..",
            "a/../b",
            "a\\b",
            "%2e%2e/a",
            "%252e%252e/a",
            "a%2f..%2fb",
            "%5c",
            "a\nb",
        ] {
            assert!(Place::of(bad).is_err(), "{bad}");
            assert!(Place::of(&format!("{run}/{bad}")).is_err(), "{bad}");
        }
        for bad in [format!("{run}/a//b"), format!("{run}/./a")] {
            assert!(Place::of(&bad).is_err(), "{bad}");
        }
        assert_eq!(safe("50%/a b").unwrap(), "50%/a b");
    }

    #[test]
    fn locations_may_be_in_the_proxy() {
        for (location, path) in [
            ("mlflow-artifacts:/12", Some("12")),
            ("mlflow-artifacts:/a/b/", Some("a/b")),
            ("mlflow-artifacts://host:5000/a", Some("a")),
            ("s3://bucket/a", None),
        ] {
            assert_eq!(in_proxy(location), path, "{location}");
        }
    }
}
