//! What a registered model says of what may be stored, what findings do, and which aliases are for approved versions alone.

use std::collections::BTreeMap;

use actix_web::web::{Json, Path};
use actix_web::{HttpRequest, HttpResponse};
use modelport_inspect::{Rule, Severity};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::errors::{PolicyErrors, ReadErrors};
use super::models::model_segment;
use super::request::ConditionHeaders;
use crate::domain::policy::Act;
use crate::domain::{Error, Job, Result};
use crate::http::caller::Caller;
use crate::http::conditional::{conditions, with_etag};
use crate::http::problem::Problem;
use crate::registry::inspection::{PolicyView as Held, policy_tag};
use crate::registry::policy::ModelPolicy;

/// What a model says; what it leaves out stays as the settings say.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PolicyBody {
    /// The formats that may be stored; `other` is every file of no known format. Empty for every one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed_formats: Option<Vec<String>>,
    /// The largest file that may be stored, in bytes; the server's limit applies in any case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_file_bytes: Option<u64>,
    /// What findings do by their weight, `info`, `warn`, `suspicious` or `danger`: `allow`, `warn`, `quarantine` or
    /// `refuse`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub findings: BTreeMap<String, String>,
    /// What findings of single rules do instead.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub rules: BTreeMap<String, String>,
    /// The aliases that only an approved version may hold; up to 100.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 100)]
    pub protected_aliases: Vec<String>,
    /// Whether whoever made a version or put files into it may not approve it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub forbid_author_approval: bool,
}

fn is_false(value: &bool) -> bool {
    !value
}

/// What a model says, and what holds for it.
#[derive(Debug, Serialize, ToSchema)]
pub struct PolicyView {
    /// What the model says.
    pub model: PolicyBody,
    /// What holds, together with the settings, for each file that arrives.
    pub effective: PolicyBody,
    /// The job that reevaluates the files stored before the policy was set; absent if none was set recently.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job: Option<PolicyJobView>,
}

/// The reevaluation of the files of a model by a policy.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PolicyJobView {
    /// The job's id.
    pub id: String,
    /// `queued`, `running`, `succeeded`, `failed` or `cancelled`.
    pub state: String,
    /// How many of the model's artifacts are evaluated.
    pub done: i64,
    /// Out of how many, once that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<i64>,
    /// Its result, once it has ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<PolicyJobResult>,
    /// Why it failed, or why its last attempt did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// The result of reevaluating the files of a model.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PolicyJobResult {
    /// Files that were evaluated.
    pub files: u64,
    /// Those that are quarantined from then on.
    pub quarantined: u64,
    /// Those that are not any more.
    pub released: u64,
}

impl From<&Job> for PolicyJobView {
    fn from(job: &Job) -> Self {
        Self {
            id: job.id.to_string(),
            state: job.state.name().to_owned(),
            done: job.progress.done,
            total: job.progress.total,
            result: job.result.clone().and_then(|result| serde_json::from_value(result).ok()),
            error: job.error.clone(),
        }
    }
}

impl PolicyBody {
    fn policy(self) -> Result<ModelPolicy> {
        if self.max_file_bytes.is_some_and(|bytes| i64::try_from(bytes).is_err()) {
            return Err(Error::invalid("maxFileBytes", "`maxFileBytes` is larger than any file"));
        }
        let mut policy = ModelPolicy {
            allowed_formats: self.allowed_formats,
            max_file_bytes: self.max_file_bytes,
            protected_aliases: self.protected_aliases,
            forbid_author_approval: self.forbid_author_approval,
            ..ModelPolicy::default()
        };
        for (weight, act) in &self.findings {
            let place = match Severity::ALL.into_iter().find(|each| each.name() == weight) {
                Some(Severity::Info) => &mut policy.info,
                Some(Severity::Warn) => &mut policy.warn,
                Some(Severity::Suspicious) => &mut policy.suspicious,
                Some(Severity::Danger) => &mut policy.danger,
                None => return Err(unknown("findings", weight, "the weight of a finding")),
            };
            *place = Some(read_act("findings", act)?);
        }
        for (id, act) in &self.rules {
            let rule = Rule::from_id(id).ok_or_else(|| unknown("rules", id, "a rule"))?;
            policy.rules.insert(rule, read_act("rules", act)?);
        }
        Ok(policy)
    }
}

