//! What sends deliveries to the receivers of webhooks.

use std::time::Duration;

use futures_util::future::BoxFuture;

use crate::domain::Result;
use crate::domain::webhook::Occurrence;

/// What a receiver is sent.
#[derive(Debug, Clone, Copy)]
pub struct Parcel<'a> {
    /// Where to.
    pub url: &'a str,
    /// What signs it, sealed.
    pub secret: Option<&'a str>,
    /// The id of the delivery, the same with each attempt.
    pub delivery: &'a str,
    /// What is told.
    pub occurrence: &'a Occurrence,
}

/// What a receiver answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The status.
    pub status: u16,
    /// When it wants to be asked again.
    pub retry_after: Option<Duration>,
    /// The beginning of the body.
    pub body: String,
}

/// Sends deliveries, and seals what signs them.
pub trait WebhookSender: Send + Sync {
    /// Whether deliveries may be sent to a URL, as far as that is known before. Errors: InvalidArgument on `url`.
    fn check<'a>(&'a self, url: &'a str) -> BoxFuture<'a, Result<()>>;

    /// A secret as it is stored. Errors: InvalidArgument on `secret` where there is no key to seal it with.
    fn seal(&self, secret: &str) -> Result<String>;

    /// Sends one delivery once. Errors: InvalidArgument where it may not be sent there; UpstreamUnavailable where there is no answer;
    /// Unavailable where the secret cannot be opened.
    fn send<'a>(&'a self, parcel: Parcel<'a>) -> BoxFuture<'a, Result<Receipt>>;
}
