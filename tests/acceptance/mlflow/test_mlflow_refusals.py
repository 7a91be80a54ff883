"""What is refused of tracking: 400 that says why, where upstream answers 500 or takes what is wrong."""

from collections.abc import Callable
from typing import Any

import pytest
from reference import REFERENCE
from refused import Refused, check, missing, wrong
from wire import API, FILES, Wire

LONG = "k" * 251


def metric(**fields: Any) -> dict[str, Any]:
    return {"key": "m", "value": 1, "timestamp": 1, "step": 0, **fields}


def metrics(count: int) -> list[dict[str, Any]]:
    return [metric(key=f"m{at}") for at in range(count)]


def pairs(count: int) -> list[dict[str, str]]:
    return [{"key": f"p{at}", "value": "1"} for at in range(count)]


EXPERIMENTS = [
    missing("POST experiments/create", "name"),
    missing("POST experiments/create", "name", name=""),
    missing("POST experiments/create", "name", name=None),
    wrong("POST experiments/create", "name", "int", name=123),
    wrong("POST experiments/create", "name", "list", name=["a"]),
    wrong("POST experiments/create", "tags", "str", name="x", tags="x"),
    Refused("POST experiments/create", {"name": "x" * 501}, "500"),
    Refused("POST experiments/create", {"name": "{name}-a", "tags": [{"key": LONG, "value": "v"}]}, "250"),
    Refused("POST experiments/create", {"name": "{name}-b", "tags": [{"key": "k", "value": "v" * 20001}]}, "20000"),
    Refused("POST experiments/create", {"name": "{name}-c", "artifact_location": "s3://b/x#fragment"}),
    Refused(
        "POST experiments/create", {"name": "{name}-d", "artifact_location": "mlflow-artifacts:/../x"}, upstream=200
    ),
    Refused(
        "POST experiments/create",
        {"name": "{name}-e", "artifactLocation": "s3://a", "artifact_location": "s3://b"},
        "artifactLocation",
    ),
    missing("GET experiments/get", "experiment_id"),
    Refused("GET experiments/get", {"experiment_id": "abc"}, "abc"),
    Refused("GET experiments/get", {"experiment_id": "987654321"}, "", 404, "RESOURCE_DOES_NOT_EXIST"),
    missing("GET experiments/get-by-name", "experiment_name"),
    missing("POST experiments/delete", "experiment_id"),
    missing("POST experiments/update", "new_name", experiment_id="{experiment}"),
    Refused("POST experiments/update", {"experiment_id": "{experiment}", "new_name": "x" * 501}, "500"),
    Refused(
        "POST experiments/update",
        {"experiment_id": "{experiment}", "new_name": "Default"},
        "",
        code="RESOURCE_ALREADY_EXISTS",
    ),
    missing("POST experiments/set-experiment-tag", "key", experiment_id="{experiment}", value="v"),
    wrong("POST experiments/set-experiment-tag", "value", "int", experiment_id="{experiment}", key="k", value=1),
    Refused("POST experiments/set-experiment-tag", {"experiment_id": "{experiment}", "key": LONG, "value": "v"}, "250"),
    Refused(
        "POST experiments/set-experiment-tag", {"experiment_id": "{experiment}", "key": "a\nb", "value": "v"}, "key"
    ),
    Refused(
        "POST experiments/set-experiment-tag",
        {"experiment_id": "{experiment}", "key": "k", "value": "v" * 20001},
        "20000",
    ),
]
RUNS = [
    wrong("POST runs/create", "start_time", "str", experiment_id="{experiment}", start_time="soon"),
    Refused("POST runs/create", {}, "experiment"),
    Refused("POST runs/create", {"experiment_id": "987654321"}, "", 404, "RESOURCE_DOES_NOT_EXIST"),
    Refused(
        "POST runs/create",
        {"experiment_id": "{experiment}", "run_name": "a", "tags": [{"key": "mlflow.runName", "value": "b"}]},
        "mlflow.runName",
    ),
    Refused(
        "POST runs/create",
        {"experiment_id": "{experiment}", "tags": [{"key": LONG, "value": "v"}]},
        "250",
        upstream=200,
    ),
    missing("GET runs/get", "run_id"),
    Refused("GET runs/get", {"run_id": "zz"}, "zz", 404, "RESOURCE_DOES_NOT_EXIST"),
    missing("POST runs/update", "run_id", status="FINISHED"),
    wrong("POST runs/update", "end_time", "str", run_id="{run}", end_time="soon"),
    Refused("POST runs/update", {"run_id": "{run}", "status": 99}, "99"),
    Refused("POST runs/update", {"run_id": "{run}", "status": "DONE"}, "DONE", upstream=200),
    missing("POST runs/log-parameter", "run_id", key="a", value="1"),
    missing("POST runs/log-parameter", "key", run_id="{run}", value="1"),
    missing("POST runs/log-parameter", "key", run_id="{run}", key="", value="1"),
    wrong("POST runs/log-parameter", "value", "int", run_id="{run}", key="a", value=5),
    *[
        Refused("POST runs/log-parameter", {"run_id": "{run}", "key": key, "value": "1"}, said)
        for key, said in [
            (LONG, "250"),
            ("a*b", "key"),
            ("../b", "key"),
            ("a//b", "key"),
            (".", "key"),
            ("/a", "key"),
            ("a/", "key"),
        ]
    ],
    missing("POST runs/log-metric", "key", run_id="{run}", value=1, timestamp=1),
    missing("POST runs/log-metric", "value", run_id="{run}", key="m", timestamp=1),
    missing("POST runs/log-metric", "timestamp", run_id="{run}", key="m", value=1),
    wrong("POST runs/log-metric", "value", "str", run_id="{run}", key="m", value="abc", timestamp=1),
    wrong("POST runs/log-metric", "timestamp", "str", run_id="{run}", key="m", value=1, timestamp="x"),
    wrong("POST runs/log-metric", "step", "str", run_id="{run}", key="m", value=1, timestamp=1, step="x"),
    Refused("POST runs/log-metric", {"run_id": "{run}", **metric(key=LONG)}, "250"),
    Refused("POST runs/log-metric", {"run_id": "{run}", **metric(key="m*")}),
    Refused("POST runs/log-metric", {"run_id": "{run}", **metric(timestamp=-1)}, "timestamp"),
    Refused("POST runs/log-metric", {"run_id": "{run}", **metric(value=True)}, "value", upstream=200),
    Refused("POST runs/log-metric", {"run_id": "{run}", **metric(step=1.5)}, "step", upstream=200),
    Refused("POST runs/log-metric", {"run_id": "{run}", **metric(timestamp=2**63)}, "timestamp", upstream=200),
    missing("POST runs/set-tag", "key", run_id="{run}", value="1"),
    wrong("POST runs/set-tag", "value", "dict", run_id="{run}", key="k", value={"a": 1}),
    Refused("POST runs/set-tag", {"run_id": "{run}", "key": LONG, "value": "1"}, "250"),
    missing("POST runs/delete-tag", "key", run_id="{run}"),
    Refused(
        "POST runs/delete-tag", {"run_id": "{run}", "key": "never"}, "No tag with name", 404, "RESOURCE_DOES_NOT_EXIST"
    ),
    missing("POST runs/log-model", "model_json", run_id="{run}"),
    Refused("POST runs/log-model", {"run_id": "{run}", "model_json": "["}, "JSON|json"),
    Refused("POST runs/log-model", {"run_id": "{run}", "model_json": "{{}}"}, "artifact_path"),
    missing("GET metrics/get-history", "metric_key", run_id="{run}"),
    missing("GET metrics/get-history", "run_id", metric_key="m"),
    Refused("GET metrics/get-history", {"run_id": "{run}", "metric_key": "m", "max_results": 0}, "max_results"),
    Refused(
        "GET metrics/get-history", {"run_id": "{run}", "metric_key": "m", "max_results": 5, "page_token": "x"}, "token"
    ),
    missing("POST runs/outputs", "run_id", models=[]),
    Refused(
        "POST runs/outputs",
        {"run_id": "{run}", "models": [{"model_id": f"m-{'0' * 32}", "step": 0}]},
        status=404,
        code="RESOURCE_DOES_NOT_EXIST",
        upstream=200,
    ),
    Refused(
        "POST runs/log-inputs", {"run_id": "{run}", "datasets": [{"dataset": {"name": "n"}}]}, "required", upstream=200
    ),
    Refused(
        "POST runs/log-inputs",
        {
            "run_id": "{run}",
            "datasets": [
                {
                    "tags": [{"key": "k" * 256, "value": "v"}],
                    "dataset": {"name": "n", "digest": "d", "source_type": "s", "source": "s"},
                }
            ],
        },
        "key",
    ),
]
BATCHES = [
    missing("POST runs/log-batch", "run_id"),
    *[
        Refused("POST runs/log-batch", {"run_id": "{run}", **batch}, said)
        for batch, said in [
            ({"metrics": metrics(1001)}, "at most 1000 metrics"),
            ({"params": pairs(101)}, "at most 100 params"),
            ({"tags": pairs(101)}, "at most 100 tags"),
            ({"metrics": metrics(801), "params": pairs(100), "tags": pairs(100)}, "at most 1000"),
            ({"params": [{"key": "d", "value": "1"}, {"key": "d", "value": "2"}]}, "(?i)duplicate"),
            ({"params": [{"key": "d", "value": "1"}, {"key": "d", "value": "1"}]}, "(?i)duplicate"),
            ({"params": [{"key": LONG, "value": "1"}]}, "250"),
            ({"tags": [{"key": LONG, "value": "1"}]}, "250"),
            ({"metrics": [metric(key=LONG)]}, "250"),
            ({"params": [{"value": "1"}]}, "key"),
            ({"metrics": [metric(value=None)]}, "value"),
            ({"metrics": [metric(timestamp=None)]}, "timestamp"),
            ({"metrics": [metric(key=None)]}, "key"),
            ({"metrics": "x"}, "metrics"),
        ]
    ],
    Refused("POST runs/log-batch", {"run_id": "{run}", "metrics": [metric(value="x")]}, "value", upstream=200),
    Refused("POST runs/log-batch", {"run_id": "{run}", "metrics": [1]}, "metrics", upstream=500),
]


