"""What training tools have made in the trees: a run with all that it logs, a model of it, and what comes of two trees."""

from typing import TYPE_CHECKING, Any

from calls import mlmd

if TYPE_CHECKING:
    from people import Tree
    from world import World

KUBEFLOW = "/api/model_registry/v1alpha3"
MLFLOW = "/api/2.0/mlflow"
FILES = "/api/2.0/mlflow-artifacts/artifacts"
# What nothing has.
NO_RUN = "f" * 32
NO_MODEL = f"m-{NO_RUN}"
NO_TRACE = f"tr-{NO_RUN}"


class Trainer:
    """MLflow's door for the author of a tree, in the workspace of that."""

    def __init__(self, world: "World", tree: "Tree"):
        self.world, self.tree, self.values = world, tree, tree.values
        self.by, self.at = world.author(tree), f"/w/{tree.workspace}"

    def do(self, method: str, path: str, **fields: Any) -> Any:
        return self.world.do(method, f"{self.at}{MLFLOW}/{path}", self.by, json=fields)

    def put(self, folder: str, file: str) -> None:
        self.world.do("PUT", f"{self.at}{FILES}/{folder}/{file}", self.by, body=b"x")

    def delete(self, folder: str) -> None:
        self.world.do("DELETE", f"{self.at}{FILES}/{folder}", self.by)

    # What may be made more than once.

    def run(self, name: str) -> str:
        made = self.do("POST", "runs/create", experiment_id=self.values["experiment_id"], run_name=name)
        return made["run"]["info"]["run_id"]

    def logged_model(self, name: str, **fields: Any) -> str:
        made = self.do("POST", "logged-models", experiment_id=self.values["experiment_id"], name=name, **fields)
        return made["model"]["info"]["model_id"]

    def number(self, **fields: Any) -> str:
        """A version, by its number."""
        made = self.do("POST", "model-versions/create", name=self.values["model"], source="s3://bucket/x", **fields)
        return made["model_version"]["version"]

    def trace(self, id_: str, **fields: Any) -> str:
        location = {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": self.values["experiment_id"]}}
        info = {"trace_id": id_, "trace_location": location, "request_time": "2026-01-01T00:00:00Z", "state": "OK"}
        self.do("POST", "traces", trace={"trace_info": info | fields})
        return id_

    def assess(self, name: str = "good") -> str:
        said = {"assessment_name": name, "feedback": {"value": True}}
        made = self.do("POST", f"traces/{self.values['trace']}/assessments", assessment=said)
        return made["assessment"]["assessment_id"]

    def eval_dataset(self, name: str, **fields: Any) -> str:
        among = {"experiment_ids": [self.values["experiment_id"]]}
        return self.do("POST", "datasets/create", name=name, **among, **fields)["dataset"]["dataset_id"]

    def tag(self, key: str) -> None:
        """On everything that loses tags which it has."""
        said, run, model = {"key": key, "value": "x"}, self.values["trained_run"], self.values["logged_model"]
        self.do("POST", "experiments/set-experiment-tag", experiment_id=self.values["experiment_id"], **said)
        self.do("POST", "runs/set-tag", run_id=run, **said)
        self.do("PATCH", f"logged-models/{model}/tags", tags=[said])

    @property
    def run_files(self) -> str:
        return f"{self.values['experiment_id']}/{self.values['trained_run']}/artifacts"

    @property
    def trace_files(self) -> str:
        return f"{self.values['experiment_id']}/traces/{self.values['trace']}/artifacts"

    @property
    def logged_files(self) -> str:
        return f"{self.values['experiment_id']}/models/{self.values['logged_model']}/artifacts"

    @property
    def folder_files(self) -> str:
        return self.values["folder"]

    # What a tree has from the beginning.

    def grow(self) -> None:
        values, name = self.values, self.tree.name
        values["trained_run"] = run = self.run(f"{name}-trained")
        values["trained_file"], values["dataset"] = f"{name}.txt", f"{name}-dataset"
        dataset = {"name": values["dataset"], "digest": "d", "source_type": "local", "source": "here"}
        values["logged_model"] = model = self.logged_model(f"{name}-logged", source_run_id=run)
        self.do("POST", "runs/log-inputs", run_id=run, datasets=[{"dataset": dataset}])
        self.do("POST", "runs/outputs", run_id=run, models=[{"model_id": model, "step": 0}])
        point = {"key": "loss", "value": 0.5, "timestamp": 1}
        said = {"params": [{"key": "depth", "value": "1"}], "tags": [{"key": "kept", "value": "yes"}]}
        self.do("POST", "runs/log-batch", run_id=run, metrics=[point | {"model_id": model}], **said)
        values["trace"] = self.trace(f"tr-{name}", tags={"kept": "yes", "removable": "x"})
        self.do("POST", "traces/link-to-run", trace_ids=[values["trace"]], run_id=run)
        values |= {"assessment": self.assess(), "trace_tag": "removable", "judged": f"{name}-judged"}
        self.assess(values["judged"])
        values["eval_dataset"] = self.eval_dataset(f"{name}-cases", tags='{"kept": "yes"}')
        values["folder"] = f"{name}-folder"
        for folder in (self.run_files, self.logged_files, self.trace_files, values["folder"]):
            self.put(folder, values["trained_file"])
        values |= {"folder_file": values["trained_file"], "run_file": values["trained_file"], "logged_file": values["trained_file"], "tag": "removable"}
        self.tag("removable")
        # A version made elsewhere has a number, too.
        found = self.do("POST", "registered-models/get-latest-versions", name=values["model"])
        values["number"] = found["model_versions"][0]["version"]


def cross(world: "World", open_: "Tree", shut: "Tree") -> None:
    """What is of one tree and came of a run or a model of the other: it is shown whole to whoever sees both."""
    trainer, values, run = Trainer(world, open_), open_.values, shut.values["trained_run"]
    values["crossing_model"] = crossing = trainer.logged_model("crossing", source_run_id=run)
    values["measured_model"] = measured = trainer.logged_model("measured")
    point = {"key": "crossing", "value": 0.5, "timestamp": 1, "dataset_name": "crossing", "dataset_digest": "d"}
    trainer.do("POST", "runs/log-metric", run_id=run, model_id=measured, **point)
    trainer.do("POST", "runs/outputs", run_id=run, models=[{"model_id": crossing, "step": 0}])
    trainer.do("POST", "traces/link-to-run", trace_ids=[values["trace"]], run_id=run)
    among = {"experiment_ids": [shut.values["experiment_id"]]}
    trainer.do("POST", f"datasets/{values['eval_dataset']}/add-experiments", **among)
    # Each has a version that was made of the other one's model, and says so itself.
    trainer.number(model_id=shut.values["logged_model"])
    Trainer(world, shut).number(model_id=values["logged_model"])
    values |= link(world, open_, shut)


def link(world: "World", open_: "Tree", shut: "Tree") -> dict[str, str]:
    """A model: one version names a run by its node's id, as users of other doors do, and the other has what is attached to it."""
    made, by = world.version(open_, "linked-model", "1"), world.author(open_)
    named = f"name={shut.name}-trained&parentResourceId={shut.values['experiment_id']}"
    run = world.do("GET", f"{KUBEFLOW}/experiment_run?{named}", by)["id"]
    type_id = world.call("GetArtifactType", by=by, type_name="kf.ModelArtifact").artifact_type.id
    artifact = mlmd.Artifact(id=int(made["artifact_id"]), type_id=type_id, name=made["artifact_full"])
    artifact.properties["experiment_run_id"].int_value = int(run)
    world.call("PutArtifacts", by=by, artifacts=[artifact], update_mask={"paths": ["properties.experiment_run_id"]})
    model = world.do("GET", f"/w/{open_.workspace}/api/v1/models/{made['model']}", by)["id"]
    version = world.kubeflow(open_, "model_versions", by, name="2", registeredModelId=model)
    pair = mlmd.Attribution(artifact_id=int(shut.values["artifact_id"]), context_id=int(version))
    world.call("PutAttributionsAndAssociations", by=by, attributions=[pair])
    return {"linked_model": made["model"], "attached_id": version}
