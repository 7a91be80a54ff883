//! Requests to issuers and API servers: bounded in time and size, without redirects.

use std::error::Error as StdError;
use std::path::Path;
use std::time::Duration;

use reqwest::{Certificate, RequestBuilder, redirect};
use serde_json::Value;

use crate::domain::{Error, Result};

/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a request may take as a whole.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The largest answer that is read.
const MAX_ANSWER_BYTES: usize = 1 << 20;

/// Why there is no answer, for the log: it names the URL, which clients need not know.
pub type Answer<T> = std::result::Result<T, String>;

/// A client that trusts some authorities.
pub struct Web(reqwest::Client);

impl Web {
    /// One that trusts the authorities in a file, or those of the system.
    pub fn new(ca_file: Option<&Path>) -> Result<Self> {
        let mut http = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(TIMEOUT)
            .redirect(redirect::Policy::none())
            .user_agent(concat!("modelport/", env!("CARGO_PKG_VERSION")));
        if let Some(file) = ca_file {
            let refused = |why: String| Error::invalid("auth", format!("`{}` {why}", file.display()));
            let pem = std::fs::read(file).map_err(|error| refused(format!("cannot be read: {error}")))?;
            let certificates = Certificate::from_pem_bundle(&pem)
                .map_err(|error| refused(format!("has no certificates: {}", chain(&error))))?;
            if certificates.is_empty() {
                return Err(refused("has no certificates".to_owned()));
            }
            http = http.tls_certs_only(certificates);
        }
        http.build().map(Self).map_err(|error| Error::internal("no HTTP client can be made").caused_by(error))
    }

    /// The JSON at a URL.
    pub async fn get(&self, url: &str, bearer: Option<&str>) -> Answer<Value> {
        read(self.0.get(url), url, bearer).await
    }

    /// The JSON that is the answer to another.
    pub async fn post(&self, url: &str, bearer: Option<&str>, body: &Value) -> Answer<Value> {
        read(self.0.post(url).json(body), url, bearer).await
    }
}

async fn read(request: RequestBuilder, url: &str, bearer: Option<&str>) -> Answer<Value> {
    let failed = |error: reqwest::Error| format!("`{url}`: {}", chain(&error.without_url()));
    let request = request.header(reqwest::header::ACCEPT, "application/json");
    let request = bearer.into_iter().fold(request, RequestBuilder::bearer_auth);
    let mut response = request.send().await.map_err(failed)?;
    if !response.status().is_success() {
        return Err(format!("`{url}` answers {}", response.status()));
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(failed)? {
        if body.len() + chunk.len() > MAX_ANSWER_BYTES {
            return Err(format!("`{url}` answers with more than {MAX_ANSWER_BYTES} bytes"));
        }
        body.extend_from_slice(&chunk);
    }
    serde_json::from_slice(&body).map_err(|error| format!("`{url}` does not answer with JSON: {error}"))
}

/// An error with its causes.
fn chain(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
