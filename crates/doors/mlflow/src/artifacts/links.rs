//! Links to the object store, by which stock clients read large files in ranges at once: `/mlflow-artifacts/presigned/…`.

use actix_web::web::{self, Path};
use actix_web::{HttpRequest, Resource};
use serde_json::json;

use super::super::call::{Call, answer};
use super::super::error::Answer;
use super::super::input::missing;
use super::super::runs::run_id;
use super::media_type::shown;
use super::place::Place;
use super::relative;
use crate::domain::{Error, FilePath, Result};
use crate::http::caller::Caller;
use crate::http::disposition::disposition;
use crate::registry::tracking::run_files::Folder;

/// For how long links may be asked for, in seconds, as S3 has it.
const MAX_SECONDS: i64 = 604_800;

/// The operations.
pub(super) fn resources() -> Vec<Resource> {
    vec![
        web::resource("/mlflow-artifacts/presigned/{path:.*}").route(web::get().to(of_path)),
        web::resource("/mlflow/artifacts/presigned-download-url").route(web::post().to(of_run)),
        web::resource("/mlflow/artifacts/presigned-upload-url").to(no_upload),
    ]
}

async fn of_path(caller: Caller, path: Path<String>, _: HttpRequest) -> Answer {
    let not_found = || Error::not_found(format!("file `{}`", path.escape_debug()));
    let place = Place::of(&path)?.ok_or_else(not_found)?;
    let file = place.path.clone().ok_or_else(not_found)?;
    let (url, size) = link(&caller, &place.folder, &file, Some(&place)).await?;
    answer(json!({"url": url, "headers": {}, "file_size": size}))
}

/// How long its links are valid is up to the server.
async fn of_run(call: Call) -> Answer {
    let folder = Folder::Run(run_id(&call.input)?);
    let path = relative(&call.input, "path")?.ok_or_else(|| missing("path"))?;
    if call.input.int("expiration")?.is_some_and(|seconds| !(1..=MAX_SECONDS).contains(&seconds)) {
        let message = format!("expiration must be between 1 and {MAX_SECONDS} seconds");
        return Err(Error::invalid("expiration", message).into());
    }
    let caller = Caller { registry: call.registry, context: call.context };
    let (url, size) = link(&caller, &folder, &path, None).await?;
    answer(json!({"presigned_url": url, "headers": {}, "file_size": size}))
}

/// A file's end could not be told from what is sent to the store alone.
async fn no_upload() -> Answer {
    Err(Error::unimplemented("Presigned upload is not supported by this server").into())
}

/// The link to a file, and how many bytes it has.
///
/// Errors: NotFound; PermissionDenied; Quarantined; Unimplemented where files are read through the server alone, as which clients read
/// them then.
async fn link(caller: &Caller, folder: &Folder, path: &FilePath, place: Option<&Place>) -> Result<(String, u64)> {
    let (owner, file) = caller.registry.tracking.get_folder_file(&caller.context, folder, path).await?;
    place.map_or(Ok(()), |place| place.check(&owner))?;
    let disposition = disposition(file.path.file_name(), "").to_string();
    let link = caller.registry.files.file_link(&caller.context, &file, (shown(&file), &disposition)).await?;
    let url = link.ok_or_else(|| Error::unimplemented("Presigned download is not supported by this server"))?;
    Ok((url, file.blob.size))
}
