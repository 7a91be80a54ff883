//! Registered models, prompts among them.

mod names;
mod shown;

use actix_web::{Resource, web};
use serde_json::json;

use super::call::{Call, answer, done};
use super::error::Answer;
use super::input::Input;
use super::wire::{PageLimits, check_key, given};
use crate::domain::filter::mlflow::{clauses, order_keys};
use crate::domain::search::{Search, Searched};
use crate::domain::tracking::View;
use crate::domain::{Alias, Change, Error, Name, Properties, Result, Value};
use crate::registry::numbered::{WhichVersion, is_prompt};

pub use names::{model_named, number, spelled};
pub use shown::version;

/// The longest value of a tag, in characters.
const MAX_TAG: usize = 100_000;

/// How many models a page has.
const PAGES: PageLimits = PageLimits { default: 100, most: 1000 };

/// The tag by which prompts are told.
const IS_PROMPT: &str = "mlflow.prompt.is_prompt";

/// The alias that no model has: its version with the highest number.
const LATEST: &str = "latest";

/// The operations.
pub fn resources() -> Vec<Resource> {
    vec![
        web::resource("/mlflow/registered-models/create").route(web::post().to(create)),
        web::resource("/mlflow/registered-models/get").route(web::get().to(get)),
        web::resource("/mlflow/registered-models/search").route(web::get().to(find)),
        web::resource("/mlflow/registered-models/rename").route(web::post().to(rename)),
        web::resource("/mlflow/registered-models/update").route(web::patch().to(update)),
        web::resource("/mlflow/registered-models/delete").route(web::delete().to(delete)),
        web::resource("/mlflow/registered-models/get-latest-versions")
            .route(web::post().to(latest_versions))
            .route(web::get().to(latest_versions)),
        web::resource("/mlflow/registered-models/set-tag").route(web::post().to(set_tag)),
        web::resource("/mlflow/registered-models/delete-tag").route(web::delete().to(delete_tag)),
        web::resource("/mlflow/registered-models/alias")
            .route(web::post().to(set_alias))
            .route(web::delete().to(delete_alias))
            .route(web::get().to(get_alias)),
    ]
}

/// The tags of a new model or version. Of those with one key the last counts, as upstream has it.
pub fn tags(input: &Input) -> Result<Properties> {
    let mut tags = Properties::new();
    for (key, value) in input.pairs("tags")? {
        check_tag(&key, &value)?;
        tags.insert(key, Value::String(value));
    }
    Ok(tags)
}

/// Whether these tags are those of a prompt.
pub fn are_of_prompt(tags: &Properties) -> bool {
    tags.get(IS_PROMPT).and_then(Value::as_str).is_some_and(|said| said.eq_ignore_ascii_case("true"))
}

/// The tag to set: its key, and its value.
pub fn tag(input: &Input) -> Result<(String, Change<Value>)> {
    let (key, value) = (input.required_text("key")?, input.text("value")?.unwrap_or_default());
    check_tag(key, value)?;
    Ok((key.to_owned(), Change::Set(Value::String(value.to_owned()))))
}

fn check_tag(key: &str, value: &str) -> Result<()> {
    check_key("key", key)?;
    let chars = value.chars().count();
    if chars > MAX_TAG {
        let message = format!("the value of tag `{key}` has {chars} characters, more than {MAX_TAG}");
        return Err(Error::invalid("value", message));
    }
    Ok(())
}

/// What a search of models or versions asks for.
pub fn search(of: Searched, input: &Input) -> Result<Search> {
    Ok(Search {
        of,
        experiments: Vec::new(),
        view: View::Active,
        clauses: clauses(of, input.text("filter")?.unwrap_or_default())?,
        order: order_keys(of, &input.texts("order_by")?)?,
        datasets: Vec::new(),
    })
}

async fn create(call: Call) -> Answer {
    let name = names::new_name(&call.input, "name")?;
    let tags = tags(&call.input)?;
    let is_prompt = are_of_prompt(&tags);
    let description = call.input.given_text("description")?;
    match call.registry.models.create_model(&call.context, &name, description, tags).await {
        Ok(made) => answer(json!({"registered_model": shown::model(&made)})),
        Err(error) if error.kind().is_taken() => Err(taken(&call, name, is_prompt, error).await.into()),
        Err(error) => Err(error.into()),
    }
}

