//! `modelport admin` and `modelport audit`, on a database of their own and without a server.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

/// A folder with a migrated database in it.
fn folder() -> TempDir {
    let folder = TempDir::new().unwrap();
    done(&folder, &["migrate"]);
    folder
}

fn modelport(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_modelport"))
        .args(arguments)
        .env_clear()
        .env("MODELPORT__DATABASE__URL", "sqlite://./registry.db")
        .current_dir(folder)
        .output()
        .unwrap()
}

/// What a command prints that succeeds.
fn done(folder: &TempDir, arguments: &[&str]) -> String {
    let output = modelport(folder.path(), arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// What a command says that fails.
fn refused(folder: &TempDir, arguments: &[&str]) -> String {
    let output = modelport(folder.path(), arguments);
    assert!(!output.status.success(), "{arguments:?}");
    String::from_utf8(output.stderr).unwrap()
}

fn columns(line: &str) -> Vec<&str> {
    line.trim_end().split('\t').collect()
}

#[test]
fn an_administrator_is_made_without_a_server() {
    let folder = folder();
    let made = done(&folder, &["admin", "principal", "create", "ops", "--display-name", "Operations"]);
    assert_eq!(columns(&made)[..5], ["1", "ops", "service", "-", "enabled"]);
    let bound = done(&folder, &["admin", "grant", "admin", "ops"]);
    assert_eq!(columns(&bound), ["1", "admin", "ops", "registry", "until -"]);
    let token = done(&folder, &["admin", "token", "create", "ops", "--name", "laptop", "--days", "7"]);
    assert!(token.starts_with("mp_") && token.trim_end().len() == 66, "{token}");
    let listed = done(&folder, &["admin", "token", "list", "ops"]);
    assert_eq!(columns(&listed)[2], "laptop");
    assert!(!listed.contains(token.trim_end()), "{listed}");
    assert!(refused(&folder, &["admin", "revoke", "1"]).contains("nobody would be left"));
    assert!(refused(&folder, &["admin", "principal", "disable", "ops"]).contains("nobody would be left"));
    assert!(done(&folder, &["admin", "token", "revoke", "1"]).contains("revoked"));
    assert!(done(&folder, &["admin", "token", "list", "ops"]).contains("revoked 20"));
}

#[test]
fn roles_are_granted_in_workspaces_and_to_groups() {
    let folder = folder();
    done(&folder, &["admin", "workspace", "create", "team-a", "--title", "Team A", "--owner-role", "none"]);
    let workspaces = done(&folder, &["admin", "workspace", "list"]);
    assert_eq!(workspaces.lines().map(|line| columns(line)[1]).collect::<Vec<_>>(), ["default", "team-a"]);
    done(&folder, &["admin", "principal", "create", "ci", "--workspace", "team-a"]);
    done(&folder, &["admin", "grant", "writer", "ci", "--workspace", "team-a"]);
    done(&folder, &["admin", "grant", "reader", "--group", "corp:data science", "--days", "30"]);
    done(&folder, &["admin", "grant", "viewer", "--everyone"]);
    let all = done(&folder, &["admin", "bindings"]);
    let lines: Vec<_> = all.lines().map(|line| columns(line)[1..4].join(" | ")).collect();
    assert_eq!(
        lines,
        [
            "writer | ci | workspace team-a",
            "reader | group corp:data science | registry",
            "viewer | everyone | registry"
        ]
    );
    assert_eq!(done(&folder, &["admin", "bindings", "--principal", "ci"]).lines().count(), 1);
    assert_eq!(done(&folder, &["admin", "bindings", "--workspace", "team-a"]).lines().count(), 1);
    done(&folder, &["admin", "revoke", "1"]);
    assert_eq!(done(&folder, &["admin", "bindings"]).lines().count(), 2);
    assert_eq!(done(&folder, &["admin", "principal", "list", "--kind", "service"]).lines().count(), 1);
    assert!(done(&folder, &["admin", "principal", "disable", "ci"]).contains("disabled since 20"));
    assert!(done(&folder, &["admin", "principal", "enable", "ci"]).contains("enabled"));
}

#[test]
fn what_is_wrong_is_said() {
    let folder = folder();
    for (arguments, message) in [
        (&["admin", "grant", "king", "--everyone"][..], "role `king` is none of"),
        (&["admin", "grant", "reader", "nobody"], "principal `nobody` not found"),
        (&["admin", "grant", "reader", "--everyone", "--workspace", "none"], "workspace `none` not found"),
        (&["admin", "grant", "reader", "--everyone", "--root", "7"], "`7` not found"),
        (&["admin", "grant", "reader"], "required"),
        (&["admin", "grant", "reader", "ci", "--everyone"], "cannot be used with"),
        (&["admin", "grant", "reader", "--group", "corp"], "is not `ISSUER:NAME`"),
        (&["admin", "revoke", "x"], "is no id"),
        (&["admin", "revoke", "7"], "binding `7` not found"),
        (&["admin", "principal", "create", "A B"], "handle `A B`"),
        (&["admin", "workspace", "create", "A"], "slug `A`"),
        (&["admin", "token", "create", "nobody", "--name", "t"], "principal `nobody` not found"),
        (&["audit", "--from", "yesterday"], "--from `yesterday`"),
        (&["audit", "--action", "fly"], "action `fly`"),
    ] {
        let said = refused(&folder, arguments);
        assert!(said.contains(message), "{arguments:?}: {said}");
    }
    assert_eq!(done(&folder, &["audit"]), "");
}

#[test]
fn the_trail_is_printed() {
    let folder = folder();
    done(&folder, &["admin", "workspace", "create", "team-a"]);
    done(&folder, &["admin", "principal", "create", "ci", "--workspace", "team-a"]);
    done(&folder, &["admin", "grant", "reader", "ci", "--workspace", "team-a"]);
    let lines = done(&folder, &["audit"]);
    let actions: Vec<_> = lines.lines().map(|line| columns(line)[1]).collect();
    assert_eq!(actions, ["binding.create", "principal.create", "workspace.create"]);
    let entries: Vec<Value> = done(&folder, &["audit", "--json", "--limit", "2"])
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(entries.len(), 2);
    assert_eq!((&entries[0]["action"], &entries[0]["workspace"]), (&"binding.create".into(), &"team-a".into()));
    assert_eq!((&entries[0]["door"], &entries[0]["agent"]), (&"command".into(), &"modelport admin".into()));
    assert_eq!(done(&folder, &["audit", "--action", "workspace.create", "--workspace", "team-a"]).lines().count(), 1);
    assert_eq!(done(&folder, &["audit", "--from", "2100-01-01"]), "");
}
