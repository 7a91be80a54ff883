"""Searches for runs: every operator, every order, every page."""

import math
from collections.abc import Callable

import mlflow
import pytest
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, Run, RunTag
from wire import Wire, pages

# Name, start, end, metrics, parameters, tags.
RUNS = [
    ("a", 1000, 9000, {"acc": 0.9, "loss": 0.1}, {"lr": "0.1", "model": "Forest"}, {"team": "risk"}),
    ("b", 2000, None, {"acc": 0.5, "loss": math.nan}, {"lr": "0.01"}, {"team": "Risk%", "odd.key/a: b-c": "1"}),
    ("c", 3000, None, {"acc": 0.5}, {"model": "forest_2"}, {}),
    ("d", 3000, 8000, {"loss": -3.0}, {}, {"team": "fraud", "note": "it's"}),
    ("e", 4000, 7000, {"acc": math.nan, "val acc": 1e-9}, {"lr": ""}, {"team": ""}),
    ("f", 500, None, {"acc": math.inf}, {"lr": "0.1", "model": "forest"}, {"team": "RISK"}),
]
STATUS = {"a": "FINISHED", "d": "FAILED", "e": "FINISHED"}


@pytest.fixture
def runs(client: MlflowClient, experiment: str) -> dict[str, str]:
    """The ids of runs by their names."""
    ids = {}
    for name, start, end, metrics, params, tags in RUNS:
        run_id = client.create_run(experiment, start_time=start, run_name=name).info.run_id
        client.log_batch(
            run_id,
            [Metric(key, value, 1, 0) for key, value in metrics.items()],
            [Param(key, value) for key, value in params.items()],
            [RunTag(key, value) for key, value in tags.items()],
        )
        if end:
            client.set_terminated(run_id, STATUS[name], end_time=end)
        ids[name] = run_id
    return ids


def names(found: list[Run]) -> str:
    return "".join(run.info.run_name for run in found)


# What each filter finds, the newest first; `c` and `d` started together, and their ids decide.
FILTERS = {
    "": "e(cd)baf",
    "metrics.acc > 0.5": "af",
    "metric.acc >= 0.5": "cbaf",
    "metrics.acc < 0.9": "cb",
    "metrics.acc <= 0.9": "cba",
    "metrics.acc = 0.5": "cb",
    # What is no number differs from every number, and is nothing else.
    "metrics.acc != 0.5": "eaf",
    "metrics.loss < 0": "d",
    "metrics.loss = -3": "d",
    "metrics.`val acc` < 1e-8": "e",
    'metrics."val acc" > 0': "e",
    "params.lr = '0.1'": "af",
    'param.lr = "0.1"': "af",
    "parameters.lr != '0.1'": "eb",
    "parameter.lr = ''": "e",
    "params.model LIKE 'forest%'": "cf",
    "params.model LIKE 'forest__'": "c",
    "params.model ILIKE 'FOREST%'": "caf",
    "params.lr LIKE '0.1%'": "af",
    "params.lr IS NULL": "(cd)",
    "params.model IS NOT NULL": "caf",
    "tags.team = 'risk'": "a",
    "tag.team != 'risk'": "edbf",
    "tags.team ILIKE 'risk'": "af",
    "tags.team LIKE 'R%'": "bf",
    "tags.team LIKE '%'": "edbaf",
    "tags.team = ''": "e",
    "tags.team IS NULL": "c",
    "tags.`odd.key/a: b-c` = '1'": "b",
    'tags.note = "it\'s"': "d",
    "attributes.status = 'FINISHED'": "ea",
    "status != 'RUNNING'": "eda",
    "attribute.status ILIKE 'fin%'": "ea",
    "run_name = 'a'": "a",
    "attributes.run_name LIKE '_'": "e(cd)baf",
    "attr.`run name` ILIKE 'A'": "a",
    "attributes.`Run name` != 'a'": "e(cd)bf",
    "run.start_time < 2000": "af",
    "attributes.start_time >= 3000": "e(cd)",
    "attributes.created = 2000": "b",
    "end_time > 7000": "da",
    "end_time <= 7000": "e",
    "attributes.user_id = 'nobody'": "",
    "attributes.artifact_uri LIKE 'mlflow-artifacts:/%/artifacts'": "e(cd)baf",
    "metrics.acc > 0.1 AND params.lr = '0.1' and tags.team = 'risk'": "a",
    "metrics.acc > 0.1 And status = 'RUNNING' AND start_time > 500": "cb",
    "metrics.nothing > 0": "",
    "params.nothing != 'x'": "",
    "params.nothing IS NULL": "e(cd)baf",
}


def alike(found: str, wanted: str) -> bool:
    """Whether runs came as wanted, where those in parentheses may come in any order."""
    before, _, rest = wanted.partition("(")
    either, _, after = rest.partition(")")
    end = len(before) + len(either)
    return (found[: len(before)], sorted(found[len(before) : end]), found[end:]) == (before, sorted(either), after)


