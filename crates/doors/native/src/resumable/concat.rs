//! The header `Upload-Concat` (tus 1.0, Concatenation).

use actix_web::HttpRequest;

use super::headers::text;
use crate::domain::{Error, Result};
use crate::registry::resumable::{CONCAT, PARTIAL};

/// What an upload is for.
#[derive(Debug, PartialEq, Eq)]
pub enum Concat {
    /// A whole file.
    Whole,
    /// A part of a file.
    Partial,
    /// A file of the parts with these ids, in their order.
    Final(Vec<String>),
}

/// Parses the header. Errors: InvalidArgument for a word that the protocol does not have, and for a part without an id.
pub fn parse(request: &HttpRequest) -> Result<Concat> {
    let Some(value) = text(request, CONCAT)? else { return Ok(Concat::Whole) };
    if value == PARTIAL {
        return Ok(Concat::Partial);
    }
    let parts = value.strip_prefix("final;").ok_or_else(|| {
        let message = format!("`{}` is neither `partial` nor `final;` and the URLs of the parts", value.escape_debug());
        Error::invalid(CONCAT, message)
    })?;
    let parts: Vec<String> = parts.split_ascii_whitespace().map(id).collect::<Result<_>>()?;
    if parts.is_empty() {
        return Err(Error::invalid(CONCAT, "`final;` names no parts"));
    }
    Ok(Concat::Final(parts))
}

/// The id that the URL of an upload ends with. The URL may be absolute or relative, and go through a proxy that puts a path
/// before this server's: only its last two segments count.
fn id(url: &str) -> Result<String> {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let mut segments = path.rsplit('/');
    let (id, collection) = (segments.next().unwrap_or_default(), segments.next());
    // Other clients' lists: the protocol separates by spaces alone.
    if id.is_empty() || url.contains(',') || collection.is_some_and(|collection| !matches!(collection, "uploads" | "."))
    {
        let message = format!("`{}` is not the URL of an upload", url.escape_debug());
        return Err(Error::invalid(CONCAT, message));
    }
    Ok(id.to_owned())
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn said(value: &str) -> Result<Concat> {
        parse(&TestRequest::post().insert_header((CONCAT, value)).to_http_request())
    }

    #[test]
    fn parts_are_named_by_their_urls() {
        assert_eq!(parse(&TestRequest::post().to_http_request()).unwrap(), Concat::Whole);
        assert_eq!(said("partial").unwrap(), Concat::Partial);
        let ids = |ids: &[&str]| Concat::Final(ids.iter().map(|id| (*id).to_owned()).collect());
        assert_eq!(said("final;/api/v1/uploads/a /api/v1/uploads/b").unwrap(), ids(&["a", "b"]));
        assert_eq!(said("final;https://host/registry/api/v1/uploads/a").unwrap(), ids(&["a"]));
        assert_eq!(said("final; uploads/a  ./b c").unwrap(), ids(&["a", "b", "c"]));
    }

    #[test]
    fn what_the_protocol_does_not_say_is_refused() {
        for value in [
            "",
            "Partial",
            "partial;",
            "final",
            "final;",
            "final; ",
            "final;/api/v1/uploads/",
            "final;/files/a",
            "final;uploads/a,uploads/b",
        ] {
            assert_eq!(said(value).unwrap_err().field(), Some(CONCAT), "{value}");
        }
    }
}
