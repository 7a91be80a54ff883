//! Requests and their answers as text, so that one snapshot shows a whole table of cases.

use std::fmt::{self, Write as _};

use actix_web::http::Method;
use serde_json::Value;

use super::app::{self, Answer, TestApp};

/// The requests so far, with their answers.
pub struct Transcript<'a> {
    app: &'a TestApp,
    prefix: &'static str,
    text: String,
}

/// One request.
#[derive(Clone, Copy, Default)]
pub struct TranscriptRequest<'a> {
    pub method: &'a str,
    pub path: &'a str,
    pub headers: &'a [(&'a str, &'a str)],
    pub body: &'a [u8],
}

impl<'a> Transcript<'a> {
    /// An empty transcript; `prefix` stands before every path and is not shown.
    pub fn new(app: &'a TestApp, prefix: &'static str) -> Self {
        Self { app, prefix, text: String::new() }
    }

    pub async fn send(&mut self, request: TranscriptRequest<'_>) -> Answer {
        let path = format!("{}{}", self.prefix, request.path);
        let method = Method::from_bytes(request.method.as_bytes()).unwrap();
        let mut sent =
            request.headers.iter().fold(app::request(method, &path), |sent, header| sent.append_header(*header));
        if !request.body.is_empty() {
            sent = sent.set_payload(request.body.to_vec());
        }
        let answer = self.app.send(sent).await;
        self.note(request, &answer);
        answer
    }

    pub async fn get(&mut self, path: &str) -> Answer {
        self.send(TranscriptRequest { method: "GET", path, ..TranscriptRequest::default() }).await
    }

    pub async fn delete(&mut self, path: &str) -> Answer {
        self.send(TranscriptRequest { method: "DELETE", path, ..TranscriptRequest::default() }).await
    }

    pub async fn post(&mut self, path: &str, body: Value) -> Answer {
        self.raw("POST", path, &body.to_string()).await
    }

    pub async fn patch(&mut self, path: &str, body: Value) -> Answer {
        self.raw("PATCH", path, &body.to_string()).await
    }

    /// A body that says it is JSON, whether or not it is.
    pub async fn raw(&mut self, method: &str, path: &str, body: &str) -> Answer {
        let headers = [("Content-Type", "application/json")];
        self.send(TranscriptRequest { method, path, headers: &headers, body: body.as_bytes() }).await
    }

    /// A body of bytes.
    pub async fn put(&mut self, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        self.send(TranscriptRequest { method: "PUT", path, headers, body }).await
    }

    fn note(&mut self, request: TranscriptRequest<'_>, answer: &Answer) {
        let text = &mut self.text;
        writeln!(text, "{} {}", request.method, shortened(request.path)).unwrap();
        for (name, value) in request.headers.iter().filter(|header| **header != ("Content-Type", "application/json")) {
            writeln!(text, "  {name}: {}", shortened(value)).unwrap();
        }
        if !request.body.is_empty() {
            writeln!(text, "  {}", shortened(&String::from_utf8_lossy(request.body)).escape_debug_but_quotes())
                .unwrap();
        }
        writeln!(text, "{} {}", answer.status, answer.content_type()).unwrap();
        for (name, value) in answer.shown_headers() {
            writeln!(text, "  {name}: {value}").unwrap();
        }
        match answer.shown_body() {
            Value::Null => {}
            body => writeln!(text, "  {}", shortened(&body.to_string())).unwrap(),
        }
        text.push('\n');
    }
}

impl fmt::Display for Transcript<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Long runs of one character as their number.
fn shortened(text: &str) -> String {
    let mut short = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let run = rest.chars().take_while(|each| *each == first).count();
        let (this, after) = rest.split_at(run * first.len_utf8());
        rest = after;
        if run > 20 {
            write!(short, "{first}×{run}").unwrap();
        } else {
            short.push_str(this);
        }
    }
    short
}

trait EscapeDebug {
    fn escape_debug_but_quotes(&self) -> String;
}

impl EscapeDebug for String {
    fn escape_debug_but_quotes(&self) -> String {
        self.chars().map(|each| if each.is_control() { each.escape_debug().to_string() } else { each.into() }).collect()
    }
}
