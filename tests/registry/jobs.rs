//! The queue: who gets a job, for how long, how it ends, and what a runner does with it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use modelport::domain::job::JobEnd;
use modelport::domain::{Error, ErrorKind, Job, JobProgress, JobState};
use modelport::jobs::{Runner, RunnerOptions};
use modelport::registry::jobs::{Failure, RunningJob, Stop, Stopping};
use serde_json::{Value, json};
use tokio::sync::watch;

use super::{HOUR, Scene};
use crate::support::{Backend, on_both};

on_both! {
    one_of_many_claims_a_job,
    a_job_is_claimed_in_its_turn,
    a_lease_expires_without_a_heartbeat,
    a_job_ends_whatever_another_system_says,
    whoever_lost_the_lease_changes_nothing,
    a_job_is_put_off_and_fails_in_the_end,
    a_job_whose_workers_go_away_fails_in_the_end,
    a_job_is_cancelled,
    what_is_handed_back_does_not_count,
    what_ended_long_ago_is_forgotten,
    jobs_are_listed_by_kind,
    a_runner_works_and_tries_again,
    a_runner_tells_work_to_stop,
    a_runner_hands_back_at_the_end,
}

const KIND: &str = "test";
const LEASE: Duration = Duration::from_secs(30);
const ATTEMPTS: i64 = 3;

async fn enqueue(scene: &Scene, number: i64) -> Job {
    scene.registry.jobs.enqueue(&scene.context, KIND, json!({"number": number})).await.unwrap()
}

async fn claim(scene: &Scene, owner: &str) -> Option<Job> {
    scene.registry.jobs.claim_job(&scene.context, KIND, owner, LEASE, ATTEMPTS).await.unwrap()
}

async fn state(scene: &Scene, job: &Job) -> JobState {
    scene.registry.jobs.get_job(&scene.context, KIND, job.id).await.unwrap().state
}

fn running_job(scene: &Scene, job: &Job) -> RunningJob {
    RunningJob::new(scene.registry.clone(), scene.registry.own_context(), job.clone(), Stopping::never())
}

async fn finish(scene: &Scene, job: &Job, owner: &str, end: JobEnd) -> bool {
    scene.registry.jobs.finish_job(&scene.context, &running_job(scene, job), owner, end).await.unwrap()
}

async fn one_of_many_claims_a_job(backend: Backend) {
    let scene = Scene::new(backend).await;
    for number in 0..20 {
        enqueue(&scene, number).await;
    }
    let owners: Vec<String> = (0..64).map(|number| format!("o{number}")).collect();
    let claimed = join_all(owners.iter().map(|owner| claim(&scene, owner))).await;
    let ids: Vec<_> = claimed.into_iter().flatten().map(|job| job.id).collect();
    assert_eq!(ids.len(), 20);
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), 20);
}

async fn a_job_is_claimed_in_its_turn(backend: Backend) {
    let scene = Scene::new(backend).await;
    let (first, second) = (enqueue(&scene, 1).await, enqueue(&scene, 2).await);
    assert_eq!((first.state, first.attempts, first.payload.clone()), (JobState::Queued, 0, json!({"number": 1})));
    assert!(scene.registry.jobs.claim_job(&scene.context, "other", "a", LEASE, ATTEMPTS).await.unwrap().is_none());
    let job = claim(&scene, "a").await.unwrap();
    assert_eq!((job.id, job.state, job.attempts), (first.id, JobState::Running, 1));
    assert!(job.started_at.is_some() && job.heartbeat_at.is_some());
    assert!(finish(&scene, &job, "a", JobEnd::Succeeded(json!(7))).await);
    let job = scene.registry.jobs.await_job(&scene.context, KIND, first.id).await.unwrap();
    assert_eq!((job.state, job.result), (JobState::Succeeded, Some(json!(7))));
    assert_eq!(claim(&scene, "a").await.unwrap().id, second.id);
    assert!(claim(&scene, "a").await.is_none());
}

async fn a_job_ends_whatever_another_system_says(backend: Backend) {
    let scene = Scene::new(backend).await;
    let job = enqueue(&scene, 1).await;
    claim(&scene, "a").await.unwrap();
    assert!(finish(&scene, &job, "a", JobEnd::Failed("it says `\0`".to_owned(), Some(json!("\0")))).await);
    let job = scene.registry.jobs.get_job(&scene.context, KIND, job.id).await.unwrap();
    assert_eq!((job.error.as_deref(), job.result), (Some("it says `\u{fffd}`"), Some(json!("\0"))));
}

