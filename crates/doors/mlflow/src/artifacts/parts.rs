//! Files that stock clients send in parts: `/mlflow-artifacts/mpu/…`, and where the parts go.
//!
//! A client sends parts without saying who it is, with the headers that the answer to `create` gives it. One of them has the secret of the upload,
//! which so is in no URL and in no log.

use actix_web::http::header::{CONTENT_LENGTH, ETAG};
use actix_web::web::{self, Path, Payload};
use actix_web::{HttpRequest, HttpResponse, Resource};
use serde_json::{Value as Json, json};

use super::super::call::{Call, answer, done};
use super::super::error::Answer;
use super::super::input::missing;
use super::place::Place;
use crate::domain::{Error, FilePath, Result};
use crate::http::body;
use crate::http::browser::Stranger;
use crate::http::digests::Digests;
use crate::registry::resumable::NewPart;
use crate::registry::resumable::multipart::{MAX_PARTS, TaggedPart};
use crate::registry::target::Target;

/// What the path of a part ends with, among the routes.
const PART: &str = "/mlflow-artifacts/mpu/parts/{upload}/{number}";

/// Where parts are below the server's root.
const PARTS: &str = "/api/2.0/mlflow-artifacts/mpu/parts";

/// The header with the secret of the upload.
const SECRET: &str = "X-Modelport-Upload-Secret";

/// Whether the route of that pattern is that of a part: it is streamed, and whoever sends it says nothing else than the secret.
pub fn is_part(pattern: &str) -> bool {
    pattern.ends_with(PART)
}

/// The operations.
pub(super) fn resources() -> Vec<Resource> {
    vec![
        web::resource(PART).route(web::put().to(put)),
        web::resource("/mlflow-artifacts/mpu/create/{path:.*}").route(web::post().to(create)),
        web::resource("/mlflow-artifacts/mpu/complete/{path:.*}").route(web::post().to(complete)),
        web::resource("/mlflow-artifacts/mpu/abort/{path:.*}").route(web::post().to(abort)),
    ]
}

async fn create(call: Call, folder: Path<String>) -> Answer {
    let parts =
        u64::try_from(call.input.int("num_parts")?.unwrap_or_default()).ok().filter(|parts| *parts <= MAX_PARTS);
    let parts =
        parts.ok_or_else(|| Error::invalid("num_parts", format!("`num_parts` must be from 0 to {MAX_PARTS}")))?;
    let (target, path) = file(&call, &folder).await?;
    let upload = call.registry.files.create_multipart(&call.context, &target, &path, parts).await?;
    let base = call.context.base_url();
    let credential = |number: u64| {
        json!({
            "url": format!("{base}{PARTS}/{}/{number}", upload.id),
            "part_number": number,
            "headers": {SECRET: upload.secret},
        })
    };
    let credentials: Vec<Json> = (1..=parts).map(credential).collect();
    answer(json!({"upload_id": upload.id, "credentials": credentials}))
}

async fn put(stranger: Stranger, path: Path<(String, String)>, request: HttpRequest, payload: Payload) -> Answer {
    let (upload, number) = path.into_inner();
    let number = number.parse();
    let number = number.map_err(|_| Error::invalid("part_number", "the number of a part is a number from 1"))?;
    let headers = request.headers();
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let digests = Digests::of(headers)?;
    let part = NewPart {
        upload,
        secret: text(SECRET).unwrap_or_default().to_owned(),
        number,
        length: text(CONTENT_LENGTH.as_str()).and_then(|length| length.parse().ok()),
        sha256: digests.sha256(),
    };
    let body = digests.check_sha512(body::chunks(payload));
    let stored = stranger.registry().files.put_part(stranger.context(), part, body).await;
    let tag = stored.map_err(|error| digests.named(error))?;
    Ok(HttpResponse::Ok().insert_header((ETAG, format!("\"{tag}\""))).finish())
}

async fn complete(call: Call, folder: Path<String>) -> Answer {
    let (target, path) = file(&call, &folder).await?;
    let upload = call.input.required_text("upload_id")?;
    let said = call.input.messages("parts")?.into_iter().map(|part| {
        let number = u64::try_from(part.required_int("part_number")?);
        let number = number.map_err(|_| Error::invalid("parts", "the number of a part is a number from 1"))?;
        Ok(TaggedPart { number, tag: part.text("etag")?.unwrap_or_default().to_owned() })
    });
    let said = said.collect::<Result<Vec<_>>>()?;
    call.registry.files.complete_multipart(&call.context, upload, (&target, &path), said).await?;
    done()
}

async fn abort(call: Call, folder: Path<String>) -> Answer {
    let (target, path) = file(&call, &folder).await?;
    let upload = call.input.required_text("upload_id")?;
    call.registry.files.abort_multipart(&call.context, upload, (&target, &path)).await?;
    done()
}

/// The file that a call is about: what its path names is the folder, and of the client's own file the name counts.
async fn file(call: &Call, folder: &str) -> Result<(Target, FilePath)> {
    let local = call.input.required_text("path")?;
    let name = local.rsplit(['/', '\\']).next().filter(|name| !name.is_empty()).ok_or_else(|| missing("path"))?;
    let folder = folder.trim_end_matches('/');
    let place = Place::of(&format!("{folder}/{name}"))?.ok_or_else(Place::unknown)?;
    let owner = call.registry.tracking.get_folder(&call.context, &place.folder).await?;
    place.check(&owner)?;
    let path =
        place.path.as_ref().ok_or_else(|| Error::invalid("path", "`path` is that of a folder, not of a file"))?;
    Ok((owner.target()?.clone(), owner.path(path)?))
}
