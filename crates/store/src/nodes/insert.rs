//! A new node put into PostgreSQL with its membership and its properties by one statement, which saves a round trip for each of them.

use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{BigInt, Nullable, Text};

use super::{NewNode, NodeRow};
use crate::bulk::{Column, names};
use crate::properties;
use modelport_domain::Draft;

/// Inserts the node, as a member of its home, with the draft's properties; `None` where one of its unique indexes has it.
pub(super) fn insert_with_properties(
    conn: &mut PgConnection,
    node: &NewNode<'_>,
    draft: &Draft,
) -> QueryResult<Option<NodeRow>> {
    let rows = properties::rows(0, &draft.properties, &draft.custom);
    InsertWhole { node, properties: properties::columns(&rows) }.get_result(conn).optional()
}

struct InsertWhole<'a> {
    node: &'a NewNode<'a>,
    properties: Vec<(&'static str, Column<'a>)>,
}

impl QueryFragment<Pg> for InsertWhole<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        let NewNode {
            kind,
            type_id,
            home_id,
            name,
            external_id,
            uri,
            state,
            created_at,
            updated_at,
            workspace_id,
            root_id,
            owner_id,
        } = self.node;
        out.push_sql(
            "WITH made AS (INSERT INTO nodes (kind, type_id, home_id, name, external_id, uri, state, created_at, \
             updated_at, workspace_id, root_id, owner_id) VALUES (",
        );
        out.push_bind_param::<BigInt, _>(kind)?;
        out.push_sql(", ");
        out.push_bind_param::<BigInt, _>(type_id)?;
        out.push_sql(", ");
        out.push_bind_param::<Nullable<BigInt>, _>(home_id)?;
        for text in [name, external_id, uri] {
            out.push_sql(", ");
            out.push_bind_param::<Nullable<Text>, _>(text)?;
        }
        out.push_sql(", ");
        out.push_bind_param::<Nullable<BigInt>, _>(state)?;
        for number in [created_at, updated_at, workspace_id] {
            out.push_sql(", ");
            out.push_bind_param::<BigInt, _>(number)?;
        }
        for id in [root_id, owner_id] {
            out.push_sql(", ");
            out.push_bind_param::<Nullable<BigInt>, _>(id)?;
        }
        out.push_sql(
            ") ON CONFLICT DO NOTHING RETURNING id, type_id, home_id, name, external_id, uri, state, created_at, \
             updated_at, revision, workspace_id, root_id), \
             joined AS (INSERT INTO members (context_id, node_id) \
             SELECT home_id, id FROM made WHERE home_id IS NOT NULL), \
             described AS (INSERT INTO properties",
        );
        names(&self.properties, &mut out)?;
        let mut before = ", node_id) SELECT v.*, made.id FROM made, unnest(";
        for (_, column) in &self.properties {
            out.push_sql(before);
            column.walk_ast(out.reborrow())?;
            before = ", ";
        }
        out.push_sql(
            ") AS v) SELECT id, type_id, home_id, name, external_id, uri, state, created_at, updated_at, revision, \
             workspace_id, root_id FROM made",
        );
        Ok(())
    }
}

impl QueryId for InsertWhole<'_> {
    type QueryId = ();
    // Its text is constant, and is the key of the statement cache.
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl Query for InsertWhole<'_> {
    type SqlType = (
        BigInt,
        BigInt,
        Nullable<BigInt>,
        Nullable<Text>,
        Nullable<Text>,
        Nullable<Text>,
        Nullable<BigInt>,
        BigInt,
        BigInt,
        BigInt,
        BigInt,
        Nullable<BigInt>,
    );
}

impl RunQueryDsl<PgConnection> for InsertWhole<'_> {}