/// The error for a name that is taken, which says by what.
async fn taken(call: &Call, name: Name, is_new_prompt: bool, error: Error) -> Error {
    let found = call.registry.models.numbered_model(&call.context, &name.clone().into()).await;
    let Ok(found) = found else { return error };
    let noun = |is_prompt| if is_prompt { "prompt" } else { "registered model" };
    let (new, old) = (noun(is_new_prompt), noun(is_prompt(&found.model)));
    if new == old {
        let noun = if is_new_prompt { "Prompt" } else { "Registered Model" };
        return Error::name_taken(format!("{noun} (name={name}) already exists."));
    }
    Error::name_taken(format!(
        "Tried to create a {new} with name '{name}', but the name is already taken by a {old}. MLflow does not allow \
         creating a model and a prompt with the same name."
    ))
}

async fn get(call: Call) -> Answer {
    let found = call.registry.models.numbered_model(&call.context, &model_named(&call.input)?).await?;
    answer(json!({"registered_model": shown::model(&found)}))
}

async fn find(call: Call) -> Answer {
    let input = &call.input;
    let search = search(Searched::Models, input)?;
    let size = PAGES.size(input.int("max_results")?)?;
    let token = input.given_text("page_token")?.map(ToOwned::to_owned);
    let page = call.registry.models.search_models(&call.context, search, size, token).await?;
    answer(json!({
        "registered_models": given(page.models.iter().map(shown::model).collect()),
        "next_page_token": page.next,
    }))
}

async fn rename(call: Call) -> Answer {
    let (model, name) = (model_named(&call.input)?, names::new_name(&call.input, "new_name")?);
    match call.registry.models.rename_model(&call.context, &model, &name).await {
        Ok(renamed) => answer(json!({"registered_model": shown::model(&renamed)})),
        Err(error) if error.kind().is_taken() => {
            Err(Error::name_taken(format!("Registered Model (name={name}) already exists.")).into())
        }
        Err(error) => Err(error.into()),
    }
}

async fn update(call: Call) -> Answer {
    let (model, text) = (model_named(&call.input)?, call.input.text("description")?.unwrap_or_default());
    let described = call.registry.models.describe_model(&call.context, &model, text).await?;
    answer(json!({"registered_model": shown::model(&described)}))
}

async fn delete(call: Call) -> Answer {
    call.registry.models.delete_model(&call.context, &model_named(&call.input)?).await?;
    done()
}

async fn latest_versions(call: Call) -> Answer {
    let stages = call.input.texts("stages")?.into_iter().map(ToOwned::to_owned).collect();
    let model = model_named(&call.input)?;
    let found = call.registry.models.latest_versions(&call.context, &model, stages).await?;
    answer(json!({"model_versions": given(found.iter().map(version).collect())}))
}

async fn set_tag(call: Call) -> Answer {
    let (model, (key, value)) = (model_named(&call.input)?, tag(&call.input)?);
    call.registry.models.tag_model(&call.context, &model, &key, value).await?;
    done()
}

async fn delete_tag(call: Call) -> Answer {
    let (model, key) = (model_named(&call.input)?, call.input.required_text("key")?);
    call.registry.models.tag_model(&call.context, &model, key, Change::Clear).await?;
    done()
}

async fn set_alias(call: Call) -> Answer {
    let (model, alias) = (model_named(&call.input)?, names::new_alias(&call.input)?);
    call.registry.models.alias_number(&call.context, &model, &alias, number(&call.input)?).await?;
    done()
}

async fn delete_alias(call: Call) -> Answer {
    let (model, alias): (_, Alias) = (model_named(&call.input)?, call.input.required_text("alias")?.parse()?);
    call.registry.models.drop_alias(&call.context, &model, &alias).await?;
    done()
}

async fn get_alias(call: Call) -> Answer {
    let (model, alias) = (model_named(&call.input)?, call.input.required_text("alias")?);
    let is_latest = alias.eq_ignore_ascii_case(LATEST);
    let which = if is_latest { WhichVersion::Latest } else { WhichVersion::Aliased(alias.parse()?) };
    let found = call.registry.models.find_numbered(&call.context, &model, which).await?;
    let missing = || match is_latest {
        true => Error::not_found(format!("the latest version of registered model `{}`", model.name)),
        false => Error::invalid("alias", format!("Registered model alias {alias} not found.")),
    };
    answer(json!({"model_version": version(&found.ok_or_else(missing)?)}))
}
