"""What every operation needs: one row for each that the binary publishes, and for the few that no document names.

A row says which actions the operation takes, which value names what it is about, and what kind of answer it gives.
Texts in braces stand for values of a tree, see `world.py`.
"""

import hashlib
import io
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from oracle import CREATE, DELETE, DOWNLOAD, MANAGE, PROMOTE, SEE, WRITE

# Kinds of answers: one thing; a list, of a whole workspace or below something; the feed; bytes; a write.
ONE, LIST, FEED, BYTES, DONE = "one", "list", "feed", "bytes", "done"
# What is open to everybody, to everybody who is believed, to whoever began or manages it, and to nobody else.
# What makes something of a name where there is none, which is told to be taken where it is hidden; and of one that is taken.
OPEN, KNOWN, BEGUN, OWN_JOB, NAMED, UNIQUE = "open", "known", "begun", "job", "named", "unique"
TUS = {"Tus-Resumable": "1.0.0"}
ALL_OF_IT = {"pageSize": "1000"}


def archive() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as zipped:
        zipped.writestr(zipfile.ZipInfo("inner/x.txt"), "x")
    return buffer.getvalue()


ZIP = archive()
ZIP_DIGEST = hashlib.sha256(ZIP).hexdigest()
# A webhook that is told nothing: nothing happens that it would be told of, and nobody answers there.
WEBHOOK = {
    "name": "{new}",
    "url": "https://[2001:4860:4860::8888]:9/",
    "events": [{"entity": "PROMPT_ALIAS", "action": "DELETED"}],
    "status": "DISABLED",
}
# The same as the native API says it.
NATIVE_WEBHOOK = {"name": "{new}", "url": WEBHOOK["url"], "events": ["prompt_alias.deleted"], "active": False}


@dataclass(frozen=True)
class Row:
    """What an operation needs."""

    operation: str
    needs: tuple[str, ...]
    kind: str
    # The values of the parameters in its path, in order: by their names, or texts that have some.
    path: tuple[str, ...] = ()
    # The value that names what it is about; empty for what is about a workspace.
    about: str = ""
    # The value that a list has of each tree that is seen.
    items: str = ""
    query: dict[str, str] = field(default_factory=dict)
    body: Any = None
    # Bytes, or what makes them anew for each request.
    content: bytes | Callable[[], bytes] | None = None
    form: dict[str, str] | None = None
    headers: dict[str, str] = field(default_factory=dict)
    # What has to be made before it succeeds, because that goes by it.
    spare: str = ""
    # Whether it looks names up, which are those of a workspace.
    by_name: bool = False
    special: str = ""
    # Whether it finds what was removed.
    finds_removed: bool = False
    # What it ends with where it can do no more.
    also: tuple[int | str, ...] = ()

    @property
    def door(self) -> str:
        return self.operation.partition(":")[0]


def row(operation: str, needs: str, kind: str, *path: str, **rest) -> Row:
    about = rest.pop("about", path[0] if path else "")
    return Row(operation, tuple(needs.split()), kind, path, about, **rest)


def entities() -> list[Row]:
    """Kubeflow's operations that every type of entity has."""
    rows = []
    for noun, key, parent, change in [
        ("RegisteredModel", "model", "", WRITE),
        ("ModelVersion", "version", "model", WRITE),
        ("ModelArtifact", "artifact", "version", WRITE),
        ("Artifact", "artifact", "version", WRITE),
        ("Experiment", "experiment", "", WRITE),
        ("ExperimentRun", "run", "experiment", WRITE),
        ("ServingEnvironment", "environment", "", PROMOTE),
        ("InferenceService", "service", "environment", PROMOTE),
    ]:
        node = f"{key}_id"
        named = {"name": f"{{{key}}}"} | ({"parentResourceId": f"{{{parent}_id}}"} if parent else {})
        rows += [
            row(f"kubeflow:find{noun}", SEE, ONE, about=node, query=named, by_name=not parent),
            row(f"kubeflow:get{noun}s", SEE, LIST, items=node, query=ALL_OF_IT | {"totals": "true"}),
            row(f"kubeflow:get{noun}", SEE, ONE, node),
            row(f"kubeflow:update{noun}", change, DONE, node, body={"description": "{new}"} | kind_of(noun)),
            row(f"kubeflow:delete{noun}", DELETE, DONE, node, query={"recursive": "true"}, spare=key),
        ]
    return rows


