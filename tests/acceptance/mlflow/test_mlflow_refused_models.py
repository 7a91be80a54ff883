"""What is refused of the model registry and of logged models."""

from collections.abc import Callable

import pytest
from reference import REFERENCE
from refused import Refused, check, missing, wrong
from wire import Wire

LONG = "k" * 251
HERE = {"name": "{name}", "version": "1"}
GONE = {"status": 404, "code": "RESOURCE_DOES_NOT_EXIST"}
RUN_FILES = "mlflow-artifacts:/{experiment}/{run}/artifacts"

MODELS = [
    missing("POST registered-models/create", "name"),
    missing("POST registered-models/create", "name", name=""),
    missing("POST registered-models/create", "name", name="  "),
    wrong("POST registered-models/create", "name", "int", name=5),
    wrong("POST registered-models/create", "description", "int", name="{name}-a", description=5),
    *[Refused("POST registered-models/create", {"name": name}, "name") for name in ("a/b", "a:b", ".", "..")],
    *[Refused("POST registered-models/create", {"name": name}, upstream=200) for name in ("x" * 513, "a\0b")],
    Refused("POST registered-models/create", {"name": "{name}"}, "exists", code="RESOURCE_ALREADY_EXISTS"),
    Refused("POST registered-models/create", {"name": "{name}-b", "tags": [{"key": LONG, "value": "v"}]}, "250"),
    Refused(
        "POST registered-models/create", {"name": "{name}-c", "tags": [{"key": "k", "value": "v" * 100_001}]}, "100000"
    ),
    missing("POST registered-models/rename", "new_name", name="{name}"),
    missing("POST registered-models/rename", "name", new_name="{name}-d"),
    missing("POST registered-models/rename", "new_name", name="{name}", new_name=" "),
    Refused("POST registered-models/rename", {"name": "{name}", "new_name": "a/b"}, "name"),
    missing("GET registered-models/get", "name"),
    missing("PATCH registered-models/update", "name"),
    missing("DELETE registered-models/delete", "name"),
    Refused("GET registered-models/get", {"name": "{name}-nobody"}, **GONE),
    missing("POST registered-models/set-tag", "key", name="{name}", value="v"),
    Refused("POST registered-models/set-tag", {"name": "{name}", "key": LONG, "value": "v"}, "250"),
    Refused("POST registered-models/set-tag", {"name": "{name}", "key": "k", "value": "v" * 100_001}, "100000"),
    Refused("POST registered-models/set-tag", {"name": "{name}", "key": "a*", "value": "v"}, "key"),
    missing("DELETE registered-models/delete-tag", "key", name="{name}"),
    missing("POST registered-models/get-latest-versions", "name"),
    *[
        Refused("POST registered-models/alias", {**HERE, "alias": alias}, "(?i)alias")
        for alias in ("latest", "LATEST", "v1", "V23", "a.b", "a b", "a/b", "x" * 256)
    ],
    missing("POST registered-models/alias", "alias", **HERE),
    missing("POST registered-models/alias", "version", name="{name}", alias="a"),
    Refused("POST registered-models/alias", {"name": "{name}", "alias": "a", "version": "x"}, "version"),
    Refused("POST registered-models/alias", {"name": "{name}", "alias": "a", "version": "9"}, **GONE),
    missing("GET registered-models/alias", "alias", name="{name}"),
    Refused(
        "GET registered-models/alias", {"name": "{name}", "alias": "never"}, "Registered model alias never not found"
    ),
]
VERSIONS = [
    missing("POST model-versions/create", "source", name="{name}"),
    missing("POST model-versions/create", "name", source="s3://lake/x"),
    wrong("POST model-versions/create", "source", "int", name="{name}", source=5),
    Refused("POST model-versions/create", {"name": "{name}-nobody", "source": "s3://lake/x"}, **GONE),
    *[
        Refused("POST model-versions/create", {"name": "{name}", "source": source}, "source")
        for source in [
            "/etc/passwd",
            "file:///etc/passwd",
            "s3://b/../x",
            "s3://b/%2e%2e/x",
            "s3://b/%252e%252e/x",
            "runs:/{run}/../x",
            f"{RUN_FILES}/../../x",
            f"{RUN_FILES}/%2e%2e/x",
        ]
    ],
    Refused(
        "POST model-versions/create", {"name": "{name}", "source": f"{RUN_FILES}/model", "run_id": "{other}"}, "source"
    ),
    *[
        Refused("POST model-versions/create", {"name": "{name}", "source": source}, **GONE)
        for source in ("models:/{name}-nobody/1", "models:/{name}/9", "models:/{name}-nobody@champion")
    ],
    Refused(
        "POST model-versions/create",
        {"name": "{name}", "source": "s3://lake/x", "tags": [{"key": LONG, "value": "v"}]},
        "250",
    ),
    missing("GET model-versions/get", "version", name="{name}"),
    missing("GET model-versions/get", "name", version="1"),
    *[
        Refused("GET model-versions/get", {"name": "{name}", "version": version}, "integer")
        for version in ("x", "1.0", "1e1")
    ],
    *[
        Refused("GET model-versions/get", {"name": "{name}", "version": version}, **GONE)
        for version in ("0", "-1", "9")
    ],
    Refused("PATCH model-versions/update", {"name": "{name}", "version": "x"}, "integer"),
    missing("DELETE model-versions/delete", "version", name="{name}"),
    Refused("DELETE model-versions/delete", {"name": "{name}", "version": "77"}, **GONE),
    Refused("GET model-versions/get-download-uri", {"name": "{name}", "version": "9"}, **GONE),
    missing("POST model-versions/transition-stage", "stage", **HERE),
    Refused(
        "POST model-versions/transition-stage",
        {**HERE, "stage": "Elsewhere"},
        "(?i)stage.*None, Staging, Production, Archived",
    ),
    *[
        Refused(
            "POST model-versions/transition-stage",
            {**HERE, "stage": stage, "archive_existing_versions": True},
            upstream=500,
        )
        for stage in ("None", "Archived")
    ],
    wrong(
        "POST model-versions/transition-stage",
        "archive_existing_versions",
        "str",
        **HERE,
        stage="Staging",
        archive_existing_versions="x",
    ),
    missing("POST model-versions/set-tag", "key", **HERE, value="v"),
    Refused("POST model-versions/set-tag", {"name": "{name}", "version": "x", "key": "k", "value": "v"}, "integer"),
    Refused("POST model-versions/set-tag", {**HERE, "key": "k", "value": "v" * 100_001}, "100000"),
    Refused("POST model-versions/set-tag", {**HERE, "key": LONG, "value": "v"}, "250"),
]
NOBODY = f"m-{'0' * 32}"
LOGGED = [
    missing("POST logged-models", "experiment_id"),
    Refused("POST logged-models", {"experiment_id": "987654321"}, **GONE),
    wrong("POST logged-models", "name", "int", experiment_id="{experiment}", name=5),
    *[
        Refused("POST logged-models", {"experiment_id": "{experiment}", "name": name}, "name")
        for name in ("a/b", "a:b", "a.b", "a%b")
    ],
    Refused("POST logged-models", {"experiment_id": "{experiment}", "source_run_id": "nobody"}, **GONE, upstream=200),
    Refused("GET logged-models/m-nobody", {}, **GONE),
    Refused(f"GET logged-models/{NOBODY}", {}, NOBODY, **GONE),
    Refused(f"PATCH logged-models/{NOBODY}", {"model_id": NOBODY, "status": "LOGGED_MODEL_READY"}, **GONE),
    Refused(f"DELETE logged-models/{NOBODY}", {}, **GONE),
    Refused("PATCH logged-models/{model}", {"model_id": "{model}", "status": 99}, "status", upstream=200),
    Refused("PATCH logged-models/{model}", {"model_id": "{model}"}, "status"),
    Refused("DELETE logged-models/{model}/tags/never", {}, "never", **GONE),
    Refused("POST logged-models/search", {}, "experiment_ids"),
]
TABLES = {"models": MODELS, "versions": VERSIONS, "logged-models": LOGGED}


