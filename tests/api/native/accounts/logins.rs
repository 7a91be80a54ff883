//! Sessions of browsers: what their cookies may, and how they end. Logging in needs an issuer; the acceptance tests have one.

use actix_web::http::Method;
use modelport::domain::access::{Identity, PrincipalKind, Role, hash_of_text};
use modelport::registry::access::{NewBinding, NewSession, ScopeRef, SubjectRef};
use serde_json::{Value, json};

use crate::api::app::{Answer, TestApp, request};

const SECRET: &str = "what only the browser has";
const MINUTE: i64 = 60_000;

/// Somebody with a session, who may write.
async fn app_with_session() -> (TestApp, String) {
    let (app, bootstrap) = TestApp::with_accounts().await;
    let identity = Identity {
        kind: PrincipalKind::User,
        issuer: "corp".to_owned(),
        subject: "bob".to_owned(),
        display_name: Some("bob".to_owned()),
        email: None,
        groups: vec!["ml-team".to_owned()],
        issued_at: None,
    };
    let new = NewSession { hash: hash_of_text(SECRET), refresh_sealed: None };
    let context = app.registry().own_context();
    app.registry().accounts.begin_session(&context, identity, new).await.unwrap();
    let binding = NewBinding {
        subject: SubjectRef::Group(modelport::domain::access::Group {
            issuer: "corp".to_owned(),
            name: "ml-team".to_owned(),
        }),
        role: Role::Writer,
        scope: ScopeRef::Registry,
        expires_at: None,
    };
    app.by(&bootstrap, "POST", "/principals", json!({"handle": "ops"})).await.expect(201);
    let offline = app
        .registry()
        .context(modelport::domain::Actor::anonymous("test"), modelport::domain::access::Access::unrestricted());
    app.registry().accounts.create_binding(&offline, binding).await.unwrap();
    (app, bootstrap)
}

