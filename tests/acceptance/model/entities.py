"""The vocabulary: what each type is called at each door, and what its members are, from Kubeflow's own document."""

import re
from dataclasses import dataclass, field
from typing import Any

# What a value is: its kind, and the value itself. Two are equal when no door may show a difference between them.
Value = tuple[str, Any]
ARTIFACT_STATES = ["UNKNOWN", "PENDING", "LIVE", "MARKED_FOR_DELETION", "DELETED", "ABANDONED", "REFERENCE"]
EXECUTION_STATES = ["UNKNOWN", "NEW", "RUNNING", "COMPLETE", "FAILED", "CACHED", "CANCELED"]


@dataclass(frozen=True)
class Type:
    """A type of the registry's own."""

    name: str
    kind: str
    path: str
    # Members by their names on Kubeflow's wire: `string`, `double`, `int`, `millis`, `id`, `list`, or a list of names.
    members: dict[str, Any]
    # The member that names the home, and the types of homes.
    home_member: str = ""
    homes: tuple[str, ...] = ()
    # What creation fills in, where Kubeflow's own path for the type is used.
    defaults: dict[str, str] = field(default_factory=dict)
    state: str | None = None
    name_required: bool = False
    # What artifacts are told apart by.
    artifact_type: str = ""

    @property
    def single(self) -> str:
        return self.path.removesuffix("s")

    @property
    def noun(self) -> str:
        return self.name.removeprefix("kf.")

    @property
    def references(self) -> dict[str, str]:
        """The properties that hold the id of another node, and its type."""
        named = {"registered_model_id": "kf.RegisteredModel", "model_version_id": "kf.ModelVersion"}
        return {snake(member): named[snake(member)] for member, shape in self.members.items() if shape == "id"}

    def kind_of(self, member: str) -> str:
        """The kind of the values of a member."""
        shape = self.members[member]
        kinds = {"double": "double", "int": "int", "millis": "int", "id": "int", "list": "struct"}
        return kinds.get(shape, "string") if isinstance(shape, str) else "string"


def snake(member: str) -> str:
    """The name of a member's property, as ML Metadata shows it."""
    return re.sub("[A-Z]", lambda letter: "_" + letter[0].lower(), member)


LIFE = ["LIVE", "ARCHIVED"]
DESCRIPTION = {"description": "string"}
SOURCE = {f"modelSource{what}": "string" for what in ["Kind", "Class", "Group", "Id", "Name"]}
FORMAT = {f"modelFormat{what}": "string" for what in ["Name", "Version"]}
STORAGE = {"storageKey": "string", "storagePath": "string", "serviceAccountName": "string"}
CARD = {name: "string" for name in ["readme", "maturity", "provider", "logo", "license", "licenseLink", "libraryName"]}
LIVE = {"state": "LIVE"}
HOMES_OF_ARTIFACTS = ("kf.ModelVersion", "kf.ExperimentRun")


def context(name: str, path: str, members: dict[str, Any], **options) -> Type:
    return Type(f"kf.{name}", "context", path, DESCRIPTION | members, **options)


def artifact(name: str, artifact_type: str, members: dict[str, Any], **options) -> Type:
    path, homes = "model_artifacts" if name == "ModelArtifact" else "artifacts", HOMES_OF_ARTIFACTS
    return Type(
        f"kf.{name}", "artifact", path, DESCRIPTION | members, homes=homes, artifact_type=artifact_type, **options
    )


TYPES = {
    each.name: each
    for each in [
        context(
            "RegisteredModel",
            "registered_models",
            {"owner": "string", "state": LIFE, "language": "list", "tasks": "list", **CARD},
            defaults=LIVE,
            name_required=True,
        ),
        context(
            "ModelVersion",
            "model_versions",
            {"author": "string", "state": LIFE},
            home_member="registeredModelId",
            homes=("kf.RegisteredModel",),
            defaults=LIVE,
            name_required=True,
        ),
        context(
            "Experiment", "experiments", {"owner": "string", "state": LIFE}, defaults=LIVE, name_required=True
        ),
        context(
            "ExperimentRun",
            "experiment_runs",
            {
                "owner": "string",
                "state": LIFE,
                "status": ["RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED"],
                "startTimeSinceEpoch": "millis",
                "endTimeSinceEpoch": "millis",
            },
            home_member="experimentId",
            homes=("kf.Experiment",),
            defaults=LIVE | {"status": "RUNNING"},
        ),
        context("ServingEnvironment", "serving_environments", {}, name_required=True),
        context(
            "InferenceService",
            "inference_services",
            {
                "runtime": "string",
                "desiredState": ["DEPLOYED", "UNDEPLOYED"],
                "registeredModelId": "id",
                "modelVersionId": "id",
            },
            home_member="servingEnvironmentId",
            homes=("kf.ServingEnvironment",),
            defaults={"desired_state": "DEPLOYED"},
        ),
        Type(
            "kf.ServeModel",
            "execution",
            "serve_models",
            DESCRIPTION | {"modelVersionId": "id"},
            homes=("kf.InferenceService",),
            state="UNKNOWN",
        ),
        artifact("ModelArtifact", "model-artifact", {**FORMAT, **STORAGE, **SOURCE}, state="UNKNOWN"),
        artifact("DocArtifact", "doc-artifact", {}),
        artifact(
            "DataSet",
            "dataset-artifact",
            {"digest": "string", "sourceType": "string", "source": "string", "schema": "string", "profile": "string"},
        ),
        artifact("Metric", "metric", {"value": "double", "step": "int", "timestamp": "millis"}),
        artifact(
            "Parameter",
            "parameter",
            {"value": "string", "parameterType": ["string", "number", "boolean", "object"]},
        ),
    ]
}

# Types as a pipeline makes them, which nothing but ML Metadata's own door writes.
OWN = {
    each.name: each
    for each in [
        Type("Data", "artifact", "", {"i": "int", "d": "double", "s": "string"}),
        Type("Step", "execution", "", {"i": "int", "d": "double", "s": "string"}),
        Type("Pipeline", "context", "", {"i": "int", "d": "double", "s": "string"}, name_required=True),
    ]
}
EVERY = TYPES | OWN
# What may be said when it is made, and never again.
FIXED = {"startTimeSinceEpoch"} | {"registeredModelId"}
HAS_URI = {"kf.ModelArtifact", "kf.DocArtifact", "kf.DataSet", "Data"}
UPSERTED = {"kf.Metric", "kf.Parameter"}
HAS_PAGE = [each for each in TYPES if each not in ("kf.DocArtifact", "kf.DataSet", "kf.Metric", "kf.Parameter")]


def names_repeat(type_name: str, has_home: bool) -> bool:
    """Whether two may have the same name."""
    return type_name == "kf.DataSet" or (type_name in TYPES and TYPES[type_name].kind == "artifact" and not has_home)