@pytest.fixture
def names(wire: Wire, unique: Callable[[str], str]) -> dict[str, str]:
    """The ids that the tables speak of."""
    # `Default` is there from when it is first asked for.
    wire.get("experiments/get", experiment_id="0")
    experiment = wire.experiment(unique("refused"))
    return {"experiment": experiment, "run": wire.run(experiment), "name": unique("not")}


@pytest.mark.parametrize("table", [EXPERIMENTS, RUNS, BATCHES], ids=["experiments", "runs", "batches"])
def test_what_is_wrong_is_refused(wire: Wire, names: dict[str, str], table: list[Refused]) -> None:
    before = wire.get("runs/get", run_id=names["run"])
    check(wire, table, **names)
    if not REFERENCE:
        assert wire.get("runs/get", run_id=names["run"]) == before


def test_a_body_is_an_object(wire: Wire, unique: Callable[[str], str]) -> None:
    name = unique("body")

    def create(body: str) -> int:
        headers = {"Content-Type": "application/json"}
        return wire.ask("POST", "experiments/create", None, content=body, headers=headers).status_code

    assert create("{") == 400
    # Old clients send text that has the object.
    assert create(f'"{{\\"name\\": \\"{name}\\"}}"') == 200
    assert create(f'{{"name": "{name}-2", "unknown": 1}}') == 200
    if not REFERENCE:
        # To which upstream answers 500.
        assert [create(body) for body in ("[]", "1", '"x"', "null")] == [400] * 4


