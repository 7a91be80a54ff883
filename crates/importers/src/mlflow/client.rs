//! The HTTP client of another tracking server: credentials, TLS, retries, bounded answers, streamed files.

use std::time::{Duration, Instant};

use reqwest::header::{ACCEPT_ENCODING, RETRY_AFTER};
use reqwest::{Certificate, Method, RequestBuilder, Response, StatusCode, redirect};
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;

use super::failure::{Failure, chain};
use crate::domain::{Error, Result};
use crate::registry::jobs::Stopping;

/// How often a request is sent at most.
const MAX_ATTEMPTS: u32 = 5;
/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The longest pause before a request is repeated, whatever the server asks for.
const MAX_PAUSE: Duration = Duration::from_secs(60);
/// The largest JSON body.
const MAX_JSON_BYTES: usize = 64 << 20;
/// How much of an error's body is read.
const MAX_ERROR_BYTES: usize = 64 << 10;

/// What a tracking server wants to be shown.
#[derive(Clone, Default, PartialEq, Eq)]
pub enum MlflowCredentials {
    /// Nothing.
    #[default]
    Nothing,
    /// A token.
    Token(String),
    /// A name and a password.
    Password(String, String),
}

/// A tracking server. No `Debug`: it may hold a secret.
#[derive(Clone)]
pub struct MlflowOptions {
    /// Its name in the settings; empty where a command names it by its address.
    pub name: String,
    /// Where it is, without a slash at its end.
    pub url: String,
    /// What it wants to be shown.
    pub credentials: MlflowCredentials,
    /// Which of its workspaces is meant; empty for its default.
    pub workspace: String,
    /// Whether its certificate is checked.
    pub verify_tls: bool,
    /// The authorities that it is checked against; empty for the system's.
    pub ca_file: String,
    /// How long it may be silent.
    pub timeout: Duration,
    /// How long a request may take with all of its repetitions.
    pub deadline: Duration,
}

/// The requests of one import.
pub(super) struct Client {
    options: MlflowOptions,
    base: Url,
    http: reqwest::Client,
    pub(super) stopping: Stopping,
}

/// The answer to a request, or why there is none.
pub(super) type Answer<T> = std::result::Result<T, Failure>;

impl Client {
    pub(super) fn new(options: MlflowOptions, stopping: Stopping) -> Result<Self> {
        let wrong = |why: String| Error::invalid("url", format!("the address `{}` {why}", options.url.escape_debug()));
        let base = Url::parse(&options.url).map_err(|error| wrong(format!("is no URL: {error}")))?;
        if !matches!(base.scheme(), "http" | "https") || base.cannot_be_a_base() {
            return Err(wrong("does not begin with `http://` or `https://`".to_owned()));
        }
        // Redirects are not followed, because the credentials may not go along.
        let mut http = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(options.timeout)
            .redirect(redirect::Policy::none())
            .user_agent(concat!("modelport/", env!("CARGO_PKG_VERSION")));
        if !options.ca_file.is_empty() {
            let refused = |why: String| Error::invalid("ca_file", format!("`{}` {why}", options.ca_file));
            let pem = std::fs::read(&options.ca_file).map_err(|error| refused(format!("cannot be read: {error}")))?;
            let certificates = Certificate::from_pem_bundle(&pem)
                .map_err(|error| refused(format!("has no certificates: {}", chain(&error))))?;
            http = http.tls_certs_only(certificates);
        }
        if !options.verify_tls {
            http = http.tls_danger_accept_invalid_certs(true);
        }
        let http = http.build().map_err(|error| Error::internal("no HTTP client can be made").caused_by(error))?;
        Ok(Self { options, base, http, stopping })
    }

    /// The answer to a GET, as JSON.
    pub(super) async fn get<T: DeserializeOwned>(&self, path: &[&str], query: &[(&str, &str)]) -> Answer<T> {
        self.json(Method::GET, path, query, None).await
    }

    /// The answer to a POST, as JSON.
    pub(super) async fn post<T: DeserializeOwned>(&self, path: &[&str], body: &Value) -> Answer<T> {
        self.json(Method::POST, path, &[], Some(body)).await
    }

