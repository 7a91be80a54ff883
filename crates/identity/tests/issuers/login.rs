//! Logins with a browser, as a client of an issuer: what it is asked, and what its answers have to say.

use modelport_domain::ErrorKind;
use modelport_identity::{BrowserClient, ClientSecret, LoginRequest};
use serde_json::{Value, json};

use super::signer::Signer;
use super::support::{DISCOVERY, Provider};

const REQUEST: LoginRequest<'static> = LoginRequest {
    state: "the state",
    nonce: "the nonce",
    verifier: "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
    redirect_uri: "https://models.example/api/v1/login/corp/callback",
};

async fn provider(signer: &Signer) -> Provider {
    let client = BrowserClient {
        id: "modelport ui".to_owned(),
        secret: ClientSecret::Text("a:secret".to_owned()),
        scopes: vec!["openid".to_owned(), "offline_access".to_owned()],
        prompt: "consent".to_owned(),
    };
    let provider = Provider::start_with(&[signer], |options| options.browser = Some(client)).await;
    let url = &provider.server.url;
    let document = json!({
        "issuer": url, "jwks_uri": format!("{url}/keys"), "token_endpoint": format!("{url}/token"),
        "authorization_endpoint": format!("{url}/auth?tenant=1"),
        "authorization_response_iss_parameter_supported": true,
    });
    provider.server.answer(DISCOVERY, 200, document);
    provider
}

impl Provider {
    /// Answers a code or a refresh token with an ID token that says this besides.
    fn answer_with(&self, signer: &Signer, says: &Value) {
        let mut claims = self.claims_with("aud", json!("modelport ui"));
        claims["nonce"] = json!("the nonce");
        for (name, value) in says.as_object().unwrap() {
            claims[name] = value.clone();
        }
        claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        let body = json!({"id_token": signer.token(&claims), "access_token": "opaque", "refresh_token": "next"});
        self.server.answer("/token", 200, body);
    }

    async fn redeem(&self) -> Result<(String, Vec<String>, Option<String>), ErrorKind> {
        let login = self.issuers.redeem("corp", "the code", REQUEST).await.map_err(|error| error.kind())?;
        Ok((login.identity.subject, login.identity.groups, login.refresh_token))
    }
}

#[tokio::test]
async fn a_browser_is_sent_with_a_challenge() {
    let signer = Signer::p256("k");
    let provider = provider(&signer).await;
    assert_eq!(provider.issuers.browser_logins().collect::<Vec<_>>(), ["corp"]);
    let url = provider.issuers.authorization_url("corp", REQUEST).await.unwrap();
    // The challenge is that of RFC 7636 Appendix B.
    let expected = format!(
        "{}/auth?tenant=1&response_type=code&client_id=modelport+ui&redirect_uri=https%3A%2F%2Fmodels.example%2Fapi%2Fv1\
         %2Flogin%2Fcorp%2Fcallback&scope=openid+offline_access&state=the+state&nonce=the+nonce\
         &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256&prompt=consent",
        provider.server.url
    );
    assert_eq!(url, expected);
    let missing = provider.issuers.authorization_url("other", REQUEST).await.unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::NotFound);
    for (named, may_be) in [(Some(provider.server.url.as_str()), true), (Some("https://other"), false), (None, false)] {
        assert_eq!(provider.issuers.may_be_from("corp", named).await.unwrap(), may_be, "{named:?}");
    }
}

#[tokio::test]
async fn a_code_stands_for_whom_the_id_token_names() {
    let (signer, other) = (Signer::p256("k"), Signer::p256("k"));
    let provider = provider(&signer).await;
    provider.answer_with(&signer, &json!({"groups": ["ml"]}));
    let expected = ("alice".to_owned(), vec!["ml".to_owned()], Some("next".to_owned()));
    assert_eq!(provider.redeem().await.unwrap(), expected);
    let asked = provider.server.requests().into_iter().find(|request| request.path == "/token").unwrap();
    // RFC 6749 §2.3.1: both are encoded before they are put together.
    assert_eq!(asked.authorization.as_deref(), Some("Basic bW9kZWxwb3J0K3VpOmElM0FzZWNyZXQ="));
    for wrong in [
        json!({"nonce": "another"}),
        json!({"nonce": null}),
        json!({"aud": "somebody"}),
        json!({"aud": ["modelport ui", "somebody"]}),
        json!({"azp": "somebody"}),
        json!({"iss": "https://elsewhere.example"}),
        json!({"exp": 5}),
        json!({"sub": null}),
        json!({"at_hash": "77QmUPtjPfzWtF2AnpK9RQ"}),
    ] {
        provider.answer_with(&signer, &wrong);
        assert_eq!(provider.redeem().await.unwrap_err(), ErrorKind::Unauthenticated, "{wrong}");
    }
    provider.answer_with(&other, &json!({}));
    assert_eq!(provider.redeem().await.unwrap_err(), ErrorKind::Unauthenticated);
}

#[tokio::test]
async fn a_refusal_is_none_of_an_issuer_that_does_not_work() {
    let signer = Signer::p256("k");
    let provider = provider(&signer).await;
    let (refused, unknown) = (ErrorKind::Unauthenticated, ErrorKind::UpstreamUnavailable);
    for (status, body, of_code, of_refresh_token) in [
        (400, json!({"error": "invalid_grant"}), refused, refused),
        // What Dex says of a refresh token that it takes no longer, and of one when it does not know.
        (400, json!({"error": "invalid_request"}), unknown, refused),
        (500, json!({"error": "invalid_request"}), unknown, unknown),
        (401, json!({"error": "invalid_client"}), unknown, unknown),
        (500, json!({}), unknown, unknown),
        (200, json!({"access_token": "x"}), refused, refused),
    ] {
        provider.server.answer("/token", status, body.clone());
        assert_eq!(provider.redeem().await.unwrap_err(), of_code, "{body}");
        let renewed = provider.issuers.renew("corp", "refresh").await;
        assert_eq!(renewed.err().map(|error| error.kind()), Some(of_refresh_token), "{body}");
    }
    // A renewal has no nonce.
    provider.answer_with(&signer, &json!({"nonce": null, "groups": []}));
    assert_eq!(provider.issuers.renew("corp", "refresh").await.unwrap().identity.subject, "alice");
}

#[tokio::test]
async fn a_discovery_that_fails_is_tried_again_soon() {
    let signer = Signer::p256("k");
    let provider = provider(&signer).await;
    let document = provider.server.requests().len();
    provider.server.answer(DISCOVERY, 503, "{}");
    for _ in 0..3 {
        let refused = provider.issuers.authorization_url("corp", REQUEST).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::UpstreamUnavailable);
    }
    assert_eq!(provider.server.requests().len(), document + 1);
}

#[tokio::test]
async fn a_key_that_was_just_made_is_fetched_at_once() {
    let (old, new) = (Signer::p256("old"), Signer::p256("new"));
    let provider = provider(&old).await;
    provider.answer_with(&old, &json!({}));
    assert!(provider.redeem().await.is_ok());
    provider.publish(&[&new]);
    // Whoever presents a token has no keys fetched so soon; what the issuer itself gives is its own.
    provider.refusal(&new.token(&provider.claims())).await;
    provider.answer_with(&new, &json!({"nonce": null}));
    assert!(provider.issuers.renew("corp", "refresh").await.is_ok());
    assert!(provider.verify(&new.token(&provider.claims())).await.is_ok());
}
