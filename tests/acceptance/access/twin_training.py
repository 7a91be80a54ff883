"""What somebody trains on two registries, and what comes of it where it is not seen: on each side something else."""

from typing import TYPE_CHECKING, Any

from calls import mlmd
from people import OTHER, OWN
from searches import API, FILES, Searches
from world import KUBEFLOW, World

if TYPE_CHECKING:
    from test_non_interference import TwinDoors

POINT = {"timestamp": 1, "step": 0}


def trace(id_: str, experiment: str, second: int, **fields: Any) -> dict[str, Any]:
    """What a client says of a trace at its end."""
    location = {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": experiment}}
    at = f"2026-01-01T00:00:{second:02}Z"
    return {"trace_info": {"trace_id": id_, "trace_location": location, "request_time": at, "state": "OK"} | fields}


class Side:
    """One of the registries, for whoever sees everything."""

    def __init__(self, world: World, number: int):
        self.world, self.number = world, number
        self.runs: list[str] = []
        self.logged = ""

    def do(self, method: str, path: str, workspace: str = OWN, **fields: Any) -> Any:
        return self.world.do(method, f"/w/{workspace}{API}/{path}", json=fields)

    def either(self, one: Any, other: Any) -> Any:
        return [one, other][self.number]

    def named(self, path: str, found: str, name: str, **fields: Any) -> Any:
        """What somebody has made."""
        [info] = [each["info"] for each in self.do("POST", path, **fields)[found] if name in str(each["info"])]
        return info

    def begin(self) -> None:
        """Runs, a model of them and a version, in an experiment that is shut; and the same names elsewhere."""
        name = f"trained-{self.number}"
        self.experiment = self.do("POST", "experiments/create", name=name)["experiment_id"]
        self.world.restrict(self.experiment)
        for start in (1, 2):
            self.runs.append(self.run(start))
            made = self.do("POST", "logged-models", experiment_id=self.experiment, name=name, source_run_id=self.runs[-1])
            logged = made["model"]["info"]["model_id"]
            self.world.do("PUT", f"{FILES}/{self.experiment}/models/{logged}/artifacts/m.txt", body=name.encode())
            # That of the run which is not removed.
            self.logged = logged if start - 1 != self.number else self.logged
        feedback = {"assessment_name": "good", "feedback": {"value": bool(self.number)}}
        said = trace(f"tr-{name}", self.experiment, self.number, tags={"team": "x"}, assessments=[feedback])
        self.do("POST", "traces", trace=said)
        # An id that somebody will give to a trace and to what they say of it, on one side.
        taken = [feedback | {"assessment_id": self.either("a-taken", "a-free")}]
        said = trace(self.either("tr-12", "tr-free"), self.experiment, self.number, assessments=taken)
        self.do("POST", "traces", trace=said)
        of_hidden = {"experiment_ids": [self.experiment], "tags": '{"team": "x"}'}
        self.cases = self.do("POST", "datasets/create", name=name, **of_hidden)["dataset"]["dataset_id"]
        self.do("POST", "registered-models/create", name=name)
        model = self.world.do("GET", f"/w/{OWN}{KUBEFLOW}/registered_model?name={name}")["id"]
        self.world.restrict(model)
        other = self.either("seen-1", "another")
        elsewhere = self.do("POST", "experiments/create", OTHER, name=other)["experiment_id"]
        self.do("POST", "runs/create", OTHER, experiment_id=elsewhere, run_name="r", start_time=1)

    def run(self, start: int) -> str:
        fields = {"experiment_id": self.experiment, "run_name": f"hidden-{start}", "start_time": start}
        run = self.do("POST", "runs/create", **fields)["run"]["info"]["run_id"]
        values = {"metrics": [POINT | {"key": "loss", "value": self.number + start}]}
        values |= {name: [{"key": key, "value": str(self.number)}] for name, key in [("params", "depth"), ("tags", "team")]}
        self.do("POST", "runs/log-batch", run_id=run, **values)
        dataset = {"name": f"hidden-{self.number}", "digest": "d", "source_type": "local", "source": "x"}
        self.do("POST", "runs/log-inputs", run_id=run, datasets=[{"dataset": dataset}])
        return run

    def cross(self) -> None:
        """What is seen comes of what is hidden, and the other way round, on one side."""
        experiment = self.do("GET", "experiments/get-by-name?experiment_name=seen-1")["experiment"]["experiment_id"]
        among = {"experiment_ids": [experiment]}
        run = self.named("runs/search", "runs", "run-1", **among)["run_id"]
        logged = {name: self.named("logged-models/search", "models", name, **among)["model_id"] for name in ("by-run", "alone")}
        source = self.either({"source_run_id": self.runs[0]}, {})
        self.do("POST", "logged-models", experiment_id=experiment, name="crossing", **source)
        for number, hidden in enumerate(self.runs):
            value = self.either(0.9, 0.1) + number
            said = POINT | {"key": "measured", "value": value, "dataset_name": f"hidden-{self.number}", "dataset_digest": "d"}
            self.do("POST", "runs/log-metric", run_id=hidden, model_id=logged["alone"], **said)
        self.do("POST", "traces/link-to-run", trace_ids=[self.either("tr-1", "tr-trained-1")], run_id=self.runs[0])
        cases = self.do("POST", "datasets/search", **among)["datasets"][0]["dataset_id"]
        used_by = {"experiment_ids": [self.either(self.experiment, experiment)]}
        self.do("POST", f"datasets/{cases}/add-experiments", **used_by)
        used_by = {"experiment_ids": [self.either(experiment, self.experiment)]}
        self.do("POST", f"datasets/{self.cases}/add-experiments", **used_by)
        used = [{"model_id": self.logged, "step": 1}]
        self.do("POST", "runs/outputs", run_id=run, models=self.either(used, []))
        self.do("POST", "runs/log-inputs", run_id=run, models=self.either([], used))
        of_model = {"name": f"trained-{self.number}"}
        source = self.either(logged["by-run"], self.logged)
        self.do("POST", "model-versions/create", source=f"models:/{source}", **of_model)
        self.do("POST", "model-versions/create", source="s3://x/y", run_id=self.either(run, self.runs[1]), **of_model)

    def link(self) -> None:
        """The artifact of a version that is seen names a run that is hidden, by its node's id."""
        self.nodes = [self.node_of_run(start) for start in (1, 2)]
        native = f"/w/{OWN}/api/v1/models/linked"
        stored = self.world.do("PUT", f"{native}/versions/1/files/x.txt", body=b"x")
        version = self.world.do("GET", f"{native}/versions/1")["id"]
        type_id = self.world.call("GetArtifactType", type_name="kf.ModelArtifact").artifact_type.id
        shown = self.world.do("GET", f"{KUBEFLOW}/model_artifacts/{stored['artifactId']}")
        artifact = mlmd.Artifact(id=int(stored["artifactId"]), type_id=type_id, name=f"{version}:{shown['name']}")
        artifact.properties["experiment_run_id"].int_value = int(self.nodes[0])
        mask = {"paths": ["properties.experiment_run_id"]}
        self.world.call("PutArtifacts", artifacts=[artifact], update_mask=mask)

    def node_of_run(self, start: int) -> str:
        named = f"name=hidden-{start}&parentResourceId={self.experiment}"
        return self.world.do("GET", f"{KUBEFLOW}/experiment_run?{named}")["id"]

    def remove_one(self) -> None:
        """On each side another run."""
        self.world.do("DELETE", f"{KUBEFLOW}/experiment_runs/{self.nodes[self.number]}?recursive=true")

    def go_on(self) -> None:
        left = self.runs[1 - self.number]
        values = {"key": "loss", "value": self.either(9, 0.3), "timestamp": 2, "step": 2}
        self.do("POST", "runs/log-metric", run_id=left, **values)
        # One is archived and the other is not. On both sides that takes two changes: what `next` of the feed says is a count of all.
        tagged, archived, restored = ("runs/set-tag", {"key": "kept", "value": "x"}), ("runs/delete", {}), ("runs/restore", {})
        for path, said in self.either([tagged, archived], [archived, restored]):
            self.do("POST", path, run_id=left, **said)
        self.do("POST", "experiments/set-experiment-tag", experiment_id=self.experiment, key="team", value="x")
        self.do("DELETE", f"logged-models/{self.logged}")


class TwinTraining:
    """Both sides, and somebody who sees the same of each."""

    def __init__(self, doors: "TwinDoors"):
        self.sides = [Side(world, number) for number, world in enumerate(doors.hidden.worlds)]
        self.searches = Searches(doors.twins.client(doors.server.url, lambda server: server.port))

    def do(self, method: str, path: str, **fields: Any) -> Any:
        return self.searches.ask(method, f"{API}/{path}", **fields)

    def train(self) -> None:
        """What somebody has."""
        # No two runs begin at once: they would be in the order of their ids, which are drawn.
        for name, begin in (("seen-1", 1), ("seen-2", 11)):
            experiment = self.do("POST", "experiments/create", name=name, tags=[{"key": "team", "value": "x"}])
            dataset = {"name": "seen", "digest": "d", "source_type": "local", "source": "x"}
            runs = []
            for number in range(4):
                fields = {"run_name": f"run-{number}", "start_time": begin + number, "user_id": "somebody"}
                run = self.do("POST", "runs/create", **experiment, **fields)["run"]["info"]["run_id"]
                said = {"params": [{"key": "depth", "value": str(number % 2)}], "tags": [{"key": "team", "value": "x"}]}
                points = [POINT | {"key": "loss", "value": number / 4, "step": step} for step in (0, 1)]
                self.do("POST", "runs/log-batch", run_id=run, metrics=points, **said)
                self.do("POST", "runs/log-inputs", run_id=run, datasets=[{"dataset": dataset}] if number else [])
                runs.append(run)
            self.do("POST", "runs/delete", run_id=runs[3])
            self.trace(begin, experiment["experiment_id"], runs[1])
            if begin == 1:
                self.log_models(experiment["experiment_id"], runs[1])

    def trace(self, begin: int, experiment: str, run: str) -> None:
        for number in (begin, begin + 1):
            fields = {"tags": {"team": "x", "mlflow.traceName": f"asked-{number}"}, "execution_duration": f"{number}s"}
            fields |= {"trace_metadata": {"mlflow.sourceRun": run}} if number == begin else {}
            self.do("POST", "traces", trace=trace(f"tr-{number}", experiment, number, **fields))
        said = {"assessment_name": "good", "feedback": {"value": True}}
        self.do("POST", f"traces/tr-{begin}/assessments", assessment=said)
        if begin > 1:
            self.do("POST", "traces/tr-12/assessments", assessment=said | {"assessment_id": "a-taken"})
        among = {"experiment_ids": [experiment], "tags": '{"team": "x", "mlflow.user": "somebody"}'}
        made = self.do("POST", "datasets/create", name=f"cases-{begin}", **among)["dataset"]["dataset_id"]
        self.do("POST", f"datasets/{made}/records", records='[{"inputs": {"q": 1}}]')

    def log_models(self, experiment: str, run: str) -> None:
        params, place = [{"key": "depth", "value": "1"}], f"{experiment}/{run}/artifacts"
        self.searches.http.put(f"{FILES}/{place}/r.txt", content=b"r").raise_for_status()
        for name, source in [("by-run", {"source_run_id": run}), ("alone", {})]:
            made = self.do("POST", "logged-models", experiment_id=experiment, name=name, params=params, **source)
            model = made["model"]["info"]["model_id"]
            said = POINT | {"key": "loss", "value": 0.5, "dataset_name": "seen", "dataset_digest": "d"}
            self.do("POST", "runs/log-metric", run_id=run, model_id=model, **said)
            place = f"{experiment}/models/{model}/artifacts"
            self.searches.http.put(f"{FILES}/{place}/m.txt", content=b"m").raise_for_status()
            self.do("PATCH", f"logged-models/{model}", status="LOGGED_MODEL_READY")
            self.do("POST", "registered-models/create", name=f"of-{name}", tags=[{"key": "team", "value": "x"}])
            for source in [f"models:/{model}", "s3://x/y", f"runs:/{run}/r.txt"]:
                self.do("POST", "model-versions/create", name=f"of-{name}", source=source)
            self.do("POST", "registered-models/alias", name=f"of-{name}", alias="champion", version="1")
            self.do("POST", "model-versions/transition-stage", name=f"of-{name}", version="2", stage="Staging")

    def compare(self) -> None:
        """Each side's hidden runs are asked for on both."""
        runs = [run for side in self.sides for run in side.runs]
        self.searches.everything(runs, [side.experiment for side in self.sides])
