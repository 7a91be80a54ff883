//! What people and programs say of traces.

use actix_web::{Resource, web};
use serde_json::{Value as Json, json};

use super::call::{Call, done, verbatim};
use super::error::Answer;
use super::input::{Input, missing};
use super::traces::{assessment, id, said, value};
use crate::domain::{Error, Result};
use crate::registry::tracking::assessments::AssessmentChanges;

/// The operations.
pub fn resources() -> Vec<Resource> {
    vec![
        web::resource("/mlflow/traces/{trace_id}/assessments").route(web::post().to(create)),
        web::resource("/mlflow/traces/{trace_id}/assessments/{assessment_id}")
            .route(web::get().to(get))
            .route(web::patch().to(update))
            .route(web::delete().to(delete)),
    ]
}

fn given(call: &Call) -> Result<Input> {
    call.input.nested("assessment")?.ok_or_else(|| missing("assessment"))
}

async fn create(call: Call) -> Answer {
    let said = said(&given(&call)?, &id(&call)?, call.context.now())?;
    let made = call.registry.tracking.create_assessment(&call.context, said).await?;
    verbatim(&json!({"assessment": assessment(&made)}))
}

async fn get(call: Call) -> Answer {
    let found = call.registry.tracking.get_assessment(&call.context, &id(&call)?, call.segment(1)).await?;
    verbatim(&json!({"assessment": assessment(&found)}))
}

async fn update(call: Call) -> Answer {
    let changes = changes(&given(&call)?, &mask(&call.input)?)?;
    let tracking = &call.registry.tracking;
    let changed = tracking.change_assessment(&call.context, &id(&call)?, call.segment(1), changes).await?;
    verbatim(&json!({"assessment": assessment(&changed)}))
}

/// The fields to change: protocol buffers write them as one text, with commas and in camel case.
fn mask(input: &Input) -> Result<Vec<String>> {
    let mask = input.json("update_mask")?.ok_or_else(|| missing("update_mask"))?;
    let paths: Vec<&str> = match mask {
        Json::String(paths) => paths.split(',').collect(),
        mask => mask.get("paths").and_then(Json::as_array).into_iter().flatten().filter_map(Json::as_str).collect(),
    };
    Ok(paths.into_iter().filter(|path| !path.is_empty()).map(ToOwned::to_owned).collect())
}

fn changes(input: &Input, mask: &[String]) -> Result<AssessmentChanges> {
    let mut changes = AssessmentChanges::default();
    for path in mask {
        match path.as_str() {
            "assessmentName" | "assessment_name" => {
                changes.name = Some(input.required_text("assessment_name")?.to_owned());
            }
            "expectation" | "feedback" => changes.value = value(input)?,
            "rationale" => changes.rationale = Some(input.text("rationale")?.unwrap_or_default().to_owned()),
            "metadata" => changes.metadata = input.map("metadata")?,
            "valid" => changes.is_valid = Some(input.bool("valid")?),
            _ => {
                let message = format!("`{}` of an assessment is not changed", path.escape_debug());
                return Err(Error::invalid("update_mask", message));
            }
        }
    }
    Ok(changes)
}

async fn delete(call: Call) -> Answer {
    call.registry.tracking.remove_assessment(&call.context, &id(&call)?, call.segment(1)).await?;
    done()
}
