//! `modelport login` and `modelport logout`.

use std::io::{Read as _, Write as _, stdout};

use serde_json::Value;

use super::stored::{Login, Logins};
use super::{Outcome, Server, ServerArgs, answered, name_of, printable, wait};
use crate::domain::{Error, Result};
use crate::identity::{Body, DeviceClient, DeviceLogin};

/// The longest token that is read.
const MAX_TOKEN_BYTES: u64 = 64 * 1024;

#[derive(clap::Args)]
pub(in crate::cli) struct LoginArgs {
    #[command(flatten)]
    server: ServerArgs,
    /// The issuer by which to log in, where there are several
    #[arg(long)]
    issuer: Option<String>,
    /// Read a token from standard input instead of logging in by an issuer
    #[arg(long, conflicts_with = "issuer")]
    with_token: bool,
}

/// Logs in, and keeps what opens the server.
pub(in crate::cli) fn login(args: &LoginArgs) -> Outcome {
    let mut logins = Logins::read()?;
    let url = args.server.server.clone().or_else(|| logins.current.clone());
    let url = url.ok_or_else(|| Error::invalid("server", "say which server it is: `--server https://…`"))?;
    let server = Server::new(&url, args.server.ca_file.as_deref())?;
    let (login, who) = wait(async {
        if args.with_token {
            let login = Login { token: pasted()?, renewal: None };
            let who = server.whoami(&login.token).await?;
            return Ok((login, who.ok_or_else(not_taken)?));
        }
        by_device(&server, args.issuer.as_deref()).await
    })?;
    logins.servers.insert(server.url.clone(), login);
    logins.current = Some(server.url.clone());
    logins.write()?;
    writeln!(stdout(), "Logged in to {} as {}.", server.url, name_of(&who))?;
    Ok(())
}

/// Forgets what opens the server.
pub(in crate::cli) fn logout(args: &ServerArgs) -> Outcome {
    let mut logins = Logins::read()?;
    let url = args.server.as_deref().map(|url| url.trim_end_matches('/').to_owned());
    let url = url.or_else(|| logins.current.clone()).ok_or_else(super::nobody)?;
    let login = logins.servers.remove(&url).ok_or_else(super::nobody)?;
    if logins.current.as_deref() == Some(&url) {
        logins.current = logins.servers.keys().next().cloned();
    }
    // Whatever the issuer says, it is forgotten here.
    logins.write()?;
    if let Some(renewal) = &login.renewal {
        let server = Server::new(&url, args.ca_file.as_deref())?;
        if let Err(error) = wait(renewal.revoke(&server.web)) {
            eprintln!("modelport: the issuer was not told: {error}");
        }
    }
    writeln!(stdout(), "Logged out of {url}.")?;
    Ok(())
}

fn pasted() -> Result<String> {
    let mut text = String::new();
    let read = std::io::stdin().take(MAX_TOKEN_BYTES).read_to_string(&mut text);
    read.map_err(|error| Error::internal("standard input cannot be read").caused_by(error))?;
    let token = text.trim().to_owned();
    if token.is_empty() || token.contains(char::is_whitespace) {
        return Err(Error::invalid("token", "standard input has no token"));
    }
    Ok(token)
}

async fn by_device(server: &Server, issuer: Option<&str>) -> Result<(Login, Value)> {
    let client = client(server, issuer).await?;
    let login = DeviceLogin::begin(&server.web, &client).await?;
    eprintln!("Go to {} with any browser, and type the code {}", login.verification_uri, login.user_code);
    if let Some(whole) = &login.verification_uri_complete {
        eprintln!("or go to {whole}");
    }
    eprintln!("Waiting for {} minutes …", login.lasts.as_secs() / 60);
    let tokens = login.wait(&server.web).await?;
    // Which of its tokens is for the registry differs between issuers.
    for (token, is_id_token) in tokens.each() {
        if let Some(who) = server.whoami(token).await? {
            let renewal = tokens.renewal(&client, is_id_token);
            return Ok((Login { token: token.to_owned(), renewal }, who));
        }
    }
    Err(not_taken())
}

/// What the command line is to the issuer, which the server says.
async fn client(server: &Server, issuer: Option<&str>) -> Result<DeviceClient> {
    let listed = answered(server.ask("GET", "/login", None, Body::None).await?)?;
    let items = listed.get("items").and_then(Value::as_array);
    let found = items.into_iter().flatten().filter_map(|item| {
        let name = item.get("issuer")?.as_str()?;
        Some((printable(name), DeviceClient::read(item.get("device")?)?))
    });
    let found: Vec<_> = found.filter(|(name, _)| issuer.is_none_or(|issuer| issuer == name)).collect();
    match <[_; 1]>::try_from(found) {
        Ok([(_, client)]) => Ok(client),
        Err(found) if found.is_empty() => Err(Error::invalid(
            "issuer",
            "the server names no such issuer by which a command line logs in: use `--with-token`",
        )),
        Err(found) => {
            let names: Vec<_> = found.iter().map(|(name, _)| name.as_str()).collect();
            Err(Error::invalid("issuer", format!("say by which issuer, with `--issuer`: {}", names.join(", "))))
        }
    }
}

fn not_taken() -> Error {
    Error::unauthenticated("the server does not take the token")
}
