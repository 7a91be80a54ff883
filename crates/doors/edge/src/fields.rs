//! The fields of a model's form, checked in the old service's order with its error messages.

use actix_web::http::StatusCode;
use serde_json::Value as Json;

use super::errors::{EdgeError, issue};
use super::form::Fields;
use crate::domain::record::{
    DEFAULT_PRECISION, Details, DetailsPatch, DetailsSource, Identity, RecordDraft, RecordId, RecordPatch,
    parse_version,
};
use crate::domain::value::check_text;
use crate::domain::{Change, Result, date, literal};

/// The fields of a new model besides what it says of itself.
const OF_THE_FORM: [&str; 2] = ["file", "id"];

/// The precisions that a model may have.
const PRECISIONS: [&str; 4] = ["fp32", "fp16", "int8", "int4"];

/// What is wrong with a form before its end is known: what it says, but not what it lacks.
pub fn check_fields(fields: &Fields) -> Result<(), EdgeError> {
    let issues = numbers(fields);
    if !issues.is_empty() {
        return Err(EdgeError::fields(issues));
    }
    values(fields).map(drop)
}

/// A new record as the form says it.
pub fn draft(fields: &Fields, has_file: bool) -> Result<RecordDraft, EdgeError> {
    let mut issues = Vec::new();
    if !has_file {
        issues.push(match fields.get("file") {
            Some(text) => {
                issue("value_error", "file", "Value error, Expected UploadFile, received: <class 'str'>", Some(text))
            }
            None => missing("file"),
        });
    }
    issues.extend(["name", "version"].into_iter().filter(|name| fields.get(name).is_none()).map(missing));
    issues.extend(numbers(fields));
    if !issues.is_empty() {
        return Err(EdgeError::fields(issues));
    }
    let Values { id, precision, details } = values(fields)?;
    for name in ["name", "version"] {
        if fields.get(name).is_some_and(str::is_empty) {
            let message = "String should have at least 1 character";
            return Err(EdgeError::fields(vec![issue("string_too_short", name, message, Some(""))]));
        }
    }
    let text = |name: &str| set(fields.get(name)).map(ToOwned::to_owned);
    Ok(RecordDraft {
        id,
        identity: Identity {
            project_id: text("project_id"),
            project_name: text("project_name"),
            name: fields.get("name").unwrap_or_default().to_owned(),
            version: fields.get("version").unwrap_or_default().to_owned(),
            precision: vec![precision.unwrap_or_else(|| DEFAULT_PRECISION.to_owned())],
        },
        // The size is that of the bytes.
        details: Details { size: None, ..details },
        times: None,
    })
}

/// The change that the form says. A field without text is cleared, but for the name and the version, which cannot be.
pub fn patch(fields: &Fields) -> Result<RecordPatch, EdgeError> {
    let issues = numbers(fields);
    if !issues.is_empty() {
        return Err(EdgeError::fields(issues));
    }
    let text = |name: &str| match fields.get(name) {
        None => Change::Keep,
        Some("") => Change::Clear,
        Some(text) => Change::Set(text.to_owned()),
    };
    let precision = match fields.get("precision") {
        None => None,
        Some("") => Some(DEFAULT_PRECISION.to_owned()),
        Some(_) => precision(fields)?,
    };
    check_date(fields)?;
    let patch = RecordPatch {
        name: set(fields.get("name")).map(str::parse).transpose()?,
        version: set(fields.get("version")).map(parse_version).transpose()?,
        precision: precision.map(|precision| vec![precision]),
        project_id: text("project_id"),
        project_name: text("project_name"),
        details: DetailsPatch::of(Details::read(&mut Said(fields))?, |name| fields.get(name).is_some()),
    };
    if patch.is_empty() {
        return Err(EdgeError::Status(
            StatusCode::BAD_REQUEST,
            "Invalid request. Check the request body and ensure at least 1 supported field is provided.",
        ));
    }
    Ok(patch)
}

fn set(value: Option<&str>) -> Option<&str> {
    value.filter(|value| !value.is_empty())
}

fn missing(name: &str) -> Json {
    issue("missing", name, "Field required", None)
}

fn number(text: &str) -> Option<f64> {
    text.trim().parse().ok()
}

/// What is wrong with fields that are to be numbers.
fn numbers(fields: &Fields) -> Vec<Json> {
    let mut issues = Vec::new();
    if let Some(size) = set(fields.get("size"))
        && size.trim().parse::<i64>().is_err()
    {
        let message = "Input should be a valid integer, unable to parse string as an integer";
        issues.push(issue("int_parsing", "size", message, Some(size)));
    }
    if let Some(score) = set(fields.get("score")) {
        match number(score) {
            Some(number) if number.is_finite() => {}
            Some(_) => issues.push(issue("finite_number", "score", "Input should be a finite number", Some(score))),
            None => {
                let message = "Input should be a valid number, unable to parse string as a number";
                issues.push(issue("float_parsing", "score", message, Some(score)));
            }
        }
    }
    issues
}

