//! Query parameters that an operation does not have are rejected: a misspelled one would otherwise be ignored
//! silently. The OpenAPI document has the parameters of each operation.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::middleware::Next;
use actix_web::{Error as ActixError, ResponseError as _};
use utoipa::openapi::RefOr;
use utoipa::openapi::path::{Operation as Annotation, ParameterIn};

use super::PREFIX;
use super::operations::OPERATIONS;
use crate::domain::Error;
use crate::http::problem::Problem;

/// The names of each operation's parameters, by pattern and method.
type Known = BTreeMap<(String, String), BTreeSet<String>>;

static KNOWN: LazyLock<Known> = LazyLock::new(|| {
    let known = OPERATIONS.iter().filter_map(|operation| {
        let pattern = format!("{PREFIX}{}", operation.pattern());
        Some(((pattern, operation.method().to_string()), names(operation.annotation()?)))
    });
    known.collect()
});

fn names(annotation: &Annotation) -> BTreeSet<String> {
    let all = annotation.parameters.iter().flatten();
    let inline = all.filter_map(|each| match each {
        RefOr::T(parameter) => Some(parameter),
        RefOr::Ref(_) => None,
    });
    inline.filter(|each| matches!(each.parameter_in, ParameterIn::Query)).map(|each| each.name.clone()).collect()
}

/// Refuses a request with parameters that its operation does not have, and names them.
pub async fn known_parameters<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, ActixError> {
    match check(&request) {
        Ok(()) => Ok(next.call(request).await?.map_into_boxed_body()),
        Err(error) => {
            let response = Problem::from(error).error_response();
            Ok(request.into_response(response))
        }
    }
}

fn check(request: &ServiceRequest) -> Result<(), Error> {
    let Some(pattern) = request.match_pattern().filter(|_| !request.query_string().is_empty()) else { return Ok(()) };
    let method = if request.method() == Method::HEAD { &Method::GET } else { request.method() };
    // A method that the path does not have is answered as such.
    let Some(known) = KNOWN.get(&(pattern, method.to_string())) else { return Ok(()) };
    let sent = url::form_urlencoded::parse(request.query_string().as_bytes());
    let unknown: BTreeSet<String> =
        sent.map(|(name, _)| name.into_owned()).filter(|name| !known.contains(name)).collect();
    let Some(first) = unknown.first() else { return Ok(()) };
    let list = |names: &BTreeSet<String>| {
        names.iter().map(|name| format!("`{}`", name.escape_debug())).collect::<Vec<_>>().join(", ")
    };
    let there =
        if known.is_empty() { "this operation has none".to_owned() } else { format!("known are {}", list(known)) };
    Err(Error::invalid(first, format!("query parameter {} is not known; {there}", list(&unknown))))
}
