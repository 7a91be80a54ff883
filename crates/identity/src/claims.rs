//! What a token says: when and for whom it holds, and who its bearer is.

use serde_json::{Map, Value};

use super::options::ClaimNames;
use super::token::shown;
use crate::domain::access::{Identity, PrincipalKind};
use crate::domain::{Error, Millis, Result};

/// How far the clocks of issuers may be off.
const LEEWAY: Millis = 60_000;
/// The longest subject, name, address or name of a group.
const MAX_NAME_BYTES: usize = 512;

/// The claims of a token.
pub type Claims = Map<String, Value>;

/// When a token holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    /// Until when, without any leeway.
    pub ends: Millis,
    /// Since when it exists; 0 where it does not say.
    pub issued: Millis,
}

/// Checks that a token holds now and is meant for one of these audiences.
pub fn check(claims: &Claims, audiences: &[String], now: Millis) -> Result<Validity> {
    let ends =
        time(claims, "exp")?.ok_or_else(|| Error::unauthenticated("the token never expires: it has no `exp`"))?;
    if now >= ends.saturating_add(LEEWAY) {
        let seconds = now.saturating_sub(ends) / 1000;
        return Err(Error::unauthenticated(format!("the token expired {seconds} s ago")));
    }
    if let Some(begins) = time(claims, "nbf")?
        && now < begins.saturating_sub(LEEWAY)
    {
        let seconds = begins.saturating_sub(now) / 1000;
        return Err(Error::unauthenticated(format!("the token is not valid yet, but in {seconds} s (`nbf`)")));
    }
    let meant = match claims.get("aud") {
        Some(Value::String(one)) => vec![one.as_str()],
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    if meant.is_empty() {
        return Err(Error::unauthenticated("the token does not say whom it is for: it has no `aud`"));
    }
    if !meant.iter().any(|audience| audiences.iter().any(|ours| ours == audience)) {
        let (meant, ours) = (shown(&meant.join("`, `")), audiences.join("` or `"));
        return Err(Error::unauthenticated(format!("the token is for the audience `{meant}` instead of `{ours}`")));
    }
    // One that does not say when it was issued is as old as can be: it counts until anything was revoked.
    let issued = time(claims, "iat")?.unwrap_or_default();
    if now < issued.saturating_sub(LEEWAY) {
        let seconds = issued.saturating_sub(now) / 1000;
        return Err(Error::unauthenticated(format!("the token was issued in the future, in {seconds} s (`iat`)")));
    }
    Ok(Validity { ends, issued })
}

/// A time in seconds, which may have a fraction (RFC 7519 §2).
fn time(claims: &Claims, name: &str) -> Result<Option<Millis>> {
    let Some(value) = claims.get(name) else { return Ok(None) };
    // Far beyond the year 200,000 all times are alike, and none overflows.
    let seconds = value.as_f64().filter(|seconds| seconds.is_finite() && *seconds >= 0.0);
    let seconds = seconds.ok_or_else(|| Error::unauthenticated(format!("the token's `{name}` is not a time")))?;
    Ok(Some((seconds.min(1e13) * 1000.0) as Millis))
}

/// Who a token of OpenID Connect is about.
pub fn identity(claims: &Claims, names: &ClaimNames, issuer: &str, validity: Validity) -> Result<Identity> {
    let subject = text(claims, &names.subject).ok_or_else(|| {
        Error::unauthenticated(format!(
            "the token does not say whom it is about: it has no text as `{}`",
            names.subject
        ))
    })?;
    if subject.len() > MAX_NAME_BYTES || subject.chars().any(char::is_control) {
        return Err(Error::unauthenticated(format!(
            "the token's `{}` has more than {MAX_NAME_BYTES} bytes, or control characters",
            names.subject
        )));
    }
    let short = |name: &&str| name.len() <= MAX_NAME_BYTES;
    let display_name = names.display_names.iter().find_map(|name| text(claims, name).filter(short));
    let is_unverified = claims.get("email_verified") == Some(&Value::Bool(false));
    let email = text(claims, &names.email).filter(short).filter(|_| !is_unverified);
    Ok(Identity {
        kind: PrincipalKind::User,
        issuer: issuer.to_owned(),
        subject: subject.to_owned(),
        display_name: display_name.map(str::to_owned),
        email: email.map(str::to_owned),
        groups: groups(claims, &names.groups)?,
        issued_at: Some(validity.issued),
    })
}

/// Checks that an ID token is of this login of this client.
pub fn check_login(claims: &Claims, client: &str, nonce: Option<&str>) -> Result<()> {
    let several = matches!(claims.get("aud"), Some(Value::Array(several)) if several.len() > 1);
    let party = claims.get("azp").and_then(Value::as_str);
    if party.is_some_and(|party| party != client) || several && party.is_none() {
        return Err(Error::unauthenticated(format!("the ID token was not given to `{client}` (`azp`)")));
    }
    match nonce {
        Some(nonce) if claims.get("nonce").and_then(Value::as_str) != Some(nonce) => {
            Err(Error::unauthenticated("the ID token is for another login (`nonce`)"))
        }
        _ => Ok(()),
    }
}

/// Whether a token says anything of groups.
pub fn has_groups(claims: &Claims, names: &ClaimNames) -> bool {
    names.groups.is_empty() || find(claims, &names.groups).is_some()
}

/// The names of groups in a claim; none where there is no such claim.
///
/// Entra leaves the groups out of a token of somebody who is in too many, and says where else they are (OpenID Connect Core §5.6.2):
/// then nobody may take them for somebody without groups.
fn groups(claims: &Claims, name: &str) -> Result<Vec<String>> {
    if name.is_empty() {
        return Ok(Vec::new());
    }
    let elsewhere = claims.get("_claim_names").is_some_and(|names| names.get(name).is_some());
    let too_many = claims.get("hasgroups").is_some_and(|value| *value != Value::Bool(false));
    let malformed = || Error::unauthenticated(format!("the token's `{name}` is not a list of names"));
    match find(claims, name) {
        None | Some(Value::Null) if elsewhere || too_many => Err(Error::unauthenticated(format!(
            "the issuer left `{name}` out of the token because there are too many (group overage): have it put only the groups \
             that are assigned to the application into tokens, or use roles of the application"
        ))),
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::String(one)) => Ok(vec![one.clone()]),
        Some(Value::Array(several)) => {
            let names = several.iter().map(|group| group.as_str().map(str::to_owned).ok_or_else(malformed));
            let names: Vec<_> = names.collect::<Result<_>>()?;
            Ok(names.into_iter().filter(|group| !group.is_empty() && group.len() <= MAX_NAME_BYTES).collect())
        }
        Some(_) => Err(malformed()),
    }
}