def test_every_operator(client: MlflowClient, experiment: str, runs: dict[str, str]) -> None:
    for clause, wanted in FILTERS.items():
        found = names(client.search_runs([experiment], clause))
        assert alike(found, wanted), (clause, found, wanted)


def test_runs_are_found_by_their_ids(client: MlflowClient, experiment: str, runs: dict[str, str]) -> None:
    a, b = runs["a"], runs["b"]
    for clause, wanted in {
        f"run_id = '{a}'": "a",
        f"attributes.run_id != '{a}' AND attributes.run_id != '{b}'": "ecdf",
        f"attributes.run_id IN ('{a}', '{b}')": "ba",
        f'run_id IN ("{a}")': "a",
        f"attributes.run_id NOT IN ('{a}','{b}')": "ecdf",
        f"run_id LIKE '{a[:12]}%'": "a",
    }.items():
        assert sorted(names(client.search_runs([experiment], clause))) == sorted(wanted), clause


# After the values come those that are no numbers, and then those that are missing, in both directions.
ORDERS = {
    (): "e(cd)baf",
    ("attributes.start_time",): "fab(cd)e",
    ("start_time ASC",): "fab(cd)e",
    ("attribute.start_time DESC",): "e(cd)baf",
    ("created DESC",): "e(cd)baf",
    ("metrics.acc",): "cbafed",
    ("metrics.acc ASC", "start_time ASC"): "bcafed",
    ("metrics.acc DESC",): "facbed",
    ("metrics.loss DESC", "metrics.acc ASC"): "adbcfe",
    ("metrics.`val acc`",): "e(cd)baf",
    ("params.model",): "afcedb",
    ("params.model DESC",): "cfaedb",
    ("parameters.lr", "start_time"): "ebfa(cd)",
    ("tags.team",): "efbdac",
    ("tags.team DESC",): "adbfec",
    ("attributes.end_time",): "edacbf",
    ("attributes.end_time DESC",): "adecbf",
    ("run_name DESC",): "fedcba",
    ("status", "attributes.run_name"): "daebcf",
    ("metrics.nothing DESC",): "e(cd)baf",
}


def test_every_order(client: MlflowClient, experiment: str, runs: dict[str, str]) -> None:
    for order, wanted in ORDERS.items():
        found = names(client.search_runs([experiment], order_by=list(order)))
        assert alike(found, wanted), (order, found, wanted)


def test_every_order_is_the_same_in_pages(client: MlflowClient, experiment: str, runs: dict[str, str]) -> None:
    for order in ORDERS:
        whole = names(client.search_runs([experiment], order_by=list(order)))
        for size in (1, 4):
            asked = {"experiment_ids": [experiment], "order_by": list(order), "max_results": size}
            found = [names(page) for page in pages(client.search_runs, **asked)]
            assert "".join(found) == whole, (order, size, found)
            assert all(len(page) == size for page in found[:-1]), (order, size, found)


def test_runs_of_several_experiments(client: MlflowClient, unique: Callable[[str], str]) -> None:
    experiments = [client.create_experiment(unique(f"many-{at}")) for at in range(3)]
    for at in range(9):
        client.create_run(experiments[at % 3], start_time=at + 1, run_name=str(at))
    assert names(client.search_runs(experiments)) == "876543210"
    assert names(client.search_runs(experiments[1:], max_results=4)) == "8754"
    assert client.search_runs([]) == []
    with_a_stranger = [experiments[0], "987654321987654321"]
    assert names(client.search_runs(with_a_stranger)) == "630"
    found = mlflow.search_runs(
        search_all_experiments=True, filter_string=f"run_name = '{unique('no')}'", output_format="list"
    )
    assert found == []


def test_more_runs_than_a_page(
    client: MlflowClient, wire: Wire, experiment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client asks for ten thousand at a time, and goes on until it has what it wants."""
    monkeypatch.setattr("mlflow.tracking.fluent.NUM_RUNS_PER_PAGE_PANDAS", 100)
    total = 307
    for at in range(total):
        wire.post("runs/create", experiment_id=experiment, start_time=at // 5, run_name=str(at))
    found = mlflow.search_runs([experiment], output_format="list")
    assert sorted(int(run.info.run_name) for run in found) == list(range(total))
    # Those that start at the same time come in the order of their ids.
    order = [(-run.info.start_time, run.info.run_id) for run in found]
    assert order == sorted(order)
    assert len(client.search_runs([experiment])) == total
    page = client.search_runs([experiment], max_results=200, order_by=["metrics.nothing"])
    rest = client.search_runs([experiment], max_results=200, order_by=["metrics.nothing"], page_token=page.token)
    assert (len(page), len(rest), rest.token) == (200, 107, None)


def test_an_empty_search_has_no_runs(wire: Wire, experiment: str) -> None:
    found = wire.post("runs/search", experiment_ids=[experiment])
    assert found.get("runs", []) == [] and not found.get("next_page_token")
