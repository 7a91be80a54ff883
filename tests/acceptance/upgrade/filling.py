"""Fills a registry through every door with something of each kind, also with what is removed or never finished."""

import base64
import hashlib
import io
import zipfile
from typing import Any
from urllib.parse import quote

import httpx
from callers import location
from calls import Calls, mlmd
from harness import ROOT, Server

ALPHA, ONE = "/api/model_registry/v1alpha3", "/api/model_registry/v1"
NATIVE = "/api/v1"
TUS = {"Tus-Resumable": "1.0.0"}
# In every name, so that an answer shows whether it is about anything of this.
MARK = "früher-"
UNICODE = f"{MARK}模型 ünï ‏אב 🦀 100%_~'\"\\"
# Six characters that stand for NUL where JSON has them unescaped, and do not where a text consists of them.
SIX = f"{MARK}six \\u0000 characters"
# What has NUL in its place in the record, as in what was written before NUL was refused everywhere.
TO_BE_NUL = f"{MARK}to be NUL"
WEIGHTS = bytes(range(256)) * 40
UNFINISHED = b"sent before the upgrade, " + b"and sent after it"
SENT = 25
DIRECT = b"sent straight into the bucket"
EVASION = ROOT / "tests/data/inspect/evasions/os.pkl"
FORMATS = ["small.safetensors", "small.onnx"]
# A message that has NUL in it, of a type that Python knows how to show.
PROTO, PROTO_VALUE = "type.googleapis.com/google.protobuf.StringValue", b"\x0a\x02\x00x"
VALUES = {
    "text": {"metadataType": "MetadataStringValue", "string_value": f"{UNICODE}\n\t"},
    "empty": {"metadataType": "MetadataStringValue", "string_value": ""},
    "whole": {"metadataType": "MetadataIntValue", "int_value": "-9007199254740993"},
    "part": {"metadataType": "MetadataDoubleValue", "double_value": 0.1},
    "truth": {"metadataType": "MetadataBoolValue", "bool_value": True},
    "tree": {
        "metadataType": "MetadataStructValue",
        "struct_value": base64.b64encode(b'{"a":[1,null,"\\\\u0000"]}').decode(),
    },
    "proto": {
        "metadataType": "MetadataProtoValue",
        "type": PROTO,
        "proto_value": base64.b64encode(PROTO_VALUE).decode(),
    },
}


