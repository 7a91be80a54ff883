//! The settings of the clients by which people log in with a browser.

use super::auth;

#[test]
fn how_people_log_in_with_a_browser_has_to_fit_together() {
    let lines = |settings: &str| {
        let issuer = "[auth]\nmode = \"on\"\n[auth.issuers.corp]\nurl = \"https://idp.example\"\naudiences = \"a\"\n";
        auth(&format!("{issuer}{settings}"), []).err().unwrap_or_default().join("\n")
    };
    let good = "browser_client_id = \"ui\"\nbrowser_client_secret_file = \"/run/secrets/ui\"\n";
    assert_eq!(lines(good), "");
    for (settings, problem) in [
        ("browser_client_secret = \"hunter2\"\n", "`auth.issuers.corp.browser_client_id` is empty"),
        (&format!("{good}browser_client_secret = \"hunter2\"\n"), "are both there"),
        (&format!("{good}browser_scopes = \"profile\"\n"), "has no `openid`"),
        (&format!("{good}kind = \"kubernetes\"\n"), "nobody logs in by an issuer of kind `kubernetes`"),
        (&format!("{good}browser_client_secret = [\"hunter2\"]\n"), "`auth.issuers.corp.browser_client_secret`"),
        ("[auth.sessions]\nidle_seconds = 0\n", "`auth.sessions.idle_seconds`"),
    ] {
        let found = lines(settings);
        assert!(found.contains(problem) && !found.contains("hunter2"), "{settings}: {found}");
    }
}

#[test]
fn the_secret_of_a_client_is_not_shown() {
    let text = "[auth]\nmode = \"on\"\n[auth.issuers.corp]\nurl = \"https://idp.example\"\naudiences = \"a\"\n\
                browser_client_id = \"ui\"\nbrowser_client_secret = \"hunter2\"\n";
    let auth = auth(text, []).unwrap();
    assert_eq!(auth.issuers["corp"].browser_client_secret.expose(), "hunter2");
    assert!(!format!("{auth:?}{}", toml::to_string(&auth).unwrap()).contains("hunter2"));
}
