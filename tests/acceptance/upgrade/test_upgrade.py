"""A registry of the release before accounts, migrated by this one: all of it is there for whoever may see it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from asking import Answer, Asker, Question
from callers import API, Accounts, Caller
from filling import DIRECT, MARK, SENT, SIX, TUS, UNFINISHED, UNICODE
from fixture import FOLDER, STILL, Registry, database, database_url, empty, restore
from geti_client import QUICK, bytes_of, ended
from geti_server import Geti
from harness import KUBEFLOW, Installation, Server
from roots import expected
from schema import schema
from torture.invariants import broken


@pytest.fixture(params=["embedded", "production"])
def before(request: pytest.FixtureRequest) -> Registry:
    return Registry.read(FOLDER / f"{request.param}.tar.gz")


@pytest.fixture
def upgraded(before: Registry, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Installation]:
    """That registry once it is migrated, where nothing happens but what is asked for."""
    name = request.node.callspec.params["before"]
    installation = empty(name, tmp_path, lambda: request.getfixturevalue("services"))
    restore(before, installation)
    installation.run("migrate")
    installation.settings |= STILL
    with installation:
        yield installation
        # Shown when the test fails.
        installation.show_log()


def wrong_in(installation: Installation) -> list[str]:
    """What breaks a rule of the tables. That a revision has one request is true of what torture does alone: whoever
    attaches something, or puts an event, makes no revision."""
    found = [*database(installation).damage(), *broken(database(installation))]
    return [each for each in found if not each.startswith("a revision that two requests made")]


def differences(before: Registry, asker: Asker) -> list[str]:
    """What is answered otherwise than the release before did."""
    now = ((question, answer, without_new(asker.ask(question))) for question, answer in before.answers)
    wrong = ((question, answer, shown) for question, answer, shown in now if shown != answer)
    return [f"{question}: {shown}, not {answer}" for question, answer, shown in wrong if not holds_files_now(question, answer, shown)]


# What types have declared since then.
DECLARED = {
    "kf.ModelVersion": {"run_link", "stage"},
    "kf.Experiment": {"artifact_location"},
    "kf.ExperimentRun": {"artifact_uri"},
}


# What rows of the native API's lists and entries of its record have told since then.
ROWS = {"number", "aliases", "files", "size", "formats", "quarantined", "verdict"}
ENTRIES = {"node"}
OF_LINEAGE = {"homes", "aliases", "verdict", "hasMore"}


def without_new(shown: Any) -> Any:
    """The answer without the properties that types have declared since then, and without what rows and entries have told since."""
    match shown:
        # Lists have an ETag now, which is weak.
        case {"status": 200, "etag": str(tag), "body": _} if tag.startswith("W/"):
            return without_new({name: inner for name, inner in shown.items() if name != "etag"})
        case {"customProperties": _, "revision": _, "hasMore": _}:
            return without_new({name: inner for name, inner in shown.items() if name not in OF_LINEAGE})
        case {"customProperties": _, "revision": _, "number": _}:
            return without_new({name: inner for name, inner in shown.items() if name not in ROWS})
        case {"action": _, "document": _, "node": _}:
            return without_new({name: inner for name, inner in shown.items() if name not in ENTRIES})
        case dict():
            new = DECLARED.get(shown.get("name", ""), set()) if isinstance(shown.get("properties"), dict) else set()
            kept = {name: inner for name, inner in shown.items() if name != "properties"}
            if "properties" in shown:
                declared = shown["properties"]
                kept["properties"] = {name: of for name, of in declared.items() if name not in new} if new else declared
            return {name: without_new(kept[name]) for name in shown}
        case list():
            return [without_new(inner) for inner in shown]
        case _:
            return shown


def holds_files_now(question: Question, answer: Answer, shown: Answer) -> bool:
    """Documents may hold files since then; those that were there hold none."""
    is_list = question[0] == "pages" and question[1].startswith("/api/v1/artifacts/") and question[1].endswith("/files")
    return is_list and answer == {"status": 404} and shown == {"status": 200, "items": [], "sizes": [0]}


def test_every_door_answers_as_before(before: Registry, upgraded: Installation) -> None:
    server = upgraded.serve()
    wrong = differences(before, Asker(server))
    assert not wrong, f"{len(wrong)} answers, as {wrong[0]}"
    server.stop()
    # The bytes, too.
    upgraded.run("verify", "--restart")


def test_the_tables_are_those_of_a_new_database(
    before: Registry, upgraded: Installation, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    (tmp_path / "new").mkdir()
    name = request.node.callspec.params["before"]
    with empty(name, tmp_path / "new", lambda: request.getfixturevalue("services")) as new:
        new.run("migrate")
        assert schema(database_url(upgraded)) == schema(database_url(new))
    assert wrong_in(upgraded) == []


def test_everything_has_its_root_in_the_default_workspace_and_no_owner(
    before: Registry, upgraded: Installation
) -> None:
    rows = database(upgraded).all(
        {
            "nodes": "SELECT id, home_id, root_id, workspace_id, owner_id FROM nodes ORDER BY id",
            "changes": "SELECT id, node_id, root_id, workspace_id, actor_id, document FROM changes ORDER BY id",
            "types": "SELECT id, workspace_id FROM types ORDER BY id",
            "jobs": "SELECT workspace_id, principal_id FROM jobs",
            "uploads": "SELECT workspace_id, principal_id FROM resumable_uploads",
            "restricted": "SELECT root_id FROM restricted_roots",
        }
    )
    for name, places in expected(rows).items():
        wrong = {
            row["id"]: row["root_id"] for row, place in zip(rows[name], places, strict=True) if row["root_id"] != place
        }
        assert not wrong, f"the roots of {name}"
    for name, owner in [
        ("nodes", "owner_id"),
        ("changes", "actor_id"),
        ("jobs", "principal_id"),
        ("uploads", "principal_id"),
    ]:
        assert rows[name] and {(row["workspace_id"], row[owner]) for row in rows[name]} == {(1, None)}, name
    # The types of the registry's own are every workspace's.
    assert {(row["id"] > 100, row["workspace_id"]) for row in rows["types"]} == {(False, None), (True, 1)}
    assert rows["restricted"] == []


@pytest.fixture
def accounts(upgraded: Installation) -> Iterator[Accounts]:
    accounts = Accounts.of(upgraded)
    yield accounts
    accounts.server.stop()


def test_an_administrator_is_answered_as_before(before: Registry, accounts: Accounts) -> None:
    wrong = differences(before, Asker(accounts.server, accounts.admin.token))
    assert not wrong, f"{len(wrong)} answers, as {wrong[0]}"


def shows_something(question: Question, answer: Answer) -> bool:
    """Whether somebody learns of anything that was there. Which types there are is for everybody who is known."""
    _, what, _ = question
    return what not in TYPES and MARK in json.dumps(answer, ensure_ascii=False)


TYPES = {f"Get{kind}{what}" for kind in ["Artifact", "Execution", "Context"] for what in ["Type", "Types", "TypesByID"]}
TYPES |= {f"{what}ByExternalIds" for what in TYPES if what.endswith("Types")}


def test_whoever_has_no_role_sees_nothing(before: Registry, accounts: Accounts) -> None:
    somebody = accounts.service("somebody")
    answered = [told for told in before.answers if told[0][1] != "/health"]
    # Whoever says nothing is refused before anything else, so that some questions are enough.
    asked = {"somebody": (somebody.token, answered), "nobody": (None, answered[::10])}
    for name, (token, questions) in asked.items():
        asker = Asker(accounts.server, token)
        answers = [(question, asker.ask(question)) for question, _ in questions]
        seen = [(question, answer) for question, answer in answers if shows_something(question, answer)]
        assert not seen, f"{name} sees {len(seen)}, as {seen[0]}"
        # Bytes say no names.
        assert not [question for question, answer in answers if answer.get("bytes")], name
        unknown = {answer["status"] in (401, "UNAUTHENTICATED") for _, answer in answers}
        assert unknown == {name == "nobody"}, name


def root_of(caller: Caller, model: str) -> str:
    return caller.ask("GET", f"{KUBEFLOW}/registered_model", 200, params={"name": model}).json()["id"]


def feed(caller: Caller) -> list[dict[str, Any]]:
    return caller.ask("GET", f"{API}/changes", 200, params={"limit": "10000"}).json()["items"]


@pytest.mark.parametrize("name", [UNICODE, SIX, f"{MARK}plain"])
def test_what_is_restricted_takes_its_past_along(before: Registry, accounts: Accounts, name: str) -> None:
    """Also what was removed of it before the upgrade; and nothing else is hidden."""
    root = root_of(accounts.admin, name)
    everything = feed(accounts.admin)
    rows = database(accounts.server.installation).all(
        {"nodes": "SELECT id, home_id FROM nodes", "changes": "SELECT id, node_id, document FROM changes"}
    )
    of_root = {row["id"] for row, at in zip(rows["changes"], expected(rows)["changes"], strict=True) if at == int(root)}
    hidden = {entry["id"] for entry in everything if int(entry["id"]) in of_root}
    assert hidden
    reader, member = accounts.service("reader", "reader"), accounts.service("member", "reader", root=root)
    assert feed(reader) == everything
    assert {entry["id"] for entry in feed(member)} == hidden
    accounts.admin.ask("PATCH", f"{API}/roots/{root}", 200, json={"restricted": True})
    assert {entry["id"] for entry in everything} - {entry["id"] for entry in feed(reader)} == hidden
    assert {entry["id"] for entry in feed(member)} == hidden
    for entry in everything:
        status = reader.status("GET", f"{API}/nodes/{entry['nodeId']}/history")
        assert status == (404 if entry["id"] in hidden else 200), entry


def test_what_it_holds_counts(before: Registry, upgraded: Installation) -> None:
    server = upgraded.serve()
    [held] = database(upgraded).rows("SELECT bytes, files, roots FROM workspace_usage")
    lists = ["registered_models", "experiments", "serving_environments"]
    assert held["roots"] == sum(server.kubeflow("GET", path).json()["size"] for path in lists)
    files: dict[tuple[str, str], int] = {}
    for artifact in server.kubeflow("GET", "artifacts").json()["items"]:
        shown = server.http.get(f"{API}/artifacts/{artifact['id']}/files", params={"pageSize": "1000"})
        files |= {(artifact["id"], file["path"]): file["size"] for file in shown.json().get("items", [])}
    assert (held["files"], held["bytes"]) == (len(files), sum(files.values()))
    server.stop()


def patch(http: httpx.Client, identifier: str) -> httpx.Response:
    """Sends the rest of the upload that was begun before the upgrade."""
    headers = TUS | {"Upload-Offset": str(SENT), "Content-Type": "application/offset+octet-stream"}
    return http.patch(f"{API}/uploads/{identifier}", headers=headers, content=UNFINISHED[SENT:])


def test_what_was_begun_before_is_finished(before: Registry, upgraded: Installation, tmp_path: Path) -> None:
    uploads = before.notes["uploads"]
    (tmp_path / "geti").mkdir()
    with Geti(tmp_path / "geti") as geti:
        server = upgraded.serve(variables=QUICK | geti.settings() | {"MODELPORT__JOBS__WORKERS": "1"})
        assert patch(server.http, uploads["unfinished.bin"]).status_code == 204
        assert server.get(f"{MARK}uploads", "1", "unfinished.bin").content == UNFINISHED
        concat = f"final;{API}/uploads/{uploads['part']}"
        metadata = "model ZnLDvGhlci11cGxvYWRz,version MQ==,path cGFydA=="
        headers = TUS | {"Upload-Concat": concat, "Upload-Metadata": metadata}
        assert server.http.post(f"{API}/uploads", headers=headers).status_code == 201
        assert server.get(f"{MARK}uploads", "1", "part").content == b"part"
        if direct := uploads.get("direct.bin"):
            finish_direct(server, direct)
        job = ended(server, before.notes["job"])
        assert job["state"] == "succeeded", job
        [result] = job["results"]
        assert bytes_of(server, result["artifactId"])
        # Once somebody asks for them, the changes since have their places in the feed.
        positions = [entry["position"] for entry in server.http.get(f"{API}/changes?limit=10000").json()["items"]]
        assert positions == list(range(1, len(positions) + 1))
        server.stop()
    assert wrong_in(upgraded) == []


def finish_direct(server: Server, identifier: str) -> None:
    [part] = server.http.get(f"{API}/direct-uploads/{identifier}").json()["parts"]
    assert httpx.put(part["url"], headers=part["headers"], content=DIRECT, trust_env=False).status_code == 200
    assert server.http.post(f"{API}/direct-uploads/{identifier}/complete").status_code == 200
    assert server.get(f"{MARK}uploads", "1", "direct.bin").content == DIRECT


def test_an_upload_from_before_accounts_is_for_who_manages_its_place(before: Registry, accounts: Accounts) -> None:
    identifier = before.notes["uploads"]["unfinished.bin"]
    place = f"{API}/uploads/{identifier}"
    others = [accounts.service("writer", "writer", "default"), accounts.service("somebody")]
    for caller in others:
        assert caller.status("GET", place) == 404
        assert patch(caller.http, identifier).status_code == 404
    assert accounts.anonymous().status("GET", place) in (401, 404)
    manager = accounts.service("manager", "admin", "default")
    assert manager.ask("GET", place, 200).json()["offset"] == SENT
    assert patch(manager.http, identifier).status_code == 204
    stored = manager.ask(
        "GET", f"{API}/models/{MARK}uploads/versions/1/files/unfinished.bin", 200, follow_redirects=True
    )
    assert stored.content == UNFINISHED
