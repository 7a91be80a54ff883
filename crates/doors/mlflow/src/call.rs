//! A request as the operations take it.

use actix_web::dev::Payload;
use actix_web::http::{Method, header};
use actix_web::web::Bytes;
use actix_web::{FromRequest, HttpRequest, HttpResponse};
use futures_util::future::LocalBoxFuture;
use serde_json::Value;

use super::error::{Answer, MlflowError};
use super::input::Input;
use crate::domain::{Error, Result};
use crate::http::caller::Caller;
use crate::http::media_type::essence;
use crate::registry::{Registry, RequestContext};

/// What was asked, and on whose behalf.
pub struct Call {
    /// The registry.
    pub registry: Registry,
    /// The context of the request.
    pub context: RequestContext,
    /// The fields of the request.
    pub input: Input,
    segments: Vec<String>,
}

impl FromRequest for Call {
    type Error = actix_web::Error;
    type Future = LocalBoxFuture<'static, Result<Self, actix_web::Error>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let caller = Caller::from_request(request, payload);
        let query = request.query_string().to_owned();
        let is_get = matches!(*request.method(), Method::GET | Method::HEAD);
        let is_json = request
            .headers()
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .is_some_and(|value| essence(value) == "application/json");
        let body = Bytes::from_request(request, payload);
        let segments = request.match_info().iter().map(|(_, segment)| segment.to_owned()).collect();
        Box::pin(async move {
            let Caller { registry, context } =
                caller.await.map_err(|problem| MlflowError::from(problem.into_error()))?;
            // As MLflow's own server has it: some tools send what they ask for with a GET's body, and no query.
            let input = if is_get && !query.is_empty() {
                Input::of_query(&query)
            } else {
                let body = body.await?;
                // A page on another site can make a browser send other media types here without asking first.
                if !body.is_empty() && !is_json {
                    let error = Error::invalid("Content-Type", "Bad Request. Content-Type must be application/json.");
                    return Err(MlflowError::from(error).into());
                }
                Input::of_body(&body)
            };
            Ok(Self { registry, context, input: input.map_err(MlflowError::from)?, segments })
        })
    }
}

impl Call {
    /// The same with the fields of a message in it.
    #[must_use]
    pub fn with_input(self, input: Input) -> Self {
        Self { input, ..self }
    }

    /// A segment of the path.
    pub fn segment(&self, at: usize) -> &str {
        self.segments.get(at).map(String::as_str).unwrap_or_default()
    }
}

/// The answer with these members, but for those that are null.
pub fn answer(mut members: Value) -> Answer {
    drop_nulls(&mut members);
    Ok(HttpResponse::Ok().json(members))
}

/// The answer with these members as they are; what is null in what clients sent is so there, too.
pub fn verbatim(members: &Value) -> Answer {
    Ok(HttpResponse::Ok().json(members))
}

/// The answer without anything to say.
pub fn done() -> Answer {
    answer(Value::Object(serde_json::Map::new()))
}

/// Leaves out what is null, as protocol buffers in JSON do.
fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.retain(|_, member| !member.is_null());
            members.values_mut().for_each(drop_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_nulls),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
