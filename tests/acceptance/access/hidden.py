"""What somebody else does where it is not seen: on both sides as much, and on each side something else."""

from typing import Any

from calls import mlmd
from people import OTHER, OWN
from training import MLFLOW
from world import KUBEFLOW, NATIVE, World

# Names that are given where they are seen, too: those of another workspace are taken for nobody.
NAMES = [("a", "c"), ("b", "d")]
# How many things somebody does in turn.
WORKS = 12


class Hidden:
    """Another workspace, and a model in one's own that is restricted."""

    def __init__(self, worlds: tuple[World, World]):
        self.worlds = worlds
        self.number = 0
        self.attached: set[int] = set()
        self.made = [self.begin(world, side) for side, world in enumerate(worlds)]

    def begin(self, world: World, side: int) -> dict[str, int]:
        """What there is from the beginning. In one's own workspace it has names that nobody would give."""
        world.make_types(OTHER)
        made = {}
        for key, workspace, name in [("model", OTHER, NAMES[0][side]), ("shut", OWN, f"hidden-{side}")]:
            native = f"/w/{workspace}{NATIVE}"
            content = [b"one", b"other"][side]
            stored = world.do("PUT", f"{native}/models/{name}/versions/{NAMES[1][side]}/files/a.bin", body=content)
            made[f"{key}_artifact"] = int(stored["artifactId"])
            outside = ["e1", "e9"][side] if key == "model" else name
            made[key] = int(world.do("GET", f"{native}/models/{name}")["id"])
            found = world.do("GET", f"{native}/models/{name}/versions/latest")
            made[f"{key}_version"] = int(found["id"])
            world.do("PATCH", f"{KUBEFLOW}/registered_models/{made[key]}", json={"externalId": outside})
        world.restrict(str(made["shut"]))
        made["environment"] = int(self.kubeflow(world, "serving_environments", name=NAMES[0][side])["id"])
        trained = self.mlflow(world, OWN, "experiments/create", name=f"hidden-{side}")["experiment_id"]
        made["experiment"] = int(trained)
        world.restrict(trained)
        put = lambda kind, name: world.call(
            f"Put{kind.title()}s", OTHER, **{f"{kind}s": [self.message(world, kind, name)]}
        )
        made["step"] = put("execution", NAMES[0][side]).execution_ids[0]
        made["pipeline"] = put("context", NAMES[0][side]).context_ids[0]
        return made

    def message(self, world: World, kind: str, name: str) -> Any:
        return getattr(mlmd, kind.title())(type_id=int(world.types[OTHER][f"{kind}_type"]), name=name)

    def mlflow(self, world: World, workspace: str, path: str, **body) -> Any:
        return world.do("POST", f"/w/{workspace}{MLFLOW}/{path}", json=body)

    def kubeflow(self, world: World, path: str, method: str = "POST", **body) -> Any:
        return world.do(method, f"/w/{OTHER}{KUBEFLOW}/{path}", json=body)

    def do(self, number: int, seen: int | None, model: int | None) -> None:
        """Something, which may be about an artifact or a model that is seen; on the other side it is not."""
        self.number += 1
        for side, world in enumerate(self.worlds):
            made = self.made[side]
            artifact = seen if seen and not side else made["model_artifact"]
            of_model = model if model and not side else made["model"]
            name = f"{['one', 'two'][side]}-{self.number}"
            match number:
                case 0:
                    self.kubeflow(
                        world, f"registered_models/{made['model']}", "PATCH", customProperties={"p": text(name)}
                    )
                case 1:
                    world.do("PATCH", f"{KUBEFLOW}/model_versions/{made['shut_version']}", json={"description": name})
                case 2:
                    content = [b"two", name.encode()][side]
                    world.do("PUT", f"{NATIVE}/artifacts/{made['shut_artifact']}/files/{name}", body=content)
                case 3:
                    new = world.call("PutExecutions", OTHER, executions=[self.message(world, "execution", name)])
                    event = mlmd.Event(artifact_id=artifact, execution_id=new.execution_ids[0], type=mlmd.Event.INPUT)
                    world.call("PutEvents", events=[event])
                case 4:
                    new = world.call("PutContexts", OTHER, contexts=[self.message(world, "context", name)])
                    # On both sides the same: what is removed is taken out of it, and that is counted.
                    member = seen or made["model_artifact"]
                    pair = mlmd.Attribution(artifact_id=member, context_id=new.context_ids[0])
                    world.call("PutAttributionsAndAssociations", attributions=[pair])
                case 5:
                    to = {"registeredModelId": str(of_model), "servingEnvironmentId": str(made["environment"])}
                    world.do("POST", f"{KUBEFLOW}/inference_services", json={"name": name} | to)
                case 6:
                    world.do(
                        "PUT",
                        f"{KUBEFLOW}/registered_models/{made['shut']}/aliases/{name}",
                        json={"modelVersionId": str(made["shut_version"])},
                    )
                case 7:
                    body = {"model": {"name": name}, "version": {"name": NAMES[0][side]}}
                    world.do(
                        "POST",
                        f"/w/{OTHER}{NATIVE}/register",
                        json=body,
                        headers={"Idempotency-Key": "key"} if self.number < 2 else {},
                    )
                case 8:
                    self.kubeflow(world, ["experiments", "serving_environments"][side], name=name)
                case 9:
                    fields = {"experiment_id": str(made["experiment"]), "run_name": name, "start_time": self.number + side}
                    run = self.mlflow(world, OWN, "runs/create", **fields)["run"]["info"]["run_id"]
                    point = {"key": ["loss", name][side], "value": side, "timestamp": 1}
                    self.mlflow(world, OWN, "runs/log-batch", run_id=run, metrics=[point], params=[{"key": name, "value": "1"}])
                case 10:
                    fields = {"experiment_id": str(made["experiment"]), "tags": [{"key": name, "value": "1"}]}
                    self.mlflow(world, OWN, "logged-models", name=name, **fields)
                case 11:
                    self.mlflow(world, OWN, "model-versions/create", name=f"hidden-{side}", source=f"s3://x/{name}")
                    self.mlflow(world, OTHER, "experiments/create", name=name)
                case _:
                    raise AssertionError(f"nobody does {number}")

    def attach(self, version: int) -> bool:
        """Makes what is hidden a member of what is seen, on both sides; whether it was none before."""
        new = version not in self.attached
        self.attached.add(version)
        for world, made in zip(self.worlds, self.made, strict=True):
            pair = mlmd.Attribution(artifact_id=made["shut_artifact"], context_id=version)
            world.call("PutAttributionsAndAssociations", attributions=[pair])
        return new


def text(value: str) -> dict[str, str]:
    return {"metadataType": "MetadataStringValue", "string_value": value}
