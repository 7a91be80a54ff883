//! Requests to issuers, API servers and registries: bounded in time and size, without redirects.

use std::error::Error as StdError;
use std::path::Path;
use std::time::Duration;

use reqwest::{Certificate, Method, RequestBuilder, header, redirect};
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

/// What a request carries.
#[derive(Clone, Copy)]
pub enum Body<'a> {
    /// Nothing.
    None,
    /// JSON.
    Json(&'a Value),
    /// The fields of a form.
    Form(&'a [(&'a str, &'a str)]),
}

/// Who sends a request.
#[derive(Clone, Copy)]
pub enum Credential<'a> {
    /// The bearer of a token (RFC 6750).
    Bearer(&'a str),
    /// A client with a secret (RFC 6749 §2.3.1).
    Client {
        /// The client's id.
        id: &'a str,
        /// Its secret.
        secret: &'a str,
    },
}

/// What a server answers, whatever its status.
pub struct Reply {
    /// The status.
    pub status: u16,
    /// The JSON of the body; null where there is none.
    pub body: Value,
}

impl Reply {
    /// Whether the server did what it was asked.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

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
        succeeded(self.ask("GET", url, bearer.map(Credential::Bearer), Body::None).await?, url)
    }

    /// The JSON that is the answer to another.
    pub async fn post(&self, url: &str, bearer: Option<&str>, body: &Value) -> Answer<Value> {
        succeeded(self.ask("POST", url, bearer.map(Credential::Bearer), Body::Json(body)).await?, url)
    }

    /// What is answered to a request, whatever the status is. An answer of success that has a body and no JSON is none.
    pub async fn ask(
        &self,
        method: &str,
        url: &str,
        credential: Option<Credential<'_>>,
        body: Body<'_>,
    ) -> Answer<Reply> {
        let method = Method::from_bytes(method.as_bytes()).map_err(|error| format!("`{method}`: {error}"))?;
        let request = self.0.request(method, url);
        let request = match body {
            Body::None => request,
            Body::Json(value) => request.json(value),
            Body::Form(fields) => {
                let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
                request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded").body(form)
            }
        };
        let request = match credential {
            None => request,
            Some(Credential::Bearer(token)) => request.bearer_auth(token),
            Some(Credential::Client { id, secret }) => {
                let encoded = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
                request.basic_auth(encoded(id), Some(encoded(secret)))
            }
        };
        read(request, url).await
    }
}

async fn read(request: RequestBuilder, url: &str) -> Answer<Reply> {
    let failed = |error: reqwest::Error| format!("`{url}`: {}", chain(&error.without_url()));
    let mut response = request.header(header::ACCEPT, "application/json").send().await.map_err(failed)?;
    let status = response.status();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(failed)? {
        if body.len() + chunk.len() > MAX_ANSWER_BYTES {
            return Err(format!("`{url}` answers with more than {MAX_ANSWER_BYTES} bytes"));
        }
        body.extend_from_slice(&chunk);
    }
    let body = match serde_json::from_slice(&body) {
        Ok(value) => value,
        Err(error) if status.is_success() && !body.is_empty() => {
            return Err(format!("`{url}` does not answer with JSON: {error}"));
        }
        Err(_) => Value::Null,
    };
    Ok(Reply { status: status.as_u16(), body })
}

fn succeeded(reply: Reply, url: &str) -> Answer<Value> {
    if reply.is_success() { Ok(reply.body) } else { Err(format!("`{url}` answers {}", reply.status)) }
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
