//! What is refused, and which member or parameter the answer names.

use insta::assert_snapshot;

use crate::api::app::TestApp;
use crate::api::native::transcript;

#[actix_web::test]
async fn bodies_that_are_refused() {
    let app = TestApp::new().await;
    let mut transcript = transcript(&app);
    let long = format!("{{\"slug\":\"{}\"}}", "x".repeat(64));
    let title = format!("{{\"slug\":\"a\",\"title\":\"{}\"}}", "x".repeat(257));
    for (method, path, bodies) in [
        (
            "POST",
            "/workspaces",
            &[
                "",
                "[]",
                "{}",
                "{\"slug\":1}",
                "{\"slug\":\"A\"}",
                "{\"slug\":\"a\\u0000\"}",
                "{\"slug\":\"\u{fc}\"}",
                &long,
                &title,
                "{\"slug\":\"a\",\"ownerRole\":\"king\"}",
                "{\"slug\":\"a\",\"colour\":\"red\"}",
            ][..],
        ),
        ("PATCH", "/workspaces/default", &["[]", "{\"ownerRole\":\"king\"}", "{\"archived\":1}", "{\"slug\":\"b\"}"]),
        (
            "POST",
            "/principals",
            &[
                "{}",
                "{\"handle\":\"\"}",
                "{\"handle\":\"7\"}",
                "{\"handle\":\"a b\"}",
                "{\"handle\":\"a\",\"workspace\":\"A\"}",
                "{\"handle\":\"a\",\"displayName\":\"a\\u0000\"}",
                "{\"handle\":\"a\",\"email\":\"a@b\"}",
            ],
        ),
        (
            "POST",
            "/bindings",
            &[
                "{}",
                "{\"subject\":{},\"role\":\"reader\"}",
                "{\"subject\":{\"all\":\"some\"},\"role\":\"reader\"}",
                "{\"subject\":{\"all\":\"everyone\",\"principal\":\"a\"},\"role\":\"reader\"}",
                "{\"subject\":{\"all\":\"everyone\"},\"role\":\"king\"}",
                "{\"subject\":{\"all\":\"everyone\"},\"role\":\"admin\"}",
                "{\"subject\":{\"all\":\"everyone\"},\"role\":\"reader\",\"scope\":{\"workspace\":\"a\",\"root\":\"1\"}}",
                "{\"subject\":{\"all\":\"everyone\"},\"role\":\"reader\",\"scope\":{\"root\":\"x\"}}",
                "{\"subject\":{\"all\":\"everyone\"},\"role\":\"reader\",\"expiresAt\":1}",
                "{\"subject\":{\"group\":{\"issuer\":\"\",\"name\":\"g\"}},\"role\":\"reader\"}",
                "{\"subject\":{\"principal\":\"A B\"},\"role\":\"reader\"}",
                "{\"subject\":{\"principal\":\"nobody\"},\"role\":\"reader\"}",
            ],
        ),
        (
            "POST",
            "/tokens",
            &[
                "{}",
                "{\"name\":\"\",\"owner\":\"ci\"}",
                "{\"name\":\"t\",\"owner\":\"A\"}",
                "{\"name\":\"t\",\"role\":\"reader\",\"permissions\":[\"see\"]}",
                "{\"name\":\"t\",\"permissions\":[\"fly\"]}",
                "{\"name\":\"t\",\"permissions\":[]}",
                "{\"name\":\"t\",\"roots\":[\"x\"]}",
                "{\"name\":\"t\",\"workspaces\":[\"A\"]}",
                "{\"name\":\"t\",\"workspaces\":[]}",
                "{\"name\":\"t\",\"owner\":\"nobody\"}",
            ],
        ),
        ("POST", "/tokens/x/rotate", &["{}"]),
        ("POST", "/tokens/1/rotate", &["{\"graceSeconds\":-1}", "{\"graceSeconds\":99999999}", "{}"]),
    ] {
        for body in bodies {
            let answer = transcript.raw(method, path, body).await;
            assert!([400, 404].contains(&answer.status), "{method} {path} {body}: {}", answer.text());
        }
    }
    assert_eq!(app.lines("SELECT CAST(count(*) AS TEXT) AS line FROM audit"), ["0"]);
    assert_snapshot!(transcript);
}

#[actix_web::test]
async fn parameters_that_are_refused() {
    let app = TestApp::new().await;
    let mut transcript = transcript(&app);
    for path in [
        "/workspaces?size=3",
        "/workspaces?pageSize=0",
        "/workspaces?nextPageToken=x",
        "/workspaces/A",
        "/workspaces/a%00",
        "/principals?kind=dog",
        "/principals?workspace=A",
        "/principals/A",
        "/principals/%00",
        "/bindings?principal=A",
        "/bindings?group=g",
        "/bindings?group=a:b%00",
        "/bindings?all=some",
        "/bindings?principal=a&all=everyone",
        "/bindings?workspace=a&root=1",
        "/bindings?scope=world",
        "/bindings?scope=registry&root=1",
        "/bindings?root=x",
        "/bindings/x",
        "/bindings/0",
        "/bindings/99999999999999999999",
        "/tokens?owner=A",
        "/whoami?verbose=true",
        "/access/explain?group=a:b",
        "/access/explain?root=x",
        "/access/explain?workspace=a&root=1",
        "/access/explain?principal=A",
        "/access/who",
        "/access/who?root=x",
        "/audit?root=x",
        "/audit?principal=A",
        "/audit?workspace=A",
        "/audit?action=fly",
        "/audit?outcome=good",
        "/audit?from=yesterday",
        "/audit?nextPageToken=x",
        "/audit?limit=3",
        "/audit/export?pageSize=3",
        "/audit/export?action=fly",
    ] {
        transcript.get(path).await.expect(400);
    }
    for path in [
        "/workspaces/none",
        "/principals/none",
        "/principals/99",
        "/bindings/99",
        "/access/explain?root=99",
        "/access/explain?workspace=none",
        "/access/who?root=99",
        "/tokens?owner=none",
        "/bindings?principal=none",
        "/audit?workspace=none",
        "/audit?principal=none",
    ] {
        transcript.get(path).await.expect(404);
    }
    assert_snapshot!(transcript);
}