async fn a_lease_expires_without_a_heartbeat(backend: Backend) {
    let scene = Scene::new(backend).await;
    let job = enqueue(&scene, 1).await;
    claim(&scene, "a").await.unwrap();
    scene.pass(LEASE / 2);
    let mine = running_job(&scene, &job);
    mine.report(JobProgress { done: 3, total: Some(5), message: Some("half".to_owned()) });
    assert_eq!(scene.registry.jobs.renew_job_lease(&scene.context, &mine, "a", LEASE).await.unwrap(), None);
    assert_eq!(scene.registry.jobs.get_job(&scene.context, KIND, job.id).await.unwrap().progress, mine.progress());
    scene.pass(LEASE / 2 + Duration::from_millis(1));
    assert!(claim(&scene, "b").await.is_none());
    scene.pass(LEASE / 2);
    let again = claim(&scene, "b").await.unwrap();
    assert_eq!((again.id, again.attempts), (job.id, 2));
}

async fn whoever_lost_the_lease_changes_nothing(backend: Backend) {
    let scene = Scene::new(backend).await;
    let job = enqueue(&scene, 1).await;
    claim(&scene, "a").await.unwrap();
    scene.pass(HOUR);
    claim(&scene, "b").await.unwrap();
    assert_eq!(
        scene.registry.jobs.renew_job_lease(&scene.context, &running_job(&scene, &job), "a", LEASE).await.unwrap(),
        Some(Stop::Lost)
    );
    assert!(!finish(&scene, &job, "a", JobEnd::Failed("late".to_owned(), None)).await);
    assert_eq!(state(&scene, &job).await, JobState::Running);
    assert!(finish(&scene, &job, "b", JobEnd::Succeeded(Value::Null)).await);
}

async fn a_job_is_put_off_and_fails_in_the_end(backend: Backend) {
    let scene = Scene::new(backend).await;
    let job = enqueue(&scene, 1).await;
    claim(&scene, "a").await.unwrap();
    let later = scene.registry.jobs.later(HOUR);
    assert!(finish(&scene, &job, "a", JobEnd::Later(later, "no answer".to_owned())).await);
    let put_off = scene.registry.jobs.get_job(&scene.context, KIND, job.id).await.unwrap();
    assert_eq!((put_off.state, put_off.error.as_deref()), (JobState::Queued, Some("no answer")));
    assert!(claim(&scene, "a").await.is_none());
    scene.pass(HOUR);
    claim(&scene, "a").await.unwrap();
    assert!(finish(&scene, &job, "a", JobEnd::Failed("refused".to_owned(), Some(json!([1])))).await);
    let failed = scene.registry.jobs.get_job(&scene.context, KIND, job.id).await.unwrap();
    assert_eq!((failed.state, failed.error.as_deref()), (JobState::Failed, Some("refused")));
    assert_eq!(failed.result, Some(json!([1])));
    scene.pass(HOUR);
    assert!(claim(&scene, "a").await.is_none());
}

async fn a_job_whose_workers_go_away_fails_in_the_end(backend: Backend) {
    let scene = Scene::new(backend).await;
    let job = enqueue(&scene, 1).await;
    for _ in 0..ATTEMPTS {
        claim(&scene, "a").await.unwrap();
        scene.registry.jobs.maintain_jobs(&scene.context, &[KIND], ATTEMPTS, HOUR).await.unwrap();
        assert_eq!(state(&scene, &job).await, JobState::Running);
        scene.pass(LEASE);
    }
    assert!(claim(&scene, "a").await.is_none());
    scene.registry.jobs.maintain_jobs(&scene.context, &[KIND], ATTEMPTS, HOUR).await.unwrap();
    let failed = scene.registry.jobs.get_job(&scene.context, KIND, job.id).await.unwrap();
    assert_eq!(failed.state, JobState::Failed);
    assert!(failed.error.unwrap().contains("its worker disappeared 3 times"));
    assert_eq!(scene.registry.jobs.job_figures(), [(KIND.to_owned(), "failed".to_owned(), 1)]);
}

