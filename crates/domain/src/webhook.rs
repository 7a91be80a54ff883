//! Webhooks: URLs that are told what happens to registered models and their versions.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use super::access::WorkspaceId;
use super::value::{check_text, find_named};
use super::{Error, JobState, Millis, Result};

/// What the jobs that deliver to webhooks are called.
pub const DELIVERY: &str = "webhook.delivery";

/// The longest name of a webhook.
const MAX_NAME: usize = 63;
/// The longest description, in characters.
const MAX_DESCRIPTION: usize = 1000;
/// The longest secret, in bytes.
const MAX_SECRET_BYTES: usize = 1024;

/// The id of a webhook: a positive integer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WebhookId(pub i64);

impl FromStr for WebhookId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text.parse::<i64>() {
            Ok(id) if id > 0 && id.to_string() == text => Ok(Self(id)),
            _ => Err(Error::not_found(format!("webhook `{}`", text.escape_debug()))),
        }
    }
}

impl fmt::Display for WebhookId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

macro_rules! events {
    ($($(#[$documentation:meta])* $event:ident = $entity:literal . $action:literal,)+) => {
        /// What a webhook can be told.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum WebhookEvent {
            $($(#[$documentation])* $event,)+
        }

        impl WebhookEvent {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$event,)+];

            /// Its name: what it is about, and what happened to that.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$event => concat!($entity, ".", $action),)+
                }
            }

            /// What it is about.
            pub fn entity(self) -> &'static str {
                match self {
                    $(Self::$event => $entity,)+
                }
            }

            /// What happened to that.
            pub fn action(self) -> &'static str {
                match self {
                    $(Self::$event => $action,)+
                }
            }
        }
    };
}

events! {
    /// A registered model was made.
    ModelCreated = "registered_model"."created",
    /// A version of one was made.
    VersionCreated = "model_version"."created",
    /// A tag of a version was set.
    VersionTagSet = "model_version_tag"."set",
    /// A tag of a version was removed.
    VersionTagDeleted = "model_version_tag"."deleted",
    /// An alias was pointed at a version.
    AliasCreated = "model_version_alias"."created",
    /// An alias was removed.
    AliasDeleted = "model_version_alias"."deleted",
    /// A prompt was made.
    PromptCreated = "prompt"."created",
    /// A version of one was made.
    PromptVersionCreated = "prompt_version"."created",
    /// A tag of a prompt was set.
    PromptTagSet = "prompt_tag"."set",
    /// A tag of a prompt was removed.
    PromptTagDeleted = "prompt_tag"."deleted",
    /// A tag of a version of a prompt was set.
    PromptVersionTagSet = "prompt_version_tag"."set",
    /// A tag of a version of a prompt was removed.
    PromptVersionTagDeleted = "prompt_version_tag"."deleted",
    /// An alias was pointed at a version of a prompt.
    PromptAliasCreated = "prompt_alias"."created",
    /// An alias of a prompt was removed.
    PromptAliasDeleted = "prompt_alias"."deleted",
}

impl fmt::Display for WebhookEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for WebhookEvent {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        find_named(Self::ALL, Self::name, "event", text).map_err(|error| error.on_field("events"))
    }
}

/// A webhook, without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// Its id.
    pub id: WebhookId,
    /// Whose events it is told.
    pub workspace: WorkspaceId,
    /// Its name, for people; several may have the same.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// Where deliveries are sent.
    pub url: String,
    /// What it is told.
    pub events: BTreeSet<WebhookEvent>,
    /// Whether it is told anything.
    pub is_active: bool,
    /// Whether deliveries are signed.
    pub has_secret: bool,
    /// When it was made.
    pub created_at: Millis,
    /// When it was changed last.
    pub updated_at: Millis,
}

/// What a webhook is to be. What is `None` stays as it is.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct WebhookChanges {
    /// Its name.
    pub name: Option<String>,
    /// What it is for; nothing where that is empty.
    pub description: Option<String>,
    /// Where deliveries are sent.
    pub url: Option<String>,
    /// What it is told.
    pub events: Option<BTreeSet<WebhookEvent>>,
    /// Whether it is told anything.
    pub is_active: Option<bool>,
    /// What signs deliveries; nothing where that is empty.
    pub secret: Option<String>,
}

