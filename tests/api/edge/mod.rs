//! The edge registry's API: the old service's answers, and what it did not do.

mod concurrency;
mod differences;
mod doors;
mod forms;
mod health;
mod pairs;
mod projects;

use actix_web::http::Method;
use actix_web::test::TestRequest;
use serde::Serialize;

use super::app::{Answer, TestApp, request};

const BOUNDARY: &str = "b0undary";

/// An archive of one stored member.
pub fn zip(name: &str, bytes: &[u8]) -> Vec<u8> {
    let crc = crc32(bytes).to_le_bytes();
    let length = u16::try_from(name.len()).unwrap().to_le_bytes();
    let size = u32::try_from(bytes.len()).unwrap().to_le_bytes();
    let same = [&[0, 0, 0, 0, 0, 0, 0, 0][..], &crc, &size, &size, &length, &[0, 0]].concat();
    let local = [b"PK\x03\x04\x14\0", same.as_slice(), name.as_bytes(), bytes].concat();
    let entry = [b"PK\x01\x02\x14\0\x14\0", same.as_slice(), &[0; 14], name.as_bytes()].concat();
    let [size, start] = [entry.len(), local.len()].map(|each| u32::try_from(each).unwrap().to_le_bytes());
    let end = [b"PK\x05\x06\0\0\0\0\x01\0\x01\0", size.as_slice(), &start, &[0, 0]].concat();
    [local, entry, end].concat()
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg()))
    })
}

/// An archive that every test may store.
pub fn archive() -> Vec<u8> {
    zip("m/FP32/m.xml", b"<model/>")
}

/// A form that is being written.
#[derive(Clone)]
pub struct Form(pub Vec<u8>);

impl Form {
    pub fn new(fields: &[(&str, &str)]) -> Self {
        fields.iter().fold(Self(Vec::new()), |form, (name, value)| form.field(name, value.as_bytes()))
    }

    pub fn field(self, name: &str, value: &[u8]) -> Self {
        self.part(&format!("Content-Disposition: form-data; name=\"{name}\""), value)
    }

    pub fn file(self, bytes: &[u8]) -> Self {
        self.file_of("application/zip", "m.zip", bytes)
    }

    pub fn file_of(self, media_type: &str, name: &str, bytes: &[u8]) -> Self {
        let head =
            format!("Content-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\nContent-Type: {media_type}");
        self.part(&head, bytes)
    }

    pub fn part(mut self, head: &str, bytes: &[u8]) -> Self {
        self.0.extend(format!("--{BOUNDARY}\r\n{head}\r\n\r\n").bytes());
        self.0.extend(bytes);
        self.0.extend(b"\r\n");
        self
    }

    pub fn request(self, method: Method, path: &str) -> TestRequest {
        let body = [self.0.as_slice(), format!("--{BOUNDARY}--\r\n").as_bytes()].concat();
        let media_type = format!("multipart/form-data; boundary={BOUNDARY}");
        request(method, path).insert_header(("Content-Type", media_type)).set_payload(body)
    }
}

/// What clients do, in short.
pub struct Client(pub TestApp);

impl Client {
    pub async fn get(&self, path: &str) -> Answer {
        self.0.send_edge(TestRequest::get().uri(path)).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.0.send_edge(TestRequest::delete().uri(path)).await
    }

    /// Registers the archive with these fields before it.
    pub async fn post(&self, fields: &[(&str, &str)]) -> Answer {
        self.send(Form::new(fields).file(&archive())).await
    }

    pub async fn send(&self, form: Form) -> Answer {
        self.0.send_edge(form.request(Method::POST, "/models")).await
    }

    /// Changes a model by a form that is URL-encoded, as `requests` sends one.
    pub async fn put(&self, id: &str, form: &str) -> Answer {
        let request = TestRequest::put().uri(&format!("/models/{id}"));
        let request = request.insert_header(("Content-Type", "application/x-www-form-urlencoded"));
        self.0.send_edge(request.set_payload(form.to_owned())).await
    }

    pub async fn count(&self) -> usize {
        self.get("/models").await.expect(200).json().as_array().unwrap().len()
    }
}

/// A request as a snapshot shows it, with its answer.
#[derive(Serialize)]
pub struct RequestAndAnswer {
    request: String,
    answer: Answer,
}

/// The pair of a request and its answer.
pub fn pair(request: &str, answer: Answer) -> RequestAndAnswer {
    RequestAndAnswer { request: request.to_owned(), answer }
}
