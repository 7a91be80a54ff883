//! What is wrong between settings that are right one by one.

use super::names::{CERTIFICATE, PROXY, RESERVED, is_issuer_name};
use super::{Auth, AuthMode, Issuer, IssuerKind, KubernetesPolicy, KubernetesReview, SealingKey};

impl Auth {
    /// One line for each problem. Without authentication there is none.
    pub(in super::super) fn problems(&self) -> Vec<String> {
        if self.mode == AuthMode::Off {
            return Vec::new();
        }
        let mut problems = Vec::new();
        for (name, issuer) in &self.issuers {
            check_issuer(name, issuer, &mut problems);
            let is_twin = |(other, twin): &(&String, &Issuer)| *other < name && twin.url == issuer.url;
            if let Some((other, _)) = self.issuers.iter().find(is_twin).filter(|_| !issuer.url.is_empty()) {
                problems.push(format!("`auth.issuers.{name}.url` is that of `auth.issuers.{other}`, too"));
            }
        }
        self.check_kubernetes(&mut problems);
        self.check_proxy(&mut problems);
        for admin in &self.admins {
            let issuer = admin.issuer();
            let is_known = self.issuers.contains_key(issuer)
                || issuer == CERTIFICATE
                || issuer == PROXY && !self.proxy.peers.is_empty();
            if !is_known {
                problems.push(format!("`auth.admins` has `{admin}`, but there is no `auth.issuers.{issuer}`"));
            }
        }
        problems
    }

    fn check_kubernetes(&self, problems: &mut Vec<String>) {
        let kubernetes = &self.kubernetes;
        let clusters = self.issuers.values().filter(|issuer| issuer.kind == IssuerKind::Kubernetes).count();
        let (reviews, rules) =
            (kubernetes.review == KubernetesReview::TokenReview, kubernetes.policy != KubernetesPolicy::None);
        if (reviews || rules) && clusters != 1 {
            problems.push(format!(
                "`auth.kubernetes.review` and `auth.kubernetes.policy` are about one cluster, and {clusters} issuers are of kind `kubernetes`"
            ));
        }
        let server = kubernetes.api_server.as_str();
        if (reviews || rules) && server.is_empty() {
            problems.push("`auth.kubernetes.api_server` is empty, and has to be asked".to_owned());
        }
        // This server's own token goes there.
        if clusters > 0 && super::issuers::is_insecure(server) {
            problems.push(format!("`auth.kubernetes.api_server` is `{server}`: expected an `https://` URL"));
        }
        let needed = [("namespace", &kubernetes.namespace), ("name", &kubernetes.name)];
        for (key, _) in needed.iter().filter(|(_, value)| rules && value.is_empty()) {
            problems.push(format!("`auth.kubernetes.{key}` is empty, and `auth.kubernetes.policy` asks about it"));
        }
        if kubernetes.policy == KubernetesPolicy::Crd && !kubernetes.resource.contains('.') {
            let resource = &kubernetes.resource;
            problems.push(format!(
                "`auth.kubernetes.resource` is `{resource}`: expected a plural and a group, as in `models.example.org`"
            ));
        }
    }

    fn check_proxy(&self, problems: &mut Vec<String>) {
        let least = SealingKey::MIN_CHARACTERS;
        if !self.proxy.peers.is_empty() && self.proxy.secret.expose().chars().count() < least {
            problems.push(format!(
                "`auth.proxy.secret` has {least} characters or more where `auth.proxy.peers` are trusted: an address alone proves nothing"
            ));
        }
    }
}

fn check_issuer(name: &str, issuer: &Issuer, problems: &mut Vec<String>) {
    let key = format!("auth.issuers.{name}");
    if !is_issuer_name(name) || RESERVED.contains(&name) {
        problems.push(format!(
            "`{key}`: an issuer's name is 1 to 63 lower-case letters, digits, `-` or `_`, begins with a letter, and is none of `group`, `{}`",
            RESERVED.join("`, `")
        ));
    }
    if issuer.url.is_empty() {
        problems.push(format!("`{key}.url` is empty: expected what its tokens have as `iss`"));
    }
    if issuer.audiences.iter().all(String::is_empty) {
        problems.push(format!("`{key}.audiences` is empty: tokens that are for others would be accepted"));
    }
    if issuer.subject_claim.is_empty() {
        problems.push(format!("`{key}.subject_claim` is empty"));
    }
    check_browser(&key, issuer, problems);
    let is_fetched = issuer.jwks_url.is_empty() && issuer.kind == IssuerKind::Oidc && issuer.url.is_insecure();
    for (setting, url, is_insecure) in [
        ("url", issuer.url.as_str(), is_fetched),
        ("jwks_url", issuer.jwks_url.as_str(), issuer.jwks_url.is_insecure()),
    ] {
        if is_insecure && !issuer.allow_http {
            problems.push(format!(
                "`{key}.{setting}` is `{url}`: whoever stands in between could replace the keys; if that is meant, set `{key}.allow_http = true`"
            ));
        }
    }
}

/// How people log in with a browser.
fn check_browser(key: &str, issuer: &Issuer, problems: &mut Vec<String>) {
    let has_secret = !issuer.browser_client_secret.expose().is_empty();
    let has_file = !issuer.browser_client_secret_file.as_os_str().is_empty();
    if issuer.browser_client_id.is_empty() {
        if has_secret || has_file {
            problems.push(format!("`{key}.browser_client_id` is empty, and its secret is there"));
        }
        return;
    }
    if issuer.kind != IssuerKind::Oidc {
        problems.push(format!("`{key}.browser_client_id`: nobody logs in by an issuer of kind `kubernetes`"));
    }
    if has_secret && has_file {
        problems.push(format!("`{key}.browser_client_secret` and `{key}.browser_client_secret_file` are both there"));
    }
    if !issuer.browser_scopes.iter().any(|scope| scope == "openid") {
        problems.push(format!("`{key}.browser_scopes` has no `openid`: the issuer would not say who somebody is"));
    }
}