async fn a_job_is_cancelled(backend: Backend) {
    let scene = Scene::new(backend).await;
    let (waiting, running, abandoned) = (enqueue(&scene, 1).await, enqueue(&scene, 2).await, enqueue(&scene, 3).await);
    assert_eq!(
        scene.registry.jobs.cancel_job(&scene.context, KIND, waiting.id).await.unwrap().state,
        JobState::Cancelled
    );
    let error = scene.registry.jobs.cancel_job(&scene.context, KIND, waiting.id).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidState);
    for _ in 0..2 {
        claim(&scene, "a").await.unwrap();
    }
    for job in [&running, &abandoned] {
        let asked = scene.registry.jobs.cancel_job(&scene.context, KIND, job.id).await.unwrap();
        assert_eq!((asked.state, asked.cancel_requested), (JobState::Running, true));
    }
    let told =
        scene.registry.jobs.renew_job_lease(&scene.context, &running_job(&scene, &running), "a", LEASE).await.unwrap();
    assert_eq!(told, Some(Stop::Cancelled));
    assert!(finish(&scene, &running, "a", JobEnd::Cancelled).await);
    assert_eq!(state(&scene, &running).await, JobState::Cancelled);
    // Its worker never came back: nobody retries it.
    scene.pass(LEASE);
    assert!(claim(&scene, "b").await.is_none());
    scene.registry.jobs.maintain_jobs(&scene.context, &[KIND], ATTEMPTS, HOUR).await.unwrap();
    assert_eq!(state(&scene, &abandoned).await, JobState::Cancelled);
    let error = scene.registry.jobs.cancel_job(&scene.context, "other", running.id).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

async fn what_is_handed_back_does_not_count(backend: Backend) {
    let scene = Scene::new(backend).await;
    let job = enqueue(&scene, 1).await;
    for _ in 0..2 * ATTEMPTS {
        assert_eq!(claim(&scene, "a").await.unwrap().attempts, 1);
        assert!(finish(&scene, &job, "a", JobEnd::HandBack).await);
    }
    // Cancelled just before its worker disappeared.
    claim(&scene, "a").await.unwrap();
    scene.registry.jobs.cancel_job(&scene.context, KIND, job.id).await.unwrap();
    assert!(finish(&scene, &job, "a", JobEnd::HandBack).await);
    assert!(claim(&scene, "a").await.is_none());
    scene.registry.jobs.maintain_jobs(&scene.context, &[KIND], ATTEMPTS, HOUR).await.unwrap();
    assert_eq!(state(&scene, &job).await, JobState::Cancelled);
}

async fn what_ended_long_ago_is_forgotten(backend: Backend) {
    let scene = Scene::new(backend).await;
    let (done, waiting) = (enqueue(&scene, 1).await, enqueue(&scene, 2).await);
    claim(&scene, "a").await.unwrap();
    assert!(finish(&scene, &done, "a", JobEnd::Succeeded(Value::Null)).await);
    scene.registry.jobs.maintain_jobs(&scene.context, &[KIND], ATTEMPTS, HOUR).await.unwrap();
    assert_eq!(state(&scene, &done).await, JobState::Succeeded);
    scene.pass(HOUR + Duration::from_millis(1));
    scene.registry.jobs.maintain_jobs(&scene.context, &[KIND], ATTEMPTS, HOUR).await.unwrap();
    assert_eq!(
        scene.registry.jobs.get_job(&scene.context, KIND, done.id).await.unwrap_err().kind(),
        ErrorKind::NotFound
    );
    assert_eq!(state(&scene, &waiting).await, JobState::Queued);
}

async fn jobs_are_listed_by_kind(backend: Backend) {
    let scene = Scene::new(backend).await;
    scene.registry.jobs.enqueue(&scene.context, "other", Value::Null).await.unwrap();
    let (one, two, three) = (enqueue(&scene, 1).await, enqueue(&scene, 2).await, enqueue(&scene, 3).await);
    let ids = |jobs: Vec<Job>| jobs.into_iter().map(|job| job.id).collect::<Vec<_>>();
    assert_eq!(ids(scene.registry.jobs.list_jobs(&scene.context, KIND, None, 2).await.unwrap()), [three.id, two.id]);
    assert_eq!(ids(scene.registry.jobs.list_jobs(&scene.context, KIND, Some(two.id), 2).await.unwrap()), [one.id]);
    scene.registry.jobs.maintain_jobs(&scene.context, &[KIND], ATTEMPTS, HOUR).await.unwrap();
    let queued = |kind: &str, count| (kind.to_owned(), "queued".to_owned(), count);
    assert_eq!(scene.registry.jobs.job_figures(), [queued("other", 1), queued(KIND, 3)]);
}

