//! Answers of lists: as JSON, or, where the client asks for it, each item as a line of JSON or as a row of a table.

use actix_web::http::header::{Accept, Header as _, HeaderName, HeaderValue, Quality, VARY};
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;

use super::csv::{Table, csv};
use crate::domain::{Error, Result};
use crate::http::conditional::unless_same;

const JSON: &str = "application/json";

/// The media type of lines of JSON.
const LINES: &str = "application/x-ndjson";

/// That of comma-separated values, RFC 4180.
const CSV: &str = "text/csv";

/// The same, as answers say it.
const TABLE: &str = "text/csv; charset=utf-8; header=present";

/// What continues a list that has no member for it.
const NEXT: &str = "modelport-next";

/// An answer in JSON with a weak ETag of what it says, or 304 where the client has it.
pub fn json(request: &HttpRequest, shown: &impl Serialize) -> Result<HttpResponse> {
    let body = serde_json::to_vec(shown).map_err(no_json)?;
    Ok(unless_same(request, JSON, body, ""))
}

/// A page of a list in the form that the client asks for: `list`, or its items alone, with what continues the list in a header.
pub fn page<T: Serialize + Table>(
    request: &HttpRequest,
    list: &impl Serialize,
    items: &[T],
    next: &str,
) -> Result<HttpResponse> {
    let mut response = match wanted(request) {
        Form::Json => json(request, list)?,
        Form::Lines => continued(unless_same(request, LINES, lines(items)?, next), next)?,
        Form::Csv => continued(unless_same(request, TABLE, csv(items).into_bytes(), next), next)?,
    };
    response.headers_mut().append(VARY, HeaderValue::from_static("accept"));
    Ok(response)
}

fn continued(mut response: HttpResponse, next: &str) -> Result<HttpResponse> {
    if !next.is_empty() {
        let broken = |error| Error::internal("what continues a list is no header").caused_by(error);
        response.headers_mut().insert(HeaderName::from_static(NEXT), HeaderValue::from_str(next).map_err(broken)?);
    }
    Ok(response)
}

/// How a page of a list is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Json,
    Lines,
    Csv,
}

/// The form that the client likes best, the first of several; JSON where it names none of them.
fn wanted(request: &HttpRequest) -> Form {
    let Ok(accept) = Accept::parse(request) else { return Form::Json };
    let mut best: Option<(Quality, Form)> = None;
    for each in accept.iter().filter(|each| each.quality > Quality::ZERO) {
        let form = match each.item.essence_str() {
            JSON | "application/*" | "*/*" => Form::Json,
            LINES => Form::Lines,
            CSV | "text/*" => Form::Csv,
            _ => continue,
        };
        if best.is_none_or(|(quality, _)| each.quality > quality) {
            best = Some((each.quality, form));
        }
    }
    best.map_or(Form::Json, |(_, form)| form)
}

fn lines(items: &[impl Serialize]) -> Result<Vec<u8>> {
    let mut lines = Vec::new();
    for item in items {
        serde_json::to_writer(&mut lines, item).map_err(no_json)?;
        lines.push(b'\n');
    }
    Ok(lines)
}

fn no_json(error: serde_json::Error) -> Error {
    Error::internal("an answer is no JSON").caused_by(error)
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn the_form_is_the_one_that_is_liked_best() {
        for (accept, form) in [
            ("application/json", Form::Json),
            ("*/*", Form::Json),
            ("text/csv", Form::Csv),
            ("TEXT/CSV; header=present", Form::Csv),
            ("text/*", Form::Csv),
            ("application/x-ndjson", Form::Lines),
            ("text/csv, application/x-ndjson", Form::Csv),
            ("text/csv;q=0.5, application/x-ndjson;q=0.6", Form::Lines),
            ("application/x-ndjson, */*;q=0.1", Form::Lines),
            ("text/csv;q=0", Form::Json),
            ("text/html, image/png", Form::Json),
            ("text/html,application/xhtml+xml,*/*;q=0.8", Form::Json),
            ("", Form::Json),
            ("?", Form::Json),
        ] {
            let request = TestRequest::default().insert_header(("Accept", accept)).to_http_request();
            assert_eq!(wanted(&request), form, "{accept}");
        }
        assert_eq!(wanted(&TestRequest::default().to_http_request()), Form::Json);
    }
}