def kind_of(noun: str) -> dict[str, str]:
    return {"artifactType": "model-artifact"} if noun.endswith("Artifact") else {}


NEW = {"name": "{new}"}
SERVICE = NEW | {"registeredModelId": "{model_id}", "servingEnvironmentId": "{environment_id}"}
PARAMETER = NEW | {"artifactType": "parameter", "value": "1"}
KUBEFLOW = [
    *entities(),
    row("kubeflow:createRegisteredModel", CREATE, DONE, body=NEW),
    row("kubeflow:createExperiment", CREATE, DONE, body=NEW),
    row("kubeflow:createServingEnvironment", CREATE, DONE, body=NEW),
    row("kubeflow:createModelArtifact", CREATE, DONE, body=NEW),
    row("kubeflow:createArtifact", CREATE, DONE, body=NEW | {"artifactType": "doc-artifact"}),
    row("kubeflow:createModelVersion", WRITE, DONE, about="model_id", body=NEW | {"registeredModelId": "{model_id}"}),
    row(
        "kubeflow:createRegisteredModelVersion", WRITE, DONE, "model_id", body=NEW | {"registeredModelId": "{model_id}"}
    ),
    row(
        "kubeflow:createExperimentRun",
        WRITE,
        DONE,
        about="experiment_id",
        body=NEW | {"experimentId": "{experiment_id}"},
    ),
    row(
        "kubeflow:createExperimentExperimentRun",
        WRITE,
        DONE,
        "experiment_id",
        body=NEW | {"experimentId": "{experiment_id}"},
    ),
    row("kubeflow:createInferenceService", PROMOTE, DONE, about="environment_id", body=SERVICE),
    row("kubeflow:createEnvironmentInferenceService", PROMOTE, DONE, "environment_id", body=SERVICE),
    row(
        "kubeflow:createInferenceServiceServe",
        PROMOTE,
        DONE,
        "service_id",
        body=NEW | {"modelVersionId": "{version_id}"},
    ),
    row("kubeflow:deleteServeModel", DELETE, DONE, "serve_id", spare="serve"),
    row("kubeflow:upsertModelVersionArtifact", WRITE, DONE, "version_id", body=NEW | {"artifactType": "doc-artifact"}),
    row("kubeflow:upsertExperimentRunArtifact", WRITE, DONE, "run_id", body=PARAMETER),
    row("kubeflow:getRegisteredModelVersions", SEE, LIST, "model_id", items="version_id", query=ALL_OF_IT),
    row("kubeflow:getModelVersionArtifacts", SEE, LIST, "version_id", items="artifact_id", query=ALL_OF_IT),
    row("kubeflow:getExperimentExperimentRuns", SEE, LIST, "experiment_id", items="run_id", query=ALL_OF_IT),
    row("kubeflow:getExperimentRunArtifacts", SEE, LIST, "run_id", items="metric_id", query=ALL_OF_IT),
    row("kubeflow:getExperimentRunMetricHistory", SEE, ONE, "run_id", query=ALL_OF_IT),
    row("kubeflow:getExperimentRunsMetricHistory", SEE, LIST, items="point", query=ALL_OF_IT),
    row("kubeflow:getEnvironmentInferenceServices", SEE, LIST, "environment_id", items="service_id", query=ALL_OF_IT),
    row("kubeflow:getInferenceServiceServes", SEE, LIST, "service_id", items="serve_id", query=ALL_OF_IT),
    row("kubeflow:getInferenceServiceModel", SEE, ONE, "service_id"),
    row("kubeflow:getInferenceServiceVersion", SEE, ONE, "service_id"),
    row("kubeflow:getModelVersionAliases", SEE, ONE, "version_id"),
    row("kubeflow:getRegisteredModelAliases", SEE, ONE, "model_id"),
    row("kubeflow:getRegisteredModelAlias", SEE, ONE, "model_id", "alias"),
    row("kubeflow:setRegisteredModelAlias", PROMOTE, DONE, "model_id", "new", body={"modelVersionId": "{version_id}"}),
    row("kubeflow:deleteRegisteredModelAlias", PROMOTE, DONE, "model_id", "alias", spare="alias"),
]