struct Values {
    id: Option<RecordId>,
    precision: Option<String>,
    details: Details,
}

fn values(fields: &Fields) -> Result<Values, EdgeError> {
    let details = Details::read(&mut Said(fields))?;
    let is_known =
        |name: &str| [&OF_THE_FORM, Identity::NAMES, Details::NAMES].iter().any(|names| names.contains(&name));
    let mut unknown: Vec<_> = fields.names().filter(|name| !is_known(name)).collect();
    unknown.sort_unstable();
    unknown.dedup();
    if !unknown.is_empty() {
        let text = format!("Unsupported key(s) found: {}", unknown.join(", "));
        return Err(EdgeError::line(StatusCode::UNPROCESSABLE_ENTITY, text));
    }
    let precision = precision(fields)?;
    check_date(fields)?;
    let id = set(fields.get("id")).map(new_id).transpose()?;
    Ok(Values { id, precision, details })
}

/// An id that a client gives; one that is made of a node's is not its to give.
fn new_id(text: &str) -> Result<RecordId, EdgeError> {
    let id = text.parse::<RecordId>().ok().filter(|id| id.node().is_none());
    id.ok_or_else(|| EdgeError::detail(StatusCode::BAD_REQUEST, "Invalid format for model ID."))
}

fn precision(fields: &Fields) -> Result<Option<String>, EdgeError> {
    let Some(text) = set(fields.get("precision")) else { return Ok(None) };
    let lower = text.to_lowercase();
    if PRECISIONS.contains(&lower.as_str()) {
        return Ok(Some(lower));
    }
    check_text("precision", &lower).map_err(|error| EdgeError::line(StatusCode::BAD_REQUEST, error.message()))?;
    Err(EdgeError::line(StatusCode::BAD_REQUEST, format!("{lower} is not a supported precision.")))
}

/// Refuses what has the form of a date and is none. The old service kept any text, and other texts are kept still.
fn check_date(fields: &Fields) -> Result<(), EdgeError> {
    match set(fields.get("created_date")) {
        Some(text) if date::is_impossible(text) => {
            let text = text.escape_debug();
            Err(EdgeError::line(
                StatusCode::BAD_REQUEST,
                format!("created_date `{text}` is not a date of the calendar."),
            ))
        }
        _ => Ok(()),
    }
}

/// The fields of a form as they say the details of a record.
struct Said<'a>(&'a Fields);

impl DetailsSource for Said<'_> {
    type Error = EdgeError;

    fn text(&mut self, name: &str) -> Result<Option<String>, EdgeError> {
        Ok(set(self.0.get(name)).map(ToOwned::to_owned))
    }

    fn number(&mut self, name: &str) -> Result<Option<f64>, EdgeError> {
        Ok(set(self.0.get(name)).and_then(number))
    }

    fn integer(&mut self, name: &str) -> Result<Option<i64>, EdgeError> {
        Ok(set(self.0.get(name)).and_then(|number| number.trim().parse().ok()))
    }

    /// An object, or text, as JSON.
    fn object(&mut self, name: &str) -> Result<Option<Json>, EdgeError> {
        let Some(text) = set(self.0.get(name)) else { return Ok(None) };
        match serde_json::from_str(text) {
            Ok(json @ (Json::Object(_) | Json::String(_))) => Ok(Some(json)),
            Ok(Json::Null) => Ok(None),
            _ => {
                let sentence = format!("{name} is not a valid JSON object.");
                Err(EdgeError::detail(StatusCode::UNPROCESSABLE_ENTITY, sentence))
            }
        }
    }

    /// A list, or a field for each of its items.
    fn list(&mut self, name: &str) -> Result<Option<Json>, EdgeError> {
        let invalid = || EdgeError::detail(StatusCode::UNPROCESSABLE_ENTITY, format!("{name} is not a valid list."));
        match self.0.all(name).as_slice() {
            [] | [""] => Ok(None),
            [one] => {
                let items = literal::list(one).ok_or_else(invalid)?;
                let alike = items.iter().all(Json::is_string) || items.iter().all(Json::is_object);
                if alike { Ok(Some(Json::Array(items))) } else { Err(invalid()) }
            }
            several => Ok(Some(several.iter().map(|item| Json::from(*item)).collect())),
        }
    }
}
