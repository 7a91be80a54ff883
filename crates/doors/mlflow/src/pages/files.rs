//! The files of MLflow's UI, as they are in their folder.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use actix_files::NamedFile;
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderValue, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::{HttpRequest, web};

use super::super::error::Answer;
use super::not_found;
use crate::domain::{Error, Result};

/// What the pages may load and ask, and where: of this server alone. They compute styles while they run, show what they fetched as images and
/// in workers, and compile expressions for their charts. They have no script in them, so that none is run that somebody put into what they
/// show, such as an artifact that is a page itself.
const POLICY: &str = "default-src 'self'; script-src 'self' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; \
                      img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self' data: blob:; \
                      worker-src 'self' blob:; frame-src 'self' blob:; media-src 'self' data: blob:; object-src 'none'; \
                      base-uri 'self'; form-action 'self'; frame-ancestors 'none'";

/// For files whose names change with what is in them.
const FOR_EVER: &str = "public, max-age=31536000, immutable";

/// For all others: browsers ask each time whether they are the same (RFC 9111 §5.2.2.4).
const ASK_EACH_TIME: &str = "no-cache";

/// How many characters of a digest a name has at least that changes with what is in the file.
const MIN_DIGEST: usize = 8;

/// Where the files of MLflow's UI are; by default nowhere.
#[derive(Debug, Clone, Default)]
pub struct Pages(Option<Arc<Path>>);

impl Pages {
    /// Those in that folder.
    ///
    /// Errors: InvalidArgument where there is no such folder.
    pub fn in_folder(folder: &Path) -> Result<Self> {
        let folder = folder.canonicalize().map_err(|error| {
            let message = format!("folder `{}` of MLflow's UI cannot be read: {error}", folder.display());
            Error::invalid("mlflow.static_dir", message)
        })?;
        Ok(Self(Some(folder.into())))
    }

    /// Whether there are any.
    pub fn are_there(&self) -> bool {
        self.0.is_some()
    }

    /// Sends a file of the folder, or of a folder in it. What is not there, is no file or is elsewhere is not found.
    pub async fn send(&self, request: &HttpRequest, path: &str) -> Answer {
        let Some(folder) = self.0.clone() else { return Ok(not_found(request)) };
        let name = path.to_owned();
        let opened = web::block(move || NamedFile::open(find(&folder, &name)?).ok()).await;
        let opened = opened.map_err(|error| Error::unavailable("a file cannot be opened now").caused_by(error))?;
        let Some(file) = opened else { return Ok(not_found(request)) };
        let caching = if has_digest(path) { FOR_EVER } else { ASK_EACH_TIME };
        let mut response = file.disable_content_disposition().into_response(request);
        for (name, value) in [
            (CACHE_CONTROL, caching),
            (CONTENT_SECURITY_POLICY, POLICY),
            (REFERRER_POLICY, "same-origin"),
            (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        ] {
            response.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        Ok(response)
    }
}

/// The file at that path in a folder, which its path leads out of neither by its words nor by symbolic links.
fn find(folder: &Path, path: &str) -> Option<PathBuf> {
    let is_plain = |segment: &str| !segment.is_empty() && !segment.starts_with('.') && !segment.contains(['\\', '\0']);
    if !path.split('/').all(is_plain) {
        return None;
    }
    let found = folder.join(path).canonicalize().ok()?;
    (found.starts_with(folder) && found.is_file()).then_some(found)
}

/// Whether the name of a file has a digest of what is in it, as `main.c2f5f8d4.js` has.
fn has_digest(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    let is_digest = |part: &str| {
        let is_hex = part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        part.len() >= MIN_DIGEST && is_hex && part.bytes().any(|byte| byte.is_ascii_digit())
    };
    name.split('.').skip(1).any(is_digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_a_digest_are_told_from_others() {
        for name in ["static/js/main.c2f5f8d4.js", "a/1536.400d7381.chunk.js", "x.fad9a31861b0afba6f921ebb8e769688.svg"]
        {
            assert!(has_digest(name), "{name}");
        }
        for name in [
            "index.html",
            "favicon.ico",
            "manifest.json",
            "c2f5f8d4.js",
            "a.defaced.js",
            "a.deadbeef.js",
            "a.C2F5F8D4.js",
        ] {
            assert!(!has_digest(name), "{name}");
        }
    }

    #[test]
    fn no_path_leads_out_of_the_folder() {
        let outside = tempfile::tempdir().unwrap();
        let folder = outside.path().canonicalize().unwrap().join("build");
        std::fs::create_dir_all(folder.join("static/js")).unwrap();
        for path in ["secret", "build/index.html", "build/static/js/a.js", "build/.hidden"] {
            std::fs::write(outside.path().join(path), path).unwrap();
        }
        std::os::unix::fs::symlink(outside.path().join("secret"), folder.join("linked")).unwrap();
        std::os::unix::fs::symlink(outside.path(), folder.join("static/up")).unwrap();
        std::os::unix::fs::symlink(folder.join("static/js/a.js"), folder.join("same.js")).unwrap();
        for there in ["index.html", "static/js/a.js", "same.js"] {
            assert!(find(&folder, there).is_some(), "{there}");
        }
        for elsewhere in [
            "",
            "/",
            ".",
            "..",
            "static",
            "static/js/",
            "../secret",
            "static/../../secret",
            "static/../index.html",
            "/etc/passwd",
            "static//js/a.js",
            "static\\js\\a.js",
            "index.html\0",
            ".hidden",
            "linked",
            "static/up/secret",
            "static/up/build/../secret",
            "missing",
        ] {
            assert_eq!(find(&folder, elsewhere), None, "{elsewhere}");
        }
    }
}
