"""A registry with accounts, in which everything is made that the matrix asks about."""

import base64
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import urllib3
from calls import Calls, mlmd, service
from harness import Installation, Server, eventually
from operations import WEBHOOK, ZIP, ZIP_DIGEST
from people import ACCOUNTS, LISTENERS, MAKER, OTHER, OWN, OWNER, STRANGERS, Tree, trees
from training import Trainer, cross

KUBEFLOW = "/api/model_registry/v1alpha3"
NATIVE = "/api/v1"
FILE = "weights.zip"
NOTHING_THERE = "999999999"
# What belongs to no root, and of which kind it is.
PIPELINE = {
    "data": "artifact",
    "unused": "artifact",
    "step": "execution",
    "spare_step": "execution",
    "pipeline": "context",
    "spare_pipeline": "context",
}
ROOTS = {"model": "registered_models", "experiment": "experiments", "environment": "serving_environments"}


def settings(installation: Installation) -> dict[str, str]:
    # Of MLflow's own pages, what is in them is no matter here.
    pages = installation.folder / "pages"
    (pages / "static").mkdir(parents=True)
    for name in ("index.html", "static/a.js"):
        (pages / name).write_text("1")
    return {
        "MODELPORT__MLFLOW__STATIC_DIR": str(pages),
        "MODELPORT__AUTH__MODE": "on",
        "MODELPORT__EDGE__PRINCIPAL": LISTENERS["edge"].name,
        "MODELPORT__GRPC__PRINCIPAL": LISTENERS["grpc"].name,
        "MODELPORT__LOG__LEVEL": "warn",
    }


def tus(values: dict[str, str], path: str = "sent.bin") -> str:
    """What a resumable upload says about itself."""
    said = {"model": values["model"], "version": values["version"], "path": path, "create": "false"}
    return ",".join(f"{key} {base64.b64encode(text.encode()).decode()}" for key, text in said.items())


