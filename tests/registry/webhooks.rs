//! Webhooks: what they are told of the feed, once each, with whose sight, and in which order deliveries are claimed.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use modelport::domain::access::{Access, WorkspaceId};
use modelport::domain::job::JobEnd;
use modelport::domain::webhook::{DELIVERY, Webhook, WebhookChanges, WebhookEvent};
use modelport::domain::{Change, Draft, ErrorKind, Job, JobState, LogicalType, PageSize, Properties, Value};
use modelport::egress::{Egress, EgressOptions};
use modelport::identity::Keyring;
use modelport::registry::access::NewWorkspace;
use modelport::registry::jobs::{RunningJob, Stopping};
use modelport::registry::{Registry, RegistryOptions};
use modelport::webhooks::{Sender, SenderOptions};

use super::{HOUR, Scene, actor};
use crate::support::{Backend, on_both};

on_both! {
    what_happens_after_it_was_made_is_told_once,
    only_what_is_wanted_is_told,
    replicas_at_once_tell_once,
    deliveries_of_one_webhook_come_one_after_the_other,
    a_webhook_that_fails_is_left_alone,
    what_waits_is_bounded,
    another_workspace_is_not_told,
    without_webhooks_nothing_is_placed,
    what_is_removed_before_it_is_told_is_told,
    what_its_maker_sees_no_more_is_withheld,
}

const LEASE: Duration = Duration::from_secs(30);
const URL: &str = "https://[2001:4860:4860::8888]:9/";

async fn scene(backend: Backend) -> Scene {
    let sender = Sender::new(SenderOptions {
        egress: Egress::new(EgressOptions::default()),
        keys: Arc::new(|| Keyring::new(["a key that is long enough to seal"])),
        timeout: Duration::from_secs(1),
    });
    let mut scene = Scene::new(backend).await;
    let reading = Arc::clone(&scene.clock);
    let options = RegistryOptions {
        clock: Arc::new(move || reading.load(Ordering::SeqCst)),
        webhook_sender: Some(Arc::new(sender.unwrap())),
        ..RegistryOptions::default()
    };
    scene.registry = Registry::new(scene.store.clone(), scene.blobs.clone(), options);
    scene.context = scene.registry.context(actor(), Access::unrestricted());
    scene
}

async fn webhook(scene: &Scene, events: &[WebhookEvent]) -> Webhook {
    let wanted = WebhookChanges {
        name: Some("hook".to_owned()),
        url: Some(URL.to_owned()),
        events: Some(events.iter().copied().collect::<BTreeSet<_>>()),
        ..WebhookChanges::default()
    };
    scene.registry.webhooks.create_webhook(&scene.context, wanted).await.unwrap()
}

async fn model(scene: &Scene, name: &str) {
    let draft = Draft::named(name.parse().unwrap());
    scene.registry.entities.create(&scene.context, LogicalType::RegisteredModel, None, draft).await.unwrap();
}

async fn follow(scene: &Scene) {
    scene.registry.webhooks.follow_feed(&scene.registry.own_context()).await.unwrap();
}

/// The names of the events that wait or were delivered, the oldest first.
async fn told(scene: &Scene, webhook: &Webhook) -> Vec<&'static str> {
    let size = PageSize::new(PageSize::MAX);
    let found = scene.registry.webhooks.webhook_deliveries(&scene.context, webhook.id, None, size).await.unwrap();
    found.0.iter().rev().map(|delivery| delivery.event.name()).collect()
}

async fn claim(scene: &Scene, owner: &str) -> Option<Job> {
    scene.registry.jobs.claim_job(&scene.context, DELIVERY, owner, LEASE, 5).await.unwrap()
}

async fn finish(scene: &Scene, job: &Job, owner: &str, end: JobEnd) {
    let running = RunningJob::new(scene.registry.clone(), scene.context.clone(), job.clone(), Stopping::never());
    assert!(scene.registry.jobs.finish_job(&scene.context, &running, owner, end).await.unwrap());
}

async fn what_happens_after_it_was_made_is_told_once(backend: Backend) {
    let scene = scene(backend).await;
    model(&scene, "before").await;
    let hook = webhook(&scene, WebhookEvent::ALL).await;
    follow(&scene).await;
    assert_eq!(told(&scene, &hook).await, Vec::<&str>::new());
    for number in 0..450 {
        model(&scene, &format!("model-{number}")).await;
    }
    for _ in 0..3 {
        follow(&scene).await;
        assert_eq!(told(&scene, &hook).await, ["registered_model.created"; 450]);
    }
}

