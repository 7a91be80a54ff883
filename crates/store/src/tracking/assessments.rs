//! What people and programs say of traces.

use std::collections::HashMap;

use diesel::dsl::{And, Eq};
use diesel::prelude::*;

use super::traces::missing_reference;
use crate::Tx;
use crate::bulk::{Column, Insert};
use crate::connection::among;
use crate::error::{DatabaseResult as _, violated_unique};
use crate::nodes::MAX_IDS;
use crate::schema::assessments;
use modelport_domain::trace::{Assessment, AssessmentKind, TraceId, TraceKey};
use modelport_domain::{Error, Result};

/// Stores new assessments of a trace. Those of others may have the same ids.
///
/// Errors: AlreadyExists when an id is taken; NotFound when the trace is gone.
pub fn insert(tx: &mut Tx<'_>, trace: &TraceKey, all: &[Assessment]) -> Result<()> {
    for chunk in all.chunks(MAX_IDS) {
        let keys: Vec<String> = chunk.iter().map(|each| format!("{}/{}", trace.as_str(), each.id)).collect();
        let json: Vec<String> = chunk.iter().map(|each| each.said.value.to_string()).collect();
        let documents = chunk.iter().map(document).collect::<Result<Vec<_>>>()?;
        let values: Vec<String> = chunk.iter().map(|each| each.said.text()).collect();
        let texts = |of: fn(&Assessment) -> &str| Column::Text(chunk.iter().map(of).collect());
        let columns = vec![
            ("assessment_id", Column::Text(keys.iter().map(String::as_str).collect())),
            ("id", texts(|each| &each.id)),
            ("trace_id", Column::Text(vec![trace.as_str(); chunk.len()])),
            ("kind", texts(|each| each.kind.name())),
            ("name", texts(|each| &each.name)),
            ("valid", Column::Bool(chunk.iter().map(|each| each.is_valid).collect())),
            ("overrides", Column::MaybeText(chunk.iter().map(|each| each.overrides.as_deref()).collect())),
            ("text", Column::Text(values.iter().map(String::as_str).collect())),
            ("number", Column::MaybeDouble(chunk.iter().map(|each| each.said.number()).collect())),
            ("created_at", Column::Int(chunk.iter().map(|each| each.created_at).collect())),
            ("updated_at", Column::Int(chunk.iter().map(|each| each.updated_at).collect())),
            ("document", Column::Text(documents.iter().map(String::as_str).collect())),
            ("value", Column::MaybeText(json.iter().map(|each| Some(each.as_str())).collect())),
            ("measure", Column::MaybeDouble(chunk.iter().map(|each| each.said.measure()).collect())),
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

/// The assessment of the trace with that id, as a condition.
fn is_of<'a>(
    trace: &'a TraceKey,
    id: &'a str,
) -> And<Eq<assessments::trace_id, &'a str>, Eq<assessments::id, &'a str>> {
    assessments::trace_id.eq(trace.as_str()).and(assessments::id.eq(id))
}

/// Changes the name, the value and what else an assessment of the trace says.
pub fn update(tx: &mut Tx<'_>, trace: &TraceKey, assessment: &Assessment) -> Result<()> {
    let query = diesel::update(assessments::table.filter(is_of(trace, &assessment.id)));
    let changes = (
        assessments::name.eq(&assessment.name),
        assessments::valid.eq(assessment.is_valid),
        assessments::text.eq(assessment.said.text()),
        assessments::number.eq(assessment.said.number()),
        assessments::updated_at.eq(assessment.updated_at),
        assessments::document.eq(document(assessment)?),
        assessments::value.eq(assessment.said.value.to_string()),
        assessments::measure.eq(assessment.said.measure()),
    );
    query.set(changes).execute(tx.conn).db()?;
    Ok(())
}

/// Says whether an assessment of the trace is valid; `false` when there is no such one.
pub fn set_valid(tx: &mut Tx<'_>, trace: &TraceKey, id: &str, is_valid: bool) -> Result<bool> {
    let query = diesel::update(assessments::table.filter(is_of(trace, id))).set(assessments::valid.eq(is_valid));
    Ok(query.execute(tx.conn).db()? > 0)
}

/// Removes an assessment of the trace.
pub fn delete(tx: &mut Tx<'_>, trace: &TraceKey, id: &str) -> Result<()> {
    diesel::delete(assessments::table.filter(is_of(trace, id))).execute(tx.conn).db()?;
    Ok(())
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = assessments)]
struct AssessmentRow {
    id: String,
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
pub fn find(tx: &mut Tx<'_>, trace: (&TraceKey, &TraceId), id: &str) -> Result<Option<Assessment>> {
    let query = assessments::table.filter(is_of(trace.0, id)).select(AssessmentRow::as_select());
    query.first(tx.conn).optional().db()?.map(|row| assessment(tx, row, trace.1.clone())).transpose()
}

/// The assessments of each of these traces, the oldest first.
pub fn of_traces(tx: &mut Tx<'_>, ids: &HashMap<TraceKey, TraceId>) -> Result<HashMap<TraceKey, Vec<Assessment>>> {
    let mut found: HashMap<TraceKey, Vec<Assessment>> = HashMap::new();
    let keys: Vec<&TraceKey> = ids.keys().collect();
    for chunk in keys.chunks(MAX_IDS) {
        let texts: Vec<&str> = chunk.iter().map(|key| key.as_str()).collect();
        let query = assessments::table.select(AssessmentRow::as_select()).order((
            assessments::trace_id,
            assessments::created_at,
            assessments::id,
        ));
        let rows: Vec<AssessmentRow> =
            among!(query, assessments::trace_id, texts.as_slice(), query => query.load(tx.conn).db()?);
        for row in rows {
            let key = TraceKey(row.trace_id.clone());
            let Some(id) = ids.get(&key) else { continue };
            let assessment = assessment(tx, row, id.clone())?;
            found.entry(key).or_default().push(assessment);
        }
    }
    Ok(found)
}

/// The assessments of one trace, the oldest first.
pub fn of_trace(tx: &mut Tx<'_>, trace: (&TraceKey, &TraceId)) -> Result<Vec<Assessment>> {
    let ids = HashMap::from([(trace.0.clone(), trace.1.clone())]);
    Ok(of_traces(tx, &ids)?.into_values().flatten().collect())
}

fn assessment(tx: &mut Tx<'_>, row: AssessmentRow, trace: TraceId) -> Result<Assessment> {
    tx.loaded.add(row.document.len())?;
    let kind = AssessmentKind::named(&row.kind)
        .ok_or_else(|| Error::internal(format!("there is no assessment of kind `{}`", row.kind)))?;
    Ok(Assessment {
        id: row.id,
        trace,
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