FILE = ("model", "version", "file")
BY_NAME = {"by_name": True}
UPLOAD = {"model": "{model}", "version": "{version}", "path": "{new}"}
DIRECT = UPLOAD | {"size": 1, "sha256": "0" * 64, "create": False}
NATIVE = [
    row("native:register", CREATE, DONE, body={"model": NEW, "version": {"name": "1"}}),
    row(
        "native:register",
        WRITE,
        DONE,
        about="model",
        body={"model": {"name": "{model}"}, "version": NEW},
        special=NAMED,
        **BY_NAME,
    ),
    row("native:getModel", SEE, ONE, "model", **BY_NAME),
    row(
        "native:deleteModel",
        DELETE,
        DONE,
        "model",
        query={"recursive": "true", "force": "true"},
        spare="model",
        **BY_NAME,
    ),
    row("native:listModels", SEE, LIST, items="model_id", query=ALL_OF_IT | {"totals": "true"}),
    row("native:listModels", SEE, LIST, items="model_id", query=ALL_OF_IT | {"filter": "alias IS NOT NULL"}),
    row("native:updateModel", WRITE, DONE, "model", body={"properties": {"description": "{new}"}}, **BY_NAME),
    row("native:renameModel", WRITE, DONE, "model", body=NEW, spare="model", **BY_NAME),
    row("native:listVersions", SEE, LIST, "model", items="version_id", query=ALL_OF_IT, **BY_NAME),
    row(
        "native:updateVersion",
        WRITE,
        DONE,
        "model",
        "version",
        body={"properties": {"description": "{new}"}},
        **BY_NAME,
    ),
    row(
        "native:copyVersion",
        f"{DOWNLOAD} {WRITE}",
        DONE,
        "model",
        "version",
        body={"model": "{model}", "version": "{new}"},
        **BY_NAME,
    ),
    row(
        "native:listVersionArtifacts",
        SEE,
        LIST,
        "model",
        "version",
        items="artifact_id",
        query=ALL_OF_IT,
        **BY_NAME,
    ),
    row("native:listAliases", SEE, ONE, "model", query=ALL_OF_IT, **BY_NAME),
    row("native:getModelFacets", SEE, ONE, special=KNOWN),
    row("native:search", SEE, LIST, items="model_id", query={"q": "-model", "kinds": "models", "pageSize": "100"}),
    row("native:search", SEE, LIST, items="run_id", query={"q": "-run", "kinds": "runs", "pageSize": "100"}),
    row("native:search", SEE, LIST, items="artifact_id", query={"q": "{digest}", "kinds": "files", "pageSize": "100"}),
    row("native:listViews", SEE, LIST, special=KNOWN),
    row("native:getView", SEE, ONE, "new", "new", about="", special=KNOWN, also=(404,)),
    row("native:getView", SEE, ONE, "new", "new", about="", query={"shared": "true"}, special=KNOWN, also=(404,)),
    row("native:putView", WRITE, DONE, "new", "new", about="", query={"shared": "true"}, body={"query": {}}),
    row("native:deleteView", WRITE, DONE, "new", "new", about="", query={"shared": "true"}, also=(404,)),
    row("native:listFiles", SEE, LIST, items="artifact_id", query=ALL_OF_IT),
    row("native:getBlob", SEE, LIST, "digest", about="", items="artifact_id", query=ALL_OF_IT),
    row("native:getBlobImpact", SEE, LIST, "digest", about="", items="service_id"),
    row("native:getNodeImpact", SEE, ONE, "version_id"),
    row("native:compareNodes", SEE, ONE, about="version_id", query={"a": "{version_id}", "b": "{version_id}"}),
    row("native:compareNodes", SEE, ONE, about="run_id", query={"a": "{run_id}", "b": "{run_id}"}),
    row("native:compareVersions", SEE, ONE, "model", "version", query={"to": "{at_alias}"}, **BY_NAME),
    row("native:compareRevisions", SEE, ONE, "version_id", query={"from": "1", "to": "1"}, finds_removed=True),
    row("native:listJobs", SEE, LIST, special=KNOWN),
    row("native:retryJob", WRITE, DONE, "job_id", special=OWN_JOB, also=(409,)),
    row("native:getSummary", SEE, ONE, special=KNOWN),
    row("native:listDeployments", SEE, LIST, items="service_id", query=ALL_OF_IT),
    row("native:listEnvironments", SEE, LIST, items="environment_id", query=ALL_OF_IT | {"totals": "true"}),
    row("native:getEnvironment", SEE, ONE, "environment", **BY_NAME),
    row("native:listExperiments", SEE, LIST, items="experiment_id", query=ALL_OF_IT | {"view": "all"}),
    row("native:getExperiment", SEE, ONE, "experiment_id"),
    row("native:getExperiment", SEE, ONE, "@name:{experiment}", about="experiment", **BY_NAME),
    row("native:getExperimentKeys", SEE, ONE, "experiment_id"),
    row("native:getExperimentKeys", SEE, ONE, "@name:{experiment}", about="experiment", **BY_NAME),
    row(
        "native:searchRuns",
        SEE,
        LIST,
        about="experiment_id",
        items="run_id",
        body={"experiments": ["{experiment_id}"], "view": "all", "orderBy": ["metrics.loss DESC"], "pageSize": 1000},
        **BY_NAME,
    ),
    row("native:getReproduction", SEE, ONE, "run_id"),
    row("native:getMetricSeries", SEE, ONE, about="run_id", body={"runs": ["{run_id}"], "metrics": ["{metric}", "loss"]}),
    row("native:getVersion", SEE, ONE, "model", "version", **BY_NAME),
    row("native:getVersion", SEE, ONE, "model", "at_alias", **BY_NAME),
    row("native:deleteVersion", DELETE, DONE, "model", "version", query={"force": "true"}, spare="version", **BY_NAME),
    row("native:getAlias", SEE, ONE, "model", "alias", **BY_NAME),
    row("native:setAlias", PROMOTE, DONE, "model", "new", body={"version": "{version}"}, **BY_NAME),
    row("native:getApproval", SEE, ONE, "model", "version", **BY_NAME),
    row("native:getApproval", SEE, ONE, "model", "at_alias", **BY_NAME),
    row("native:setApproval", WRITE, DONE, "model", "version", body={"state": "in_review"}, spare="version", **BY_NAME),
    row("native:setApproval", PROMOTE, DONE, "model", "version", body={"state": "rejected"}, spare="version", **BY_NAME),
    row("native:deleteAlias", PROMOTE, DONE, "model", "alias", spare="alias", **BY_NAME),
    row("native:getPolicy", SEE, ONE, "model", **BY_NAME),
    row("native:putPolicy", MANAGE, DONE, "model", body={"rules": {}}, **BY_NAME),
    row("native:tryPolicy", SEE, ONE, "model", query=ALL_OF_IT, body={"findings": {"danger": "warn"}}, **BY_NAME),
    row("native:listVersionFiles", SEE, ONE, "model", "version", query=ALL_OF_IT, **BY_NAME),
    row("native:listVersionFiles", DOWNLOAD, BYTES, "model", "at_alias", query={"archive": "zip"}, **BY_NAME),
    row("native:listVersionFiles", DOWNLOAD, ONE, "model", "version", query={"archive": "sha256"}, **BY_NAME),
    # No file of the world has tensors, which is told to whoever may read it.
    row("native:listVersionTensors", DOWNLOAD, ONE, *FILE, also=(409,), **BY_NAME),
    row("native:listVersionTensors", DOWNLOAD, ONE, "model", "at_alias", "file", query={"q": "w"}, also=(409,), **BY_NAME),
    row("native:getVersionFile", DOWNLOAD, BYTES, *FILE, **BY_NAME),
    row("native:getVersionFile", DOWNLOAD, BYTES, "model", "at_alias", "file", **BY_NAME),
    row(
        "native:putVersionFile",
        WRITE,
        DONE,
        "model",
        "version",
        "new",
        content=b"x",
        query={"create": "false"},
        **BY_NAME,
    ),
    row("native:putVersionFile", WRITE, DONE, "model", "new", "file", content=b"x", special=NAMED, **BY_NAME),
    row("native:deleteVersionFile", DELETE, DONE, *FILE, spare="file", **BY_NAME),
    row(
        "native:unpackVersionFiles",
        WRITE,
        DONE,
        "model",
        "version",
        content=ZIP,
        query={"unpack": "true", "create": "false"},
        **BY_NAME,
    ),
    row("native:listArtifactFiles", SEE, ONE, "artifact_id", query=ALL_OF_IT),
    row("native:listArtifactFiles", DOWNLOAD, BYTES, "artifact_id", query={"archive": "tar"}),
    row("native:getArtifactFile", DOWNLOAD, BYTES, "artifact_id", "file"),
    row("native:putArtifactFile", WRITE, DONE, "artifact_id", "new", content=b"x"),
    row("native:deleteArtifactFile", DELETE, DONE, "artifact_id", "file", spare="file"),
    row("native:unpackArtifactFiles", WRITE, DONE, "artifact_id", content=ZIP, query={"unpack": "true"}),
    row("native:getNodeHistory", SEE, ONE, "version_id", finds_removed=True),
    row("native:getNodeHistory", SEE, ONE, "model_id", query={"subtree": "true"}, finds_removed=True),
    row("native:getNodeHistory", SEE, ONE, "version_id", query={"order": "desc"}, finds_removed=True),
    row("native:revertNode", WRITE, DONE, "model_id", body={"revision": 1}, spare="model"),
    row("native:getNodeLineage", SEE, ONE, "artifact_id", finds_removed=True),
    row("native:getNodeLineage", SEE, ONE, "data_id"),
    row("native:getNodeLineage", SEE, ONE, "artifact_id", query={"to": "{artifact_id}"}, finds_removed=True),
    row("native:listChanges", SEE, FEED, items="version_id", query={"limit": "10000"}),
    row("native:appendMetricPoints", WRITE, DONE, "run_id", body={"points": [{"name": "{new}", "value": 1}]}),
    row("native:createDirectUpload", WRITE, DONE, about="model", body=DIRECT, **BY_NAME),
    row("native:getDirectUpload", SEE, ONE, "no_upload", special=KNOWN, also=(404, 409)),
    row("native:deleteDirectUpload", WRITE, DONE, "no_upload", special=KNOWN, also=(404, 409)),
    row("native:completeDirectUpload", WRITE, DONE, "no_upload", special=KNOWN, also=(404, 409)),
    row("native:uploadOptions", SEE, ONE, special=KNOWN),
    row(
        "native:createUpload",
        WRITE,
        DONE,
        about="model",
        headers=TUS | {"Upload-Length": "9", "Upload-Metadata": "{tus}"},
        **BY_NAME,
    ),
    row("native:getUpload", SEE, ONE, "upload_id", special=BEGUN),
    row(
        "native:patchUpload",
        WRITE,
        DONE,
        "upload_id",
        special=BEGUN,
        content=b"x",
        headers=TUS | {"Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"},
        spare="upload",
    ),
    row(
        "native:overrideUpload",
        WRITE,
        DONE,
        "upload_id",
        special=BEGUN,
        headers=TUS | {"X-HTTP-Method-Override": "DELETE"},
        spare="upload",
    ),
    row("native:deleteUpload", WRITE, DONE, "upload_id", special=BEGUN, headers=TUS, spare="upload"),
    row("native:startImport", CREATE, DONE, body={"project": "0" * 24}, also=(409,)),
    row("native:listImports", SEE, LIST, special=KNOWN),
    row("native:getImport", SEE, ONE, "job_id", special=OWN_JOB),
    row("native:cancelImport", WRITE, DONE, "job_id", special=OWN_JOB, also=(409,)),
    row("native:startMlflowImport", CREATE, DONE, body={"source": "nowhere"}, also=(409,)),
    row("native:listMlflowImports", SEE, LIST, special=KNOWN),
    row("native:getMlflowImport", SEE, ONE, "job_id", special=OWN_JOB),
    row("native:cancelMlflowImport", WRITE, DONE, "job_id", special=OWN_JOB, also=(409,)),
    row("native:listGetiProjects", CREATE, DONE, also=(409,)),
    row("native:getGetiProject", CREATE, DONE, "no_upload", about="", also=(409,)),
]