/// Reads a policy by way of an object, because serde would take a list of values for one.
pub(super) fn read_policy(body: Json<Map<String, Value>>) -> Result<ModelPolicy> {
    let body: PolicyBody = serde_json::from_value(body.into_inner().into())
        .map_err(|error| Error::invalid_body(format!("body: {error}")))?;
    body.policy()
}

fn read_act(field: &str, name: &str) -> Result<Act> {
    Act::from_name(name).ok_or_else(|| unknown(field, name, "one of `allow`, `warn`, `quarantine` and `refuse`"))
}

fn unknown(field: &str, name: &str, what: &str) -> Error {
    Error::invalid(field, format!("`{}` is not {what}", name.escape_debug()))
}

impl From<&Held> for PolicyView {
    fn from(held: &Held) -> Self {
        let rules = |rules: &BTreeMap<Rule, Act>| {
            rules.iter().map(|(rule, act)| (rule.to_string(), act.to_string())).collect::<BTreeMap<_, _>>()
        };
        let (model, effective) = (&held.model, &held.effective);
        let said = [model.info, model.warn, model.suspicious, model.danger];
        let by_weight = |acts: [Option<Act>; 4]| {
            let named = Severity::ALL.into_iter().zip(acts);
            named.filter_map(|(weight, act)| Some((weight.name().to_owned(), act?.to_string()))).collect()
        };
        Self {
            model: PolicyBody {
                allowed_formats: model.allowed_formats.clone(),
                max_file_bytes: model.max_file_bytes,
                findings: by_weight(said),
                rules: rules(&model.rules),
                protected_aliases: model.protected_aliases.clone(),
                forbid_author_approval: model.forbid_author_approval,
            },
            effective: PolicyBody {
                allowed_formats: Some(effective.allowed_formats.clone()),
                max_file_bytes: effective.max_file_bytes,
                findings: by_weight(effective.acts.map(Some)),
                rules: rules(&effective.rules),
                protected_aliases: model.protected_aliases.clone(),
                forbid_author_approval: model.forbid_author_approval,
            },
            job: held.job.as_ref().map(PolicyJobView::from),
        }
    }
}

/// Shows the policy of a model and the effective one. Its ETag changes with the policy of the model.
#[utoipa::path(
    get, path = "/models/{model}/policy", operation_id = "getPolicy", tag = "models",
    params(("model" = String, Path, description = "Name of the registered model.")),
    responses(
        (status = 200, description = "The policy.", body = PolicyView),
        ReadErrors,
    ),
)]
pub async fn get_policy(caller: Caller, model: Path<String>) -> Result<HttpResponse, Problem> {
    let held = caller.registry.inspections.model_policy(&caller.context, &model_segment(&model)?).await?;
    Ok(show(&held))
}

fn show(held: &Held) -> HttpResponse {
    with_etag(policy_tag(&held.model), &PolicyView::from(held))
}

/// Replaces the policy of a model.
///
/// It applies at once to new files. A job reevaluates the stored files: what the policy would refuse is quarantined.
/// `GET` shows its progress. `{}` removes the policy of the model.
#[utoipa::path(
    put, path = "/models/{model}/policy", operation_id = "putPolicy", tag = "models",
    params(("model" = String, Path, description = "Name of the registered model."), ConditionHeaders),
    request_body = PolicyBody,
    responses(
        (status = 200, description = "The policy.", body = PolicyView),
        PolicyErrors,
    ),
)]
pub async fn put_policy(
    caller: Caller,
    model: Path<String>,
    body: Json<Map<String, Value>>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let policy = read_policy(body)?;
    let (model, conditions) = (model_segment(&model)?, conditions(&request)?);
    let held = caller.registry.inspections.set_model_policy(&caller.context, &model, policy, conditions).await?;
    Ok(show(&held))
}
