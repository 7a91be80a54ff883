//! The artifact proxy, and the other ways to the files of runs, logged models and versions.

mod links;
mod media_type;
mod parts;
mod place;

use actix_web::http::header;
use actix_web::web::{self, Path, Payload, ServiceConfig};
use actix_web::{HttpRequest, Resource};
use serde_json::{Value as Json, json};

use self::media_type::shown;
use self::place::{Place, root_uri, safe};
use super::call::{Call, answer, done};
use super::error::{Answer, refuse};
use super::input::{Input, missing};
use super::runs::run_id;
use super::wire::given;
use crate::domain::{Error, FilePath, FolderEntry, Result};
use crate::http::body;
use crate::http::caller::Caller;
use crate::http::digests::Digests;
use crate::http::download::serve;
use crate::registry::target::Precondition;
use crate::registry::tracking::run_files::Folder;
use crate::registry::upload::PutFile;

pub use parts::is_part;
pub use place::{meant, model_root, run_root, trace_root};

/// What the path of a file of the proxy ends with, among the routes.
const FILE: &str = "/mlflow-artifacts/artifacts/{path:.*}";

/// The longest media type, in bytes.
const MAX_MEDIA_TYPE: usize = 255;

/// Whether the route of that pattern reads its bodies as a stream.
pub fn is_streamed(pattern: &str) -> bool {
    pattern.ends_with(FILE) || parts::is_part(pattern)
}

/// The routes at the server's root.
pub fn routes(service: &mut ServiceConfig) {
    let of_run = web::resource("/get-artifact");
    service.service(of_run.route(web::get().to(send_run_file)).route(web::head().to(send_run_file)));
    let of_version = web::resource("/model-versions/get-artifact");
    service.service(of_version.route(web::get().to(send_version_file)).route(web::head().to(send_version_file)));
}

/// The operations.
pub fn resources() -> Vec<Resource> {
    let mut resources = vec![
        web::resource("/mlflow-artifacts/artifacts").route(web::get().to(list)),
        web::resource(FILE)
            .route(web::get().to(get))
            .route(web::head().to(get))
            .route(web::put().to(put))
            .route(web::delete().to(delete)),
        web::resource("/mlflow/artifacts/list").route(web::get().to(list_of_run)),
        web::resource("/mlflow/logged-models/{model_id}/artifacts/directories").route(web::get().to(list_of_model)),
        web::resource("/mlflow/logged-models/{model_id}/artifacts/files")
            .route(web::get().to(send_model_file))
            .route(web::head().to(send_model_file)),
    ];
    resources.extend(parts::resources());
    resources.extend(links::resources());
    resources
}

async fn put(caller: Caller, path: Path<String>, request: HttpRequest, payload: Payload) -> Answer {
    let headers = request.headers();
    if headers.contains_key(header::CONTENT_RANGE) {
        return Err(Error::invalid("Content-Range", "a file is stored as a whole, not in parts").into());
    }
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let media_type = text(header::CONTENT_TYPE).filter(|given| !given.is_empty() && given.len() <= MAX_MEDIA_TYPE);
    let digests = Digests::of(headers)?;
    if path.ends_with('/') {
        return Err(Error::invalid("path", "`path` is that of a folder, not of a file").into());
    }
    let place = Place::of(&path)?.ok_or_else(Place::unknown)?;
    let owner = caller.registry.tracking.get_folder(&caller.context, &place.folder).await?;
    place.check(&owner)?;
    let path = place.path.as_ref();
    let path = path.ok_or_else(|| Error::invalid("path", "`path` is that of a folder, not of a file"))?;
    let put = PutFile {
        target: owner.target()?.clone(),
        path: owner.path(path)?,
        media_type: media_type.map(ToOwned::to_owned),
        length: text(header::CONTENT_LENGTH).and_then(|length| length.parse().ok()),
        sha256: digests.sha256(),
        precondition: Precondition::Any,
        create: true,
    };
    let body = digests.check_sha512(body::chunks(payload));
    let stored = caller.registry.files.put_file(&caller.context, put, body).await;
    stored.map_err(|error| digests.named(error))?;
    done()
}

