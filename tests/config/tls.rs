//! Settings of TLS.

use modelport::config::{Settings, SettingsArgs};

use super::{env, exposed, folder};

#[test]
fn everything_that_is_wrong_with_tls_is_said_at_once() {
    let folder = folder([("text", "no PEM")]);
    let text = folder.path().join("text");
    let text = text.to_str().unwrap();
    let variables = [
        ("MODELPORT__SERVER__WORKERS", "many"),
        ("MODELPORT__SERVER__TLS__CERTIFICATE", text),
        ("MODELPORT__SERVER__TLS__PRIVATE_KEY", "/missing"),
        ("MODELPORT__GRPC__CLIENT_CA", text),
        ("MODELPORT__EDGE__PRIVATE_KEY", text),
        ("MODELPORT__EDGE__CLIENT_CA", text),
    ];
    let load = Settings::load_to_serve(&SettingsArgs::default(), env(variables), modelport::runtime::tls_problems);
    let problems = load.unwrap_err();
    assert_eq!(
        problems.lines(),
        [
            "`server.workers` is `many` (environment): expected an integer",
            &format!("`server.tls.certificate`: `{text}` holds no certificate in PEM"),
            "`server.tls.private_key`: `/missing` cannot be read: No such file or directory (os error 2)",
            "`grpc.client_ca` needs TLS: `grpc.certificate` and `grpc.private_key` are empty",
            "`edge.certificate` and `edge.private_key` go together only",
        ]
    );
}

#[test]
fn a_listener_that_knows_its_clients_by_their_certificates_may_be_reached() {
    let listen = ("MODELPORT__SERVER__GRPC_LISTEN", "0.0.0.0:9090");
    let ca = ("MODELPORT__GRPC__CLIENT_CA", "/missing");
    assert_eq!(exposed(&SettingsArgs::default(), [listen]), ["server.grpc_listen"]);
    // The rest of its TLS is missing, which is another problem.
    assert_eq!(exposed(&SettingsArgs::default(), [listen, ca]), ["grpc.client_ca"]);
}
