//! Conditional and partial requests on files (RFC 9110 §13, §14). A file's ETag is its digest.

use actix_web::http::header::{
    ByteRangeSpec, ETAG, EntityTag, Header as _, IfMatch, IfNoneMatch, IfRange, RANGE, Range,
};
use actix_web::{HttpMessage, HttpRequest, HttpResponse};
use serde::Serialize;

use crate::domain::{Error, File, Result, Sha256};
use crate::registry::conditions::{Conditions, Tags};
use crate::registry::target::Precondition;

/// The strong ETag of a file.
pub fn etag(file: &File) -> EntityTag {
    EntityTag::new_strong(file.blob.sha256.to_string())
}

/// The precondition on the current file, of a request that replaces or removes it.
pub fn precondition(request: &HttpRequest) -> Result<Precondition> {
    if !request.headers().contains_key("if-none-match") {
        return if_match(request);
    }
    match IfNoneMatch::parse(request) {
        Ok(IfNoneMatch::Any) => Ok(Precondition::Absent),
        Ok(IfNoneMatch::Items(_)) => Err(Error::invalid("If-None-Match", "only `If-None-Match: *` is supported here")),
        Err(_) => Err(invalid_entity_tags("If-None-Match")),
    }
}

/// The precondition of `If-Match` on the current file.
pub fn if_match(request: &HttpRequest) -> Result<Precondition> {
    if !request.headers().contains_key("if-match") {
        return Ok(Precondition::None);
    }
    match IfMatch::parse(request) {
        Ok(IfMatch::Any) => Ok(Precondition::Exists),
        // A tag that no file can have matches none.
        Ok(IfMatch::Items(tags)) => Ok(Precondition::Is(tags.iter().filter_map(digest).collect())),
        Err(_) => Err(invalid_entity_tags("If-Match")),
    }
}

/// The preconditions on any resource. `If-Match` compares strongly, `If-None-Match` weakly.
pub fn conditions(request: &HttpRequest) -> Result<Conditions> {
    let has = |name: &str| request.headers().contains_key(name);
    let texts = |tags: Vec<EntityTag>| tags.into_iter().map(|tag| tag.tag().to_owned()).collect();
    let if_match = match has("if-match").then(|| IfMatch::parse(request)) {
        None => None,
        Some(Ok(IfMatch::Any)) => Some(Tags::Any),
        Some(Ok(IfMatch::Items(mut tags))) => {
            tags.retain(|tag| !tag.weak);
            Some(Tags::OneOf(texts(tags)))
        }
        Some(Err(_)) => return Err(invalid_entity_tags("If-Match")),
    };
    let if_none_match = match has("if-none-match").then(|| IfNoneMatch::parse(request)) {
        None => None,
        Some(Ok(IfNoneMatch::Any)) => Some(Tags::Any),
        Some(Ok(IfNoneMatch::Items(tags))) => Some(Tags::OneOf(texts(tags))),
        Some(Err(_)) => return Err(invalid_entity_tags("If-None-Match")),
    };
    Ok(Conditions { if_match, if_none_match })
}

/// A response with the resource and its ETag.
pub fn with_etag(tag: String, shown: &impl Serialize) -> HttpResponse {
    HttpResponse::Ok().insert_header((ETAG, EntityTag::new_strong(tag))).json(shown)
}

/// The same, or 304 where the client has it already.
pub fn unless_known(request: &HttpRequest, tag: String, shown: &impl Serialize) -> HttpResponse {
    let current = EntityTag::new_strong(tag.clone());
    if is_known(request, &current) {
        return HttpResponse::NotModified().insert_header((ETAG, current)).finish();
    }
    with_etag(tag, shown)
}

/// A response with this body, or 304 where the client has it already. Its ETag is made of the body and of what a header says `besides`; weak,
/// because the same state may be written in other bytes another time.
pub fn unless_same(request: &HttpRequest, media_type: &str, body: Vec<u8>, besides: &str) -> HttpResponse {
    let (body_says, header_says) = (Sha256::of(&body), Sha256::of(besides.as_bytes()));
    let says = [body_says.as_bytes().as_slice(), header_says.as_bytes()].concat();
    let current = EntityTag::new_weak(Sha256::of(&says).to_string());
    if is_known(request, &current) {
        return HttpResponse::NotModified().insert_header((ETAG, current)).finish();
    }
    HttpResponse::Ok().insert_header((ETAG, current)).content_type(media_type).body(body)
}