    async fn json<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &[&str],
        query: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Answer<T> {
        let what = format!("{method} /{}", path.join("/"));
        let response = self.send(method, path, query, body).await?;
        let bytes = self.stopping.or(async { Ok(read(response, MAX_JSON_BYTES).await) }).await??;
        let Some(bytes) = bytes else {
            return Err(Failure::of_item(format!("the answer to {what} has more than {MAX_JSON_BYTES} bytes")));
        };
        serde_json::from_slice(&bytes).map_err(|error| {
            let is_page = bytes.trim_ascii_start().starts_with(b"<");
            let why = if is_page { "is a page, and no JSON".to_owned() } else { format!("is not MLflow's: {error}") };
            Failure::foreign(format!("the answer to {what} {why}"))
        })
    }

    /// The text that a path has; `None` where there is none.
    pub(super) async fn text(&self, path: &[&str]) -> Answer<Option<String>> {
        match self.send(Method::GET, path, &[], None).await {
            Ok(response) => {
                let bytes = self.stopping.or(async { Ok(read(response, MAX_ERROR_BYTES).await) }).await??;
                Ok(bytes.and_then(|bytes| String::from_utf8(bytes).ok()))
            }
            Err(failure) if failure.is_missing() => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// A file, as far as its headers.
    pub(super) async fn open(&self, path: &[&str], query: &[(&str, &str)]) -> Answer<Response> {
        self.send(Method::GET, path, query, None).await
    }

    /// The response to a request, which is repeated while that may help; it has the status 200.
    async fn send(
        &self,
        method: Method,
        path: &[&str],
        query: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Answer<Response> {
        let url = self.url(path, query)?;
        let what = format!("{method} /{}", path.join("/"));
        let deadline = Instant::now() + self.options.deadline;
        let mut pause = Duration::from_millis(500);
        let mut attempt = 1;
        loop {
            let request = self.request(method.clone(), &url, body);
            let sent = self.stopping.or(async { Ok(sent(request, &what).await) }).await?;
            let failure = match sent {
                Ok(response) => return Ok(response),
                Err(failure) => failure,
            };
            let wait = failure.wait.unwrap_or(pause).min(MAX_PAUSE);
            if !failure.is_retryable() || attempt == MAX_ATTEMPTS || Instant::now() + wait > deadline {
                return Err(failure);
            }
            log::debug!(attempt; "repeated: {}", failure.error);
            self.pause(wait).await?;
            attempt += 1;
            pause *= 2;
        }
    }

    fn url(&self, path: &[&str], query: &[(&str, &str)]) -> Answer<Url> {
        let mut url = self.base.clone();
        match url.path_segments_mut() {
            Ok(mut segments) => {
                segments.pop_if_empty().extend(path);
            }
            Err(()) => return Err(Failure::foreign(format!("the address `{}` has no paths", self.options.url))),
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        Ok(url)
    }

    fn request(&self, method: Method, url: &Url, body: Option<&Value>) -> RequestBuilder {
        // A size that a server says is that of the bytes as they are.
        let mut request = self.http.request(method, url.clone()).header(ACCEPT_ENCODING, "identity");
        request = match &self.options.credentials {
            MlflowCredentials::Nothing => request,
            MlflowCredentials::Token(token) => request.bearer_auth(token),
            MlflowCredentials::Password(name, password) => request.basic_auth(name, Some(password)),
        };
        if !self.options.workspace.is_empty() {
            request = request.header("X-MLFLOW-WORKSPACE", &self.options.workspace);
        }
        match body {
            Some(body) => request.json(body),
            None => request,
        }
    }

    pub(super) async fn pause(&self, pause: Duration) -> Answer<()> {
        let slept = async {
            tokio::time::sleep(pause).await;
            Ok(())
        };
        Ok(self.stopping.or(slept).await?)
    }
}

async fn sent(request: RequestBuilder, what: &str) -> Answer<Response> {
    let response = request.send().await.map_err(|error| Failure::from_request(&error))?;
    let status = response.status();
    if status == StatusCode::OK {
        return Ok(response);
    }
    let wait = response.headers().get(RETRY_AFTER).and_then(|wait| wait.to_str().ok()?.parse().ok());
    let body = read(response, MAX_ERROR_BYTES).await.ok().flatten().unwrap_or_default();
    Err(Failure::from_response(what, status.as_u16(), wait.map(Duration::from_secs), &body))
}

/// The body; `None` where it has more bytes than that.
async fn read(mut response: Response, most: usize) -> Answer<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| Failure::broken_off(&error))? {
        if bytes.len() + chunk.len() > most {
            return Ok(None);
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(Some(bytes))
}
