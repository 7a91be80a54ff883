//! Settings from all layers, right and wrong ones, through the library and through the command.

mod browser_clients;
mod mlflow_pages;
mod shown;
mod tls;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Command, Output};

use modelport::config::{Listen, LogFormat, Settings, SettingsArgs};
use tempfile::TempDir;

/// A folder with files of the given names and texts.
fn folder<const N: usize>(files: [(&str, &str); N]) -> TempDir {
    let folder = TempDir::new().unwrap();
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

fn env<const N: usize>(variables: [(&str, &str); N]) -> Vec<(OsString, OsString)> {
    variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect()
}

fn with_file(path: PathBuf) -> SettingsArgs {
    SettingsArgs { config: Some(path), ..SettingsArgs::default() }
}

fn problems<const N: usize>(args: &SettingsArgs, variables: [(&str, &str); N]) -> Vec<String> {
    Settings::load(args, env(variables)).unwrap_err().lines().to_vec()
}

#[test]
fn later_layers_win() {
    let folder = folder([("m.toml", "[server]\nworkers = 2\njson_limit_bytes = 10\n[data]\ndir = \"/file\"\n")]);
    let args = SettingsArgs { data_dir: Some("/flag".to_owned()), ..with_file(folder.path().join("m.toml")) };
    let variables = [
        ("MODELPORT__DATA__DIR", "/env"),
        ("MODELPORT__SERVER__JSON_LIMIT_BYTES", "20"),
        ("MODELPORT__SERVER__LISTEN", "[::]:9000"),
        ("MODELPORT__SERVER__GRPC_LISTEN", "none"),
        ("MODELPORT__DATABASE__MIGRATE_ON_START", "true"),
        ("MODELPORT__LOG__FORMAT", "json"),
        ("MODELPORT_PORT", "ignored"),
    ];
    let settings = Settings::load(&args, env(variables)).unwrap();
    assert_eq!(settings.server.workers, 2);
    assert_eq!(settings.server.json_limit_bytes.get(), 20);
    assert_eq!(settings.server.listen, Listen::At("[::]:9000".parse().unwrap()));
    assert_eq!(settings.server.grpc_listen, Listen::Off);
    assert!(settings.server.public_url.is_empty());
    assert_eq!(settings.database.url.as_str(), "sqlite:///flag/modelport.db");
    assert_eq!(settings.log.format, LogFormat::Json);
    assert!(settings.database.migrate_on_start);
}

#[test]
fn a_public_url_is_only_what_was_set() {
    for listen in ["127.0.0.1:0", "none", "0.0.0.0:8080", "127.0.0.1:8080"] {
        let args = SettingsArgs { listen: Some(listen.to_owned()), ..SettingsArgs::default() };
        assert!(Settings::load(&args, []).unwrap().server.public_url.is_empty());
    }
    let variables = env([("MODELPORT__SERVER__PUBLIC_URL", "https://models.example.org/registry/")]);
    let settings = Settings::load(&SettingsArgs::default(), variables).unwrap();
    assert_eq!(settings.server.public_url.as_str(), "https://models.example.org/registry");
}

#[test]
fn a_secret_may_come_from_a_file() {
    let folder = folder([("url", "postgres://u:12345@h/db\n")]);
    let path = folder.path().join("url").to_str().unwrap().to_owned();
    let settings =
        Settings::load(&SettingsArgs::default(), env([("MODELPORT__DATABASE__URL__FILE", path.as_str())])).unwrap();
    assert_eq!(settings.database.url.as_str(), "postgres://u:12345@h/db");

    let twice = [("MODELPORT__DATABASE__URL__FILE", path.as_str()), ("MODELPORT__DATABASE__URL", "sqlite://x")];
    let lines = problems(&SettingsArgs::default(), twice);
    assert_eq!(lines, ["variables `MODELPORT__DATABASE__URL` and `MODELPORT__DATABASE__URL__FILE` are both set"]);
}

#[test]
fn all_problems_are_listed_at_once() {
    let file = "[server]\nworkers = \"many\"\nlisten = 80\nworker = 3\n[database]\npool_size = 0\n[extra]\n";
    let folder = folder([("m.toml", file)]);
    let path = folder.path().join("m.toml");
    let args = SettingsArgs { artifact_store: Some("gs://bucket".to_owned()), ..with_file(path.clone()) };
    let variables = [
        ("MODELPORT__DATABASE__URL", "mysql://root:hunter2@h/db"),
        ("MODELPORT__DATABASE__PASSWORD", "hunter2"),
        ("MODELPORT__LOG__LEVEL", "info,access=loud"),
        ("MODELPORT__LOG__FORMAT", "xml"),
        ("MODELPORT__SERVER__PUBLIC_URL", "models.example.org"),
        ("MODELPORT__COLLECTOR__GRACE_SECONDS__FILE", "/nowhere/grace"),
    ];
    let lines = problems(&args, variables).join("\n").replace(path.to_str().unwrap(), "m.toml");
    insta::assert_snapshot!(lines);
}

#[test]
fn a_file_that_cannot_be_used_is_named_without_its_text() {
    let folder = folder([("m.toml", "[database]\nurl = \"postgres://u:hunter2@h/db\n")]);
    let path = folder.path().join("m.toml");
    let lines = problems(&with_file(path.clone()), []);
    assert_eq!(lines.len(), 1);
    assert!(lines[0].starts_with(&format!("file `{}` is not TOML, line 2: ", path.display())), "{lines:?}");
    assert!(!lines[0].contains("hunter2"));

    let lines = problems(&with_file(folder.path().join("none.toml")), []);
    assert!(lines[0].contains("none.toml` cannot be read"), "{lines:?}");
}

/// The variables of a set-up of Intel's edge model registry.
const OLD: [(&str, &str); 11] = [
    ("SERVER_PORT", "32002"),
    ("SERVER_IP_ADDRESS", "0.0.0.0"),
    ("ENABLE_HTTPS_MODE", "false"),
    ("MINIO_HOSTNAME", "minio"),
    ("MINIO_SERVER_PORT", "8000"),
    ("MINIO_ACCESS_KEY", "user"),
    ("MINIO_SECRET_KEY", "hunter2"),
    ("MINIO_BUCKET_NAME", "model-registry"),
    ("MLFLOW_S3_ENDPOINT_URL", "http://minio:8000"),
    ("MLFLOW_TRACKING_URI", "postgresql+psycopg2://u:hunter2@db:5432/models"),
    ("MIN_LOG_LEVEL", "WARNING"),
];

#[test]
fn the_edge_registry_s_variables_stand_right_above_the_defaults() {
    let settings = Settings::load(&SettingsArgs::default(), env(OLD)).unwrap();
    insta::assert_snapshot!("edge_variables", settings.redacted().unwrap());
    assert_eq!(settings.artifacts.secret_key.expose(), "hunter2");
    assert_eq!(settings.database.url.as_str(), "postgres://u:hunter2@db:5432/models");
    assert!(!format!("{settings:?}").contains("hunter2"));

    let ours = [("MODELPORT__DATABASE__URL", "sqlite://x"), ("MODELPORT__SERVER__EDGE_LISTEN", "none")];
    let settings = Settings::load(&SettingsArgs::default(), env(OLD).into_iter().chain(env(ours))).unwrap();
    assert_eq!((settings.database.url.as_str(), settings.server.edge_listen), ("sqlite://x", Listen::Off));

    let lines = problems(&SettingsArgs::default(), [("SERVER_PORT", "many"), ("MINIO_HOSTNAME", "h")]);
    insta::assert_snapshot!("edge_variables_that_are_wrong", lines.join("\n"));
}

fn modelport(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_modelport"));
    command.args(arguments).env_clear().output().unwrap()
}

#[test]
fn config_print_shows_effective_values_without_secrets() {
    let output = modelport(&["config", "print", "--database-url", "postgres://u:hunter2@h/db", "--data-dir", "/d"]);
    assert!(output.status.success());
    insta::assert_snapshot!(String::from_utf8(output.stdout).unwrap());
}

#[test]
fn what_config_print_shows_is_a_settings_file() {
    let printed = modelport(&["config", "print"]).stdout;
    let folder = folder([("m.toml", std::str::from_utf8(&printed).unwrap())]);
    let path = folder.path().join("m.toml");
    assert_eq!(modelport(&["config", "print", "--config", path.to_str().unwrap()]).stdout, printed);
}

#[test]
fn wrong_settings_stop_every_command() {
    for command in [["config", "print"].as_slice(), &["healthcheck"]] {
        let output = modelport(&[command, &["--listen", "here"]].concat());
        assert_eq!(output.status.code(), Some(1));
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(error.starts_with("modelport: wrong settings\n  `server.listen` is `here` (flags): "), "{error}");
    }
}

/// The keys of the listeners that a server would not start with.
fn exposed<const N: usize>(args: &SettingsArgs, variables: [(&str, &str); N]) -> Vec<String> {
    let lines = Settings::load_to_serve(args, env(variables), modelport::runtime::tls_problems)
        .map_err(|problems| problems.lines().to_vec());
    let key = |line: String| line.split('`').nth(1).unwrap().to_owned();
    lines.err().unwrap_or_default().into_iter().map(key).collect()
}

#[test]
fn a_listener_that_other_machines_reach_has_to_be_meant() {
    let plain = SettingsArgs::default();
    for (listen, is_exposed) in [
        ("0.0.0.0:8080", true),
        ("[::]:8080", true),
        ("10.1.2.3:8080", true),
        ("[::ffff:10.1.2.3]:8080", true),
        ("127.0.0.1:8080", false),
        ("127.8.9.10:0", false),
        ("[::1]:8080", false),
        ("[::ffff:127.0.0.1]:8080", false),
        ("none", false),
    ] {
        for key in ["LISTEN", "GRPC_LISTEN", "EDGE_LISTEN"] {
            let name = format!("MODELPORT__SERVER__{key}");
            let set = (name.as_str(), listen);
            let expected = if is_exposed { vec![format!("server.{}", key.to_lowercase())] } else { vec![] };
            assert_eq!(exposed(&plain, [set]), expected, "{listen}");
            assert!(exposed(&plain, [set, ("MODELPORT__AUTH__ALLOW_ANYBODY", "true")]).is_empty());
            assert!(exposed(&SettingsArgs { allow_anybody: true, ..plain.clone() }, [set]).is_empty());
            assert_eq!(exposed(&plain, [set, ("MODELPORT__AUTH__ALLOW_ANYBODY", "false")]), expected);
            // Commands that do not listen do not mind.
            Settings::load(&plain, env([set])).unwrap();
        }
    }
    let folder = folder([("m.toml", "[server]\nlisten = \"0.0.0.0:1\"\n[auth]\nallow_anybody = true\n")]);
    assert!(exposed(&with_file(folder.path().join("m.toml")), []).is_empty());
}

#[test]
fn exposed_listeners_are_named_among_all_other_problems() {
    let args = SettingsArgs { listen: Some("0.0.0.0:80".to_owned()), ..SettingsArgs::default() };
    let variables = [
        ("MODELPORT__SERVER__GRPC_LISTEN", "[::]:90"),
        ("MODELPORT__SERVER__EDGE_LISTEN", "anywhere"),
        ("MODELPORT__SERVER__ALLOWED_HOSTS", "models.example.org:443"),
        ("MODELPORT__AUTH__ALLOW_ANYBODY", "perhaps"),
        ("MODELPORT__SERVER__WORKERS", "many"),
    ];
    let expected = [
        "auth.allow_anybody",
        "server.allowed_hosts",
        "server.edge_listen",
        "server.workers",
        "server.listen",
        "server.grpc_listen",
    ];
    assert_eq!(exposed(&args, variables), expected);
}

#[test]
fn a_server_refuses_to_listen_to_anybody() {
    let output = modelport(&["serve", "--listen", "0.0.0.0:0", "--grpc-listen", "none", "--edge-listen", "none"]);
    assert_eq!(output.status.code(), Some(1));
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.starts_with("modelport: wrong settings\n  `server.listen` is `0.0.0.0:0`, which is not"), "{error}");
    assert!(error.contains("--allow-anybody"), "{error}");
}

