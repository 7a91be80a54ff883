//! Commands that ask a server on behalf of somebody who has logged in, and where that is kept.

pub(super) mod login;
mod stored;
pub(super) mod tokens;

use std::io::{Write as _, stdout};
use std::path::PathBuf;

use clap::Args;
use serde_json::Value;
use url::{Host, Url};

use super::Outcome;
use crate::domain::{Error, Result};
use crate::identity::{Body, Credential, Reply, Web};
use stored::{Login, Logins};

/// Which server is asked.
#[derive(Args)]
pub(in crate::cli) struct ServerArgs {
    /// The URL of the server; the one that was logged in to last when it is not given
    #[arg(long, value_name = "URL")]
    server: Option<String>,
    /// The certificates, in PEM, of the authorities that the server, and the issuer, are checked against; the system's unless given
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
}

/// A server, and how it is reached.
struct Server {
    url: String,
    web: Web,
}

impl Server {
    /// The server at that URL. InvalidArgument where tokens would go there in clear.
    fn new(url: &str, ca_file: Option<&std::path::Path>) -> Result<Self> {
        let refused = |why: &str| Error::invalid("server", format!("`{}`: {why}", url.escape_debug()));
        let parsed = Url::parse(url).map_err(|_| refused("expected an http:// or https:// URL"))?;
        let is_loopback = match parsed.host() {
            Some(Host::Ipv4(ip)) => ip.is_loopback(),
            Some(Host::Ipv6(ip)) => ip.is_loopback(),
            Some(Host::Domain(name)) => name == "localhost",
            None => false,
        };
        match parsed.scheme() {
            "https" => {}
            "http" if is_loopback => {}
            "http" => return Err(refused("without TLS everybody in between could read the token; use https://")),
            _ => return Err(refused("expected an http:// or https:// URL")),
        }
        if !parsed.username().is_empty() || parsed.password().is_some() || parsed.query().is_some() {
            return Err(refused("expected a URL without credentials and query"));
        }
        Ok(Self { url: url.trim_end_matches('/').to_owned(), web: Web::new(ca_file)? })
    }

    async fn ask(&self, method: &str, path: &str, token: Option<&str>, body: Body<'_>) -> Result<Reply> {
        let url = format!("{}/api/v1{path}", self.url);
        let credential = token.map(Credential::Bearer);
        self.web.ask(method, &url, credential, body).await.map_err(Error::upstream_unavailable)
    }

    /// Who a token is whose; `None` where the server does not take it.
    async fn whoami(&self, token: &str) -> Result<Option<Value>> {
        let reply = self.ask("GET", "/whoami", Some(token), Body::None).await?;
        match reply.status {
            401 => Ok(None),
            _ => answered(reply).map(Some),
        }
    }
}

/// Somebody who has logged in to a server.
struct Session {
    server: Server,
    login: Login,
    who: Value,
}

impl Session {
    /// The one that is stored. A token that has ended is replaced where the issuer gave something for that.
    ///
    /// Errors: Unauthenticated where there is none that counts.
    async fn open(args: &ServerArgs) -> Result<Self> {
        let mut logins = Logins::read()?;
        let url = args.server.as_deref().map(|url| url.trim_end_matches('/').to_owned());
        let url = url.or_else(|| logins.current.clone()).ok_or_else(nobody)?;
        let login = logins.servers.get(&url).cloned().ok_or_else(nobody)?;
        let server = Server::new(&url, args.ca_file.as_deref())?;
        if let Some(who) = server.whoami(&login.token).await? {
            return Ok(Self { server, login, who });
        }
        let Some(renewal) = &login.renewal else { return Err(nobody()) };
        let (token, next) = renewal.tokens(&server.web).await?;
        let login = Login { token, renewal: Some(next) };
        logins.servers.insert(url, login.clone());
        logins.write()?;
        let who = server.whoami(&login.token).await?.ok_or_else(nobody)?;
        Ok(Self { server, login, who })
    }

    async fn ask(&self, method: &str, path: &str, body: Body<'_>) -> Result<Value> {
        answered(self.server.ask(method, path, Some(&self.login.token), body).await?)
    }
}

/// What a server says to what it did; its own words where it refused.
fn answered(reply: Reply) -> Result<Value> {
    if reply.is_success() {
        return Ok(reply.body);
    }
    let detail = reply.body.get("detail").and_then(Value::as_str).unwrap_or("no reason is given");
    Err(Error::upstream(format!("the server refuses it ({}): {}", reply.status, printable(detail))))
}

fn nobody() -> Error {
    Error::unauthenticated("nobody is logged in there, or not any more: run `modelport login`")
}

/// What somebody is called.
fn name_of(who: &Value) -> String {
    let name = who.pointer("/principal/handle").and_then(Value::as_str).unwrap_or("somebody unknown");
    printable(name)
}

/// A text of a server's, which could otherwise do anything to a terminal.
fn printable(text: &str) -> String {
    text.chars().filter(|character| !character.is_control()).collect()
}

/// Waits for what a command asks.
fn wait<T>(asked: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| Error::internal("cannot start the runtime").caused_by(error))?.block_on(asked)
}

/// Says who is logged in.
pub(super) fn whoami(args: &ServerArgs) -> Outcome {
    let session = wait(Session::open(args))?;
    writeln!(stdout(), "{} at {}", name_of(&session.who), session.server.url)?;
    for group in session.who.get("groups").and_then(Value::as_array).into_iter().flatten() {
        let text = |name: &str| printable(group.get(name).and_then(Value::as_str).unwrap_or_default());
        writeln!(stdout(), "group {}:{}", text("issuer"), text("name"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_go_over_tls_or_stay_on_this_machine() {
        for (url, is_good) in [
            ("https://models.example.org", true),
            ("https://models.example.org/registry/", true),
            ("http://localhost:8080", true),
            ("http://127.0.0.1:8080", true),
            ("http://[::1]:8080", true),
            ("http://models.example.org", false),
            ("http://10.0.0.1", false),
            ("https://user:password@models.example.org", false),
            ("ftp://models.example.org", false),
            ("models.example.org", false),
        ] {
            assert_eq!(Server::new(url, None).is_ok(), is_good, "{url}");
        }
        assert_eq!(Server::new("https://x/y/", None).unwrap().url, "https://x/y");
        assert_eq!(printable("a\u{1b}[31mb\nc"), "a[31mbc");
    }
}
