//! Workspaces as MLflow's clients list them. They are made and changed by the native API.

use actix_web::{Resource, web};
use serde_json::{Value as Json, json};

use super::call::{Call, answer};
use super::error::Answer;
use super::wire::given;
use crate::domain::access::Workspace;
use crate::domain::{PageRequest, PageSize};

/// The operations.
pub fn resources() -> Vec<Resource> {
    vec![
        web::resource("/mlflow/workspaces").route(web::get().to(list)),
        web::resource("/mlflow/workspaces/{name}").route(web::get().to(get)),
    ]
}

fn workspace(workspace: &Workspace) -> Json {
    json!({"name": workspace.slug.as_str(), "description": workspace.title})
}

/// All that the caller sees; the protocol has no pages of them.
async fn list(call: Call) -> Answer {
    let (mut all, mut token) = (Vec::new(), None);
    loop {
        let request = PageRequest { size: Some(PageSize::new(PageSize::MAX)), token, with_total: false };
        let page = call.registry.accounts.list_workspaces(&call.context, request).await?;
        all.extend(page.items.iter().map(workspace));
        token = page.next;
        if token.is_none() {
            return answer(json!({"workspaces": given(all)}));
        }
    }
}

async fn get(call: Call) -> Answer {
    let found = call.registry.accounts.get_workspace(&call.context, &call.segment(0).parse()?).await?;
    answer(json!({"workspace": workspace(&found)}))
}
