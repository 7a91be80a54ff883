//! Accounts: workspaces, principals, bindings, tokens, explanations, and the audit trail.

mod administration;
mod audit;
mod callers;
mod logins;
mod quotas;
mod refused;
mod sights;

use serde_json::Value;

use crate::api::app::{Answer, TestApp, request};

/// A transcript without what is another one each time: the secrets and the ids of tokens.
fn known(transcript: &impl ToString) -> String {
    let mut text = transcript.to_string();
    for begin in ["mp_", "\"publicId\":\"", "\"requestId\":\""] {
        let mut from = 0;
        while let Some(at) = text[from..].find(begin) {
            let start = from + at + begin.len();
            let length = text[start..].find(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '-').unwrap();
            text.replace_range(start..start + length, "…");
            from = start;
        }
    }
    text
}

impl TestApp {
    /// Sends a request of whoever has that token, with a JSON body unless it is null.
    async fn by(&self, token: &str, method: &str, path: &str, body: Value) -> Answer {
        let method = actix_web::http::Method::from_bytes(method.as_bytes()).unwrap();
        let sent = request(method, &format!("{}{path}", super::API));
        let sent = sent.insert_header(("Authorization", format!("Bearer {token}")));
        self.send(if body.is_null() { sent } else { sent.set_json(body) }).await
    }
}