async fn only_what_is_wanted_is_told(backend: Backend) {
    let scene = scene(backend).await;
    let (tags, all) = (webhook(&scene, &[WebhookEvent::VersionTagSet]).await, webhook(&scene, WebhookEvent::ALL).await);
    let models = &scene.registry.models;
    let name = "m".parse().unwrap();
    models.create_model(&scene.context, &name, None, Properties::new()).await.unwrap();
    let draft = Draft::named("1".parse().unwrap());
    let home = models.numbered_model(&scene.context, &name.clone().into()).await.unwrap().model.id;
    let entities = &scene.registry.entities;
    entities.create(&scene.context, LogicalType::ModelVersion, Some(home), draft).await.unwrap();
    let set = |text: &str| Change::Set(Value::from(text));
    let clear = Change::Clear;
    for change in [set("a"), set("a"), set("b"), clear.clone(), clear] {
        models.tag_version(&scene.context, &name.clone().into(), 1, "k", change).await.unwrap();
    }
    models.tag_model(&scene.context, &name.clone().into(), "k", set("a")).await.unwrap();
    models.describe_version(&scene.context, &name.into(), 1, "described").await.unwrap();
    follow(&scene).await;
    assert_eq!(told(&scene, &tags).await, ["model_version_tag.set"; 2]);
    let expected = [
        "registered_model.created",
        "model_version.created",
        "model_version_tag.set",
        "model_version_tag.set",
        "model_version_tag.deleted",
    ];
    assert_eq!(told(&scene, &all).await, expected);
}

async fn replicas_at_once_tell_once(backend: Backend) {
    let scene = scene(backend).await;
    let hook = webhook(&scene, WebhookEvent::ALL).await;
    for round in 0..5 {
        for number in 0..20 {
            model(&scene, &format!("model-{round}-{number}")).await;
        }
        futures_util::future::join_all((0..4).map(|_| follow(&scene))).await;
        follow(&scene).await;
        assert_eq!(told(&scene, &hook).await.len(), 20 * (round + 1));
    }
}

async fn deliveries_of_one_webhook_come_one_after_the_other(backend: Backend) {
    let scene = scene(backend).await;
    let (one, other) = (webhook(&scene, WebhookEvent::ALL).await, webhook(&scene, WebhookEvent::ALL).await);
    model(&scene, "a").await;
    model(&scene, "b").await;
    follow(&scene).await;
    let of = |job: &Job| job.payload.get("webhook").and_then(serde_json::Value::as_i64).unwrap();
    let first = claim(&scene, "x").await.unwrap();
    let second = claim(&scene, "y").await.unwrap();
    assert_eq!(BTreeSet::from([of(&first), of(&second)]), BTreeSet::from([one.id.0, other.id.0]));
    assert!(claim(&scene, "z").await.is_none());
    finish(&scene, &first, "x", JobEnd::Succeeded(serde_json::json!({"status": 200}))).await;
    let third = claim(&scene, "z").await.unwrap();
    assert_eq!(of(&third), of(&first));
    assert!(third.id > first.id);
    // Whoever holds it may be gone.
    scene.pass(LEASE);
    let again = claim(&scene, "w").await.unwrap();
    assert_eq!(again.attempts, 2);
}

async fn a_webhook_that_fails_is_left_alone(backend: Backend) {
    let scene = scene(backend).await;
    let hook = webhook(&scene, WebhookEvent::ALL).await;
    model(&scene, "a").await;
    model(&scene, "b").await;
    follow(&scene).await;
    let job = claim(&scene, "x").await.unwrap();
    // Nobody answers there.
    let running = RunningJob::new(scene.registry.clone(), scene.context.clone(), job.clone(), Stopping::never());
    let failure = scene.registry.webhooks.deliver(&scene.registry.own_context(), running).await.unwrap_err();
    assert!(failure.is_retryable, "{failure:?}");
    assert_eq!(failure.error.kind(), ErrorKind::UpstreamUnavailable);
    let later = scene.registry.jobs.later(Duration::ZERO);
    finish(&scene, &job, "x", JobEnd::Later(later, failure.error.message().to_owned())).await;
    assert!(claim(&scene, "x").await.is_none());
    scene.pass(Duration::from_secs(6));
    let job = claim(&scene, "x").await.unwrap();
    finish(&scene, &job, "x", JobEnd::Failed("no".to_owned(), None)).await;
    // Whoever changes it has it tried again at once.
    let off = WebhookChanges { is_active: Some(false), ..WebhookChanges::default() };
    scene.registry.webhooks.change_webhook(&scene.context, hook.id, off).await.unwrap();
    let job = claim(&scene, "x").await.unwrap();
    let running = RunningJob::new(scene.registry.clone(), scene.context.clone(), job, Stopping::never());
    let failure = scene.registry.webhooks.deliver(&scene.registry.own_context(), running).await.unwrap_err();
    assert_eq!((failure.error.message(), failure.is_retryable), ("the webhook is disabled", false));
    let size = PageSize::new(10);
    let (log, next) = scene.registry.webhooks.webhook_deliveries(&scene.context, hook.id, None, size).await.unwrap();
    assert_eq!(next, None);
    let states: Vec<JobState> = log.iter().map(|delivery| delivery.state).collect();
    assert!(states.contains(&JobState::Failed), "{log:?}");
}

