"""Searches that are refused: filters, orders and page tokens that say nothing, or not what they should."""

import base64
from collections.abc import Callable
from typing import Any

import pytest
from mlflow import MlflowClient
from refused import Refused, check
from wire import Wire, pages


def refused(request: str, field: str, values: list, upstream: int | None = None, **more: Any) -> list[Refused]:
    """Requests with each of the values in a field."""
    return [Refused(request, {**more, field: value}, upstream=upstream) for value in values]


RUNS, EXPERIMENTS = "POST runs/search", "POST experiments/search"
MODELS, VERSIONS, LOGGED = "GET registered-models/search", "GET model-versions/search", "POST logged-models/search"
HERE, SOME = {"experiment_ids": ["{experiment}"]}, {"max_results": 10}

OF_RUNS = [
    *refused(
        RUNS,
        "filter",
        [
            "metrics.a > 1 OR metrics.b > 1",
            "(metrics.a > 1)",
            "NOT metrics.a > 1",
            "metrics.a > 'x'",
            "metrics.a > x",
            "metrics.a > nan",
            "metrics.a > 0x10",
            "metrics.a",
            "metrics.a >",
            "> 1",
            "1 = 1",
            "metrics.a >> 1",
            "metrics.a == 1",
            "metrics.a <> 1",
            "metrics.a LIKE 'x'",
            "metrics.a IS NULL",
            "metrics.a BETWEEN 1 AND 2",
            "metrics.a = 1;",
            "metrics.a = 1; metrics.b = 2",
            "metrics.`a = 1",
            "params.a > '1'",
            "params.a = 1",
            "params.a = x",
            "params.a = 'x",
            "params.a = ''x''",
            "params.a IN ('a')",
            "params.a RLIKE 'x'",
            "params.a NOT LIKE 'x'",
            "params.a = 'x' -- comment",
            "tags.a < 'x'",
            "tags.a = tags.b",
            "what.a = 'x'",
            "attributes.nothing = 'x'",
            "nothing = 'x'",
            "attributes.status > 'x'",
            "status = 1",
            "run_id IN ()",
            "run_id IN ('a', 1)",
            "run_id IN 'a'",
            "run_name IN ('a')",
            "start_time LIKE '1'",
            "start_time = '1'",
            "start_time IS NULL",
            "datasets.nothing = 'x'",
            "dataset.name = 1",
            "dataset.name > 'x'",
            "lifecycle_stage = 'active'",
            5,
        ],
        **HERE,
    ),
    # What is left out of a chain of conditions.
    *refused(
        RUNS, "filter", ["metrics.a > 1 AND", "AND metrics.a > 1", "metrics.a > 1 AND AND metrics.b > 1"], 200, **HERE
    ),
    *refused(RUNS, "filter", [" AND ".join(["params.a = 'x'"] * 600)], 500, **HERE),
    *refused(
        RUNS,
        "order_by",
        [
            ["metrics.a UP"],
            ["metrics.a ASC DESC"],
            ["metrics.a, metrics.b"],
            ["metrics.a;"],
            ["nothing"],
            ["what.a"],
            ["datasets.name"],
            ["lifecycle_stage"],
            [""],
            [5],
        ],
        **HERE,
    ),
    # The same field twice.
    *refused(
        RUNS,
        "order_by",
        [["metrics.a", "metrics.a"], ["metrics.a ASC", "metrics.a DESC"], ["start_time", "attributes.created DESC"]],
        500,
        **HERE,
    ),
    *refused(RUNS, "max_results", [0, -1, 50001, "x"], **HERE),
    *refused(RUNS, "experiment_ids", [["abc"]]),
    *refused(RUNS, "run_view_type", ["SOME"], 200, **HERE),
    *refused(RUNS, "page_token", ["abc", base64.b64encode(b"{}").decode()], **HERE),
    *refused(RUNS, "page_token", ["ä", base64.b64encode(b"[]").decode()], 500, **HERE),
    *refused(RUNS, "page_token", [base64.b64encode(b'{"offset": -1}').decode()], 200, **HERE),
]
OF_EXPERIMENTS = [
    *refused(
        EXPERIMENTS,
        "filter",
        [
            "name > 'x'",
            "name = 5",
            "name IS NULL",
            "name = 'a' OR name = 'b'",
            "nothing = 'x'",
            "lifecycle_stage = 'active'",
            "creation_time = 'x'",
            "creation_time LIKE '1'",
            "experiment_id = 'x'",
            "tags.a > 'x'",
            "tag.a = 1",
            "metrics.a > 1",
        ],
        **SOME,
    ),
    *refused(EXPERIMENTS, "order_by", [["nothing"], ["tags.a"], ["name UP"]], **SOME),
    *refused(EXPERIMENTS, "order_by", [["name", "name DESC"]], 200, **SOME),
    *refused(EXPERIMENTS, "page_token", ["zzz"], **SOME),
    *refused(EXPERIMENTS, "max_results", [0, 50001, "x"]),
]
OF_THE_REGISTRY = [
    *refused(
        MODELS,
        "filter",
        [
            "name > 'x'",
            "name = 5",
            "nothing = 'x'",
            "tags.a > 'x'",
            "version = '1'",
            "name = 'a' OR name = 'b'",
            "metrics.a = 1",
        ],
    ),
    *refused(MODELS, "filter", ["name = 'a' AND"], 200),
    *refused(MODELS, "filter", ["tags.a IS NULL"], 500),
    *refused(MODELS, "order_by", [["nothing"], ["name UP"]]),
    *refused(MODELS, "order_by", [["name", "name"], ["timestamp", "last_updated_timestamp"]], 500),
    *refused(MODELS, "max_results", [1001, "x"]),
    *refused(MODELS, "page_token", ["x"]),
    *refused(
        VERSIONS,
        "filter",
        [
            "name > 'x'",
            "name IN ()",
            "nothing = 'x'",
            "version_number = 'x'",
            "version_number = 1.5",
            "version_number LIKE '1'",
            "version_number IN (1, 2)",
            "run_id > 'x'",
            "source_path = 5",
            "current_stage = 'None'",
        ],
    ),
    *refused(VERSIONS, "filter", ["tags.a IS NULL"], 500),
    *refused(VERSIONS, "order_by", [["nothing"], ["version"]]),
    *refused(VERSIONS, "order_by", [["name", "name"]], 500),
    *refused(VERSIONS, "max_results", [0, 200001]),
    *refused(VERSIONS, "page_token", ["x"]),
]
OF_LOGGED_MODELS = [
    Refused(LOGGED, {}, "experiment_ids"),
    *refused(LOGGED, "filter", ["name > 'x'", "nothing = 'x'", "name = 'a' OR name = 'b'", "tags.a IS NULL"], **HERE),
    *refused(LOGGED, "filter", ["metrics.a = 'x'", "creation_timestamp = 'x'"], 500, **HERE),
    *refused(LOGGED, "filter", ["metrics.a > 1 AND", "params.a = 1"], 200, **HERE),
    *refused(LOGGED, "order_by", [[{"field_name": "nothing"}], [{"field_name": "params.a"}], [{}], ["name"]], **HERE),
    *refused(LOGGED, "datasets", [[{"dataset_digest": "x"}]], **HERE),
    *refused(LOGGED, "page_token", ["x"], 500, **HERE),
]
TABLES = {
    "runs": OF_RUNS,
    "experiments": OF_EXPERIMENTS,
    "registry": OF_THE_REGISTRY,
    "logged-models": OF_LOGGED_MODELS,
}


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_what_says_nothing_is_refused(wire: Wire, unique: Callable[[str], str], table: list[Refused]) -> None:
    check(wire, table, experiment=wire.experiment(unique("refused")))


