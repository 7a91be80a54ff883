"""Who may do what through MLflow's door: its client's tokens, how it refuses, and workspaces."""

from collections.abc import Callable

import mlflow
import pytest
from callers import Accounts, Caller
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from wire import API

pytestmark = [
    pytest.mark.ours,
    # The rules are the same on both set-ups, whose lists the other tests compare.
    pytest.mark.parametrize("installation", ["embedded"], indirect=True),
]
CREDENTIALS = ["MLFLOW_TRACKING_TOKEN", "MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD", "MLFLOW_WORKSPACE"]


@pytest.fixture
def as_caller(accounts: Accounts, monkeypatch: pytest.MonkeyPatch) -> Callable[..., MlflowClient]:
    """The stock client with the token of a caller, as its users set it."""

    def client(caller: Caller, **variables: str) -> MlflowClient:
        for name in CREDENTIALS:
            monkeypatch.delenv(name, raising=False)
        said = variables or {"MLFLOW_TRACKING_TOKEN": caller.token}
        for name, value in said.items():
            monkeypatch.setenv(name, value)
        mlflow.set_tracking_uri(accounts.server.url)
        mlflow.set_registry_uri(accounts.server.url)
        return MlflowClient()

    return client


def error_of(ask) -> MlflowException:
    with pytest.raises(MlflowException) as error:
        ask()
    return error.value


def test_the_client_says_who_it_is(accounts: Accounts, as_caller) -> None:
    writer = accounts.service("trainer", "writer")
    for variables in [
        {"MLFLOW_TRACKING_TOKEN": writer.token},
        {"MLFLOW_TRACKING_USERNAME": "anybody", "MLFLOW_TRACKING_PASSWORD": writer.token},
        # Where both are set, the client sends the password.
        {"MLFLOW_TRACKING_TOKEN": "wrong", "MLFLOW_TRACKING_USERNAME": "x", "MLFLOW_TRACKING_PASSWORD": writer.token},
    ]:
        client = as_caller(writer, **variables)
        run_id = client.create_run("0").info.run_id
        client.log_metric(run_id, "loss", 1.0)
        client.log_text(run_id, "hello", "n.txt")
        assert client.get_run(run_id).data.metrics == {"loss": 1.0}
    for variables in [
        {"MLFLOW_TRACKING_TOKEN": "mp_wrong"},
        {"MLFLOW_TRACKING_USERNAME": "x", "MLFLOW_TRACKING_PASSWORD": "y"},
    ]:
        client = as_caller(writer, **variables)
        assert error_of(lambda: client.search_experiments()).get_http_status_code() in (401, 500)


def test_how_it_refuses(accounts: Accounts) -> None:
    anonymous, wrong = accounts.anonymous(), Caller(accounts.server, "mp_wrong")
    for caller in (anonymous, wrong):
        for path in (f"{API}/experiments/get?experiment_id=0", f"{API}/no/such", "/get-artifact?run_id=x&path=y"):
            answer = caller.ask("GET", path, 401)
            assert answer.json()["error_code"] == "UNAUTHENTICATED"
            assert any(each.startswith("Basic ") for each in answer.headers.get_list("www-authenticate"))
    # What a client asks first, before it sends anything.
    for path in ("/version", "/health", "/api/3.0/mlflow/server-info"):
        anonymous.ask("GET", path, 200)