impl TestApp {
    async fn in_browser(&self, method: Method, path: &str, headers: &[(&'static str, &str)]) -> Answer {
        let cookie = format!("theme=dark; __Host-modelport={SECRET}");
        let sent = request(method, path).insert_header(("Cookie", cookie));
        self.send(headers.iter().fold(sent, |sent, header| sent.insert_header(*header))).await
    }

    /// What only its pages know.
    async fn csrf(&self) -> String {
        self.session().await.expect(200).json()["session"]["csrf"].as_str().unwrap().to_owned()
    }

    async fn session(&self) -> Answer {
        self.in_browser(Method::GET, "/api/v1/whoami", &[]).await
    }
}

#[actix_web::test]
async fn a_page_reads_by_its_cookie_and_changes_with_a_header_besides() {
    let (app, bootstrap) = app_with_session().await;
    let own = app.session().await.expect(200);
    assert_eq!(own.header("cache-control").unwrap(), "private, no-cache");
    let own = own.json();
    assert_eq!(own["principal"]["subject"], "bob");
    let csrf = app.csrf().await;
    assert!(csrf.len() > 40 && csrf != hash_of_text(SECRET), "{csrf}");
    assert_eq!(own["groups"], json!([{"issuer": "corp", "name": "ml-team"}]));
    let file = "/api/v1/models/m/versions/1/files/a";
    for headers in [&[][..], &[("X-Modelport-CSRF", "")], &[("X-Modelport-CSRF", SECRET)]] {
        let refused = app.in_browser(Method::PUT, file, headers).await.expect(403);
        assert!(refused.text().contains("X-Modelport-CSRF"), "{}", refused.text());
    }
    for method in [Method::POST, Method::PATCH, Method::DELETE] {
        app.in_browser(method, "/api/v1/workspaces/default", &[]).await.expect(403);
    }
    let foreign = [("X-Modelport-CSRF", csrf.as_str()), ("Origin", "https://evil.example")];
    app.in_browser(Method::PUT, file, &foreign).await.expect(403);
    app.in_browser(Method::PUT, file, &[("X-Modelport-CSRF", csrf.as_str())]).await.expect(201);
    app.in_browser(Method::GET, file, &[]).await.expect(200);
    app.in_browser(Method::GET, "/api/model_registry/v1/registered_models", &[]).await.expect(200);
    // A token that is there decides.
    let authorization = format!("Bearer {bootstrap}");
    let by_token = app.in_browser(Method::GET, "/api/v1/whoami", &[("Authorization", &authorization)]).await;
    let by_token = by_token.expect(200).json();
    assert_eq!((&by_token["principal"]["handle"], by_token.get("session")), (&json!("bootstrap"), None));
}

#[actix_web::test]
async fn a_session_ends_with_its_logout() {
    let (app, _) = app_with_session().await;
    app.in_browser(Method::POST, "/api/v1/logout", &[]).await.expect(403);
    let csrf = app.csrf().await;
    let ended =
        app.in_browser(Method::POST, "/api/v1/logout", &[("X-Modelport-CSRF", csrf.as_str())]).await.expect(204);
    let forgotten = "__Host-modelport=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Lax";
    assert_eq!(ended.header("set-cookie").unwrap(), forgotten);
    let refused = app.session().await.expect(401);
    assert_eq!(refused.header("set-cookie").unwrap(), forgotten);
    assert!(refused.text().contains("log in again"), "{}", refused.text());
    // Nor does it count for what everybody may do.
    app.get("/api/v1/login").await.expect(200);
}

#[actix_web::test]
async fn a_session_whose_groups_nobody_can_ask_for_ends_within_the_hour() {
    let (app, _) = app_with_session().await;
    app.advance(59 * MINUTE);
    app.session().await.expect(200);
    app.advance(MINUTE);
    app.session().await.expect(401);
}

#[actix_web::test]
async fn a_session_ends_with_its_account() {
    for path in ["", "/logout"] {
        let (app, bootstrap) = app_with_session().await;
        let handle = app.session().await.expect(200).json()["principal"]["handle"].as_str().unwrap().to_owned();
        let (method, body) = if path.is_empty() { ("PATCH", json!({"disabled": true})) } else { ("POST", Value::Null) };
        let changed = app.by(&bootstrap, method, &format!("/principals/{handle}{path}"), body).await;
        assert!(changed.status < 300, "{}", changed.text());
        app.session().await.expect(401);
    }
}

#[actix_web::test]
async fn other_cookies_are_no_sessions() {
    let (app, _) = app_with_session().await;
    let ask = async |cookie: String| {
        let sent = request(Method::GET, "/api/v1/whoami").insert_header(("Cookie", cookie));
        app.send(sent).await.expect(401)
    };
    // Without its prefix anybody in the domain may have set it.
    let none = ask(format!("modelport={SECRET}")).await;
    assert!(none.text().contains("say who you are") && none.header("set-cookie").is_none(), "{}", none.text());
    for wrong in ["", "x", &hash_of_text(SECRET)] {
        assert!(ask(format!("__Host-modelport={wrong}")).await.text().contains("log in again"), "{wrong}");
    }
    ask(format!("__Host-modelport={SECRET}; __Host-modelport=x")).await;
    let edge = request(Method::GET, "/models").insert_header(("Cookie", format!("__Host-modelport={SECRET}")));
    app.send_edge(edge).await.expect(401);
}

#[actix_web::test]
async fn nobody_logs_in_where_no_issuer_is_set_up_for_it() {
    let (with_accounts, _) = TestApp::with_accounts().await;
    for app in [TestApp::new().await, with_accounts] {
        assert_eq!(app.get("/api/v1/login").await.expect(200).json(), json!({"items": []}));
        app.get("/api/v1/login/corp").await.expect(404);
        app.get("/api/v1/login/corp/callback?code=x&state=y&session_state=z").await.expect(404);
        app.get("/api/v1/login/corp?then=/").await.expect(400);
        app.send(request(Method::POST, "/api/v1/login")).await.expect(405);
    }
}