def test_numbers_are_numbers_or_text(wire: Wire, names: dict[str, str]) -> None:
    run = names["run"]
    wire.post("runs/log-metric", run_id=run, key="m", value="1.5", timestamp="3", step="7")
    wire.post("runs/log-metric", run_id=run, key="n", value="NaN", timestamp=3)
    wire.post("runs/log-metric", run_id=run, key="i", value="-Infinity", timestamp=3)
    wire.post("runs/update", run_id=run, status=3)
    read = wire.get("runs/get", run_id=run)["run"]
    found = {each["key"]: each for each in read["data"]["metrics"]}
    assert (found["m"]["value"], found["m"]["timestamp"], found["m"]["step"]) == (1.5, 3, 7)
    assert (found["n"]["value"], found["i"]["value"]) == ("NaN", -1.7976931348623157e308)
    assert read["info"]["status"] == "FINISHED"
    # Either name of the run's id will do.
    assert wire.get("runs/get", run_uuid=run)["run"]["info"]["run_id"] == run


@pytest.mark.ours
def test_numbers_that_no_database_holds_are_refused(wire: Wire) -> None:
    """To which upstream answers 500."""
    huge = "99999999999999999999"
    for path, fields in [
        ("experiments/get", {"experiment_id": huge}),
        ("model-versions/get", {"name": "m", "version": huge}),
        ("registered-models/alias", {"name": "m", "alias": huge}),
    ]:
        assert wire.ask("GET", path, None, params=fields).status_code in (400, 404), path
    search = {"experiment_ids": ["0"], "filter": f"attributes.start_time > {huge}"}
    assert wire.ask("POST", "runs/search", None, json=search).status_code in (200, 400)