/// A claim by its name, or by a path with dots where no claim has that name.
fn find<'a>(claims: &'a Claims, name: &str) -> Option<&'a Value> {
    claims.get(name).or_else(|| {
        let (first, rest) = name.split_once('.')?;
        find(claims.get(first)?.as_object()?, rest)
    })
}

fn text<'a>(claims: &'a Claims, name: &str) -> Option<&'a str> {
    find(claims, name).and_then(Value::as_str).filter(|text| !text.is_empty())
}

/// Who a token of a Kubernetes cluster is about: the service account `namespace/name`, with the groups that Kubernetes gives it.
pub fn service_account(claims: &Claims, issuer: &str, validity: Validity) -> Result<Identity> {
    let subject = text(claims, "sub").unwrap_or_default();
    let is_label = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'))
    };
    let parts: Vec<_> = subject.split(':').collect();
    let ["system", "serviceaccount", namespace, name] = parts.as_slice() else {
        return Err(no_service_account(subject));
    };
    if !is_label(namespace) || !is_label(name) || subject.len() > MAX_NAME_BYTES {
        return Err(no_service_account(subject));
    }
    Ok(Identity {
        kind: PrincipalKind::Kubernetes,
        issuer: issuer.to_owned(),
        subject: format!("{namespace}/{name}"),
        display_name: Some(format!("{namespace}/{name}")),
        email: None,
        groups: vec!["system:serviceaccounts".to_owned(), format!("system:serviceaccounts:{namespace}")],
        issued_at: Some(validity.issued),
    })
}