@pytest.fixture
def names(wire: Wire, unique: Callable[[str], str]) -> dict[str, str]:
    """What the tables speak of: a model with one version, runs, and a logged model."""
    name, experiment = unique("model"), wire.experiment(unique("refused"))
    wire.post("registered-models/create", name=name)
    wire.post("model-versions/create", name=name, source="s3://lake/x")
    model = wire.post("logged-models", experiment_id=experiment, name="m")["model"]["info"]["model_id"]
    return {
        "name": name,
        "experiment": experiment,
        "run": wire.run(experiment),
        "other": wire.run(experiment),
        "model": model,
    }


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_what_is_wrong_is_refused(wire: Wire, names: dict[str, str], table: list[Refused]) -> None:
    before = wire.get("registered-models/get", name=names["name"])
    check(wire, table, **names)
    if not REFERENCE:
        assert wire.get("registered-models/get", name=names["name"]) == before


def test_a_name_is_that_of_a_model_or_of_a_prompt(wire: Wire, name: str) -> None:
    prompt = [{"key": "mlflow.prompt.is_prompt", "value": "true"}]
    wire.post("registered-models/create", name=name)
    wire.post("registered-models/create", name=f"{name}-p", tags=prompt)
    for fields in ({"name": name, "tags": prompt}, {"name": f"{name}-p"}):
        refusal = wire.refusal("POST", "registered-models/create", 400, json=fields)
        assert refusal["error_code"] == "RESOURCE_ALREADY_EXISTS" and "prompt" in refusal["message"]


def test_the_status_of_a_logged_model_is_a_name_or_a_number(wire: Wire, names: dict[str, str]) -> None:
    path = f"logged-models/{names['model']}"
    for status, shown in [
        ("LOGGED_MODEL_READY", "LOGGED_MODEL_READY"),
        (3, "LOGGED_MODEL_UPLOAD_FAILED"),
        (2, "LOGGED_MODEL_READY"),
    ]:
        answer = wire.patch(path, model_id=names["model"], status=status)
        assert answer["model"]["info"]["status"] == shown


def test_latest_versions_are_asked_for_either_way(wire: Wire, names: dict[str, str]) -> None:
    """New clients POST, old ones GET."""
    path = "registered-models/get-latest-versions"
    for found in (
        wire.post(path, name=names["name"], stages=["none"]),
        wire.get(path, name=names["name"], stages="None"),
    ):
        assert [each["version"] for each in found["model_versions"]] == ["1"]
    wire.refusal("POST", path, 400, json={"name": names["name"], "stages": ["Elsewhere"]})