RECORD = {"name": "{new}", "version": "1"}
EDGE = [
    row("edge:health", SEE, ONE, special=OPEN),
    row("edge:listModels", SEE, LIST, items="record_id"),
    row("edge:createModel", CREATE, DONE, form=RECORD),
    row(
        "edge:createModel",
        WRITE,
        DONE,
        about="model",
        form={"name": "{model}", "version": "{new}"},
        special=NAMED,
        by_name=True,
    ),
    row("edge:getModel", SEE, ONE, "record_id"),
    row("edge:updateModel", WRITE, DONE, "record_id", form={"category": "{new}"}),
    row("edge:deleteModel", DELETE, DONE, "record_id", spare="record"),
    row("edge:getModelFiles", DOWNLOAD, BYTES, "record_id"),
    row("edge:listProjects", CREATE, DONE, also=(500,)),
    row("edge:getProject", CREATE, DONE, "no_upload", about="", also=(500,)),
    row("edge:importModels", CREATE, DONE, "no_upload", body={"models": []}, special=KNOWN, also=(403, 500)),
]

# Routes that no document names.
FILES = "/api/v1/models/{model}/versions/{version}/files"
ROUTES = [
    row(f"HEAD:{FILES}/{{path}}", DOWNLOAD, BYTES, *FILE, **BY_NAME),
    row(f"HEAD:{FILES}", SEE, ONE, "model", "version", **BY_NAME),
    row("HEAD:/api/v1/artifacts/{id}/files/{path}", DOWNLOAD, BYTES, "artifact_id", "file"),
    row("HEAD:/api/v1/artifacts/{id}/files", SEE, ONE, "artifact_id"),
    row("HEAD:/api/v1/uploads/{id}", SEE, ONE, "upload_id", headers=TUS, special=BEGUN),
    row("HEAD-edge:/models", SEE, ONE, special=KNOWN),
    row("HEAD-edge:/models/{id}", SEE, ONE, "record_id"),
    row("HEAD-edge:/models/{id}/files", DOWNLOAD, BYTES, "record_id"),
    *(row(f"GET:{path}", SEE, ONE, special=OPEN) for path in ["/health/live", "/health/ready", "/metrics", "/docs/"]),
]

HTTP = [*KUBEFLOW, *NATIVE, *EDGE, *ROUTES]
