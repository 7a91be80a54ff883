//! Settings as administrators are shown them.

use modelport::config::Settings;
use serde_json::{Value, json};

use super::{env, folder, with_file};

/// Every setting that is a secret, or a location that may have one in it.
const FILE: &str = r#"
[database]
url = "postgres://models:needle-1@db.example.org/models?sslpassword=needle-2"
[artifacts]
store = "s3://bucket/models?endpoint=http://id:needle-3@s3.example.org:9000"
access_key = "AKIA"
secret_key = "needle-4"
[auth]
mode = "on"
bootstrap_token = "needle-5, which has thirty-two characters or more"
keys = ["needle-6, which has thirty-two characters or more"]
[auth.issuers.corp]
url = "https://idp.example.org/"
audiences = ["modelport"]
client_id = "cli"
browser_client_id = "ui"
browser_client_secret = "needle-7"
[auth.proxy]
peers = ["10.0.0.7"]
secret = "needle-8, which has thirty-two characters or more"
[geti]
url = "https://geti.example.org"
token = "needle-9"
[geti.servers.other]
url = "https://other.example.org"
token = "needle-10"
[imports.mlflow.old]
url = "https://mlflow.example.org"
username = "models"
token = "needle-11"
"#;

#[test]
fn no_secret_is_among_them() {
    let folder = folder([("m.toml", FILE)]);
    let settings = Settings::load(&with_file(folder.path().join("m.toml")), env([])).unwrap();
    let shown = settings.redacted_json().unwrap();
    assert!(!shown.to_string().contains("needle"), "{shown}");
    // Each of them is there, as it is printed, and what is no secret is whole.
    let printed: Value = serde_json::to_value(settings.redacted().unwrap().parse::<toml::Table>().unwrap()).unwrap();
    assert_eq!(shown, printed);
    for secret in [
        "/artifacts/secret_key",
        "/auth/bootstrap_token",
        "/auth/issuers/corp/browser_client_secret",
        "/auth/proxy/secret",
        "/geti/token",
        "/geti/servers/other/token",
        "/imports/mlflow/old/token",
    ] {
        assert_eq!(shown.pointer(secret), Some(&json!("***")), "{secret}");
    }
    assert_eq!(shown.pointer("/imports/mlflow/old/username"), Some(&json!("models")));
    assert_eq!(shown.pointer("/database/url").unwrap().as_str().unwrap().matches("***").count(), 2);
}
