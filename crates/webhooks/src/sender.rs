//! The sender: one request for each attempt, signed where the webhook has a secret, and bounded in time.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::future::BoxFuture;
use reqwest::{Method, header};

use super::payload::payload;
use super::signature::signature;
use crate::domain::{Error, Result};
use crate::egress::{Client, Egress, Limits};
use crate::identity::Keyring;
use crate::registry::webhook_sender::{Parcel, Receipt, WebhookSender};

/// How long it may take to find the addresses of a host for whoever makes a webhook.
const RESOLVE_TIMEOUT: Duration = Duration::from_secs(5);
/// How much of an answer is kept.
const MAX_ANSWER_BYTES: usize = 4096;
/// What sealed secrets are bound to.
const ABOUT: &str = "webhook";

/// The keys that seal secrets, when they are needed. Errors: where there are none.
pub type Keys = Arc<dyn Fn() -> Result<Keyring> + Send + Sync>;

/// What a sender is made of.
pub struct SenderOptions {
    /// Where requests may go.
    pub egress: Egress,
    /// What seals secrets.
    pub keys: Keys,
    /// How long a receiver has for its whole answer.
    pub timeout: Duration,
}

/// Sends deliveries to the receivers of webhooks.
pub struct Sender {
    egress: Egress,
    client: Client,
    keys: Keys,
}

impl Sender {
    /// A sender.
    pub fn new(options: SenderOptions) -> Result<Self> {
        let SenderOptions { egress, keys, timeout } = options;
        let client = egress.client(Limits { connect: timeout, silence: timeout, whole: timeout })?;
        Ok(Self { egress, client, keys })
    }

    async fn send_once(&self, parcel: Parcel<'_>) -> Result<Receipt> {
        let body = payload(parcel.occurrence).to_string();
        let at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs().to_string();
        let mut request = self
            .client
            .request("url", Method::POST, parcel.url)?
            .header(header::CONTENT_TYPE, "application/json")
            .header("X-MLflow-Delivery-Id", parcel.delivery)
            .header("X-MLflow-Timestamp", &at);
        if let Some(sealed) = parcel.secret {
            let secret = (self.keys)()?.open(ABOUT, sealed).ok_or_else(|| {
                Error::unavailable("none of the keys of this server opens the secret: are `auth.keys` complete?")
            })?;
            request = request.header("X-MLflow-Signature", signature(&secret, parcel.delivery, &at, &body));
        }
        let response = self.client.send("url", request.body(body)).await?;
        let status = response.status().as_u16();
        let retry_after =
            response.headers().get(header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        // The status counts, whatever becomes of the body.
        let body = self.client.read_start(response, MAX_ANSWER_BYTES).await.unwrap_or_default();
        Ok(Receipt {
            status,
            retry_after: retry_after.map(Duration::from_secs),
            body: String::from_utf8_lossy(&body).into_owned(),
        })
    }
}

impl WebhookSender for Sender {
    fn check<'a>(&'a self, url: &'a str) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move { self.egress.check_resolved("url", url, RESOLVE_TIMEOUT).await.map(drop) })
    }

    fn seal(&self, secret: &str) -> Result<String> {
        (self.keys)().map_err(|error| error.or_on_field("secret"))?.seal(ABOUT, secret)
    }

    fn send<'a>(&'a self, parcel: Parcel<'a>) -> BoxFuture<'a, Result<Receipt>> {
        Box::pin(self.send_once(parcel))
    }
}
