//! The HTTP client of a Geti server: token, TLS, retries, deadlines, streamed bodies.

use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::header::{ACCEPT, CONTENT_TYPE, LOCATION, RETRY_AFTER};
use reqwest::{Certificate, Method, Response, StatusCode, redirect};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::Mutex;
use url::Url;

use super::dialect::Dialect;
use super::error::{GetiError, GetiResult, chain};
use crate::domain::{Error, Result};
use crate::registry::jobs::Stopping;

/// How often a request is sent at most. The SDK tries as often.
const MAX_ATTEMPTS: u32 = 5;
/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The longest pause before a request is repeated, whatever Geti asks for.
const MAX_PAUSE: Duration = Duration::from_secs(60);
/// The largest JSON body.
const MAX_JSON_BYTES: usize = 64 << 20;

/// One server of the settings.
#[derive(Debug, Clone)]
pub struct GetiOptions {
    /// Its name there.
    pub name: String,
    /// Where it is, without a slash at its end.
    pub url: String,
    /// The personal access token; empty for none.
    pub token: String,
    /// The file that holds the token instead; empty for none.
    pub token_file: String,
    /// The version in the paths of its API.
    pub api_version: String,
    /// The organization; empty for the token's.
    pub organization: String,
    /// The workspace; empty for the only one.
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

/// A server, with its detected dialect.
pub(super) struct Server {
    pub(super) options: GetiOptions,
    http: reqwest::Client,
    pub(super) dialect: Mutex<Option<(Instant, Dialect)>>,
}

impl Server {
    pub(super) fn new(options: GetiOptions) -> Result<Self> {
        let field = |key: &str| match options.name.as_str() {
            "default" => format!("geti.{key}"),
            name => format!("geti.servers.{name}.{key}"),
        };
        if options.url.is_empty() {
            let message = format!("the Geti server `{}` has no URL: set `{}`", options.name, field("url"));
            return Err(Error::invalid("geti", message));
        }
        // Redirects are followed by hand, because the token may not go along.
        let mut http = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(options.timeout)
            .redirect(redirect::Policy::none())
            .user_agent(concat!("modelport/", env!("CARGO_PKG_VERSION")));
        if !options.ca_file.is_empty() {
            let refused =
                |why: String| Error::invalid("geti", format!("`{}`: `{}` {why}", field("ca_file"), options.ca_file));
            let pem = std::fs::read(&options.ca_file).map_err(|error| refused(format!("cannot be read: {error}")))?;
            let certificates = Certificate::from_pem_bundle(&pem)
                .map_err(|error| refused(format!("has no certificates: {}", chain(&error))))?;
            http = http.tls_certs_only(certificates);
        }
        if !options.verify_tls {
            http = http.tls_danger_accept_invalid_certs(true);
        }
        let http = http.build().map_err(|error| Error::internal("no HTTP client can be made").caused_by(error))?;
        Ok(Self { options, http, dialect: Mutex::new(None) })
    }
}

/// The requests of one use case to a server.
#[derive(Clone)]
pub(super) struct Session {
    pub(super) server: Arc<Server>,
    pub(super) stopping: Stopping,
    token: String,
}

impl Session {
    pub(super) fn new(server: Arc<Server>, stopping: Stopping) -> Result<Self> {
        let options = &server.options;
        let token = if options.token_file.is_empty() {
            options.token.clone()
        } else {
            // Read each time, so that a token can be replaced while the server runs.
            let read = std::fs::read_to_string(&options.token_file).map_err(|error| {
                let message = format!("the token of Geti `{}` cannot be read from `token_file`", options.name);
                Error::upstream(message).caused_by(error)
            })?;
            read.trim().to_owned()
        };
        Ok(Self { server, stopping, token })
    }

    pub(super) fn name(&self) -> &str {
        &self.server.options.name
    }

    pub(super) fn deadline(&self) -> Instant {
        Instant::now() + self.server.options.deadline
    }

    /// The answer to a GET, as JSON.
    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str) -> GetiResult<T> {
        self.json(Method::GET, path, None).await
    }

    /// The answer to a POST, as JSON.
    pub(super) async fn post<T: DeserializeOwned>(&self, path: &str, body: &Value) -> GetiResult<T> {
        self.json(Method::POST, path, Some(body)).await
    }

    async fn json<T: DeserializeOwned>(&self, method: Method, path: &str, body: Option<&Value>) -> GetiResult<T> {
        let what = format!("{method} {path}");
        let response = self.send(method, path, body).await?;
        // A login that has expired leads to the page of the login, with 200 (SDK).
        if content_type(&response).starts_with("text/html") {
            let hint = "the login has expired, or the URL is not that of the API";
            return Err(GetiError::precondition(format!("Geti `{}` answers {what} with a page: {hint}", self.name())));
        }
        let bytes = self.stopping.or(async { Ok(self.read_body(response).await) }).await??;
        serde_json::from_slice(&bytes).map_err(|error| {
            GetiError::precondition(format!(
                "Geti `{}` returned an unexpected response to {what}: {error}",
                self.name()
            ))
        })
    }