def test_who_may_do_what(accounts: Accounts, as_caller) -> None:
    writer = as_caller(accounts.service("trainer", "writer"))
    experiment = writer.create_experiment("fraud")
    run_id = writer.create_run(experiment).info.run_id
    writer.log_text(run_id, "hello", "n.txt")
    writer.create_registered_model("fraud")
    writer.create_model_version("fraud", "s3://lake/x")
    model = writer.create_logged_model(experiment, "m", source_run_id=run_id)
    reader = as_caller(accounts.service("viewer", "reader"))
    assert reader.get_run(run_id).info.run_id == run_id
    assert mlflow.artifacts.load_text(f"runs:/{run_id}/n.txt") == "hello"
    assert [each.name for each in reader.search_registered_models()] == ["fraud"]
    for write in [
        lambda: reader.create_experiment("mine"),
        lambda: reader.create_run(experiment),
        lambda: reader.log_metric(run_id, "a", 1.0),
        lambda: reader.log_param(run_id, "a", "1"),
        lambda: reader.set_tag(run_id, "a", "1"),
        lambda: reader.delete_run(run_id),
        lambda: reader.delete_experiment(experiment),
        lambda: reader.create_registered_model("mine"),
        lambda: reader.create_model_version("fraud", "s3://lake/y"),
        lambda: reader.set_registered_model_alias("fraud", "champion", "1"),
        lambda: reader.delete_model_version("fraud", "1"),
        lambda: reader.set_model_version_tag("fraud", "1", "a", "b"),
        lambda: reader.delete_logged_model(model.model_id),
        lambda: reader.set_logged_model_tags(model.model_id, {"a": "1"}),
    ]:
        error = error_of(write)
        assert (error.error_code, error.get_http_status_code()) == ("PERMISSION_DENIED", 403)
    with pytest.raises(Exception, match="403|PERMISSION_DENIED"):
        reader.log_text(run_id, "mine", "n.txt")
    assert mlflow.artifacts.load_text(f"runs:/{run_id}/n.txt") == "hello"
    # Another writer goes on with it, and neither promotes nor removes anything; a deleted run is only archived.
    other = as_caller(accounts.service("other", "writer"))
    other.log_metric(run_id, "loss", 1.0)
    other.log_text(run_id, "mine", "n.txt")
    other.create_model_version("fraud", "s3://lake/y")
    other.delete_run(run_id)
    other.restore_run(run_id)
    refused = [
        lambda: other.set_registered_model_alias("fraud", "champion", "1"),
        lambda: other.transition_model_version_stage("fraud", "1", "Production"),
        lambda: other.delete_model_version("fraud", "1"),
        lambda: other.delete_registered_model("fraud"),
    ]
    assert [error_of(each).error_code for each in refused] == ["PERMISSION_DENIED"] * 4
    maintainer = as_caller(accounts.service("keeper", "maintainer"))
    maintainer.set_registered_model_alias("fraud", "champion", "1")
    maintainer.delete_model_version("fraud", "2")
    assert maintainer.get_registered_model("fraud").aliases == {"champion": "1"}


def test_what_is_hidden_is_not_there(accounts: Accounts, as_caller) -> None:
    accounts.workspace("team-a")
    accounts.workspace("team-b")
    ours = accounts.service("ours", "writer", "team-a")
    client = as_caller(ours)
    experiment = client.create_experiment("fraud")
    run_id = client.create_run(experiment).info.run_id
    client.log_text(run_id, "hello", "n.txt")
    client.create_registered_model("fraud")
    source = client.create_model_version("fraud", f"runs:/{run_id}/", run_id).source
    model = client.create_logged_model(experiment, "m", source_run_id=run_id)
    theirs = accounts.service("theirs", "writer", "team-b")
    client = as_caller(theirs)
    for ask in [
        lambda: client.get_experiment(experiment),
        lambda: client.get_run(run_id),
        lambda: client.log_metric(run_id, "a", 1.0),
        lambda: client.get_registered_model("fraud"),
        lambda: client.get_model_version("fraud", "1"),
        lambda: client.get_logged_model(model.model_id),
        lambda: client.list_artifacts(run_id),
    ]:
        assert error_of(ask).error_code == "RESOURCE_DOES_NOT_EXIST"
    assert client.get_experiment_by_name("fraud") is None
    assert client.search_runs([experiment]) == client.search_registered_models() == []
    theirs.ask("GET", f"/api/2.0/mlflow-artifacts/artifacts/{experiment}/{run_id}/artifacts/n.txt", 404)
    # Nor can it be registered from there, or taken along by a name that is theirs.
    client.create_registered_model("fraud")
    for made_of in (source, f"models:/{model.model_id}"):
        assert error_of(lambda: client.create_model_version("fraud", made_of, run_id)).get_http_status_code() in (
            400,
            404,
        )
    assert client.create_experiment("fraud") != experiment


