//! What people and programs say of traces.

use diesel::prelude::*;

use super::traces::missing_reference;
use crate::Tx;
use crate::bulk::{Column, Insert};
use crate::connection::among;
use crate::error::{DatabaseResult as _, violated_unique};
use crate::nodes::MAX_IDS;
use crate::schema::assessments;
use modelport_domain::trace::{Assessment, AssessmentKind, TraceId};
use modelport_domain::{Error, Result};

/// Stores new assessments.
///
/// Errors: AlreadyExists when an id is taken; NotFound when a trace is gone.
pub fn insert(tx: &mut Tx<'_>, all: &[Assessment]) -> Result<()> {
    for chunk in all.chunks(MAX_IDS) {
        let documents = chunk.iter().map(document).collect::<Result<Vec<_>>>()?;
        let values: Vec<String> = chunk.iter().map(|each| each.said.text()).collect();
        let texts = |of: fn(&Assessment) -> &str| Column::Text(chunk.iter().map(of).collect());
        let columns = vec![
            ("assessment_id", texts(|each| &each.id)),
            ("trace_id", texts(|each| each.trace.as_str())),
            ("kind", texts(|each| each.kind.name())),
            ("name", texts(|each| &each.name)),
            ("valid", Column::Bool(chunk.iter().map(|each| each.is_valid).collect())),
            ("overrides", Column::MaybeText(chunk.iter().map(|each| each.overrides.as_deref()).collect())),
            ("text", Column::Text(values.iter().map(String::as_str).collect())),
            ("number", Column::MaybeDouble(chunk.iter().map(|each| each.said.number()).collect())),
            ("created_at", Column::Int(chunk.iter().map(|each| each.created_at).collect())),
            ("updated_at", Column::Int(chunk.iter().map(|each| each.updated_at).collect())),
            ("document", Column::Text(documents.iter().map(String::as_str).collect())),
        ];
        let stored = Insert { table: "assessments", columns, end: "" }.run(tx.conn);
        stored.map_err(|error| match violated_unique(&error) {
            Some(_) => Error::already_exists("an assessment with that id already exists").on_field("assessment_id"),
            None => missing_reference(error, "a trace"),
        })?;
    }
    Ok(())
}

fn document(assessment: &Assessment) -> Result<String> {
    serde_json::to_string(&assessment.said)
        .map_err(|error| Error::internal("an assessment is not JSON").caused_by(error))
}

/// Changes the name, the value and what else an assessment says.
pub fn update(tx: &mut Tx<'_>, assessment: &Assessment) -> Result<()> {
    let query = diesel::update(assessments::table.filter(assessments::assessment_id.eq(&assessment.id)));
    let changes = (
        assessments::name.eq(&assessment.name),
        assessments::valid.eq(assessment.is_valid),
        assessments::text.eq(assessment.said.text()),
        assessments::number.eq(assessment.said.number()),
        assessments::updated_at.eq(assessment.updated_at),
        assessments::document.eq(document(assessment)?),
    );
    query.set(changes).execute(tx.conn).db()?;
    Ok(())
}

/// Says whether an assessment of the trace is valid; `false` when there is no such one.
pub fn set_valid(tx: &mut Tx<'_>, trace: &TraceId, id: &str, is_valid: bool) -> Result<bool> {
    let of_trace = assessments::trace_id.eq(trace.as_str()).and(assessments::assessment_id.eq(id));
    let query = diesel::update(assessments::table.filter(of_trace)).set(assessments::valid.eq(is_valid));
    Ok(query.execute(tx.conn).db()? > 0)
}

/// Removes an assessment.
pub fn delete(tx: &mut Tx<'_>, id: &str) -> Result<()> {
    diesel::delete(assessments::table.filter(assessments::assessment_id.eq(id))).execute(tx.conn).db()?;
    Ok(())
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = assessments)]
struct AssessmentRow {
    assessment_id: String,
    trace_id: String,
    kind: String,
    name: String,
    valid: bool,
    overrides: Option<String>,
    created_at: i64,
    updated_at: i64,
    document: String,
}

/// The assessment of the trace with that id.
pub fn find(tx: &mut Tx<'_>, trace: &TraceId, id: &str) -> Result<Option<Assessment>> {
    let of_trace = assessments::trace_id.eq(trace.as_str()).and(assessments::assessment_id.eq(id));
    let query = assessments::table.filter(of_trace).select(AssessmentRow::as_select());
    query.first(tx.conn).optional().db()?.map(|row| assessment(tx, row)).transpose()
}

/// The assessments of these traces, the oldest first.
pub fn of_traces(tx: &mut Tx<'_>, ids: &[TraceId]) -> Result<Vec<Assessment>> {
    let mut found = Vec::new();
    for chunk in ids.chunks(MAX_IDS) {
        let texts: Vec<&str> = chunk.iter().map(TraceId::as_str).collect();
        let query = assessments::table.select(AssessmentRow::as_select()).order((
            assessments::trace_id,
            assessments::created_at,
            assessments::assessment_id,
        ));
        let rows: Vec<AssessmentRow> =
            among!(query, assessments::trace_id, texts.as_slice(), query => query.load(tx.conn).db()?);
        for row in rows {
            found.push(assessment(tx, row)?);
        }
    }
    Ok(found)
}

fn assessment(tx: &mut Tx<'_>, row: AssessmentRow) -> Result<Assessment> {
    tx.loaded.add(row.document.len())?;
    let kind = AssessmentKind::named(&row.kind)
        .ok_or_else(|| Error::internal(format!("there is no assessment of kind `{}`", row.kind)))?;
    Ok(Assessment {
        id: row.assessment_id,
        trace: row.trace_id.parse()?,
        kind,
        name: row.name,
        is_valid: row.valid,
        overrides: row.overrides,
        created_at: row.created_at,
        updated_at: row.updated_at,
        said: serde_json::from_str(&row.document)
            .map_err(|error| Error::internal("an assessment is not JSON").caused_by(error))?,
    })
}