fn invalid_entity_tags(name: &str) -> Error {
    Error::invalid(name, format!("`{name}` is not a list of entity tags"))
}

fn digest(tag: &EntityTag) -> Option<Sha256> {
    if tag.weak { None } else { tag.tag().parse().ok() }
}

/// Whether `If-None-Match` says that the client already has the representation with that tag, so that the answer is
/// 304.
pub fn is_known(request: &HttpRequest, tag: &EntityTag) -> bool {
    match request.get_header::<IfNoneMatch>() {
        Some(IfNoneMatch::Any) => true,
        Some(IfNoneMatch::Items(known)) => known.iter().any(|known| known.weak_eq(tag)),
        None => false,
    }
}

/// The response to a GET of a file.
#[derive(Debug, PartialEq, Eq)]
pub enum Selected {
    /// All of it: 200.
    Whole,
    /// These bytes, first and last included: 206.
    Part(u64, u64),
    /// None of it: 416.
    Unsatisfiable,
    /// The caller has it already: 304.
    NotModified,
}

/// Evaluates the conditions and the range of a GET.
///
/// A range that cannot be read, or several ranges, are answered with the whole file, as the RFC allows.
pub fn select(request: &HttpRequest, file: &File) -> Selected {
    let current = etag(file);
    if is_known(request, &current) {
        return Selected::NotModified;
    }
    if !request.headers().contains_key(RANGE) {
        return Selected::Whole;
    }
    if request.headers().contains_key("if-range") {
        match request.get_header::<IfRange>() {
            Some(IfRange::EntityTag(tag)) if tag.strong_eq(&current) => {}
            _ => return Selected::Whole,
        }
    }
    let Some(Range::Bytes(ranges)) = request.get_header::<Range>() else { return Selected::Whole };
    match ranges.as_slice() {
        [ByteRangeSpec::FromTo(first, last)] if first > last => Selected::Whole,
        [only] => match only.to_satisfiable_range(file.blob.size) {
            Some((first, last)) => Selected::Part(first, last),
            None => Selected::Unsatisfiable,
        },
        _ => Selected::Whole,
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;
    use crate::domain::{Blob, NodeId};

    fn file(size: u64) -> File {
        File {
            node_id: NodeId(1),
            path: "a".parse().unwrap(),
            media_type: String::new(),
            created_at: 0,
            quarantine: None,
            blob: Blob { id: 1, sha256: Sha256::from_bytes([1; 32]), size, key: String::new() },
        }
    }

    fn selected(size: u64, headers: &[(&str, &str)]) -> Selected {
        let request = headers.iter().fold(TestRequest::get(), |request, header| request.insert_header(*header));
        select(&request.to_http_request(), &file(size))
    }

    #[test]
    fn ranges_are_read_as_the_rfc_says() {
        for (size, range, expected) in [
            (10, "bytes=0-4", Selected::Part(0, 4)),
            (10, "bytes=5-", Selected::Part(5, 9)),
            (10, "bytes=-3", Selected::Part(7, 9)),
            (10, "bytes=-30", Selected::Part(0, 9)),
            (10, "bytes=9-99", Selected::Part(9, 9)),
            (10, "bytes=10-", Selected::Unsatisfiable),
            (10, "bytes=-0", Selected::Unsatisfiable),
            (0, "bytes=0-0", Selected::Unsatisfiable),
            (10, "bytes=4-2", Selected::Whole),
            (10, "bytes=0-1,3-4", Selected::Whole),
            (10, "bytes=a-b", Selected::Whole),
            (10, "items=0-1", Selected::Whole),
        ] {
            assert_eq!(selected(size, &[("range", range)]), expected, "{range} of {size}");
        }
    }

    #[test]
    fn if_range_and_if_none_match_compare_with_the_digest() {
        let current = format!("\"{}\"", Sha256::from_bytes([1; 32]));
        let range = ("range", "bytes=0-0");
        assert_eq!(selected(9, &[range, ("if-range", &current)]), Selected::Part(0, 0));
        assert_eq!(selected(9, &[range, ("if-range", &format!("W/{current}"))]), Selected::Whole);
        assert_eq!(selected(9, &[range, ("if-range", "\"other\"")]), Selected::Whole);
        assert_eq!(selected(9, &[range, ("if-none-match", &current)]), Selected::NotModified);
        assert_eq!(selected(9, &[("if-none-match", "*")]), Selected::NotModified);
        assert_eq!(selected(9, &[("if-none-match", "\"other\"")]), Selected::Whole);
    }
}