def test_a_workspace_is_named_in_a_header(accounts: Accounts) -> None:
    accounts.workspace("team-a")
    both = accounts.service("both", "writer")
    accounts.bind("writer", principal="both", workspace="team-a")
    body = {"name": "fraud"}
    for headers in ({}, {"X-MLFLOW-WORKSPACE": "team-a"}):
        both.ask("POST", f"{API}/registered-models/create", 200, json=body, headers=headers)
    seen = both.ask("GET", f"{API}/registered-models/search", 200, headers={"X-MLFLOW-WORKSPACE": "team-a"}).json()
    assert [each["name"] for each in seen["registered_models"]] == ["fraud"]
    # The experiment 0 is each workspace's own.
    runs = [
        both.ask("POST", f"{API}/runs/create", 200, json={"experiment_id": "0"}, headers=headers).json()
        for headers in ({}, {"X-MLFLOW-WORKSPACE": "team-a"})
    ]
    for headers, own in zip(({}, {"X-MLFLOW-WORKSPACE": "team-a"}), runs, strict=True):
        found = both.ask("POST", f"{API}/runs/search", 200, json={"experiment_ids": ["0"]}, headers=headers).json()
        assert [each["info"]["run_id"] for each in found["runs"]] == [own["run"]["info"]["run_id"]]
    # A path says it, too, which is how the address of a tracking server can.
    both.ask("GET", f"/w/team-a{API}/registered-models/get?name=fraud", 200)
    both.ask("GET", f"{API}/registered-models/get?name=fraud", 404, headers={"X-MLFLOW-WORKSPACE": "nowhere"})


def test_the_address_may_name_the_workspace(accounts: Accounts, as_caller) -> None:
    accounts.workspace("team-a")
    writer = accounts.service("trainer", "writer", "team-a")
    client = as_caller(writer)
    mlflow.set_tracking_uri(f"{accounts.server.url}/w/team-a")
    client = MlflowClient()
    run_id = client.create_run(client.create_experiment("fraud")).info.run_id
    client.log_text(run_id, "hello", "n.txt")
    assert mlflow.artifacts.load_text(f"runs:/{run_id}/n.txt") == "hello"


def test_the_environment_may_name_the_workspace(accounts: Accounts, as_caller, monkeypatch: pytest.MonkeyPatch) -> None:
    accounts.workspace("team-a")
    accounts.workspace("team-b")
    client = as_caller(accounts.service("both", "writer", "team-a"))
    accounts.bind("reader", principal="both", workspace="team-b")
    monkeypatch.setenv("MLFLOW_WORKSPACE", "team-a")
    client.create_registered_model("fraud")
    assert [model.name for model in client.search_registered_models()] == ["fraud"]
    monkeypatch.setenv("MLFLOW_WORKSPACE", "team-b")
    assert client.search_registered_models() == []
    assert {each.name for each in mlflow.list_workspaces()} >= {"team-a", "team-b"}
    assert mlflow.get_workspace("team-a").name == "team-a"


