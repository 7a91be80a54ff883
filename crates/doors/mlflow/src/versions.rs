//! Versions of registered models.

mod source;

use actix_web::{Resource, web};
use serde_json::json;

use super::call::{Call, answer, done};
use super::error::Answer;
use super::models::{are_of_prompt, model_named, number, search, tag, tags, version};
use super::wire::{PageLimits, given};
use crate::domain::search::Searched;
use crate::domain::tracking::LoggedModelId;
use crate::domain::{Change, Error, Result, Stage};
use crate::registry::numbered::{NewVersion, VersionPlace, VersionSource, WhichVersion};
use source::Source;

/// How many versions a page has.
const PAGES: PageLimits = PageLimits { default: 10_000, most: 200_000 };

/// The operations.
pub fn resources() -> Vec<Resource> {
    vec![
        web::resource("/mlflow/model-versions/create").route(web::post().to(create)),
        web::resource("/mlflow/model-versions/get").route(web::get().to(get)),
        web::resource("/mlflow/model-versions/search").route(web::get().to(find)),
        web::resource("/mlflow/model-versions/update").route(web::patch().to(update)),
        web::resource("/mlflow/model-versions/delete").route(web::delete().to(delete)),
        web::resource("/mlflow/model-versions/get-download-uri").route(web::get().to(get_download_uri)),
        web::resource("/mlflow/model-versions/transition-stage").route(web::post().to(transition_stage)),
        web::resource("/mlflow/model-versions/set-tag").route(web::post().to(set_tag)),
        web::resource("/mlflow/model-versions/delete-tag").route(web::delete().to(delete_tag)),
    ]
}

async fn create(call: Call) -> Answer {
    let input = &call.input;
    let owned = |name| Ok::<_, Error>(input.given_text(name)?.map(ToOwned::to_owned));
    let (model, custom, text) = (model_named(input)?, tags(input)?, input.required_text("source")?);
    let source = if are_of_prompt(&custom) {
        // The text of a prompt is in a tag; its source is a word that stands for none.
        Source::foreign(text)
    } else {
        source::parse(text, call.context.base_url())?
    };
    let Source { source, text, must_be_of_run } = written_by_number(&call, source).await?;
    let new = NewVersion {
        model,
        source,
        source_text: text,
        run: owned("run_id")?,
        must_be_of_run,
        logged_model: input.given_text("model_id")?.map(logged_model).transpose()?,
        run_link: owned("run_link")?,
        description: owned("description")?,
        custom,
    };
    let made = call.registry.models.create_version(&call.context, new).await?;
    answer(json!({"model_version": version(&made)}))
}

/// The source. One that is a version by an alias, a stage or its name becomes that version by its number: it stays what
/// it was when the alias moves.
async fn written_by_number(call: &Call, source: Source) -> Result<Source> {
    let (model, which) = match &source.source {
        VersionSource::Version(model, which) if !matches!(which, WhichVersion::Number(_)) => (model, which),
        _ => return Ok(source),
    };
    let found = call.registry.models.find_numbered(&call.context, model, which.clone()).await?;
    let found = found.ok_or_else(|| Error::not_found(format!("the version that `{}` means", source.text)))?;
    Ok(Source {
        text: format!("models:/{}/{}", model.name, found.number),
        source: VersionSource::Version(model.clone(), WhichVersion::Number(found.number)),
        ..source
    })
}

fn logged_model(id: &str) -> Result<LoggedModelId> {
    id.parse().map_err(|_| Error::invalid("model_id", format!("`{}` is no id of a logged model", id.escape_debug())))
}

async fn get(call: Call) -> Answer {
    let (model, number) = (model_named(&call.input)?, number(&call.input)?);
    let found = call.registry.models.numbered_version(&call.context, &model, number).await?;
    answer(json!({"model_version": version(&found)}))
}

async fn find(call: Call) -> Answer {
    let input = &call.input;
    let search = search(Searched::Versions, input)?;
    let size = PAGES.size(input.int("max_results")?)?;
    let token = input.given_text("page_token")?.map(ToOwned::to_owned);
    let page = call.registry.models.search_versions(&call.context, search, size, token).await?;
    answer(json!({
        "model_versions": given(page.versions.iter().map(version).collect()),
        "next_page_token": page.next,
    }))
}

async fn update(call: Call) -> Answer {
    let (model, number) = (model_named(&call.input)?, number(&call.input)?);
    let text = call.input.text("description")?.unwrap_or_default();
    let described = call.registry.models.describe_version(&call.context, &model, number, text).await?;
    answer(json!({"model_version": version(&described)}))
}

async fn delete(call: Call) -> Answer {
    let (model, number) = (model_named(&call.input)?, number(&call.input)?);
    call.registry.models.delete_version(&call.context, &model, number).await?;
    done()
}

async fn get_download_uri(call: Call) -> Answer {
    let (model, number) = (model_named(&call.input)?, number(&call.input)?);
    let uri = match call.registry.models.place_of_version(&call.context, &model, number).await? {
        VersionPlace::Stored(version) => format!("mlflow-artifacts:/versions/{version}"),
        VersionPlace::Foreign(uri) => uri,
    };
    answer(json!({"artifact_uri": uri}))
}

async fn transition_stage(call: Call) -> Answer {
    let input = &call.input;
    let (model, number, text) = (model_named(input)?, number(input)?, input.required_text("stage")?);
    let stage: Stage = text.parse().map_err(|error: Error| {
        let names = Stage::ALL.map(Stage::name).join(", ");
        let text = text.escape_debug();
        let message = format!("Invalid Model Version stage: {text}. Value must be one of {names}.");
        Error::invalid("stage", message).caused_by(error)
    })?;
    let archive = input.bool("archive_existing_versions")?;
    let moved = call.registry.models.move_to_stage(&call.context, &model, number, stage, archive).await?;
    answer(json!({"model_version": version(&moved)}))
}

async fn set_tag(call: Call) -> Answer {
    let (model, number, (key, value)) = (model_named(&call.input)?, number(&call.input)?, tag(&call.input)?);
    call.registry.models.tag_version(&call.context, &model, number, &key, value).await?;
    done()
}

async fn delete_tag(call: Call) -> Answer {
    let (model, number) = (model_named(&call.input)?, number(&call.input)?);
    let key = call.input.required_text("key")?;
    call.registry.models.tag_version(&call.context, &model, number, key, Change::Clear).await?;
    done()
}
