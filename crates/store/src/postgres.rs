//! Connections to PostgreSQL: how they are opened, and whether sessions keep state between transactions.
//!
//! A pooler such as PgBouncer in transaction mode may run each transaction in another session. Then a transaction must leave no
//! state in its session: no setting, no prepared statement, no advisory lock. To detect a pooler, the server sends a custom setting
//! when it connects: PostgreSQL keeps it for the session, and poolers refuse or drop it.

use std::time::Duration;

use diesel::connection::{CacheSize, Connection as _};
use diesel::sql_types::{Bool, Integer};
use diesel::{ConnectionError, ConnectionResult, PgConnection, QueryResult, RunQueryDsl as _, sql_query};

use super::connection::{AnyConnection, Opened};
use super::deadline::Running;
use modelport_domain::{Error, Result};

/// Whether statements stay prepared, which saves parsing and planning them each time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PreparedStatements {
    /// If there is no pooler.
    #[default]
    Auto,
    /// Always: a pooler, if there is one, tracks them, as PgBouncer does with `max_prepared_statements`.
    On,
    /// Never, and no other state stays in a session either.
    Off,
}

/// What state may stay in a session from one transaction to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Session {
    /// The session's `statement_timeout`, if sessions keep state.
    limit: Option<Duration>,
    prepared: bool,
}

impl Session {
    /// None: a pooler may run each transaction in another session.
    pub(super) const SHARED: Self = Self { limit: None, prepared: false };

    /// Detects it, by connecting. Blocks.
    ///
    /// Errors: Unavailable when the server cannot be reached.
    pub(super) fn find_out(url: &str, prepared: PreparedStatements, limit: Duration) -> Result<Self> {
        if prepared == PreparedStatements::Off {
            return Ok(Self::SHARED);
        }
        let own =
            is_own(url, limit).map_err(|error| Error::unavailable("cannot connect to PostgreSQL").caused_by(error))?;
        if !own {
            log::info!("connected to PostgreSQL through a pooler: no session state is used");
        }
        Ok(Self { limit: own.then_some(limit), prepared: own || prepared == PreparedStatements::On })
    }

    /// Whether each transaction may run in another session.
    pub(super) fn is_shared(self) -> bool {
        self.limit.is_none()
    }
}

fn is_own(url: &str, limit: Duration) -> ConnectionResult<bool> {
    #[derive(diesel::QueryableByName)]
    struct Found {
        #[diesel(sql_type = Bool)]
        own: bool,
    }
    let mut conn = match connect(&with_options(url, limit)) {
        Err(ConnectionError::BadConnection(message)) if is_refused(&message) => return Ok(false),
        connected => connected?,
    };
    let asked = format!("SELECT coalesce(current_setting('{OWN}', true), '') = 'own' AS own");
    let found: Found = sql_query(asked).get_result(&mut conn).map_err(ConnectionError::CouldntSetupConfiguration)?;
    Ok(found.own)
}

/// Whether the error says that startup parameters are not supported, as PgBouncer's does: `unsupported startup parameter: options`.
fn is_refused(message: &str) -> bool {
    message.contains("parameter") || message.contains("option")
}

/// Opens one connection.
pub(super) fn establish(url: &str, session: Session) -> ConnectionResult<Opened> {
    let mut conn = match session.limit {
        Some(limit) => connect(&with_options(url, limit))?,
        None => connect(&with_defaults(url))?,
    };
    if !session.prepared {
        conn.set_prepared_statement_cache_size(CacheSize::Disabled);
    }
    let process = match session.limit {
        Some(_) => Some(process(&mut conn).map_err(ConnectionError::CouldntSetupConfiguration)?),
        None => None,
    };
    Ok(Opened { conn: AnyConnection::Postgres(conn), running: Running::Postgres(process) })
}

fn connect(url: &str) -> ConnectionResult<PgConnection> {
    // By default OpenSSL cleans up at exit, while another thread may still be connecting.
    openssl_sys::init();
    PgConnection::establish(url)
}

/// The backend process of a session.
fn process(conn: &mut PgConnection) -> QueryResult<i32> {
    #[derive(diesel::QueryableByName)]
    struct Found {
        #[diesel(sql_type = Integer)]
        pid: i32,
    }
    Ok(sql_query("SELECT pg_backend_pid() AS pid").get_result::<Found>(conn)?.pid)
}

/// Cancels the running statement of another session; an idle session is not affected.
pub(super) fn cancel(conn: &mut PgConnection, process: i32) -> QueryResult<()> {
    sql_query("SELECT pg_cancel_backend($1)").bind::<Integer, _>(process).execute(conn).map(drop)
}

/// As many milliseconds as the server's settings take, and one at least: 0 would be no limit.
pub(super) fn millis(limit: Duration) -> u64 {
    u64::try_from(limit.as_millis()).unwrap_or(u64::MAX).clamp(1, i32::MAX.unsigned_abs().into())
}

/// The custom setting that tells whether a session is directly connected.
const OWN: &str = "modelport.session";

/// The URL with settings for the whole session. What the URL itself sets comes last, and wins.
fn with_options(url: &str, limit: Duration) -> String {
    let ours =
        format!("-c%20{OWN}%3Down%20-c%20client_min_messages%3Dwarning%20-c%20statement_timeout%3D{}", millis(limit));
    let url = with_defaults(url);
    let (before, query) = url.split_once('?').unwrap_or((&url, ""));
    let mut found = false;
    let mut parameters: Vec<String> = query
        .split('&')
        .map(|parameter| match parameter.strip_prefix("options=") {
            Some(theirs) => {
                found = true;
                format!("options={ours}%20{theirs}")
            }
            None => parameter.to_owned(),
        })
        .collect();
    if !found {
        parameters.push(format!("options={ours}"));
    }
    format!("{before}?{}", parameters.join("&"))
}

/// Keepalive settings. Without them a request to a server that vanished would hang until TCP gives up after a quarter of an hour; if
/// the server vanished after it received a statement, for two hours, because nothing is sent that could fail.
fn with_defaults(url: &str) -> String {
    let mut url = url.to_owned();
    for (key, value) in [
        ("connect_timeout", "5"),
        ("tcp_user_timeout", "10000"),
        ("keepalives_idle", "10"),
        ("keepalives_interval", "5"),
        ("application_name", "modelport"),
    ] {
        if !url.contains(key) {
            let separator = if url.contains('?') { '&' } else { '?' };
            url = format!("{url}{separator}{key}={value}");
        }
    }
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_url_says_wins_over_the_defaults() {
        let url = with_defaults("postgres://h/d?connect_timeout=1");
        assert!(url.contains("connect_timeout=1&tcp_user_timeout=10000"), "{url}");
        assert!(with_defaults("postgres://h/d").starts_with("postgres://h/d?connect_timeout=5&"));
    }

    #[test]
    fn the_urls_own_options_come_last() {
        let limit = Duration::from_millis(1500);
        let url = with_options("postgres://h/d?options=-csearch_path%3Dx&sslmode=disable", limit);
        assert!(url.contains("statement_timeout%3D1500%20-csearch_path%3Dx&sslmode=disable&connect"), "{url}");
        assert_eq!(url.matches("options=").count(), 1);
        assert!(with_options("postgres://h/d", limit).ends_with("statement_timeout%3D1500"));
    }

    #[test]
    fn a_limit_is_neither_none_nor_more_than_the_server_takes() {
        assert_eq!(millis(Duration::ZERO), 1);
        assert_eq!(millis(Duration::MAX), 2_147_483_647);
    }
}
