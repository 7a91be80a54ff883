//! The record of changes from its end, narrowed; and the changes of a node together with those of what belongs to it.

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool};

use super::{ChangeRow, records};
use crate::Tx;
use crate::connection::{AnyConnection, MultiBackend};
use crate::error::DatabaseResult as _;
use crate::filter::narrow;
use crate::schema::changes;
use modelport_domain::access::PrincipalId;
use modelport_domain::change::ChangesFrom;
use modelport_domain::{Action, ChangeRecord, Millis, NodeId, Result};

/// Which changes are wanted; what is `None` narrows nothing.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct WantedChanges {
    /// Who made them.
    pub actor: Option<WantedActor>,
    /// What was done.
    pub action: Option<Action>,
    /// To which node.
    pub node: Option<NodeId>,
    /// The id of the node's type.
    pub type_id: Option<i64>,
    /// Not before then.
    pub from: Option<Millis>,
    /// Before then.
    pub to: Option<Millis>,
}

/// Who made a change.
#[derive(Debug, Clone, PartialEq)]
pub enum WantedActor {
    /// A principal.
    Principal(PrincipalId),
    /// Somebody who is no principal, by name: the server, or a command of it.
    Named(String),
}

/// The time and the id of a change, by which they are ordered.
type Place = (Millis, i64);

/// A page of changes, the newest first.
#[derive(Debug, Clone, PartialEq)]
pub struct BackwardsPage {
    /// The changes.
    pub changes: Vec<ChangeRecord>,
    /// The id of the change before which there may be more.
    pub next: Option<i64>,
}

/// How many changes one page looks at, where no index knows those that are wanted.
const MAX_SCANNED: i64 = 20_000;

type Query<'a> = changes::BoxedQuery<'a, MultiBackend>;

/// The last `limit` changes before the change of that id, of those that are wanted and listed for the caller. A page may be short, or empty, though
/// there are more.
pub fn backwards(tx: &mut Tx<'_>, wanted: &WantedChanges, before: Option<i64>, limit: u32) -> Result<BackwardsPage> {
    let before = match before {
        None => None,
        Some(id) => {
            let known = changes::table.filter(changes::id.le(id)).order(changes::id.desc()).select(changes::at);
            let at: Option<i64> = known.first(tx.conn).optional().db()?;
            let Some(at) = at else { return Ok(BackwardsPage { changes: Vec::new(), next: None }) };
            Some((at, id))
        }
    };
    let is_scan =
        wanted.node.is_none() && (wanted.actor.is_some() || wanted.action.is_some() || wanted.type_id.is_some());
    let last_scanned: Option<Place> = if is_scan {
        let scanned = before_place(tx, wanted, before).offset(MAX_SCANNED - 1).limit(1);
        scanned.select((changes::at, changes::id)).first(tx.conn).optional().db()?
    } else {
        None
    };
    let mut query = before_place(tx, wanted, before);
    if let Some((at, id)) = last_scanned {
        query = query.filter(changes::at.ge(at)).filter(changes::at.gt(at).or(changes::id.ge(id)));
    }
    match &wanted.actor {
        Some(WantedActor::Principal(PrincipalId(id))) => query = query.filter(changes::actor_id.eq(*id)),
        Some(WantedActor::Named(name)) => {
            query = query.filter(changes::actor_id.is_null().and(changes::actor.eq(name.as_str())));
        }
        None => {}
    }
    if let Some(action) = wanted.action {
        query = query.filter(changes::action.eq(action.to_string()));
    }
    if let Some(type_id) = wanted.type_id {
        let said = number_in_document(tx, "typeId");
        query = query.filter(sql::<Bool>(&format!("{said} = ")).bind::<BigInt, _>(type_id));
    }
    let rows: Vec<ChangeRow> = query.limit(i64::from(limit) + 1).select(ChangeRow::as_select()).load(tx.conn).db()?;
    let more = rows.len() > limit as usize;
    let rows: Vec<ChangeRow> = rows.into_iter().take(limit as usize).collect();
    let end = rows.last().map(|row| row.id);
    let next = if more { end } else { last_scanned.map(|(_, id)| id) };
    Ok(BackwardsPage { changes: records(tx, rows)?, next })
}

/// What is listed before that place, the newest first: all that indexes know of what is wanted.
fn before_place<'a>(tx: &Tx<'_>, wanted: &WantedChanges, before: Option<Place>) -> Query<'a> {
    let mut query = changes::table.order((changes::at.desc(), changes::id.desc())).into_boxed::<MultiBackend>();
    narrow!(query, tx.listed("changes"));
    if let Some(node) = wanted.node {
        query = query.filter(changes::node_id.eq(node.0));
    }
    if let Some(from) = wanted.from {
        query = query.filter(changes::at.ge(from));
    }
    if let Some(to) = wanted.to {
        query = query.filter(changes::at.lt(to));
    }
    if let Some((at, id)) = before {
        query = query.filter(changes::at.le(at)).filter(changes::at.lt(at).or(changes::id.lt(id)));
    }
    query
}

/// The first `limit` changes of a node, in that order.
pub fn of_node(tx: &mut Tx<'_>, node: NodeId, which: ChangesFrom, limit: u32) -> Result<Vec<ChangeRecord>> {
    let query = changes::table.filter(changes::node_id.eq(node.0)).into_boxed::<MultiBackend>();
    page(tx, query, which, limit)
}

/// The first `limit` changes of a node and of what belongs to it, in that order: of a root, all that has it as its root; of any other
/// node, what it is the home of. What was removed counts, too.
pub fn of_subtree(
    tx: &mut Tx<'_>,
    (node, root): (NodeId, NodeId),
    which: ChangesFrom,
    limit: u32,
) -> Result<Vec<ChangeRecord>> {
    let mut query = changes::table.filter(changes::root_id.eq(root.0)).into_boxed::<MultiBackend>();
    if node != root {
        let home = sql::<Bool>(&format!("{} = ", number_in_document(tx, "homeId"))).bind::<BigInt, _>(node.0);
        query = query.filter(changes::node_id.eq(node.0).or(home));
    }
    page(tx, query, which, limit)
}

fn page(tx: &mut Tx<'_>, mut query: Query<'_>, which: ChangesFrom, limit: u32) -> Result<Vec<ChangeRecord>> {
    // An entry says where its node was as a node says where it is.
    narrow!(query, tx.visible("changes"));
    query = match which {
        ChangesFrom::After(id) => query.filter(changes::id.gt(id)).order(changes::id.asc()),
        ChangesFrom::Before(None) => query.order(changes::id.desc()),
        ChangesFrom::Before(Some(id)) => query.filter(changes::id.lt(id)).order(changes::id.desc()),
    };
    let rows = query.limit(i64::from(limit)).select(ChangeRow::as_select()).load::<ChangeRow>(tx.conn).db()?;
    records(tx, rows)
}

/// The SQL of a number that the document of a change has.
fn number_in_document(tx: &Tx<'_>, name: &str) -> String {
    match tx.conn {
        AnyConnection::Postgres(_) => format!("CAST(CAST(changes.document AS JSON) ->> '{name}' AS BIGINT)"),
        AnyConnection::Sqlite(_) => format!("json_extract(changes.document, '$.{name}')"),
    }
}