async fn get(caller: Caller, path: Path<String>, request: HttpRequest) -> Answer {
    let not_found = || Error::not_found(format!("file `{}`", path.escape_debug()));
    let place = Place::of(&path)?.ok_or_else(not_found)?;
    let file = place.path.clone().ok_or_else(not_found)?;
    send(&caller, &request, &place.folder, &file, Some(&place)).await
}

async fn delete(caller: Caller, path: Path<String>) -> Answer {
    let place = Place::of(&path)?.ok_or_else(Place::unknown)?;
    let owner = caller.registry.tracking.get_folder(&caller.context, &place.folder).await?;
    place.check(&owner)?;
    caller.registry.tracking.delete_folder(&caller.context, &place.folder, place.path).await?;
    done()
}

/// Lists a folder of the proxy. What is no folder of anything is empty, as a folder without files is.
async fn list(call: Call) -> Answer {
    let Some(place) = Place::of(call.input.text("path")?.unwrap_or_default())? else { return done() };
    let (owner, entries) = call.registry.tracking.list_folder(&call.context, &place.folder, place.path.clone()).await?;
    place.check(&owner)?;
    answer(json!({"files": given(entries.iter().map(|entry| file_info(entry, None)).collect())}))
}

async fn list_of_run(call: Call) -> Answer {
    list_within(&call, Folder::Run(run_id(&call.input)?), "path").await
}

async fn list_of_model(call: Call) -> Answer {
    list_within(&call, Folder::LoggedModel(call.segment(0).parse()?), "artifact_directory_path").await
}

/// Lists a folder by the paths below that of a run or a logged model.
async fn list_within(call: &Call, folder: Folder, field: &str) -> Answer {
    let path = relative(&call.input, field)?;
    let (owner, entries) = call.registry.tracking.list_folder(&call.context, &folder, path.clone()).await?;
    answer(json!({
        "root_uri": root_uri(&folder, &owner),
        "files": given(entries.iter().map(|entry| file_info(entry, path.as_ref())).collect()),
    }))
}

/// A path below the files of something; `None` is all of them.
fn relative(input: &Input, field: &str) -> Result<Option<FilePath>> {
    let path = safe(input.text(field)?.unwrap_or_default())?;
    Some(path).filter(|path| !path.is_empty()).map(str::parse).transpose()
}

fn file_info(entry: &FolderEntry, within: Option<&FilePath>) -> Json {
    let path = match within {
        Some(folder) => format!("{folder}/{}", entry.name),
        None => entry.name.clone(),
    };
    json!({"path": path, "is_dir": entry.size.is_none(), "file_size": entry.size})
}

async fn send_run_file(caller: Caller, request: HttpRequest) -> Answer {
    let input = Input::of_query(request.query_string())?;
    send_given(&caller, &request, &input, "path", Folder::Run(run_id(&input)?)).await
}

async fn send_version_file(caller: Caller, request: HttpRequest) -> Answer {
    let input = Input::of_query(request.query_string())?;
    let version = input.int("version")?.ok_or_else(|| missing("version"))?;
    let folder = Folder::Numbered(input.required_text("name")?.parse()?, version);
    send_given(&caller, &request, &input, "path", folder).await
}

async fn send_model_file(caller: Caller, model: Path<String>, request: HttpRequest) -> Answer {
    let input = Input::of_query(request.query_string())?;
    send_given(&caller, &request, &input, "artifact_file_path", Folder::LoggedModel(model.parse()?)).await
}

/// Sends the file that a field of the query names.
async fn send_given(caller: &Caller, request: &HttpRequest, input: &Input, field: &str, folder: Folder) -> Answer {
    let path = relative(input, field)?.ok_or_else(|| missing(field))?;
    send(caller, request, &folder, &path, None).await
}

async fn send(
    caller: &Caller,
    request: &HttpRequest,
    folder: &Folder,
    path: &FilePath,
    place: Option<&Place>,
) -> Answer {
    let (owner, file) = caller.registry.tracking.get_folder_file(&caller.context, folder, path).await?;
    place.map_or(Ok(()), |place| place.check(&owner))?;
    Ok(serve(caller, request, &file, shown(&file), refuse).await?)
}
