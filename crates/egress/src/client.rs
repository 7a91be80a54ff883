//! The HTTP client of the policy. It connects to no address that the policy refuses, whatever a name leads to by then, follows no
//! redirect, heeds no proxy of the environment, and is bounded in time.

use std::error::Error as StdError;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{Method, RequestBuilder, Response, redirect};
use url::Url;

use super::policy::{Egress, Refused, refused_in};
use crate::domain::{Error, Result};

/// How long things may take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Until there is a connection, names and TLS included.
    pub connect: Duration,
    /// How long the other side may be silent.
    pub silence: Duration,
    /// A request as a whole, its answer included.
    pub whole: Duration,
}

/// A client that keeps to the policy. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    egress: Egress,
    /// For `https://`.
    encrypted: reqwest::Client,
    /// For `http://`, which fewer hosts are allowed for.
    plain: reqwest::Client,
}

impl Egress {
    /// A client that keeps to this policy.
    pub fn client(&self, limits: Limits) -> Result<Client> {
        let client = |is_plain| {
            reqwest::Client::builder()
                .connect_timeout(limits.connect)
                .read_timeout(limits.silence)
                .timeout(limits.whole)
                .redirect(redirect::Policy::none())
                // Through a proxy it is the proxy that finds the addresses.
                .no_proxy()
                .referer(false)
                .dns_resolver(Arc::new(Resolver { egress: self.clone(), is_plain }))
                .user_agent(concat!("modelport/", env!("CARGO_PKG_VERSION")))
                .build()
                .map_err(|error| Error::internal("no HTTP client can be made").caused_by(error))
        };
        Ok(Client { egress: self.clone(), encrypted: client(false)?, plain: client(true)? })
    }
}

impl Client {
    /// A request to a URL, which `field` of the client's request says. Errors: InvalidArgument where the policy refuses it.
    ///
    /// A redirect is an answer like others: whoever follows one makes a request of its `Location`, which is checked like any URL.
    pub fn request(&self, field: &str, method: Method, url: &str) -> Result<RequestBuilder> {
        let url = self.egress.check(field, url)?;
        let http = if url.scheme() == "http" { &self.plain } else { &self.encrypted };
        Ok(http.request(method, url))
    }

    /// Sends it. Errors: InvalidArgument where the policy refuses an address of the host; UpstreamUnavailable where there is no answer.
    pub async fn send(&self, field: &str, request: RequestBuilder) -> Result<Response> {
        request.send().await.map_err(|error| failed(field, error))
    }

    /// The first bytes of the body of an answer, up to `max_bytes`. Errors: UpstreamUnavailable where it breaks off before.
    pub async fn read_start(&self, mut response: Response, max_bytes: usize) -> Result<Vec<u8>> {
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| failed("url", error))? {
            let left = max_bytes - body.len();
            body.extend_from_slice(chunk.get(..left).unwrap_or(&chunk));
            if chunk.len() > left {
                break;
            }
        }
        Ok(body)
    }
}

/// The registry's error for one of the HTTP client. The URL is not in it: it may hold a secret.
fn failed(field: &str, error: reqwest::Error) -> Error {
    let error = error.without_url();
    if let Some(refused) = refusal(&error) {
        return refused_in(field, refused);
    }
    let why = if error.is_timeout() {
        "does not answer in time".to_owned()
    } else if error.is_connect() {
        format!("cannot be reached: {}", innermost(&error))
    } else {
        format!("does not answer properly: {}", innermost(&error))
    };
    Error::upstream_unavailable(format!("the other server {why}")).caused_by(error)
}

/// An error, and what caused it, the outermost first.
fn causes(error: &reqwest::Error) -> Vec<&(dyn StdError + 'static)> {
    let mut causes: Vec<&(dyn StdError + 'static)> = Vec::new();
    let mut next: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(cause) = next {
        causes.push(cause);
        next = cause.source();
    }
    causes
}

fn refusal(error: &reqwest::Error) -> Option<&Refused> {
    causes(error).into_iter().find_map(|cause| cause.downcast_ref())
}

fn innermost(error: &reqwest::Error) -> String {
    causes(error).last().map(ToString::to_string).unwrap_or_default()
}

/// Finds the addresses of names, and gives none that the policy refuses. The connector asks it for each connection.
struct Resolver {
    egress: Egress,
    is_plain: bool,
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (egress, is_plain) = (self.egress.clone(), self.is_plain);
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let addresses: Vec<IpAddr> = found.iter().map(SocketAddr::ip).collect();
            egress.check_addresses(name.as_str(), &addresses, is_plain)?;
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

impl Egress {
    /// The URL that a client gave as `field`, with the addresses that its host has now. Errors: InvalidArgument where the policy
    /// refuses it, or where its host has no address.
    ///
    /// For telling a client early; what a request may do is decided when it is sent.
    pub async fn check_resolved(&self, field: &str, url: &str, at_most: Duration) -> Result<Url> {
        let url = self.check(field, url)?;
        let Some(host) = url.domain().map(str::to_owned) else { return Ok(url) };
        let unknown = || Error::invalid(field, format!("no address of `{host}` is known"));
        let looked_up = tokio::time::timeout(at_most, tokio::net::lookup_host((host.as_str(), 0))).await;
        let found: Vec<IpAddr> =
            looked_up.map_err(|_| unknown())?.map_err(|error| unknown().caused_by(error))?.map(|at| at.ip()).collect();
        self.check_addresses(&host, &found, url.scheme() == "http").map_err(|refused| refused_in(field, &refused))?;
        Ok(url)
    }
}

#[cfg(test)]
mod tests;