    /// The response to a request, retried while that may help; it has the status 200 or 307.
    pub(super) async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> GetiResult<Response> {
        let deadline = self.deadline();
        let mut pause = Duration::from_secs(1);
        for attempt in 1.. {
            let sent = self.stopping.or(async { Ok(self.send_once(&method, path, body).await) }).await?;
            let failure = match sent {
                Ok(response) => return Ok(response),
                Err(failure) => failure,
            };
            let wait = failure.wait.unwrap_or(pause).min(MAX_PAUSE);
            if !failure.retryable || attempt == MAX_ATTEMPTS || Instant::now() + wait > deadline {
                return Err(failure);
            }
            log::debug!(server = self.name(), attempt; "retried: {}", failure.error);
            self.pause(wait).await?;
            pause *= 2;
        }
        Err(GetiError::unavailable(format!("Geti `{}` cannot be reached", self.name())))
    }

    async fn send_once(&self, method: &Method, path: &str, body: Option<&Value>) -> GetiResult<Response> {
        let url = format!("{}{path}", self.server.options.url);
        let mut request = self.server.http.request(method.clone(), url).header(ACCEPT, "*/*");
        // Geti 3 has no tokens.
        if !self.token.is_empty() {
            request = request.header("x-api-key", &self.token);
        }
        if let Some(body) = body {
            // The SDK sends it with whatever changes something.
            request = request.header("x-geti-csrf-protection", "1").json(body);
        }
        let response = request.send().await.map_err(|error| GetiError::from_request(self.name(), &error))?;
        self.check_status(&format!("{method} {path}"), response).await
    }

    async fn check_status(&self, what: &str, response: Response) -> GetiResult<Response> {
        let status = response.status();
        match status {
            StatusCode::OK | StatusCode::CREATED | StatusCode::NO_CONTENT | StatusCode::TEMPORARY_REDIRECT => {
                Ok(response)
            }
            status if status.is_redirection() => {
                let message = format!("Geti `{}` answers {what} with a redirection ({status})", self.name());
                Err(GetiError::precondition(message))
            }
            status => {
                let wait = response.headers().get(RETRY_AFTER).and_then(|wait| wait.to_str().ok()?.parse().ok());
                let body = self.read_body(response).await.unwrap_or_default();
                Err(GetiError::from_response(self.name(), what, status.as_u16(), wait.map(Duration::from_secs), &body))
            }
        }
    }

    /// Follows a redirect of a download, which has its right to the bytes in its query: the token stays here (Geti 2.11).
    pub(super) async fn follow(&self, response: Response) -> GetiResult<Response> {
        if response.status() != StatusCode::TEMPORARY_REDIRECT {
            return Ok(response);
        }
        let location = response.headers().get(LOCATION).and_then(|location| location.to_str().ok());
        let url = location.and_then(|location| response.url().join(location).ok());
        let same = |url: &Url| url.scheme() == response.url().scheme();
        let Some(url) = url.filter(same) else {
            return Err(GetiError::precondition(format!("Geti `{}` redirects a download to nowhere", self.name())));
        };
        let sent = async { Ok(self.server.http.get(url).send().await) };
        let response = self.stopping.or(sent).await?.map_err(|error| GetiError::from_request(self.name(), &error))?;
        if response.status() == StatusCode::TEMPORARY_REDIRECT {
            return Err(GetiError::precondition(format!("Geti `{}` redirects a download twice", self.name())));
        }
        self.check_status("the file of a download", response).await
    }

    pub(super) async fn pause(&self, pause: Duration) -> GetiResult<()> {
        let slept = async {
            tokio::time::sleep(pause).await;
            Ok(())
        };
        Ok(self.stopping.or(slept).await?)
    }

    async fn read_body(&self, mut response: Response) -> GetiResult<Vec<u8>> {
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.broken_off(&error))? {
            if bytes.len() + chunk.len() > MAX_JSON_BYTES {
                return Err(GetiError::precondition(format!("an answer of Geti `{}` is too large", self.name())));
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }

    pub(super) fn broken_off(&self, error: &reqwest::Error) -> GetiError {
        GetiError::unavailable(format!("an answer of Geti `{}` broke off: {}", self.name(), chain(error)))
    }
}

pub(super) fn content_type(response: &Response) -> &str {
    response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default()
}