impl WebhookChanges {
    /// Checks what needs nothing but itself. The URL is checked by whoever sends to it.
    ///
    /// Errors: InvalidArgument.
    pub fn check(&self) -> Result<()> {
        if let Some(name) = &self.name {
            check_name(name)?;
        }
        if let Some(description) = &self.description {
            check_text("description", description)?;
            if description.chars().count() > MAX_DESCRIPTION {
                let message = format!("a description has at most {MAX_DESCRIPTION} characters");
                return Err(Error::invalid("description", message));
            }
        }
        if self.events.as_ref().is_some_and(BTreeSet::is_empty) {
            return Err(Error::invalid("events", "a webhook is told of one event at least"));
        }
        if let Some(secret) = &self.secret
            && secret.len() > MAX_SECRET_BYTES
        {
            return Err(Error::invalid("secret", format!("a secret has at most {MAX_SECRET_BYTES} bytes")));
        }
        Ok(())
    }
}

fn check_name(name: &str) -> Result<()> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    let ends = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric());
    let is_fine = name.len() <= MAX_NAME
        && name.bytes().all(is_plain)
        && ends(name.bytes().next())
        && ends(name.bytes().next_back());
    if is_fine {
        return Ok(());
    }
    Err(Error::invalid(
        "name",
        format!(
            "webhook name `{}` is invalid: it has at most {MAX_NAME} letters, digits, dots, underscores and hyphens, and begins \
             and ends with a letter or a digit",
            name.escape_debug()
        ),
    ))
}

/// What is told of one event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Occurrence {
    /// What happened.
    pub event: WebhookEvent,
    /// When.
    pub at: Millis,
    /// The slug of the workspace.
    pub workspace: String,
    /// The name of the model or prompt.
    pub model: String,
    /// The number of the version; its name, where it was removed before it was asked for its number.
    pub version: Option<String>,
    /// Where the version came from.
    pub source: Option<String>,
    /// The id of the run that made it.
    pub run: Option<String>,
    /// Its tags, where something was made.
    pub tags: BTreeMap<String, String>,
    /// What it is said to be, where something was made.
    pub description: Option<String>,
    /// The name of the tag or the alias.
    pub key: Option<String>,
    /// The value of the tag.
    pub value: Option<String>,
}

/// How a delivery stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Its id, which the receiver gets, the same with each attempt.
    pub id: String,
    /// What is delivered.
    pub event: WebhookEvent,
    /// How it stands.
    pub state: JobState,
    /// How often it was tried.
    pub attempts: i64,
    /// The status that the receiver answered with, where it took it.
    pub status: Option<u16>,
    /// Why it failed, or why its last attempt did.
    pub error: Option<String>,
    /// When it was enqueued.
    pub created_at: Millis,
    /// When it ended.
    pub finished_at: Option<Millis>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_known_by_their_names() {
        for event in WebhookEvent::ALL {
            assert_eq!(event.name().parse::<WebhookEvent>().unwrap(), *event);
            assert_eq!(format!("{}.{}", event.entity(), event.action()), event.name());
        }
        assert_eq!(WebhookEvent::ALL.len(), 14);
        for wrong in ["", "model_version", "model_version.deleted", "budget_policy.exceeded"] {
            assert_eq!(wrong.parse::<WebhookEvent>().unwrap_err().field(), Some("events"), "{wrong}");
        }
    }

    #[test]
    fn names_and_secrets_are_checked() {
        let named = |name: &str| WebhookChanges { name: Some(name.to_owned()), ..WebhookChanges::default() }.check();
        for fine in ["a", "a-b_c.d", "0", &"x".repeat(63)] {
            assert!(named(fine).is_ok(), "{fine}");
        }
        for wrong in ["", "-a", "a-", ".", "a b", "ä", &"x".repeat(64)] {
            assert_eq!(named(wrong).unwrap_err().field(), Some("name"), "{wrong}");
        }
        for (changes, field) in [
            (WebhookChanges { events: Some(BTreeSet::new()), ..WebhookChanges::default() }, "events"),
            (WebhookChanges { secret: Some("s".repeat(1025)), ..WebhookChanges::default() }, "secret"),
            (WebhookChanges { description: Some("d".repeat(1001)), ..WebhookChanges::default() }, "description"),
            (WebhookChanges { description: Some("\0".to_owned()), ..WebhookChanges::default() }, "description"),
        ] {
            assert_eq!(changes.check().unwrap_err().field(), Some(field));
        }
        assert!(WebhookChanges::default().check().is_ok());
    }

    #[test]
    fn an_id_is_a_positive_integer() {
        assert_eq!("7".parse::<WebhookId>().unwrap(), WebhookId(7));
        for wrong in ["", "0", "-1", "01", "x"] {
            assert!(wrong.parse::<WebhookId>().is_err(), "{wrong}");
        }
    }
}
