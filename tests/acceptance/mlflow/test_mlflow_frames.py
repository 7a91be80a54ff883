"""What the client shows as tables, and what needs them."""

import math
from collections.abc import Callable
from pathlib import Path

import matplotlib.pyplot as plt
import mlflow
import numpy as np
import pandas as pd
from mlflow import MlflowClient
from wire import Wire

plt.switch_backend("Agg")
FRAME = pd.DataFrame({"amount": [1.5, 2.0, 3.0], "country": ["de", "fr", "it"], "fraud": [0.0, 1.0, 0.0]})


def test_runs_come_as_a_frame(client: MlflowClient, experiment: str) -> None:
    for at in range(3):
        with mlflow.start_run(run_name=f"run {at}"):
            mlflow.log_metric("loss", at if at else math.nan)
            mlflow.log_param("depth", at)
    frame = mlflow.search_runs([experiment], order_by=["params.depth DESC"])
    assert list(frame["tags.mlflow.runName"]) == ["run 2", "run 1", "run 0"]
    assert list(frame["params.depth"]) == ["2", "1", "0"]
    assert list(frame["metrics.loss"])[:2] == [2.0, 1.0] and math.isnan(frame["metrics.loss"][2])
    assert set(frame["experiment_id"]) == {experiment} and set(frame["status"]) == {"FINISHED"}
    assert frame["start_time"].is_monotonic_decreasing
    # What is logged to the last one is a row a search by name finds.
    named = mlflow.search_runs(
        experiment_names=[client.get_experiment(experiment).name], filter_string="metrics.loss > 1"
    )
    assert list(named["params.depth"]) == ["2"]


def test_what_a_run_read_is_kept(
    client: MlflowClient, wire: Wire, experiment: str, unique: Callable[[str], str]
) -> None:
    train = mlflow.data.from_pandas(FRAME, source="s3://lake/rides.csv", name=unique("rides"), targets="fraud")
    test = mlflow.data.from_numpy(np.arange(6).reshape(3, 2), name=unique("numbers"))
    with mlflow.start_run(run_name="first") as first:
        mlflow.log_input(train, context="training", tags={"split": "a"})
        mlflow.log_inputs([test], contexts=["test"], tags_list=[None])
        # A second time is no second input.
        mlflow.log_input(train, context="training")
    with mlflow.start_run(run_name="second") as second:
        mlflow.log_input(train, context="validation")
    inputs = {each.dataset.name: each for each in client.get_run(first.info.run_id).inputs.dataset_inputs}
    assert set(inputs) == {train.name, test.name}
    stored = inputs[train.name].dataset
    assert (stored.digest, stored.source_type) == (train.digest, "s3")
    assert mlflow.data.get_source(stored).uri == "s3://lake/rides.csv"
    assert '"mlflow_colspec"' in stored.schema and '"num_rows": 3' in stored.profile
    tags = {each.key: each.value for each in inputs[train.name].tags}
    assert tags["mlflow.data.context"] == "training" and tags["split"] == "a"

    def found(clause: str) -> list[str]:
        return sorted(run.info.run_name for run in client.search_runs([experiment], clause))

    for clause, wanted in {
        f"dataset.name = '{train.name}'": ["first", "second"],
        f"datasets.name = '{test.name}'": ["first"],
        f"dataset.name LIKE '{train.name[:5]}%'": ["first", "second"],
        f"datasets.digest = '{train.digest}' AND datasets.context = 'validation'": ["second"],
        "dataset.context = 'test'": ["first"],
        "dataset.context ILIKE 'TRAIN%'": ["first"],
        f"dataset.name IN ('{train.name}', 'other')": ["first", "second"],
        "dataset.context NOT IN ('training', 'test')": ["second"],
        "dataset.name = 'nothing'": [],
    }.items():
        assert found(clause) == wanted, clause
    summaries = wire.post("/ajax-api/2.0/mlflow/experiments/search-datasets", experiment_ids=[experiment])[
        "dataset_summaries"
    ]
    assert {(each["name"], each["digest"], each["context"]) for each in summaries} == {
        (train.name, train.digest, "training"),
        (train.name, train.digest, "validation"),
        (test.name, test.digest, "test"),
    }
    assert {each["experiment_id"] for each in summaries} == {experiment}
    # A search shows inputs as the run itself does.
    [searched] = client.search_runs([experiment], f"run_id = '{second.info.run_id}'")
    assert [each.dataset.name for each in searched.inputs.dataset_inputs] == [train.name]


def test_figures_images_and_tables(client: MlflowClient, experiment: str, tmp_path: Path) -> None:
    figure, axes = plt.subplots()
    axes.plot([0, 1])
    pixels = np.zeros((4, 6, 3), dtype=np.uint8)
    with mlflow.start_run() as active:
        mlflow.log_figure(figure, "plots/curve.png")
        mlflow.log_image(pixels, "image.png")
        mlflow.log_image(pixels, key="samples", step=1, timestamp=123)
        mlflow.log_image(pixels, key="samples", step=2, timestamp=456)
        mlflow.log_table(FRAME, "table.json")
        mlflow.log_table({"amount": [9.0], "country": ["es"], "fraud": [1.0]}, "table.json")
        mlflow.log_table(FRAME, "table.parquet")
    plt.close(figure)
    run_id = active.info.run_id
    paths = {each.path: each for each in client.list_artifacts(run_id)}
    assert set(paths) == {"plots", "image.png", "images", "table.json", "table.parquet"}
    assert [paths[each].is_dir for each in ("plots", "images", "table.json")] == [True, True, False]
    [curve] = client.list_artifacts(run_id, "plots")
    assert curve.path == "plots/curve.png" and curve.file_size > 1000
    assert mlflow.artifacts.load_image(f"runs:/{run_id}/image.png").size == (6, 4)
    images = [each.path for each in client.list_artifacts(run_id, "images")]
    assert len(images) == 4 and all(each.startswith("images/samples") for each in images)
    assert client.get_run(run_id).data.tags["mlflow.loggedImages"] == "True"
    # The second table went below the first one.
    table = mlflow.load_table("table.json", [run_id], extra_columns=["run_id"])
    assert list(table["country"]) == ["de", "fr", "it", "es"] and set(table["run_id"]) == {run_id}
    local = client.download_artifacts(run_id, "table.parquet", str(tmp_path))
    assert pd.read_parquet(local).equals(FRAME)
    assert "mlflow.loggedArtifacts" in client.get_run(run_id).data.tags
