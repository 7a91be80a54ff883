//! What people and programs say of traces: made, changed, removed. One may come in the place of another, which is not valid from then on.

use super::traces::{demand_to_see, demand_to_write};
use crate::context::RequestContext;
use crate::domain::trace::{Assessment, AssessmentKind, Labels, Said, TraceId, TraceKey};
use crate::domain::{Error, Result};
use crate::services::Tracking;
use crate::store::tracking::assessments;
use crate::transaction::ReadTransaction;

/// What to change of an assessment; what is not named stays.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AssessmentChanges {
    /// Its name.
    pub name: Option<String>,
    /// Its value, which is of that kind, and why there is none.
    pub value: Option<(AssessmentKind, Said)>,
    /// Why.
    pub rationale: Option<String>,
    /// What else is known; it is added to what was.
    pub metadata: Labels,
    /// Whether it is valid.
    pub is_valid: Option<bool>,
}

impl Tracking {
    /// Makes an assessment, at this time.
    ///
    /// Errors: NotFound when there is no such trace, or none that it overrides.
    pub async fn create_assessment(&self, context: &RequestContext, assessment: Assessment) -> Result<Assessment> {
        self.core
            .write(context, move |tx| {
                let key = demand_to_write(tx, &assessment.trace)?;
                let made = Assessment { updated_at: tx.now(), ..assessment.clone() };
                if let Some(overridden) = &made.overrides
                    && !assessments::set_valid(tx, &key, overridden, false)?
                {
                    return Err(missing(&made.trace, overridden));
                }
                assessments::insert(tx, &key, std::slice::from_ref(&made))?;
                Ok(made)
            })
            .await
    }

    /// The assessment of a trace with that id.
    ///
    /// Errors: NotFound.
    pub async fn get_assessment(&self, context: &RequestContext, trace: &TraceId, id: &str) -> Result<Assessment> {
        let (trace, id) = (trace.clone(), id.to_owned());
        self.core
            .read(context, move |tx| {
                let key = demand_to_see(tx, &trace)?;
                get(tx, (&key, &trace), &id)
            })
            .await
    }

    /// Changes an assessment.
    ///
    /// Errors: NotFound; InvalidArgument when it is of another kind than its new value.
    pub async fn change_assessment(
        &self,
        context: &RequestContext,
        trace: &TraceId,
        id: &str,
        changes: AssessmentChanges,
    ) -> Result<Assessment> {
        let (trace, id) = (trace.clone(), id.to_owned());
        self.core
            .write(context, move |tx| {
                let key = demand_to_write(tx, &trace)?;
                let mut changed = get(tx, (&key, &trace), &id)?;
                let AssessmentChanges { name, value, rationale, metadata, is_valid } = changes.clone();
                if let Some((kind, said)) = value {
                    if kind != changed.kind {
                        let message = format!("assessment `{id}` is no {}", kind.name());
                        return Err(Error::invalid(kind.name(), message));
                    }
                    changed.said.value = said.value;
                    changed.said.error = said.error;
                }
                changed.name = name.unwrap_or(changed.name);
                changed.said.rationale = rationale.or(changed.said.rationale);
                changed.said.metadata.extend(metadata);
                changed.is_valid = is_valid.unwrap_or(changed.is_valid);
                changed.updated_at = tx.now();
                assessments::update(tx, &key, &changed)?;
                Ok(changed)
            })
            .await
    }

    /// Removes an assessment, if it is there. The one that it overrode is valid again.
    ///
    /// Errors: NotFound when there is no such trace.
    pub async fn remove_assessment(&self, context: &RequestContext, trace: &TraceId, id: &str) -> Result<()> {
        let (trace, id) = (trace.clone(), id.to_owned());
        self.core
            .write(context, move |tx| {
                let key = demand_to_write(tx, &trace)?;
                let Some(found) = assessments::find(tx, (&key, &trace), &id)? else { return Ok(()) };
                if let Some(overridden) = &found.overrides {
                    assessments::set_valid(tx, &key, overridden, true)?;
                }
                assessments::delete(tx, &key, &id)
            })
            .await
    }
}

fn get(tx: &mut ReadTransaction<'_, '_>, trace: (&TraceKey, &TraceId), id: &str) -> Result<Assessment> {
    assessments::find(tx, trace, id)?.ok_or_else(|| missing(trace.1, id))
}

fn missing(trace: &TraceId, id: &str) -> Error {
    Error::not_found(format!("assessment `{id}` of trace `{trace}`"))
}