fn no_service_account(subject: &str) -> Error {
    let subject = shown(subject);
    Error::unauthenticated(format!(
        "the token's `sub` is `{subject}`, which is not `system:serviceaccount:NAMESPACE:NAME`"
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: Millis = 1_800_000_000_000;
    const SECOND: i64 = NOW / 1000;

    fn claims(value: Value) -> Claims {
        value.as_object().unwrap().clone()
    }

    fn checked(value: Value) -> String {
        check(&claims(value), &["a".to_owned(), "b".to_owned()], NOW)
            .map_or_else(|error| error.message().to_owned(), |validity| format!("{validity:?}"))
    }

    #[test]
    fn times_have_a_minute_of_leeway() {
        for (exp, nbf, expected) in [
            (json!(SECOND + 1), json!(SECOND), "Validity { ends: 1800000001000, issued: 0 }"),
            (json!(SECOND - 59), json!(SECOND + 60), "Validity { ends: 1799999941000, issued: 0 }"),
            (json!(SECOND as f64 + 0.5), json!(0), "Validity { ends: 1800000000500, issued: 0 }"),
            (json!(1e300), json!(0), "Validity { ends: 10000000000000000, issued: 0 }"),
            (json!(SECOND - 60), json!(0), "the token expired 60 s ago"),
            (json!(SECOND + 1), json!(SECOND + 61), "the token is not valid yet, but in 61 s (`nbf`)"),
            (json!("1900000000"), json!(0), "the token's `exp` is not a time"),
            (json!(-1), json!(0), "the token's `exp` is not a time"),
            (json!(SECOND + 1), json!("soon"), "the token's `nbf` is not a time"),
        ] {
            assert_eq!(checked(json!({"exp": exp, "nbf": nbf, "aud": "a"})), expected);
        }
        assert_eq!(checked(json!({"aud": "a"})), "the token never expires: it has no `exp`");
        for (iat, expected) in [(60, "Validity"), (61, "the token was issued in the future, in 61 s (`iat`)")] {
            let found = checked(json!({"aud": "a", "exp": SECOND + 1, "iat": SECOND + iat}));
            assert!(found.starts_with(expected), "{found}");
        }
        assert!(checked(json!({"aud": "a", "exp": SECOND, "iat": SECOND - 5})).contains("issued: 1799999995000"));
    }

    #[test]
    fn one_audience_has_to_be_ours() {
        for (aud, expected) in [
            (json!("b"), "Validity"),
            (json!(["x", "b"]), "Validity"),
            (json!(["x", "y"]), "the token is for the audience `x`, `y` instead of `a` or `b`"),
            (json!("A"), "the token is for the audience `A` instead of `a` or `b`"),
            (json!([]), "the token does not say whom it is for"),
            (json!(5), "the token does not say whom it is for"),
            (json!(null), "the token does not say whom it is for"),
        ] {
            let found = checked(json!({"exp": SECOND + 1, "aud": aud}));
            assert!(found.starts_with(expected), "{found}");
        }
    }

    fn identified(value: Value, names: &ClaimNames) -> Result<Identity> {
        identity(&claims(value), names, "corp", Validity { ends: 0, issued: 7 })
    }

    #[test]
    fn claims_say_who_it_is() {
        let names = ClaimNames::default();
        let alice = identified(
            json!({"sub": "1", "name": "Alice A.", "preferred_username": "alice", "email": "a@x", "groups": ["g", ""]}),
            &names,
        )
        .unwrap();
        assert_eq!((alice.subject.as_str(), alice.display_name.as_deref()), ("1", Some("alice")));
        assert_eq!((alice.email.as_deref(), alice.groups.as_slice()), (Some("a@x"), ["g".to_owned()].as_slice()));
        assert_eq!((alice.kind, alice.issuer.as_str(), alice.issued_at), (PrincipalKind::User, "corp", Some(7)));
        let bob = identified(json!({"sub": "2", "email": "a@x", "email_verified": false, "groups": "one"}), &names);
        let bob = bob.unwrap();
        assert_eq!((bob.email, bob.display_name, bob.groups), (None, None, vec!["one".to_owned()]));
        for sub in [json!(null), json!(""), json!(5), json!("a\nb"), json!("x".repeat(513))] {
            assert!(identified(json!({"sub": sub}), &names).is_err(), "{sub}");
        }
    }

    #[test]
    fn claims_are_names_or_paths() {
        let names = ClaimNames {
            subject: "oid".to_owned(),
            display_names: vec!["https://x.example/name".to_owned()],
            email: String::new(),
            groups: "realm_access.roles".to_owned(),
        };
        let found = identified(
            json!({"oid": "1", "https://x.example/name": "A", "email": "a@x", "realm_access": {"roles": ["r"]}}),
            &names,
        )
        .unwrap();
        assert_eq!((found.display_name.as_deref(), found.email, found.groups), (Some("A"), None, vec!["r".to_owned()]));
        let literal = identified(json!({"oid": "1", "realm_access.roles": ["l"], "realm_access": 5}), &names).unwrap();
        assert_eq!(literal.groups, ["l"]);
    }

    #[test]
    fn groups_that_were_left_out_are_an_error() {
        let names = ClaimNames::default();
        let overage = json!({"sub": "1", "_claim_names": {"groups": "src1"}, "_claim_sources": {"src1": {}}});
        assert!(identified(overage.clone(), &names).unwrap_err().message().contains("too many"));
        assert!(identified(json!({"sub": "1", "hasgroups": true}), &names).is_err());
        assert!(identified(overage, &ClaimNames { groups: String::new(), ..ClaimNames::default() }).is_ok());
        assert!(identified(json!({"sub": "1", "_claim_names": {"other": "src1"}}), &names).is_ok());
        for groups in [json!({"a": 1}), json!([1]), json!(5)] {
            let error = identified(json!({"sub": "1", "groups": groups}), &names).unwrap_err();
            assert_eq!(error.message(), "the token's `groups` is not a list of names");
        }
    }

    #[test]
    fn an_id_token_is_for_one_client_and_one_login() {
        let login = |value: Value, nonce| check_login(&claims(value), "ui", nonce).is_ok();
        for (value, is_good) in [
            (json!({"aud": "ui", "nonce": "n"}), true),
            (json!({"aud": ["ui"], "nonce": "n"}), true),
            (json!({"aud": ["ui", "x"], "nonce": "n"}), false),
            (json!({"aud": ["ui", "x"], "azp": "ui", "nonce": "n"}), true),
            (json!({"aud": "ui", "azp": "x", "nonce": "n"}), false),
            (json!({"aud": "ui", "nonce": "m"}), false),
            (json!({"aud": "ui", "nonce": 5}), false),
            (json!({"aud": "ui"}), false),
        ] {
            assert_eq!(login(value.clone(), Some("n")), is_good, "{value}");
        }
        assert!(login(json!({"aud": "ui"}), None));
    }

    #[test]
    fn a_service_account_is_its_namespace_and_name() {
        let of = |sub: &str| service_account(&claims(json!({"sub": sub})), "k8s", Validity { ends: 0, issued: 0 });
        let trainer = of("system:serviceaccount:team-a:trainer").unwrap();
        assert_eq!((trainer.subject.as_str(), trainer.kind), ("team-a/trainer", PrincipalKind::Kubernetes));
        assert_eq!(trainer.groups, ["system:serviceaccounts", "system:serviceaccounts:team-a"]);
        for sub in [
            "",
            "alice",
            "system:serviceaccount:a",
            "system:serviceaccount:a:b:c",
            "system:serviceaccount::b",
            "system:serviceaccount:a:b/c",
            "system:node:a:b",
        ] {
            assert!(of(sub).unwrap_err().message().contains("NAMESPACE:NAME"), "{sub}");
        }
    }
}
