//! Sessions of browsers: how long they last, and when their issuer is asked again who somebody is.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::{Principal, PrincipalId};
use crate::Millis;

/// A session, without the secret that the browser has.
#[derive(Clone, PartialEq, Eq)]
pub struct Session {
    /// The SHA-256 of its secret, in hexadecimal digits.
    pub hash: String,
    /// Whose it is.
    pub principal_id: PrincipalId,
    /// The names of their groups at the issuer, as it said them last.
    pub groups: Vec<String>,
    /// The issuer's refresh token, sealed; `None` where it gives none.
    pub refresh_sealed: Option<String>,
    /// When it began.
    pub created_at: Millis,
    /// When it was last used, about to the minute.
    pub seen_at: Millis,
    /// When the issuer last said the groups.
    pub renewed_at: Millis,
    /// Until when somebody is asking the issuer, or does not ask again.
    pub claimed_until: Millis,
    /// When it ends, however much it is used.
    pub ends_at: Millis,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Session(of principal {}, until {})", self.principal_id, self.ends_at)
    }
}

/// A session as it was found, with whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownSession {
    /// The session.
    pub session: Session,
    /// Whose it is.
    pub principal: Arc<Principal>,
}

/// How long sessions last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionTimes {
    /// A session ends that is not used for so long.
    pub idle: Duration,
    /// A session ends after so long.
    pub max: Duration,
    /// The issuer is asked again for the groups after so long.
    pub renewal: Duration,
    /// Groups count for so long that the issuer said once, and could not be asked again for.
    pub stale: Duration,
}

impl Default for SessionTimes {
    fn default() -> Self {
        let hours = |hours: u64| Duration::from_secs(hours * 60 * 60);
        Self { idle: hours(8), max: hours(24), renewal: Duration::from_secs(15 * 60), stale: hours(1) }
    }
}

/// What a session is worth at some time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionState {
    /// It counts.
    Good,
    /// It counts, and its issuer is to be asked again.
    Due,
    /// It counts only once its issuer has been asked again.
    Stale,
    /// It counts no longer.
    Ended,
}

/// How often the use of a session is noted at most.
const NOTED: Duration = Duration::from_secs(5 * 60);

impl SessionTimes {
    /// When a session ends that begins at that time.
    pub fn end_of(&self, began: Millis) -> Millis {
        began.saturating_add(millis(self.max))
    }

    /// What the session is worth at that time.
    pub fn state_of(&self, session: &Session, now: Millis) -> SessionState {
        let age = now.saturating_sub(session.renewed_at);
        if now >= session.ends_at || now.saturating_sub(session.seen_at) >= millis(self.idle) {
            return SessionState::Ended;
        }
        // Nobody can say whether they are still in these groups.
        if session.refresh_sealed.is_none() {
            return if age < millis(self.stale) { SessionState::Good } else { SessionState::Ended };
        }
        match age {
            age if age >= millis(self.stale).max(millis(self.renewal)) => SessionState::Stale,
            age if age >= millis(self.renewal) => SessionState::Due,
            _ => SessionState::Good,
        }
    }

    /// Whether it is to be noted that the session was used at that time.
    pub fn is_use_noted(&self, session: &Session, now: Millis) -> bool {
        now.saturating_sub(session.seen_at) >= millis(NOTED.min(self.idle / 8))
    }

    /// Sessions that were last used before then have ended by that time.
    pub fn idle_before(&self, now: Millis) -> Millis {
        now.saturating_sub(millis(self.idle))
    }
}

fn millis(duration: Duration) -> Millis {
    Millis::try_from(duration.as_millis()).unwrap_or(Millis::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Millis = 60_000;
    const HOUR: Millis = 60 * MINUTE;

    fn session(seen_at: Millis, renewed_at: Millis, can_renew: bool) -> Session {
        Session {
            hash: "hash".to_owned(),
            principal_id: PrincipalId(1),
            groups: Vec::new(),
            refresh_sealed: can_renew.then(|| "sealed".to_owned()),
            created_at: 0,
            seen_at,
            renewed_at,
            claimed_until: 0,
            ends_at: SessionTimes::default().end_of(0),
        }
    }

    #[test]
    fn a_session_ends_idle_or_old_and_is_renewed_between() {
        let state = |seen, renewed, now| SessionTimes::default().state_of(&session(seen, renewed, true), now);
        for (seen, renewed, now, expected) in [
            (0, 0, 0, SessionState::Good),
            (0, 0, 15 * MINUTE - 1, SessionState::Good),
            (0, 0, 15 * MINUTE, SessionState::Due),
            (0, 0, HOUR - 1, SessionState::Due),
            (0, 0, HOUR, SessionState::Stale),
            (0, 7 * HOUR + 55 * MINUTE, 8 * HOUR - 1, SessionState::Good),
            (0, 7 * HOUR + 55 * MINUTE, 8 * HOUR, SessionState::Ended),
            (20 * HOUR, 24 * HOUR - MINUTE, 24 * HOUR - 1, SessionState::Good),
            (20 * HOUR, 24 * HOUR - MINUTE, 24 * HOUR, SessionState::Ended),
            // A clock that was set back.
            (HOUR, HOUR, 0, SessionState::Good),
        ] {
            assert_eq!(state(seen, renewed, now), expected, "{seen} {renewed} {now}");
        }
    }

    #[test]
    fn groups_that_cannot_be_asked_for_again_end_the_session() {
        let state = |now| SessionTimes::default().state_of(&session(0, 0, false), now);
        assert_eq!((state(HOUR - 1), state(HOUR)), (SessionState::Good, SessionState::Ended));
    }

    #[test]
    fn uses_are_noted_rarely_and_often_enough() {
        let times = SessionTimes::default();
        let is_noted = |times: SessionTimes, now| times.is_use_noted(&session(0, 0, true), now);
        assert!(!is_noted(times, 5 * MINUTE - 1) && is_noted(times, 5 * MINUTE));
        let short = SessionTimes { idle: Duration::from_secs(4), ..times };
        assert!(!is_noted(short, 499) && is_noted(short, 500));
        assert_eq!(times.idle_before(9 * HOUR), HOUR);
        assert!(!format!("{:?}", session(0, 0, true)).contains("sealed"));
    }
}
