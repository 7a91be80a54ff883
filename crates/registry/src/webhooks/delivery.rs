//! The work of a job that delivers one event to one webhook.

use std::time::Duration;

use serde_json::json;

use super::events::{Told, slug};
use super::{Parcel, Receipt};
use crate::context::RequestContext;
use crate::domain::webhook::{Occurrence, WebhookId};
use crate::domain::{Error, ErrorKind, Millis, Result};
use crate::jobs::{Attempt, Failure, RunningJob, backoff};
use crate::services::Webhooks;
use crate::store::changes;
use crate::store::webhooks::{self, StoredWebhook};

/// The longest that a webhook is left alone after a failure.
const MAX_PAUSE: Duration = Duration::from_secs(300);
/// The longest that it is because its receiver wants that.
const MAX_WANTED_PAUSE: Duration = Duration::from_secs(3600);

/// What is to be done with a delivery.
enum Due {
    /// It is sent.
    Send(Box<(StoredWebhook, Occurrence)>),
    /// Whoever made the webhook does not see what it is about, any more.
    Withhold,
    /// The webhook is gone or disabled.
    Drop(&'static str),
}

impl Webhooks {
    /// Delivers one event once. It may arrive twice, with the same id, where this ends between that and the end of its job.
    pub async fn deliver(&self, context: &RequestContext, running: RunningJob) -> Attempt {
        let (id, told) = Told::of(&running.job.payload)?;
        let delivery = told.delivery.clone();
        let due = self.due(&running.context, id, told).await?;
        let (webhook, occurrence) = match due {
            Due::Send(both) => *both,
            Due::Withhold => return Ok(json!({"withheld": true})),
            Due::Drop(why) => {
                return Err(Failure { error: Error::invalid_state(why), is_retryable: false, result: None });
            }
        };
        let parcel = Parcel {
            url: &webhook.webhook.url,
            secret: webhook.secret.as_deref(),
            delivery: &delivery,
            occurrence: &occurrence,
        };
        let sent = running.stopping.or(self.sender()?.send(parcel)).await;
        match outcome(sent) {
            Outcome::Arrived(status) => {
                if webhook.failures > 0 {
                    self.core.write(context, move |tx| webhooks::set_arrived(tx, id)).await?;
                }
                Ok(json!({"status": status}))
            }
            Outcome::Refused(error) => Err(Failure { error, is_retryable: false, result: None }),
            Outcome::Later(error, wanted) => {
                if running.stopping.why().is_none() {
                    let retry_at = self.retry_at(webhook.failures, wanted);
                    self.core.write(context, move |tx| webhooks::set_failed(tx, id, retry_at)).await?;
                }
                Err(Failure { error, is_retryable: true, result: None })
            }
        }
    }

    /// What is to be done, as whoever made the webhook sees it now.
    async fn due(&self, context: &RequestContext, id: WebhookId, told: Told) -> Result<Due> {
        self.core
            .read(context, move |tx| {
                let webhook = match webhooks::find(tx, id)? {
                    None => return Ok(Due::Drop("the webhook was removed")),
                    Some(webhook) if !webhook.webhook.is_active => return Ok(Due::Drop("the webhook is disabled")),
                    Some(webhook) => webhook,
                };
                let Some(change) = changes::find(tx, told.change)? else { return Ok(Due::Withhold) };
                let slug = slug(tx, webhook.webhook.workspace)?;
                let occurrence = told.clone().occurrence(&change, slug);
                Ok(Due::Send(Box::new((webhook, occurrence))))
            })
            .await
    }

    /// Until when a webhook is left alone that failed so often before.
    fn retry_at(&self, failures: i64, wanted: Option<Duration>) -> Millis {
        let pause = backoff(self.core.webhook_pause, failures, MAX_PAUSE);
        self.core.jobs().later(pause.max(wanted.unwrap_or_default().min(MAX_WANTED_PAUSE)))
    }
}

/// What came of sending.
#[derive(Debug)]
enum Outcome {
    /// The receiver took it.
    Arrived(u16),
    /// It does not arrive by being sent again.
    Refused(Error),
    /// It may arrive later.
    Later(Error, Option<Duration>),
}

fn outcome(sent: Result<Receipt>) -> Outcome {
    match sent {
        Ok(Receipt { status: status @ 200..=299, .. }) => Outcome::Arrived(status),
        Ok(Receipt { status: status @ (408 | 429 | 500..=599), retry_after, .. }) => {
            Outcome::Later(Error::upstream_unavailable(format!("the receiver answered {status}")), retry_after)
        }
        Ok(Receipt { status, .. }) => Outcome::Refused(Error::upstream(format!("the receiver answered {status}"))),
        Err(error) if error.kind() == ErrorKind::InvalidArgument => Outcome::Refused(error),
        Err(error) => Outcome::Later(error, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_mend_itself_is_tried_again() {
        let receipt = |status| Ok(Receipt { status, retry_after: None, body: String::new() });
        for status in [200, 202, 204, 299] {
            assert!(matches!(outcome(receipt(status)), Outcome::Arrived(found) if found == status), "{status}");
        }
        for status in [408, 429, 500, 502, 503, 504, 599] {
            assert!(matches!(outcome(receipt(status)), Outcome::Later(..)), "{status}");
        }
        for status in [199, 301, 302, 307, 400, 401, 404, 410, 422, 600] {
            assert!(matches!(outcome(receipt(status)), Outcome::Refused(_)), "{status}");
        }
        assert!(matches!(outcome(Err(Error::invalid("url", "refused"))), Outcome::Refused(_)));
        assert!(matches!(outcome(Err(Error::upstream_unavailable("gone"))), Outcome::Later(..)));
        assert!(matches!(outcome(Err(Error::unavailable("no key"))), Outcome::Later(..)));
    }
}
