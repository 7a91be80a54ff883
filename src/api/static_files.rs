//! What a browser gets as it is: the files of `static/`, which the binary carries. Knows nothing of what is registered.

use actix_web::http::header::{CACHE_CONTROL, ETag, EntityTag, X_CONTENT_TYPE_OPTIONS};
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, guard};

use super::http::conditional::is_known;
use crate::domain::Sha256;

/// A file with the paths that it is served at.
struct StaticFile {
    paths: &'static [&'static str],
    media_type: &'static str,
    bytes: &'static [u8],
}

const FILES: [StaticFile; 4] = [
    StaticFile {
        paths: &["/favicon.svg"],
        media_type: "image/svg+xml",
        bytes: include_bytes!("../../static/favicon.svg"),
    },
    // What browsers ask for where no page names an icon, as beside a JSON document.
    StaticFile {
        paths: &["/favicon.ico"],
        media_type: "image/x-icon",
        bytes: include_bytes!("../../static/favicon.ico"),
    },
    StaticFile {
        paths: &["/theme.js"],
        media_type: "text/javascript; charset=utf-8",
        bytes: include_bytes!("../../static/theme.js"),
    },
    // The page of Swagger UI; what it loads comes from the crate.
    StaticFile {
        paths: &["/docs/", "/docs/index.html"],
        media_type: "text/html; charset=utf-8",
        bytes: include_bytes!("../../static/docs.html"),
    },
];

/// A route for each file. They go before those of Swagger UI, which claims every path below `/docs/`.
pub(super) fn routes(service: &mut ServiceConfig) {
    for StaticFile { paths, media_type, bytes } in FILES {
        let tag = EntityTag::new_strong(Sha256::of(bytes).to_string());
        let answer = move |request: HttpRequest| {
            let response = answer(&request, tag.clone(), media_type, bytes);
            async move { response }
        };
        let read = web::route().guard(guard::Any(guard::Get()).or(guard::Head()));
        service.service(web::resource(paths.to_vec()).route(read.to(answer)));
    }
}

/// Browsers keep a file and ask each time whether it is still the same (RFC 9111 §5.2.2.4), because another build has other files
/// at the same paths.
fn answer(request: &HttpRequest, tag: EntityTag, media_type: &'static str, bytes: &'static [u8]) -> HttpResponse {
    let is_known = is_known(request, &tag);
    let mut response = if is_known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response.insert_header((CACHE_CONTROL, "no-cache")).insert_header(ETag(tag));
    if is_known {
        return response.finish();
    }
    response.insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff")).content_type(media_type).body(bytes)
}