def test_an_id_that_is_taken_where_nobody_looks_is_free(accounts: Accounts) -> None:
    """Who chooses the id of a trace or of what is said of one learns nothing of experiments that they do not see."""
    three = "/api/3.0/mlflow"

    def said(experiment: str, trace: str, assessment: str) -> dict:
        place = {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": experiment}}
        feedback = {"assessment_id": assessment, "assessment_name": "good", "feedback": {"value": experiment}}
        info = {"trace_id": trace, "trace_location": place, "request_time": "2026-01-01T00:00:00Z", "state": "OK"}
        return {"trace": {"trace_info": info | {"assessments": [feedback], "tags": {"of": experiment}}}}

    owner, other = accounts.service("owner", "writer"), accounts.service("other", "writer")
    made = lambda caller, name: caller.ask("POST", f"{API}/experiments/create", 200, json={"name": name}).json()["experiment_id"]  # noqa: E731
    hidden, seen, third = made(owner, "hidden"), made(other, "seen"), made(other, "third")
    accounts.admin.ask("PATCH", f"/api/v1/roots/{hidden}", 200, json={"restricted": True})
    other.ask("GET", f"{API}/experiments/get?experiment_id={hidden}", 404)
    owner.ask("POST", f"{three}/traces", 200, json=said(hidden, "tr-taken", "a-taken"))
    # Taken or free, it is answered the same, and what was there stays as it is.
    for trace, assessment in [("tr-taken", "a-taken"), ("tr-free", "a-free")]:
        for _ in range(2):
            info = other.ask("POST", f"{three}/traces", 200, json=said(seen, trace, assessment)).json()["trace"]["trace_info"]
            assert (info["trace_id"], info["tags"]["of"]) == (trace, seen)
            assert [each["assessment_id"] for each in info["assessments"]] == [assessment]
        for ask in [("GET", f"{three}/traces/{trace}", None), ("GET", f"{API}/traces/{trace}/info", None)]:
            assert seen in other.ask(ask[0], ask[1], 200).text and hidden not in other.ask(ask[0], ask[1], 200).json().values()
        other.ask("PATCH", f"{three}/traces/{trace}/tags", 200, json={"key": "mine", "value": "1"})
        shown = other.ask("GET", f"{three}/traces/{trace}/assessments/{assessment}", 200).json()["assessment"]
        assert shown["feedback"]["value"] == seen
        changed = {"assessment": {"rationale": "so"}, "update_mask": "rationale"}
        other.ask("PATCH", f"{three}/traces/{trace}/assessments/{assessment}", 200, json=changed)
        # What they see themselves is no secret.
        other.ask("POST", f"{three}/traces", 400, json=said(third, trace, "a-other"))
        again = {"assessment": {"assessment_id": assessment, "assessment_name": "x", "feedback": {"value": 1}}}
        other.ask("POST", f"{three}/traces/{trace}/assessments", 400, json=again)
    info = owner.ask("GET", f"{three}/traces/tr-taken", 200).json()["trace"]["trace_info"]
    assert info["tags"]["of"] == hidden and "mine" not in info["tags"]
    assert [each["feedback"]["value"] for each in info["assessments"]] == [hidden]
    gone = {"experiment_id": seen, "request_ids": ["tr-taken", "tr-free"]}
    accounts.admin.ask("POST", f"{three}/traces/delete-traces", 200, json=gone)
    owner.ask("GET", f"{three}/traces/tr-taken", 200)
    other.ask("GET", f"{three}/traces/tr-taken", 404)


def test_a_hidden_default_is_not_there(accounts: Accounts) -> None:
    """Nothing is made in its place, and nobody is told of a conflict with what they do not see."""
    accounts.admin.ask("POST", f"{API}/runs/create", 200, json={"experiment_id": "0"})
    node = accounts.admin.ask("GET", "/api/model_registry/v1/experiment?name=Default", 200).json()["id"]
    accounts.admin.ask("PATCH", f"/api/v1/roots/{node}", 200, json={"restricted": True})
    writer = accounts.service("trainer", "writer")
    for method, path, body in [
        ("GET", f"{API}/experiments/get?experiment_id=0", None),
        ("GET", f"{API}/experiments/get-by-name?experiment_name=Default", None),
        ("POST", f"{API}/runs/create", {"experiment_id": "0"}),
        ("POST", f"{API}/experiments/set-experiment-tag", {"experiment_id": "0", "key": "a", "value": "b"}),
        ("POST", f"{API}/traces", {"experiment_id": "0", "timestamp_ms": 1}),
    ]:
        options = {} if body is None else {"json": body}
        assert writer.ask(method, path, 404, **options).json()["error_code"] == "RESOURCE_DOES_NOT_EXIST", path
    accounts.admin.ask("PATCH", f"/api/v1/roots/{node}", 200, json={"restricted": False})
    writer.ask("POST", f"{API}/runs/create", 200, json={"experiment_id": "0"})