class World:
    """A server, the tokens of everybody, and the trees."""

    def __init__(self, installation: Installation, server: Server):
        self.installation, self.server = installation, server
        self.pool = urllib3.PoolManager(num_pools=4, maxsize=4, timeout=60.0, retries=False)
        self.calls = Calls(server)
        self.tokens: dict[str, str] = {"garbage": "mp_garbage"}
        self.trees = trees()
        self.types: dict[str, dict[str, str]] = {}
        self.number = 0
        self.job = ""

    # How it is asked.

    def request(self, method: str, path: str, token: str | None, at: str = "", **options) -> urllib3.BaseHTTPResponse:
        """By whoever has the token, at the edge listener where that is said."""
        port = self.server.edge_port if at == "edge" else self.server.port
        headers = dict(options.pop("headers", {}))
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        if "json" in options:
            options["body"] = json.dumps(options.pop("json")).encode()
            headers["Content-Type"] = "application/json"
        return self.pool.request(method, f"http://127.0.0.1:{port}{path}", headers=headers, redirect=False, **options)

    def do(self, method: str, path: str, by: str = MAKER, **options) -> Any:
        """Something that has to be done."""
        answer = self.request(method, path, self.tokens[by], **options)
        assert answer.status < 300, f"{method} {path} {options}: {answer.status} {answer.data!r}"
        return json.loads(answer.data) if answer.data[:1] in (b"{", b"[") else answer

    def call(self, method: str, workspace: str = "", by: str = MAKER, **fields) -> Any:
        """The answer to a call, in a workspace alone where it names one."""
        metadata = [("authorization", f"Bearer {self.tokens[by]}")]
        metadata += [("x-modelport-workspace", workspace)] if workspace else []
        request = getattr(service, f"{method}Request")(**fields)
        return getattr(self.calls.stub, method)(request, timeout=60, metadata=metadata)

    def new(self) -> str:
        self.number += 1
        return f"new-{self.number}"

    # Accounts.

    def bind(self, handle: str, role: str, **scope: str) -> str:
        body = {"subject": {"principal": handle}, "role": role, "scope": scope}
        return self.do("POST", f"{NATIVE}/bindings", json=body)["id"]

    def account(self, handle: str) -> None:
        self.do("POST", f"{NATIVE}/principals", json={"handle": handle, "workspace": OWN})
        self.tokens[handle] = self.token(handle)["secret"]

    def token(self, owner: str, **limits) -> dict[str, Any]:
        return self.do("POST", f"{NATIVE}/tokens", json={"name": "of the matrix", "owner": owner, **limits})

    def spare_account(self, handle: str) -> dict[str, str]:
        """An account with a token and a role, that something may be done to."""
        self.do("POST", f"{NATIVE}/principals", json={"handle": handle, "workspace": OWN})
        token = self.token(handle)["token"]["id"]
        return {"account": handle, "token": token, "binding": self.bind(handle, "reader", workspace=OWN)}

    def webhook(self) -> dict[str, str]:
        """A webhook of the workspace, which is told nothing."""
        made = self.do("POST", f"/w/{OWN}/api/2.0/mlflow/webhooks", json=WEBHOOK | {"name": "hook"})
        return {"webhook": made["webhook"]["webhook_id"]}

    def found(self) -> None:
        """The workspaces, and whoever makes everything, who manages the registry."""
        bootstrap = eventually(
            lambda: (found := self.installation.folder / "bootstrap-token").exists() and found, "a token"
        )
        self.tokens[MAKER] = bootstrap.read_text().strip()
        for slug in (OWN, OTHER):
            self.do("POST", f"{NATIVE}/workspaces", json={"slug": slug})
        self.do("POST", f"{NATIVE}/principals", json={"handle": MAKER})
        # The first token counts no longer once there is an administrator.
        secret = self.token(MAKER)["secret"]
        self.bind(MAKER, "admin")
        self.tokens[MAKER] = secret

    def populate(self) -> None:
        """The accounts, and what is bound to them in workspaces."""
        self.found()
        for who in [*ACCOUNTS, STRANGERS[2], STRANGERS[3]]:
            if who.name != "narrowed":
                self.account(who.name)
        self.tokens["narrowed"] = self.token("admin-of-workspace", role="reader")["secret"]
        for who in ACCOUNTS:
            for binding in who.bindings if who.name != "narrowed" else ():
                if not binding.tree:
                    self.bind(who.name, binding.role, **({"workspace": binding.workspace} if binding.workspace else {}))
        soon = int(time.time() * 1000) + 2000
        self.tokens["expired"] = self.token("expired", expiresAt=soon)["secret"]
        self.do("PATCH", f"{NATIVE}/principals/disabled", json={"disabled": True})
        # Listeners' principals are there from their first request on.
        self.request("GET", "/models", None, at="edge")
        self.calls.code("GetContextTypes")
        for who in LISTENERS.values():
            self.bind(who.name, who.bindings[0].role, workspace=OWN)
            self.do("PATCH", f"{NATIVE}/principals/{who.name}", json={"workspace": OWN})
        eventually(lambda: time.time() * 1000 > soon, "the end of a token")

    # Trees.

    def make_types(self, workspace: str) -> None:
        self.types[workspace] = {}
        for kind, name in [("artifact", "Data"), ("execution", "Step"), ("context", "Pipeline")]:
            message = getattr(mlmd, f"{kind.title()}Type")(name=name)
            made = self.call(f"Put{kind.title()}Type", workspace, **{f"{kind}_type": message})
            self.types[workspace][f"{kind}_type"] = str(made.type_id)
        for key, name in [
            ("model", "RegisteredModel"),
            ("version", "ModelVersion"),
            ("environment", "ServingEnvironment"),
        ]:
            found = self.call("GetContextType", workspace, type_name=f"kf.{name}")
            self.types[workspace][f"{key}_type"] = str(found.context_type.id)

    def kubeflow(self, tree: Tree, path: str, by: str, **body) -> str:
        return self.do("POST", f"/w/{tree.workspace}{KUBEFLOW}/{path}", by, json=body)["id"]

    def author(self, tree: Tree) -> str:
        return OWNER if tree.owner == OWNER else MAKER

    def version(self, tree: Tree, model: str, version: str) -> dict[str, str]:
        """A version with a model artifact and a file, and the model where it is not there."""
        by, place = self.author(tree), f"/w/{tree.workspace}{NATIVE}/models/{model}/versions/{version}"
        self.do("PUT", f"{place}/files/{FILE}", by, body=ZIP, headers={"Content-Type": "application/zip"})
        found = self.do("GET", place, by)
        artifacts = f"/w/{tree.workspace}{KUBEFLOW}/model_versions/{found['id']}/artifacts"
        artifact = self.do("GET", artifacts, by)["items"][0]
        made = {
            "model": model,
            "version": version,
            "version_id": found["id"],
            "artifact_id": artifact["id"],
            "file": FILE,
            "digest": ZIP_DIGEST,
        }
        made["artifact"] = artifact["name"]
        return made | {
            "record_id": f"modelport-{int(artifact['id']):08}",
            "artifact_full": f"{found['id']}:{artifact['name']}",
        }

    def grow(self, tree: Tree) -> None:
        by, name, at = self.author(tree), tree.name, f"/w/{tree.workspace}"
        values = tree.values = self.version(tree, f"{name}-model", "v1")
        values["model_id"] = self.do("GET", f"{at}{NATIVE}/models/{name}-model", by)["id"]
        self.do("PUT", f"{at}{NATIVE}/models/{name}-model/aliases/champion", by, json={"version": "v1"})
        values |= {"alias": "champion", "at_alias": "@champion", "no_upload": "0" * 32, **self.types[tree.workspace]}
        outside = lambda key: {"externalId": f"{name}-{key}"}
        for key, path in [("model", "registered_models"), ("artifact", "model_artifacts")]:
            body = outside(key) | (
                {"artifactType": "model-artifact", "uri": f"s3://{name}/x"} if key == "artifact" else {}
            )
            self.do("PATCH", f"{KUBEFLOW}/{path}/{values[key + '_id']}", by, json=body)
        values["artifact_uri"] = f"s3://{name}/x"
        make = lambda key, path, **body: values.update(
            {key: f"{name}-{key}", f"{key}_id": self.kubeflow(tree, path, by, name=f"{name}-{key}", **body)}
        )
        make("experiment", "experiments")
        make("run", "experiment_runs", experimentId=values["experiment_id"])
        make("metric", f"experiment_runs/{values['run_id']}/artifacts", artifactType="metric", value=0.5, step=1)
        make("environment", "serving_environments")
        make(
            "service",
            "inference_services",
            registeredModelId=values["model_id"],
            servingEnvironmentId=values["environment_id"],
        )
        make(
            "serve",
            f"inference_services/{values['service_id']}/serves",
            modelVersionId=values["version_id"],
            **outside("serve"),
        )
        values["serve_full"] = f"{values['service_id']}:{values['serve']}"
        Trainer(self, tree).grow()
        self.pipeline(tree, by)
        for key in ["model", "artifact", "serve", "data", "step", "pipeline"]:
            values[f"{key}_id_outside"] = f"{name}-{key}"
        values["upload_id"] = self.upload(tree)
        values["tus"] = tus(values)

    def loose(self, tree: Tree, key: str, name: str) -> dict[str, str]:
        """Something that belongs to no root."""
        kind = PIPELINE[key]
        type_id = int(tree.values[f"{kind}_type"])
        message = getattr(mlmd, kind.title())(type_id=type_id, name=name, external_id=name)
        made = self.call(f"Put{kind.title()}s", tree.workspace, self.author(tree), **{f"{kind}s": [message]})
        return {key: name, f"{key}_id": str(getattr(made, f"{kind}_ids")[0])}

    def pipeline(self, tree: Tree, by: str) -> None:
        """What belongs to no root: a step that made a data set of the model artifact."""
        values, at = tree.values, tree.workspace
        for key in PIPELINE:
            values |= self.loose(tree, key, f"{tree.name}-{key}")
        data, step, pipeline = (int(values[f"{key}_id"]) for key in ["data", "step", "pipeline"])
        event = lambda artifact, type_: mlmd.Event(artifact_id=artifact, execution_id=step, type=type_)
        self.call(
            "PutEvents",
            at,
            by,
            events=[event(int(values["artifact_id"]), mlmd.Event.INPUT), event(data, mlmd.Event.OUTPUT)],
        )
        pairs = {"attributions": [mlmd.Attribution(artifact_id=data, context_id=pipeline)]}
        pairs["associations"] = [mlmd.Association(execution_id=step, context_id=pipeline)]
        self.call("PutAttributionsAndAssociations", at, by, **pairs)

    def upload(self, tree: Tree) -> str:
        headers = {
            "Tus-Resumable": "1.0.0",
            "Upload-Length": "9",
            "Upload-Metadata": tus(tree.values, f"{self.new()}.bin"),
        }
        made = self.do("POST", f"/w/{tree.workspace}{NATIVE}/uploads", self.author(tree), headers=headers)
        return made.headers["location"].rpartition("/")[2]

    def remove(self, tree: Tree) -> None:
        for kind in ("environment", "experiment", "model"):
            self.do("DELETE", f"{KUBEFLOW}/{ROOTS[kind]}/{tree.values[kind + '_id']}?recursive=true")
        tree.is_removed = True

    def restrict(self, *ids: str) -> None:
        for each in ids:
            self.do("PATCH", f"{NATIVE}/roots/{each}", json={"restricted": True})

    def build(self) -> None:
        for workspace in (OWN, OTHER):
            self.make_types(workspace)
        for tree in self.trees.values():
            self.grow(tree)
        open_, shut = self.trees["open"].values, self.trees["shut"].values
        # What is attached across roots, and a neighbour in lineage.
        pair = mlmd.Attribution(artifact_id=int(shut["artifact_id"]), context_id=int(open_["version_id"]))
        self.call("PutAttributionsAndAssociations", OWN, attributions=[pair])
        event = mlmd.Event(
            artifact_id=int(open_["artifact_id"]), execution_id=int(shut["step_id"]), type=mlmd.Event.INPUT
        )
        self.call("PutEvents", OWN, events=[event])
        cross(self, self.trees["open"], self.trees["shut"])
        self.remove(self.trees["gone"])
        roots = [shut[f"{kind}_id"] for kind in ROOTS]
        for who in ACCOUNTS:
            for binding in who.bindings:
                if binding.tree:
                    for root in roots:
                        self.bind(who.name, binding.role, root=root)
        self.restrict(*roots)


@contextmanager
def world(installation: Installation) -> Iterator[World]:
    """The registry, which has nothing to complain of in the end."""
    server = installation.serve(variables=settings(installation))
    made = World(installation, server)
    made.populate()
    made.build()
    yield made
    made.calls.channel.close()
    server.stop()
    assert " ERROR " not in installation.log.read_text()