def archive(content: str) -> bytes:
    """A zip, which is the same whenever it is made."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as zipped:
        zipped.writestr(zipfile.ZipInfo("m/x.txt"), content)
    return buffer.getvalue()


class Filler:
    """Somebody who uses every door of a server that lets everybody in."""

    def __init__(self, server: Server):
        self.server, self.calls = server, Calls(server)
        # The ids of what no list has.
        self.uploaded: dict[str, str] = {}
        self.edge = httpx.Client(base_url=f"http://127.0.0.1:{server.edge_port}", timeout=60, trust_env=False)

    def ask(self, method: str, path: str, **options) -> httpx.Response:
        answer = self.server.http.request(method, path, **options)
        assert answer.status_code < 300, f"{method} {path} {options}: {answer.status_code} {answer.text}"
        return answer

    def make(self, path: str, door: str = ALPHA, **body: Any) -> str:
        """The id of something that Kubeflow's API makes."""
        return self.ask("POST", f"{door}/{path}", json=body).json()["id"]

    def put(self, model: str, version: str, path: str, content: bytes, **options) -> dict[str, Any]:
        place = "/".join(["models", quote(model, safe=""), "versions", quote(version, safe=""), "files", quote(path)])
        return self.ask("PUT", f"{NATIVE}/{place}", content=content, **options).json()

    def everything(self) -> None:
        self.models()
        self.files()
        self.experiments()
        self.serving()
        self.pipeline()
        self.records()
        self.removals()
        self.uploads()

    # Kubeflow's API, in both of its editions.

    def models(self) -> None:
        secret = "s3://user:password@bucket/x?X-Amz-Signature=abc"
        for door, name in [(ALPHA, UNICODE), (ONE, f"{MARK}plain"), (ALPHA, f"{MARK}archived"), (ONE, SIX)]:
            said = {"description": name, "owner": "ada", "language": ["en", "ü"], "customProperties": VALUES}
            model = self.make("registered_models", door, name=name, externalId=f"outside {name}", **said)
            for version in ["1", "ü 2", "@latest-like"]:
                described = {"author": name, "description": "d", "customProperties": VALUES}
                made = self.make(
                    f"registered_models/{model}/versions", door, name=version, registeredModelId=model, **described
                )
                kinds = {
                    "model-artifact": {"modelFormatName": "onnx", "uri": secret},
                    "doc-artifact": {"uri": "s3://doc"},
                }
                for kind, more in kinds.items():
                    body = {"artifactType": kind, "name": f"{MARK}{kind}", "customProperties": VALUES, **more}
                    self.make(f"model_versions/{made}/artifacts", door, **body)
            self.ask("PATCH", f"{door}/model_versions/{made}", json={"state": "ARCHIVED"})
        for query in [f"{MARK}archived"]:
            found = self.ask("GET", f"{ONE}/registered_model", params={"name": query}).json()["id"]
            self.ask("PATCH", f"{ONE}/registered_models/{found}", json={"state": "ARCHIVED", "description": "changed"})
        # What nothing owns.
        self.make("model_artifacts", ONE, name=f"{MARK}loose", uri="s3://loose", externalId="outside loose")
        self.make("artifacts", name=f"{MARK}set", artifactType="dataset-artifact", uri="s3://set", digest="d")

    def experiments(self) -> None:
        for door in [ALPHA, ONE]:
            experiment = self.make("experiments", door, name=f"{MARK}experiment {door}", externalId=f"outside {door}")
            for name in ["first", "second"]:
                run = self.make(
                    "experiment_runs", door, name=f"{MARK}{name}", experimentId=experiment, status="RUNNING"
                )
                place = f"experiment_runs/{run}/artifacts"
                for step in range(4):
                    point = {"artifactType": "metric", "name": f"{MARK}loss", "value": 1 / (step + 1), "step": step}
                    self.make(place, door, **point, timestamp=str(1_700_000_000_000 + step))
                self.make(
                    place, door, artifactType="parameter", name=f"{MARK}rate", value="0.1", parameterType="number"
                )
                self.make(place, door, artifactType="dataset-artifact", name=f"{MARK}train", uri="s3://train")
                self.make(place, door, artifactType="model-artifact", name=f"{MARK}made", uri="s3://made")
                points = [{"name": f"{MARK}gain", "value": n / 7, "step": n, "timestamp": n} for n in range(9)]
                self.ask("POST", f"{NATIVE}/experiment-runs/{run}/points", json={"points": points})
            self.ask("PATCH", f"{door}/experiment_runs/{run}", json={"status": "FINISHED", "state": "ARCHIVED"})

    def serving(self) -> None:
        model = self.ask("GET", f"{ONE}/registered_model", params={"name": f"{MARK}plain"}).json()["id"]
        [version, *_] = self.ask("GET", f"{ONE}/registered_models/{model}/versions").json()["items"]
        for door in [ALPHA, ONE]:
            environment = self.make(
                "serving_environments", door, name=f"{MARK}environment {door}", externalId=f"e {door}"
            )
            of = {"registeredModelId": model, "servingEnvironmentId": environment, "runtime": "kserve"}
            for name, more in [
                ("named", {"modelVersionId": version["id"]}),
                ("newest", {"desiredState": "UNDEPLOYED"}),
            ]:
                service = self.make("inference_services", door, name=f"{MARK}{name}", **of, **more)
                deployed = {
                    "modelVersionId": version["id"],
                    "lastKnownState": "RUNNING",
                    "externalId": f"{name} {door}",
                }
                self.make(f"inference_services/{service}/serves", door, name=f"{MARK}serve", **deployed)

    # The registry's own API.

    def files(self) -> None:
        self.put(UNICODE, "1", "folder/ünï 模型.bin", WEIGHTS)
        self.put(f"{MARK}plain", "1", "same.bin", WEIGHTS, headers={"Content-Type": "application/x-weights"})
        self.put(f"{MARK}plain", "1", "replaced.txt", b"before")
        self.put(f"{MARK}plain", "1", "replaced.txt", b"afterwards", headers={"If-Match": "*"})
        self.put(f"{MARK}plain", "1", "empty", b"")
        self.put(f"{MARK}plain", "1", "removed.txt", b"removed")
        self.ask("DELETE", f"{NATIVE}/models/{MARK}plain/versions/1/files/removed.txt")
        self.put(SIX, "1", SIX.replace("\\", "/"), b"six")
        for name in FORMATS:
            self.put(f"{MARK}formats", "1", name, (ROOT / "tests/data/inspect/made" / name).read_bytes())
        self.put(f"{MARK}evil", "1", "os.pkl", EVASION.read_bytes())
        rules = {"findings": {"danger": "quarantine", "suspicious": "warn"}, "maxFileBytes": 1_000_000}
        self.ask("PUT", f"{NATIVE}/models/{MARK}evil/policy", json=rules)
        place = f"{NATIVE}/models/{MARK}folder/versions/1/files"
        self.ask("PUT", place, params={"unpack": "true"}, content=archive("unpacked"))
        for alias, version in [("champion", "1"), ("a_B-1.2", "ü 2"), ("gone", "1"), ("champion", "ü 2")]:
            self.ask("PUT", f"{NATIVE}/models/{MARK}plain/aliases/{alias}", json={"version": f"@name:{version}"})
        self.ask("DELETE", f"{NATIVE}/models/{MARK}plain/aliases/gone")
        body = {
            "model": {"name": f"{MARK}registered"},
            "version": {"name": "1", "customProperties": {"accuracy": 0.93}},
        }
        body["artifacts"] = [{"name": f"{MARK}weights", "uri": "s3://r", "externalId": "outside weights"}]
        self.ask("POST", f"{NATIVE}/register", json=body, headers={"Idempotency-Key": "before"})

    def uploads(self) -> None:
        """Uploads that are not finished, and one that is."""
        for path, content in [
            ("unfinished.bin", UNFINISHED[:SENT]),
            ("untouched.bin", b""),
            ("finished.bin", UNFINISHED),
        ]:
            said = {"model": f"{MARK}uploads", "version": "1", "path": path}
            metadata = ",".join(f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in said.items())
            begin = TUS | {"Upload-Length": str(len(UNFINISHED)), "Upload-Metadata": metadata}
            where = location(self.ask("POST", f"{NATIVE}/uploads", headers=begin))
            self.uploaded[path] = where.rpartition("/")[2]
            if content:
                more = TUS | {"Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
                self.ask("PATCH", where, headers=more, content=content)
        part = TUS | {
            "Upload-Length": "4",
            "Upload-Concat": "partial",
            "Content-Type": "application/offset+octet-stream",
        }
        where = location(self.ask("POST", f"{NATIVE}/uploads", headers=part, content=b"part"))
        self.uploaded["part"] = where.rpartition("/")[2]
        if not self.server.installation.settings:
            return
        # Straight into the bucket, where there is one.
        digest = hashlib.sha256(DIRECT).hexdigest()
        body = {"model": f"{MARK}uploads", "version": "1", "path": "direct.bin", "size": len(DIRECT), "sha256": digest}
        self.uploaded["direct.bin"] = self.ask("POST", f"{NATIVE}/direct-uploads", json=body).json()["id"]

    # ML Metadata.

    def pipeline(self) -> None:
        kinds = {
            "p": mlmd.STRING,
            "i": mlmd.INT,
            "d": mlmd.DOUBLE,
            "b": mlmd.BOOLEAN,
            "s": mlmd.STRUCT,
            "o": mlmd.PROTO,
        }
        data, step, pipeline = (
            self.calls.type(kind, f"{MARK}{kind}", **kinds) for kind in ["artifact", "execution", "context"]
        )
        for kind in ["artifact", "execution", "context"]:
            newer = {"name": f"{MARK}{kind}", "version": "2", "external_id": f"outside {kind}", "description": "newer"}
            message = getattr(mlmd, f"{kind.title()}Type")(**newer)
            self.calls.call(f"Put{kind.title()}Type", **{f"{kind}_type": message})
        metrics = mlmd.ArtifactType(name=f"{MARK}scores", base_type=mlmd.ArtifactType.METRICS)
        scores = self.calls.call("PutArtifactType", artifact_type=metrics).type_id
        artifacts, executions, contexts = [], [], []
        for number in range(3):
            same = {"name": f"{MARK}{number}", "external_id": f"outside {number}"}
            artifacts.append(self.valued(mlmd.Artifact(type_id=data, uri=f"s3://{number}", state=number + 1, **same)))
            executions.append(self.valued(mlmd.Execution(type_id=step, last_known_state=number + 1, **same)))
            contexts.append(self.valued(mlmd.Context(type_id=pipeline, **same)))
        artifacts.append(mlmd.Artifact(type_id=scores, name=f"{MARK}score"))
        made = self.calls.call("PutArtifacts", artifacts=artifacts).artifact_ids
        steps = self.calls.call("PutExecutions", executions=executions).execution_ids
        of = self.calls.call("PutContexts", contexts=contexts).context_ids
        path = mlmd.Event.Path(steps=[mlmd.Event.Path.Step(key="in"), mlmd.Event.Path.Step(index=1)])
        event = lambda artifact, execution, type_, **rest: mlmd.Event(
            artifact_id=artifact, execution_id=execution, type=type_, milliseconds_since_epoch=1_700_000_000_000, **rest
        )
        events = [event(made[0], steps[0], mlmd.Event.INPUT, path=path), event(made[1], steps[0], mlmd.Event.OUTPUT)]
        events += [event(made[1], steps[1], mlmd.Event.DECLARED_INPUT), event(made[3], steps[1], mlmd.Event.OUTPUT)]
        self.calls.call("PutEvents", events=events)
        # The pipeline made what a registered version has.
        version = self.ask("GET", f"{NATIVE}/models/{MARK}plain/versions/1").json()["id"]
        pairs = [mlmd.Attribution(artifact_id=each, context_id=of[0]) for each in made]
        pairs.append(mlmd.Attribution(artifact_id=made[1], context_id=int(version)))
        joined = [mlmd.Association(execution_id=each, context_id=of[0]) for each in steps]
        self.calls.call("PutAttributionsAndAssociations", attributions=pairs, associations=joined)
        parents = [mlmd.ParentContext(parent_id=of[0], child_id=each) for each in of[1:]]
        self.calls.call("PutParentContexts", parent_contexts=parents)
        changed = mlmd.Artifact(id=made[0], type_id=data, uri="s3://changed", name=f"{MARK}0", external_id="outside 0")
        self.calls.call("PutArtifacts", artifacts=[changed])

    @staticmethod
    def valued(message: Any) -> Any:
        """A node with a value of each kind, declared and free."""
        for values in [message.properties, message.custom_properties]:
            values["p"].string_value, values["i"].int_value, values["d"].double_value = UNICODE, -(2**63), 5e-324
            values["b"].bool_value = False
            values["s"].struct_value.update({"a": [1, None, {"ü": SIX}]})
            values["o"].proto_value.type_url, values["o"].proto_value.value = PROTO, PROTO_VALUE
        return message

    # The edge registry's API.

    def records(self) -> None:
        for number, fields in enumerate(
            [{"category": "Detection", "precision": "fp16"}, {"origin": "Geti", "score": "0.5"}]
        ):
            said = {"name": f"{MARK}pallet", "version": str(number), "project_name": f"{MARK}Pallets", **fields}
            file = {"file": ("model.zip", archive(f"record {number}"), "application/zip")}
            created = self.edge.post("/models", data=said, files=file)
            assert created.status_code == 201, created.text
        assert self.edge.put(f"/models/{created.text}", data={"score": "0.75"}).status_code == 200

    # What is in the record of changes alone.

    def removals(self) -> None:
        for name in [f"{MARK}removed", f"{MARK}removed with six \\u0000 characters"]:
            place = f"{NATIVE}/models/{quote(name)}"
            for version in ["1", "2"]:
                self.put(name, version, "file.bin", f"{name} {version}".encode())
            self.ask("DELETE", f"{place}/versions/1")
            self.ask("DELETE", place, params={"recursive": "true"})
        # A version that went, of a model that stays; both with an artifact below.
        for name in [UNICODE, SIX]:
            self.put(name, "gone", "gone.bin", name.encode())
            self.ask("DELETE", f"{NATIVE}/models/{quote(name, safe='')}/versions/gone")
        # An artifact that went, of a version that stays: by what it is called, the home's document has those characters, too.
        found = self.ask("GET", f"{NATIVE}/models/{quote(SIX, safe='')}/versions/1").json()["id"]
        gone = self.make(f"model_versions/{found}/artifacts", artifactType="doc-artifact", name=f"{MARK}gone")
        self.ask("DELETE", f"{ALPHA}/artifacts/{gone}")
        experiment = self.make("experiments", name=f"{MARK}removed experiment")
        run = self.make("experiment_runs", name=SIX, experimentId=experiment, status="RUNNING")
        self.make(f"experiment_runs/{run}/artifacts", artifactType="metric", name=f"{MARK}loss", value=1.0, step=1)
        self.ask("DELETE", f"{ALPHA}/experiments/{experiment}", params={"recursive": "true"})
        loose = self.make(
            "artifacts", name=f"{MARK}removed set {SIX}", artifactType="dataset-artifact", uri="s3://gone"
        )
        self.ask("DELETE", f"{ALPHA}/artifacts/{loose}")
        nul = {"customProperties": {"nul": {"metadataType": "MetadataStringValue", "string_value": TO_BE_NUL}}}
        model = self.make("registered_models", name=f"{MARK}removed with NUL", **nul)
        self.make("model_versions", name=f"{MARK}version with NUL", registeredModelId=model, **nul)
        self.ask("DELETE", f"{ALPHA}/registered_models/{model}", params={"recursive": "true"})
        environment = self.make("serving_environments", ONE, name=f"{MARK}removed environment")
        self.ask("DELETE", f"{ONE}/serving_environments/{environment}")
        record = self.edge.post(
            "/models",
            data={"name": f"{MARK}removed record", "version": "1"},
            files={"file": ("model.zip", archive("removed"), "application/zip")},
        )
        assert self.edge.delete(f"/models/{record.text}").status_code == 204