#[test]
fn with_every_listener_switched_off_there_is_nothing_to_serve() {
    let output = modelport(&["serve", "--listen", "none", "--grpc-listen", "none", "--edge-listen", "none"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains("every listener is switched off"));
}

#[test]
fn version_and_an_unanswered_healthcheck() {
    let version = String::from_utf8(modelport(&["--version"]).stdout).unwrap();
    assert_eq!(version, format!("modelport {}\n", env!("CARGO_PKG_VERSION")));

    let unused = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let output = modelport(&["healthcheck", "--listen", &unused]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains("does not answer"));
}

/// The settings of authentication in a file, with further variables.
fn auth<const N: usize>(file: &str, variables: [(&str, &str); N]) -> Result<modelport::config::Auth, Vec<String>> {
    let folder = folder([("m.toml", file)]);
    let settings = Settings::load(&with_file(folder.path().join("m.toml")), env(variables));
    settings.map(|settings| settings.auth).map_err(|problems| problems.lines().to_vec())
}

const ISSUERS: &str = r#"
[auth]
mode = "on"
admins = ["corp:8f3a2c", "group:k8s:system:serviceaccounts:ml", "proxy:alice"]
bootstrap_token = "correct horse battery staple 2026"
keys = ["0123456789012345678901234567890123456789", "9876543210987654321098765432109876543210"]
[auth.issuers.corp]
url = "https://idp.example.org/"
audiences = ["modelport", "modelport-cli"]
groups_claim = "realm_access.roles"
[auth.issuers.k8s]
kind = "kubernetes"
url = "https://kubernetes.default.svc.cluster.local"
audiences = "modelport"
[auth.kubernetes]
review = "token-review"
policy = "service-get"
namespace = "models"
name = "registry"
[auth.proxy]
peers = ["10.0.0.7", "fd00::/8"]
secret = "a secret that only the proxy knows"
"#;

#[test]
fn issuers_and_administrators_are_named() {
    let auth = auth(ISSUERS, []).unwrap();
    assert_eq!(auth.issuers["corp"].url.as_str(), "https://idp.example.org/");
    assert_eq!(auth.issuers["k8s"].audiences, ["modelport"]);
    assert_eq!((auth.admins.len(), auth.keys.len(), auth.proxy.peers.len()), (3, 2, 2));
    assert!(auth.bootstrap_token.token().unwrap().is("correct horse battery staple 2026"));
    let shown = toml::to_string(&auth).unwrap() + &format!("{auth:?}");
    for secret in ["horse", "0123", "9876", "only the proxy"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

#[test]
fn variables_can_say_who_is_accepted() {
    let folder =
        folder([("keys", "0123456789012345678901234567890123456789,9876543210987654321098765432109876543210\n")]);
    let keys = folder.path().join("keys").to_str().unwrap().to_owned();
    let variables = [
        ("MODELPORT__AUTH__MODE", "on"),
        ("MODELPORT__AUTH__KEYS__FILE", keys.as_str()),
        ("MODELPORT__AUTH__ADMINS", "corp:alice, group:corp:admins"),
        ("MODELPORT__AUTH__ISSUERS__CORP__URL", "https://idp.example.org"),
        ("MODELPORT__AUTH__ISSUERS__CORP__AUDIENCES", "modelport"),
        ("MODELPORT__AUTH__ISSUERS__CORP__NAME_CLAIMS", "name"),
    ];
    let auth = auth("", variables).unwrap();
    assert_eq!((auth.keys.len(), auth.admins.len()), (2, 2));
    assert_eq!(auth.issuers["corp"].name_claims, ["name"]);
    assert_eq!(auth.issuers["corp"].groups_claim, "groups");
}

#[test]
fn what_is_wrong_with_authentication_is_listed_at_once() {
    let alone = r#"
[auth]
mode = "maybe"
admins = ["alice", "corp:x"]
bootstrap_token = "hunter2"
keys = "hunter2"
[auth.issuers.corp]
url = "idp.example.org"
kind = "saml"
audience = "x"
[auth.kubernetes]
review = "never"
[auth.proxy]
peers = ["everywhere"]
user_header = "Authorization"
"#;
    let together = r#"
[auth]
mode = "on"
admins = ["corp:x", "lab:x", "proxy:x"]
[auth.issuers.corp]
url = "http://dex.auth.svc:5556/dex"
[auth.issuers.Corp]
jwks_url = "http://10.0.0.1/keys"
[auth.issuers.group]
url = "http://dex.auth.svc:5556/dex"
audiences = ["a"]
allow_http = true
[auth.kubernetes]
policy = "crd"
api_server = ""
resource = "models"
"#;
    let lines = |text| auth(text, []).unwrap_err().join("\n");
    let place = |line: &str| {
        line.split("(file `").map(|part| part.split_once("`)").map_or(part, |(_, rest)| rest)).collect::<String>()
    };
    insta::assert_snapshot!(place(&lines(alone)) + "\n\n" + &lines(together));
    assert!(auth(&together.replace("\"on\"", "\"off\""), []).is_ok());
    let peers = "[auth]\nmode = \"on\"\n[auth.proxy]\npeers = \"10.0.0.1\"\nsecret = \"short\"\n";
    assert!(lines(peers).contains("`auth.proxy.secret` has 32 characters or more") && !lines(peers).contains("short"));
}
