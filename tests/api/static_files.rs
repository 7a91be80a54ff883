//! What a browser gets as it is: icons, the theme, the page over the documents.

use std::path::Path;

use actix_web::http::Method;

use super::app::{TestApp, request};

const FILES: [(&str, &str, &str); 5] = [
    ("/favicon.svg", "image/svg+xml", "favicon.svg"),
    ("/favicon.ico", "image/x-icon", "favicon.ico"),
    ("/theme.js", "text/javascript; charset=utf-8", "theme.js"),
    ("/docs/", "text/html; charset=utf-8", "docs.html"),
    ("/docs/index.html", "text/html; charset=utf-8", "docs.html"),
];

#[actix_web::test]
async fn files_are_served_as_they_are_and_asked_for_again_each_time() {
    let app = TestApp::new().await;
    for (path, media_type, name) in FILES {
        let bytes = std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("static").join(name)).unwrap();
        let answer = app.get(path).await.expect(200);
        assert_eq!((answer.content_type(), answer.header("cache-control")), (media_type, Some("no-cache")), "{path}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(answer.body, bytes, "{path}");
        let tag = answer.header("etag").unwrap().to_owned();

        let head = app.send(request(Method::HEAD, path)).await.expect(200);
        assert_eq!((head.content_type(), head.header("etag")), (media_type, Some(&*tag)));

        let weak = format!("\"other\", W/{tag}");
        for known in [&*tag, &*weak, "*"] {
            let same = app.send(request(Method::GET, path).insert_header(("if-none-match", known))).await.expect(304);
            assert_eq!((same.header("etag"), same.header("cache-control")), (Some(&*tag), Some("no-cache")));
            assert!(same.body.is_empty());
        }
        app.send(request(Method::GET, path).insert_header(("if-none-match", "\"other\""))).await.expect(200);
        app.send(request(Method::POST, path)).await.expect(405);
    }
}

/// So that a Content-Security-Policy without inline scripts and styles holds.
#[actix_web::test]
async fn the_page_over_the_documents_has_no_script_of_its_own() {
    let app = TestApp::new().await;
    let page = app.get("/docs/").await.expect(200).text();
    let scripts = page.matches("<script").count();
    assert_eq!((scripts, page.matches("<script src=\"./").count()), (3, 3), "{page}");
    assert_eq!(page.matches("></script>").count(), scripts, "{page}");
    for inline in ["<style", " style=", " onload=", " onclick=", "javascript:"] {
        assert!(!page.contains(inline), "`{inline}` in\n{page}");
    }
    assert!(page.contains("href=\"../favicon.svg\""), "{page}");
}
