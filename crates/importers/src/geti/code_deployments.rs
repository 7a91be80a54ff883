//! Packages by `code_deployments`, the older API: prepare, poll, download. Deprecated in Geti 2.11, gone in
//! Geti 2.13.

use std::time::{Duration, Instant};

use reqwest::{Method, Response};
use serde_json::Value;

use super::client::Session;
use super::error::{GetiError, GetiResult};
use super::wire::CodeDeployment;

/// The pause before the first poll.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause.
const MAX_PAUSE: Duration = Duration::from_secs(10);

/// The response with the package, or with where it is.
///
/// `FAILED` is final, and its reason is in `message` (Geti 2.11). The edge registry polls forever then, without a pause.
pub(super) async fn download(session: &Session, base: &str, body: &Value) -> GetiResult<Response> {
    let deadline = session.deadline();
    let mut deployment: CodeDeployment = session.post(&format!("{base}/code_deployments:prepare"), body).await?;
    let path = format!("{base}/code_deployments/{}", deployment.id);
    let mut pause = FIRST_PAUSE;
    loop {
        match deployment.state.to_ascii_uppercase().as_str() {
            "DONE" => return session.send(Method::GET, &format!("{path}/download"), None).await,
            "FAILED" => {
                let why = deployment.message.filter(|why| !why.is_empty());
                let why = why.unwrap_or_else(|| "it does not say why".to_owned());
                return Err(GetiError::precondition(format!(
                    "Geti `{}` could not make the package: {why}",
                    session.name()
                )));
            }
            _ if Instant::now() + pause > deadline => {
                let state = deployment.state.escape_debug();
                return Err(GetiError::unavailable(format!(
                    "Geti `{}` does not finish the package: `{state}`",
                    session.name()
                )));
            }
            _ => {}
        }
        session.pause(pause).await?;
        pause = (pause * 3 / 2).min(MAX_PAUSE);
        deployment = session.get(&path).await?;
    }
}