async fn what_waits_is_bounded(backend: Backend) {
    let scene = scene(backend).await;
    let hook = webhook(&scene, WebhookEvent::ALL).await;
    for number in 0..1300 {
        model(&scene, &format!("model-{number}")).await;
    }
    follow(&scene).await;
    let waiting = told(&scene, &hook).await.len();
    assert!((1000..1200).contains(&waiting), "{waiting}");
    for _ in 0..waiting {
        let job = claim(&scene, "x").await.unwrap();
        finish(&scene, &job, "x", JobEnd::Succeeded(serde_json::json!({"status": 200}))).await;
    }
    follow(&scene).await;
    assert_eq!(told(&scene, &hook).await.len(), 1300);
    // What was delivered is kept for a while, and then is not.
    scene.pass(HOUR);
    scene.registry.jobs.maintain_jobs(&scene.context, &[DELIVERY], 5, Duration::from_secs(60)).await.unwrap();
    assert_eq!(told(&scene, &hook).await.len(), 1300 - waiting);
}

async fn another_workspace_is_not_told(backend: Backend) {
    let scene = scene(backend).await;
    let new = NewWorkspace { slug: "team".parse().unwrap(), title: None, owner_role: Change::Keep };
    let team = scene.registry.accounts.create_workspace(&scene.context, new).await.unwrap().id;
    let hook = webhook(&scene, WebhookEvent::ALL).await;
    let access = scene.context.access().in_workspace(team);
    let there = scene.registry.context(scene.context.actor().clone(), access);
    let draft = Draft::named("theirs".parse().unwrap());
    scene.registry.entities.create(&there, LogicalType::RegisteredModel, None, draft).await.unwrap();
    model(&scene, "ours").await;
    follow(&scene).await;
    assert_eq!(told(&scene, &hook).await.len(), 1);
    let hidden = scene.registry.webhooks.get_webhook(&there, hook.id).await.unwrap_err();
    assert_eq!(hidden.kind(), ErrorKind::NotFound);
}

async fn without_webhooks_nothing_is_placed(backend: Backend) {
    let scene = scene(backend).await;
    model(&scene, "m").await;
    follow(&scene).await;
    let last = scene.store.read(modelport::store::changes::last_position).await.unwrap();
    assert_eq!(last, None);
}

async fn what_is_removed_before_it_is_told_is_told(backend: Backend) {
    let scene = scene(backend).await;
    let hook = webhook(&scene, &[WebhookEvent::VersionCreated]).await;
    let name = "m".parse().unwrap();
    let models = &scene.registry.models;
    models.create_model(&scene.context, &name, None, Properties::new()).await.unwrap();
    let home = models.numbered_model(&scene.context, &name.clone().into()).await.unwrap().model.id;
    let draft = Draft::named("v".parse().unwrap());
    scene.registry.entities.create(&scene.context, LogicalType::ModelVersion, Some(home), draft).await.unwrap();
    models.delete_model(&scene.context, &name.into()).await.unwrap();
    follow(&scene).await;
    assert_eq!(told(&scene, &hook).await, ["model_version.created"]);
    let job = claim(&scene, "x").await.unwrap();
    assert_eq!(job.payload.get("model"), Some(&"m".into()));
    // Its number is gone with it: its name stands for it.
    assert_eq!(job.payload.get("version"), Some(&"v".into()));
}

async fn what_its_maker_sees_no_more_is_withheld(backend: Backend) {
    let scene = scene(backend).await;
    let hook = webhook(&scene, WebhookEvent::ALL).await;
    model(&scene, "m").await;
    follow(&scene).await;
    assert_eq!(told(&scene, &hook).await.len(), 1);
    let job = claim(&scene, "x").await.unwrap();
    let nothing = Access::new(None, Arc::default(), WorkspaceId::DEFAULT);
    let by_now = scene.registry.context(actor(), nothing);
    let running = RunningJob::new(scene.registry.clone(), by_now, job.clone(), Stopping::never());
    let done = scene.registry.webhooks.deliver(&scene.registry.own_context(), running).await.unwrap();
    assert_eq!(done, serde_json::json!({"withheld": true}));
    finish(&scene, &job, "x", JobEnd::Succeeded(done)).await;
    // Nobody is told that there was something.
    assert_eq!(told(&scene, &hook).await, Vec::<&str>::new());
}