@pytest.mark.ours
def test_a_token_belongs_to_its_search(wire: Wire, unique: Callable[[str], str]) -> None:
    """Upstream's are offsets, which any search takes."""
    experiment, other_one = wire.experiment(unique("tokens")), wire.experiment(unique("others"))
    for at in range(3):
        wire.run(experiment, start_time=at + 1)
    search = {"experiment_ids": [experiment], "max_results": 1, "filter": "status = 'RUNNING'"}
    token = wire.post("runs/search", **search)["next_page_token"]
    assert wire.post("runs/search", **search, page_token=token)["runs"]
    for other in [
        {"filter": "status = 'FINISHED'"},
        {"order_by": ["end_time"]},
        {"experiment_ids": [experiment, other_one]},
    ]:
        wire.refusal("POST", "runs/search", 400, json={**search, **other, "page_token": token})
    wire.refusal("POST", "experiments/search", 400, json={"max_results": 1, "page_token": token})


@pytest.mark.ours
def test_a_page_goes_on_where_the_last_one_ended(
    client: MlflowClient, wire: Wire, unique: Callable[[str], str]
) -> None:
    """While runs start, upstream's offsets show runs twice."""
    experiment = wire.experiment(unique("pages"))
    old = [wire.run(experiment, start_time=at + 1) for at in range(6)]
    seen = []
    for page in pages(client.search_runs, experiment_ids=[experiment], max_results=2):
        seen += [each.info.run_id for each in page]
        wire.run(experiment, start_time=1000 + len(seen))
    assert seen == old[::-1]