TRAVERSALS = ["../x", "..%2fx", "%2e%2e/x", "a/../../x", "a/%2e%2e/%2e%2e/x", "a%2f..%2f..%2fx", ".."]
# Which upstream takes, or answers with 500.
ODD = ["/etc/passwd", "%2fetc/passwd", "a//b", "a/./b", "%2e", "a%00b", "a%0ab", "a%5cb", "x" * 1100]


def test_no_path_leads_out_of_its_folder(wire: Wire, names: dict[str, str]) -> None:
    experiment, run = names["experiment"], names["run"]
    root = f"{FILES}/{experiment}/{run}/artifacts/"
    asked = [(method, root + path) for method in ("PUT", "GET", "DELETE") for path in TRAVERSALS]
    asked += [("GET", f"{FILES}?path={experiment}/{run}/artifacts/{path}") for path in TRAVERSALS]
    asked += [("GET", f"{API}/artifacts/list?run_id={run}&path={path}") for path in [*TRAVERSALS, "/etc"]]
    asked += [("GET", f"/get-artifact?run_id={run}&path={path}") for path in TRAVERSALS]
    if not REFERENCE:
        asked += [("PUT", root + path) for path in ODD]
    answers = {(method, target): wire.raw(method, target, b"x" if method == "PUT" else b"") for method, target in asked}
    assert {asked: answer for asked, answer in answers.items() if answer[0] != 400} == {}
    assert wire.get("artifacts/list", run_id=run).get("files", []) == []


def test_a_file_has_a_name(wire: Wire, names: dict[str, str]) -> None:
    root = f"{FILES}/{names['experiment']}/{names['run']}/artifacts/"
    assert wire.raw("PUT", root, b"x")[0] == 400
    assert wire.raw("PUT", f"{root}folder/", b"x")[0] == 400
    assert wire.raw("GET", f"{root}nowhere")[0] == 404


@pytest.mark.ours
def test_what_is_not_here_says_so(wire: Wire) -> None:
    """501 for what MLflow has and this server has not; 404 and 405 for what MLflow has not either."""
    for method, path in [
        ("GET", "/api/2.0/mlflow/unified-traces"),
        ("POST", "/api/3.0/mlflow/scorers/register"),
        ("POST", "/api/3.0/mlflow/issues"),
    ]:
        assert wire.refusal(method, path, 501)["error_code"] == "NOT_IMPLEMENTED", path
    assert wire.refusal("POST", "artifacts/presigned-upload-url", 501, json={})["error_code"] == "NOT_IMPLEMENTED"
    assert wire.refusal("GET", "no/such/path", 404)["error_code"] == "ENDPOINT_NOT_FOUND"
    assert wire.refusal("DELETE", "runs/create", 405)["error_code"] == "BAD_REQUEST"


def test_the_server_says_what_it_is(wire: Wire) -> None:
    assert wire.ask("GET", "/version").text.startswith("3.")
    assert wire.ask("GET", "/health").text == "OK"
    info = wire.ask("GET", "/api/3.0/mlflow/server-info").json()
    assert info["store_type"] == "SqlStore"
    assert info["workspaces_enabled"]
    # Upstream's own server takes parts where its files are in a bucket.
    assert (info["multipart_uploads_enabled"], info["multipart_downloads_enabled"]) == (not REFERENCE, False)


def test_both_kinds_of_path_lead_here(wire: Wire, names: dict[str, str]) -> None:
    """MLflow's own pages ask below `ajax-api`."""
    for prefix in ("/api/2.0", "/ajax-api/2.0"):
        read = wire.ask("GET", f"{prefix}/mlflow/runs/get", params={"run_id": names["run"]}).json()
        assert read["run"]["info"]["run_id"] == names["run"]
    listed = wire.ask(
        "GET",
        "/ajax-api/2.0/mlflow/experiments/search",
        params={"max_results": 25, "order_by": "last_update_time DESC"},
    )
    assert listed.json()["experiments"]