fn options() -> RunnerOptions {
    RunnerOptions { workers: 4, lease: LEASE, attempts: 3, backoff: Duration::ZERO, retention: HOUR }
}

async fn a_runner_works_and_tries_again(backend: Backend) {
    let scene = Scene::new(backend).await;
    let begun = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&begun);
    let runner = Runner::new(scene.registry.clone(), options()).with_handler(KIND, move |running: RunningJob| {
        let begun = Arc::clone(&counted);
        async move {
            begun.fetch_add(1, Ordering::SeqCst);
            match running.job.payload["number"].as_i64().unwrap() {
                0 => Err(Failure { result: Some(json!("part")), ..Error::invalid("x", "never").into() }),
                1 => Err(Error::unavailable("not now").into()),
                2 if running.job.attempts == 1 => Err(Error::unavailable("not now").into()),
                number => Ok(json!(number)),
            }
        }
    });
    let (stop, stopped) = watch::channel(false);
    let jobs = [enqueue(&scene, 0).await, enqueue(&scene, 1).await, enqueue(&scene, 2).await, enqueue(&scene, 3).await];
    let waiting = async {
        let ended = join_all(jobs.iter().map(|job| scene.registry.jobs.await_job(&scene.context, KIND, job.id))).await;
        stop.send_replace(true);
        ended
    };
    let (ended, ()) = tokio::join!(waiting, runner.run(stopped));
    let found: Vec<_> =
        ended.into_iter().map(|job| job.map(|job| (job.state, job.attempts, job.result)).unwrap()).collect();
    assert_eq!(
        found,
        [
            (JobState::Failed, 1, Some(json!("part"))),
            (JobState::Failed, 3, None),
            (JobState::Succeeded, 2, Some(json!(2))),
            (JobState::Succeeded, 1, Some(json!(3))),
        ]
    );
    assert_eq!(begun.load(Ordering::SeqCst), 7);
}

/// Work that continues until it is told to stop.
async fn endless(running: RunningJob) -> modelport::registry::jobs::Attempt {
    Ok(running.stopping.or(std::future::pending()).await?)
}

async fn a_runner_tells_work_to_stop(backend: Backend) {
    let scene = Scene::new(backend).await;
    let runner = Runner::new(scene.registry.clone(), options()).with_handler(KIND, endless);
    let (stop, stopped) = watch::channel(false);
    let job = enqueue(&scene, 1).await;
    let calling_off = async {
        while state(&scene, &job).await == JobState::Queued {
            tokio::task::yield_now().await;
        }
        scene.registry.jobs.cancel_job(&scene.context, KIND, job.id).await.unwrap();
        let ended = scene.registry.jobs.await_job(&scene.context, KIND, job.id).await.unwrap();
        stop.send_replace(true);
        ended
    };
    let (ended, ()) = tokio::join!(calling_off, runner.run(stopped));
    assert_eq!(ended.state, JobState::Cancelled);
}

async fn a_runner_hands_back_at_the_end(backend: Backend) {
    let scene = Scene::new(backend).await;
    let runner = Runner::new(scene.registry.clone(), options()).with_handler(KIND, endless);
    let (stop, stopped) = watch::channel(false);
    let job = enqueue(&scene, 1).await;
    let stopping = async {
        while state(&scene, &job).await == JobState::Queued {
            tokio::task::yield_now().await;
        }
        stop.send_replace(true);
    };
    tokio::join!(stopping, runner.run(stopped));
    let back = scene.registry.jobs.get_job(&scene.context, KIND, job.id).await.unwrap();
    assert_eq!((back.state, back.attempts), (JobState::Queued, 0));
    assert_eq!(claim(&scene, "another").await.unwrap().id, job.id);
}
