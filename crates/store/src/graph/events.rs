//! Events: inserted and read.

use diesel::prelude::*;

use crate::Tx;
use crate::bulk::{Column, Insert};
use crate::connection::{AnyConnection, MultiBackend};
use crate::error::{DatabaseResult as _, database_error, is_missing_reference, violated_unique};
use crate::filter::narrow;
use crate::nodes::MAX_IDS;
use crate::schema::events;
use modelport_domain::graph::{Event, Step};
use modelport_domain::{Error, NodeId, NodeKind, Result};

#[derive(Queryable, Selectable)]
#[diesel(table_name = events)]
pub(super) struct EventRow {
    pub(super) id: i64,
    pub(super) artifact_id: i64,
    pub(super) execution_id: i64,
    #[diesel(column_name = type_)]
    pub(super) event_type: i64,
    pub(super) at: i64,
    pub(super) path: Option<String>,
}

#[derive(Insertable)]
#[diesel(table_name = events, treat_none_as_default_value = false)]
struct NewEvent {
    artifact_id: i64,
    execution_id: i64,
    #[diesel(column_name = type_)]
    event_type: i64,
    at: i64,
    path: Option<String>,
}

/// Inserts events.
///
/// Errors: AlreadyExists when an artifact and an execution have one of that type already, InvalidArgument when either is
/// not there.
pub fn insert(tx: &mut Tx<'_>, new: &[Event]) -> Result<()> {
    for chunk in new.chunks(MAX_IDS) {
        let rows = chunk.iter().map(row).collect::<Result<Vec<_>>>()?;
        let inserted = match tx.conn {
            AnyConnection::Postgres(conn) => bulk(&rows).execute(conn),
            AnyConnection::Sqlite(conn) => diesel::insert_into(events::table).values(&rows).execute(conn),
        };
        inserted.map_err(|error| match violated_unique(&error) {
            Some(_) => Error::already_exists("the event of that artifact, execution and type already exists"),
            None if is_missing_reference(&error) => {
                Error::invalid("event", "the event's artifact or execution does not exist")
            }
            None => database_error(error),
        })?;
    }
    Ok(())
}

fn bulk(rows: &[NewEvent]) -> Insert<'_> {
    let each = rows.iter();
    let columns = vec![
        ("artifact_id", Column::Int(each.clone().map(|row| row.artifact_id).collect())),
        ("execution_id", Column::Int(each.clone().map(|row| row.execution_id).collect())),
        ("type", Column::Int(each.clone().map(|row| row.event_type).collect())),
        ("at", Column::Int(each.clone().map(|row| row.at).collect())),
        ("path", Column::MaybeText(each.map(|row| row.path.as_deref()).collect())),
    ];
    Insert { table: "events", columns, end: "" }
}

fn row(event: &Event) -> Result<NewEvent> {
    let path = (!event.path.is_empty()).then(|| serde_json::to_string(&event.path)).transpose();
    Ok(NewEvent {
        artifact_id: event.artifact_id.0,
        execution_id: event.execution_id.0,
        event_type: event.event_type,
        at: event.at,
        path: path.map_err(|error| Error::internal("the path of an event is not JSON").caused_by(error))?,
    })
}

/// The events of these artifacts or executions, of these types, in the order in which they were put.
///
/// Each comes with its id.
pub fn of(tx: &mut Tx<'_>, kind: NodeKind, ids: &[NodeId], types: &[i64]) -> Result<Vec<(i64, Event)>> {
    let mut found = Vec::new();
    for chunk in ids.chunks(MAX_IDS) {
        let ids: Vec<i64> = chunk.iter().map(|id| id.0).collect();
        let query = events::table.select(EventRow::as_select()).into_boxed::<MultiBackend>();
        let query = match kind {
            NodeKind::Artifact => query.filter(events::artifact_id.eq_any(ids)),
            NodeKind::Execution | NodeKind::Context => query.filter(events::execution_id.eq_any(ids)),
        };
        let mut query = query.filter(events::type_.eq_any(types.to_vec()));
        narrow!(query, tx.visible_by_id("events.artifact_id"));
        narrow!(query, tx.visible_by_id("events.execution_id"));
        let rows: Vec<EventRow> = query.load(tx.conn).db()?;
        found.extend(rows.into_iter().map(event).collect::<Result<Vec<_>>>()?);
    }
    found.sort_by_key(|(id, _)| *id);
    Ok(found)
}

/// The event of a row, with its id.
pub(super) fn event(row: EventRow) -> Result<(i64, Event)> {
    let path: Vec<Step> = match &row.path {
        Some(path) => serde_json::from_str(path)
            .map_err(|error| Error::internal(format!("the path of event `{}` is not JSON", row.id)).caused_by(error))?,
        None => Vec::new(),
    };
    let event = Event {
        artifact_id: NodeId(row.artifact_id),
        execution_id: NodeId(row.execution_id),
        event_type: row.event_type,
        at: row.at,
        path,
    };
    Ok((row.id, event))
}
