"""mlflow-export-import, which copies by files between two servers: from MLflow's own server to ours, and from ours to MLflow's."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from harness import PATIENCE, Installation
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag
from moving import at, files, numbers
from reference import Reference

ROOT = Path(__file__).resolve().parents[3]
pytestmark = pytest.mark.ours


@pytest.fixture(scope="module")
def tool() -> Callable[..., str]:
    python = subprocess.check_output([ROOT / "scripts/tools", "python-mlflow-export-import"], text=True).strip()

    def run(server, program: str, *arguments: str) -> str:
        """What one of its programs prints at a server."""
        environment = {**os.environ, "MLFLOW_TRACKING_URI": server.url, "MLFLOW_REGISTRY_URI": server.url}
        command = [python, "-m", f"mlflow_export_import.{program}", *arguments]
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=4 * PATIENCE, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


def train(client: MlflowClient, folder: Path) -> None:
    """An experiment with two runs, one within the other, and a model with a version of each, which are left where they are."""
    experiment = client.create_experiment("fraud", tags={"team": "risk"})
    (folder / "model" / "code").mkdir(parents=True)
    (folder / "model" / "MLmodel").write_text("flavors: {}\n")
    (folder / "model" / "code" / "a b.py").write_text("x = 1\n")
    outer = None
    client.create_registered_model("fraud", tags={"x": "y"}, description="what it is")
    for name in ("outer", "inner"):
        parent = {"mlflow.parentRunId": outer} if outer else {}
        run = client.create_run(experiment, run_name=name, tags={"mlflow.user": "ann", **parent}).info.run_id
        outer = outer or run
        points = [Metric("loss", 1 / (step + 1), 1_600_000_000_000 + step, step) for step in range(1500)]
        client.log_batch(run, points[:1000], [Param("lr", "0.1"), Param("name", name)], [RunTag("größe", "ä")])
        client.log_batch(run, [*points[1000:], Metric("odd", float("nan"), 1_600_000_000_000, 0)])
        client.log_artifacts(run, str(folder / "model"), "model")
        client.set_terminated(run)
        client.create_model_version(
            "fraud", f"{client.get_run(run).info.artifact_uri}/model", run, tags={"q": name}, description=name
        )
    client.transition_model_version_stage("fraud", "1", "Production")


def seen(client: MlflowClient) -> dict:
    """What the tool copies: runs get other ids, and tags of its own besides."""
    experiment = client.get_experiment_by_name("fraud")
    runs = {run.info.run_name: run for run in client.search_runs([experiment.experiment_id])}
    names = {run.info.run_id: name for name, run in runs.items()}

    def of_run(run) -> dict:
        parent = run.data.tags.get("mlflow.parentRunId")
        stored = files(client, client.list_artifacts, run.info.run_id)
        assert "model/MLmodel" in stored
        return {
            "status": run.info.status,
            "params": run.data.params,
            "tags": {key: run.data.tags[key] for key in ("größe", "mlflow.user")},
            "parent": parent and names[parent],
            "histories": {key: numbers(client.get_metric_history(run.info.run_id, key)) for key in run.data.metrics},
            # The tool writes the new id of the run into this one.
            "files": {path: file for path, file in stored.items() if path != "model/MLmodel"},
        }

    return {name: of_run(run) for name, run in runs.items()}


@pytest.mark.parametrize("way", ["to ours", "from ours"])
def test_it_copies_experiments(way: str, tool: Callable[..., str], tmp_path: Path):
    """Models it exports alone: their import takes sources on its own disk and on Databricks alone, at any server."""
    (tmp_path / "reference").mkdir()
    with Installation.embedded(tmp_path) as installation, Reference(tmp_path / "reference") as reference:
        both = [installation.serve(), reference]
        source, target = both if way == "from ours" else both[::-1]
        with at(source) as client:
            train(client, tmp_path)
            there = seen(client)
        experiment = tmp_path / "experiment"
        tool(source, "experiment.export_experiment", "--experiment", "fraud", "--output-dir", str(experiment))
        copied = ["--experiment-name", "fraud", "--input-dir", str(experiment), "--use-src-user-id", "true"]
        tool(target, "experiment.import_experiment", *copied)
        with at(target) as client:
            assert seen(client) == there


def test_it_exports_a_model(tool: Callable[..., str], tmp_path: Path):
    """It asks for the model with a GET that has a body."""
    with Installation.embedded(tmp_path) as installation:
        server = installation.serve()
        with at(server) as client:
            train(client, tmp_path)
            runs = {version.version: version.run_id for version in client.search_model_versions("name = 'fraud'")}
        exported = tmp_path / "exported"
        tool(server, "model.export_model", "--model", "fraud", "--output-dir", str(exported))
        model = json.loads((exported / "model.json").read_text())["mlflow"]["registered_model"]
        assert (model["name"], model["description"]) == ("fraud", "what it is")
        assert model["tags"] == [{"key": "x", "value": "y"}]
        found = {version["version"]: version for version in model["versions"]}
        assert {number: version["run_id"] for number, version in found.items()} == runs
        assert [found[number]["current_stage"] for number in ("1", "2")] == ["Production", "None"]
        for run in runs.values():
            assert (exported / run / "artifacts/model/code/a b.py").read_text() == "x = 1\n"
