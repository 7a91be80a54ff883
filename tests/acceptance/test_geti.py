"""Imports from Intel Geti: every dialect and type of task, every failure, paging, cancellation, crashes, size, rivals."""

import base64
import contextlib
import io
import itertools
import json
import os
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from geti_server import MIB, ORGANIZATION, TASKS, WORKSPACES, Geti, Handler, base62, make_token
from harness import Installation, Server, Services, eventually

ENDED = ["succeeded", "failed", "cancelled"]
# Pauses are short, so that the tests are; what is asserted of them is their order.
QUICK = {
    "MODELPORT__JOBS__BACKOFF_SECONDS": "1",
    "MODELPORT__JOBS__ATTEMPTS": "2",
    "MODELPORT__JOBS__LEASE_SECONDS": "3",
    "MODELPORT__GETI__TIMEOUT_SECONDS": "20",
    "MODELPORT__LOG__LEVEL": "info,access=off",
}
LONG = bool(os.environ.get("MODELPORT_TEST_LONG"))
# What has to do with Geti alone, wherever things are kept.
anywhere = pytest.mark.parametrize("installation", ["embedded"], indirect=True)


@pytest.fixture
def geti(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Geti]:
    """A Geti server with the switches that the test asks for."""
    with Geti(tmp_path, **getattr(request, "param", {})) as server:
        yield server


@pytest.fixture
def set_up(installation: Installation, geti: Geti) -> Installation:
    """An installation that imports from that server."""
    installation.settings |= {**QUICK, **geti.settings()}
    return installation


@pytest.fixture
def importer(set_up: Installation) -> Iterator[Server]:
    """A server that imports, which has to stop cleanly, and to leave nothing unfinished in the store."""
    unfinished = set_up.store.unfinished()
    server = set_up.serve()
    yield server
    server.stop()
    assert set_up.store.unfinished() <= unfinished


def start(server: Server, project: str, *models: str, of: str | None = None) -> str:
    wanted = [{"id": each} for each in models]
    named = {"server": of} if of else {}
    answer = server.http.post("/api/v1/imports", json={"project": project, "models": wanted, **named})
    assert answer.status_code == 202, answer.text
    assert answer.headers["location"].endswith(f"/api/v1/imports/{answer.json()['id']}")
    return answer.json()["id"]


def look(server: Server, identifier: str) -> dict:
    answer = server.http.get(f"/api/v1/imports/{identifier}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def ended(server: Server, identifier: str, seconds: float = 90) -> dict:
    def has_ended() -> dict | None:
        found = look(server, identifier)
        time.sleep(0.1)
        return found if found["state"] in ENDED else None

    return eventually(has_ended, "the end of the import", seconds)


def artifact(server: Server, identifier: str) -> dict:
    answer = server.kubeflow("GET", f"artifacts/{identifier}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def properties(server: Server, identifier: str) -> dict:
    """The free properties of an artifact, as plain values."""

    def plain(value: dict):
        match value["metadataType"]:
            case "MetadataIntValue":
                return int(value["int_value"])
            case "MetadataDoubleValue":
                return value["double_value"]
            case "MetadataBoolValue":
                return value["bool_value"]
            case "MetadataStructValue":
                return json.loads(base64.b64decode(value["struct_value"]))
            case _:
                return value["string_value"]

    return {name: plain(value) for name, value in artifact(server, identifier)["customProperties"].items()}


def bytes_of(server: Server, identifier: str) -> bytes:
    files = server.http.get(f"/api/v1/artifacts/{identifier}/files").json()["items"]
    assert len(files) == 1, files
    answer = server.http.get(f"/api/v1/artifacts/{identifier}/files/{files[0]['path']}", follow_redirects=True)
    assert answer.headers["content-type"] == "application/zip"
    return answer.content


def models(server: Server) -> list[dict]:
    """Every model artifact that there is."""
    found, token = [], ""
    while True:
        query = {"pageSize": "100", **({"nextPageToken": token} if token else {})}
        page = server.kubeflow("GET", "model_artifacts", params=query).json()
        found += page["items"]
        if not (token := page["nextPageToken"]):
            return found


def repeated(geti: Geti) -> dict[str, int]:
    """What was asked for more than once."""
    return {line: times for line, times in Counter(each.line for each in geti.log).items() if times > 1}


@pytest.mark.parametrize(
    "geti",
    [
        {"version": "2.9"},
        {"version": "2.9", "redirects": True, "polls": 1},
        {"version": "2.11"},
        {"version": "2.13"},
        {"version": "3.0"},
    ],
    ids=["2.9", "2.9 redirects", "2.11", "2.13", "3.0"],
    indirect=True,
)
def test_each_dialect_brings_in_every_model(geti: Geti, importer: Server) -> None:
    project, wanted = geti.project("detection"), geti.models("detection")
    job = ended(importer, start(importer, geti.id(project["id"])))
    assert (job["state"], job["attempts"]) == ("succeeded", 1), job
    assert [each["outcome"] for each in job["results"]] == ["imported"] * 6
    assert {each["id"] for each in job["results"]} == {geti.id(each["id"]) for each in wanted}
    assert job["progress"] == {"done": 6, "total": 6, "message": "done"}
    by_id = {each["id"]: each for each in job["results"]}
    for model in wanted:
        found = by_id[geti.id(model["id"])]
        assert bytes_of(importer, found["artifactId"]) == geti.package(model["id"])
        known = properties(importer, found["artifactId"])
        assert known["name"] == known["architecture"] == "Net-detection"
        assert known["precision"] == model["precision"]
        assert (known["format"], known["origin"], known["category"]) == ("openvino", "Geti", "Detection")
        assert (known["project_id"], known["project_name"]) == (geti.id(project["id"]), "detection")
        assert known["version"] == found["version"] in ["2", "3"]
        assert known["score"] == pytest.approx(0.5 + int(known["version"]) / 10)
        assert known["size"] == model["size"]
        assert [each["name"] for each in known["labels"]] == ["label 0", "label 1"]
        assert known["training_dataset_info"]
        assert known["previous_revision_id"]
        assert "target_device_type" not in known
        assert artifact(importer, found["artifactId"])["externalId"] == geti.id(model["id"])
    ties(geti, importer, by_id)
    asked_well(geti)


def ties(geti: Geti, server: Server, by_id: dict) -> None:
    """The third revision was trained from the second one."""
    old, new = (next(each for each in by_id.values() if each["version"] == version) for version in ["2", "3"])
    graph = server.http.get(f"/api/v1/nodes/{new['artifactId']}/lineage", params={"direction": "upstream"}).json()
    edges = {(each["from"], each["to"]) for each in graph["edges"]}
    trainings = {start for start, end in edges if end == new["artifactId"]}
    assert any((old["artifactId"], training) in edges for training in trainings), graph
    assert not geti.asked("/export")


def asked_well(geti: Geti) -> None:
    """No request without the token, none in vain, and none more often than needed."""
    if geti.version.startswith("3"):
        assert all("x-api-key" not in each.headers for each in geti.log)
        assert not repeated(geti)
        assert len(geti.asked("/binary$")) == 6
        return
    signed = geti.asked("fileservice")
    assert all(each.headers.get("x-api-key") == geti.token for each in geti.log if each not in signed)
    posts = [each for each in geti.log if each.method == "POST"]
    assert all(each.headers["x-geti-csrf-protection"] == "1" for each in posts)
    assert all(each.headers["content-type"] == "application/json" for each in posts)
    packages, prepared = geti.asked("deployment_package:download"), geti.asked("code_deployments:prepare")
    if geti.version == "2.9":
        # That there is no other way is asked once.
        assert (len(packages), len(prepared)) == (1, 6)
        assert len(signed) == (6 if geti.redirects else 0)
        for number in range(6):
            polls = geti.asked(rf"GET .*code_deployments/6*0009{number:04x}$")
            assert len(polls) == geti.polls
            at = [prepared[number].at, *(each.at for each in polls)]
            assert at[1] - at[0] >= 0.95
            assert geti.polls == 1 or at[2] - at[1] >= 1.4
    else:
        assert (len(packages), len(prepared)) == (6, 0)
        assert all(json.loads(each.body)["package_type"] == "geti_sdk" for each in packages)
    gets = Counter(each.line for each in geti.log if each.method == "GET" and "code_deployments" not in each.path)
    assert [line for line, times in gets.items() if times > 1 and "fileservice" not in line] == []
    # The purged one is not looked at: its summary says that it is.
    assert len(geti.asked(r"GET .*/model_groups/\w+/models/")) == 2


def test_every_type_of_task(geti: Geti, importer: Server) -> None:
    jobs = {name: start(importer, geti.project(name)["id"]) for name in TASKS}
    categories = {}
    for name, job in jobs.items():
        found = ended(importer, job)
        assert found["state"] == "succeeded", found
        assert len(found["results"]) == len(geti.models(name))
        known = [properties(importer, each["artifactId"]) for each in found["results"]]
        assert all(each["score"] == pytest.approx(0.5 + int(each["version"]) / 10) for each in known)
        categories[name] = {each["category"] for each in known}
    assert categories == {
        "classification": {"Classification"},
        "detection": {"Detection"},
        "segmentation": {"Segmentation"},
        "instance segmentation": {"Instance_Segmentation"},
        "rotated detection": {"Rotated_Detection"},
        "anomaly": {"Anomaly"},
        "anomaly classification": {"Anomaly_Classification"},
        "keypoint detection": {"Keypoint_Detection"},
        "chain": {"Detection_Classification"},
    }
    before, packages = models(importer), len(geti.asked("deployment_package"))
    again = ended(importer, start(importer, geti.project("chain")["id"]))
    assert {each["outcome"] for each in again["results"]} == {"unchanged"}
    assert models(importer) == before
    assert len(geti.asked("deployment_package")) == packages


def test_some_models_of_a_project(geti: Geti, importer: Server) -> None:
    project, group = geti.project("chain")["id"], geti.project("chain")["groups"][1]
    wanted = group["bases"][2]["optimized"][2]["id"]
    body = {"project": project, "models": [{"id": wanted, "groupId": group["id"]}]}
    answer = importer.http.post("/api/v1/imports", json=body)
    job = ended(importer, answer.json()["id"])
    assert [each["id"] for each in job["results"]] == [wanted], job
    # The other group is not looked at.
    assert len(geti.asked(r"GET .*/model_groups/\w+/models/")) == 2
    listed = importer.http.get("/api/v1/imports").json()
    assert [each["id"] for each in listed["items"]] == [job["id"]]
    assert listed["items"][0]["models"] == body["models"]


def answering(status: int, body: str = "", kind: str = "text/plain") -> Callable[[Handler], None]:
    return lambda handler: handler.answer(status, body, kind)


def envelope(status: int, code: str, message: str) -> Callable[[Handler], None]:
    return lambda handler: handler.error(status, code, message)


def truncated(handler: Handler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Type", "application/zip")
    handler.send_header("Content-Length", "100000")
    handler.send_header("Connection", "close")
    handler.end_headers()
    handler.wfile.write(b"PK\x03\x04" + b"x" * 1000)
    handler.close_connection = True


def cut(handler: Handler) -> None:
    """A body without a length, whose early end looks like any other."""
    handler.send_response(200)
    handler.send_header("Content-Type", "application/zip")
    handler.send_header("Connection", "close")
    handler.end_headers()
    handler.wfile.write(b"PK\x03\x04" + b"x" * 1000)
    handler.close_connection = True


PACKAGE = "POST .*deployment_package:download"
FAILURES = {
    "no permission": ("GET .*/model_groups$", answering(403, "Forbidden"), "does not allow this to the token (403)"),
    "backend of the gateway": ("product_info", answering(500, "Internal server error"), "500"),
    "unhandled": (PACKAGE, answering(500, '{"internal_server_error":"boom"}', "application/json"), "boom"),
    "no space": (PACKAGE, envelope(507, "not_enough_space", "disk is full"), "disk is full"),
    "no media": (PACKAGE, answering(204), "the project has no media"),
    "login page": ("GET .*/projects/", answering(200, "<html>log in", "text/html"), "the login has expired"),
    "login page for a package": (PACKAGE, answering(200, "<html>log in", "text/html"), "the login has expired"),
    "no archive": (PACKAGE, answering(200, "something else", "application/zip"), "is no zip archive"),
    "schema": (PACKAGE, envelope(400, "bad_request", {"models": ["unknown field"]}), "unknown field"),
    "redirected": ("GET .*/projects/", lambda handler: handler.answer(302, "", Location="/login"), "redirection"),
}


@anywhere
@pytest.mark.parametrize("failure", FAILURES)
def test_a_failure_is_what_it_is(failure: str, geti: Geti, importer: Server) -> None:
    pattern, answer, words = FAILURES[failure]
    geti.on(pattern, answer)
    project = geti.project("detection")["id"]
    job = ended(importer, start(importer, project, geti.models("detection")[0]["id"]))
    assert (job["state"], job["attempts"]) == ("failed", 1), job
    assert words in job["error"]
    assert geti.token not in job["error"]
    assert models(importer) == []
    assert len(geti.asked(pattern)) == 1
    if pattern != PACKAGE:
        assert [each["outcome"] for each in job.get("results", [])] == []
        listing = importer.http.get(f"/api/v1/imports/geti/projects/{project}")
        assert listing.status_code == 502, listing.text
        assert words in listing.json()["detail"]


def test_what_passes_is_tried_again(geti: Geti, importer: Server) -> None:
    wanted = geti.models("detection")[0]["id"]
    geti.on("GET .*/model_groups$", answering(503, "no healthy upstream"), times=1)
    geti.on(PACKAGE, truncated, times=1)
    geti.on(PACKAGE, cut, times=1)
    job = ended(importer, start(importer, geti.project("detection")["id"], wanted))
    assert (job["state"], job["attempts"]) == ("succeeded", 1), job
    assert bytes_of(importer, job["results"][0]["artifactId"]) == geti.package(wanted)
    first, second = geti.asked("GET .*/model_groups$")
    assert second.at - first.at >= 0.95
    assert len(geti.asked(PACKAGE)) == 3
    assert len(models(importer)) == 1


@anywhere
def test_a_busy_server_says_when_to_come_back(geti: Geti, importer: Server) -> None:
    geti.on("GET .*/model_groups$", lambda handler: handler.answer(429, "slow down", Retry_After="3"), times=1)
    job = ended(importer, start(importer, geti.project("detection")["id"], geti.models("detection")[0]["id"]))
    assert job["state"] == "succeeded", job
    first, second = geti.asked("GET .*/model_groups$")
    assert 2.9 <= second.at - first.at < 20


def test_one_model_that_cannot_be_had_does_not_keep_the_others(geti: Geti, importer: Server) -> None:
    geti.on(PACKAGE, envelope(507, "not_enough_space", "disk is full"), times=1)
    job = ended(importer, start(importer, geti.project("detection")["id"]))
    assert job["state"] == "failed"
    assert job["error"].startswith("1 of 6 models could not be imported"), job
    assert Counter(each["outcome"] for each in job["results"]) == {"imported": 5, "failed": 1}
    again = ended(importer, start(importer, geti.project("detection")["id"]))
    assert again["state"] == "succeeded"
    assert Counter(each["outcome"] for each in again["results"]) == {"imported": 1, "unchanged": 5}


TOKENS = {
    "another prefix": ("other_pat_x_y", "Bad request"),
    "no checksum": ("geti_pat_" + "0" * 43 + "_000001", "Invalid authorization token"),
    "revoked": (make_token(bytes(range(2, 34))), "Invalid authorization token"),
    "expired": (make_token(bytes(range(1, 33))), "Access token is expired"),
    "none": ("", "Bad request"),
}


@anywhere
@pytest.mark.parametrize("kind", TOKENS)
def test_a_token_that_is_not_accepted(kind: str, geti: Geti, set_up: Installation) -> None:
    token, words = TOKENS[kind]
    set_up.settings["MODELPORT__GETI__TOKEN"] = token
    server = set_up.serve()
    job = ended(server, start(server, geti.project("detection")["id"]))
    assert (job["state"], job["attempts"]) == ("failed", 1)
    assert words in job["error"]
    listing = server.http.get("/api/v1/imports/geti/projects")
    assert (listing.status_code, words in listing.json()["detail"]) == (502, True), listing.text
    assert len(geti.log) == 2
    server.stop()


def test_tokens_are_made_as_geti_makes_them(geti: Geti) -> None:
    assert base62((2**32 - 1).to_bytes(4, "big"), 6) == "4gfFC3"
    assert len(geti.token) == len("geti_pat_") + 43 + 1 + 6


def test_what_is_not_there(geti: Geti, importer: Server) -> None:
    project = geti.project("detection")
    unknown = "6" * 24
    job = ended(importer, start(importer, unknown))
    assert (job["state"], job["attempts"]) == ("failed", 1)
    assert f"The requested project could not be found: {unknown}" in job["error"]
    listing = importer.http.get(f"/api/v1/imports/geti/projects/{unknown}")
    assert listing.status_code == 404
    base, onnx = project["groups"][0]["bases"][2], project["groups"][0]["bases"][2]["optimized"][3]
    for identifier in [unknown, base["id"], onnx["id"], base["optimized"][4]["id"]]:
        job = ended(importer, start(importer, project["id"], geti.models("detection")[0]["id"], identifier))
        assert job["state"] == "failed"
        assert f"OpenVINO model `{identifier}` of project `{project['id']}` not found" in job["error"]
    # Nothing is brought in where not all of it is there.
    assert models(importer) == []
    assert not geti.asked(PACKAGE)


@anywhere
def test_requests_that_cannot_be_accepted(geti: Geti, importer: Server) -> None:
    for body in [
        {"project": "../organizations"},
        {"project": ""},
        {"project": "a" * 129},
        {"project": "6" * 24, "models": [{"id": "a/b"}]},
        {"project": "6" * 24, "models": [{"id": "a", "groupId": "a?b"}]},
        {"project": "6" * 24, "server": "elsewhere"},
        {"project": "6" * 24, "models": [{"id": "a"}] * 1001},
        {"models": []},
    ]:
        answer = importer.http.post("/api/v1/imports", json=body)
        assert answer.status_code == 400, answer.text
    for path, status in [("imports/0", 400), ("imports/99", 404), ("imports?nextPageToken=x", 400)]:
        assert importer.http.get(f"/api/v1/{path}").status_code == status
    assert importer.http.delete("/api/v1/imports/99").status_code == 404
    assert geti.log == []


@anywhere
@pytest.mark.parametrize("geti", [{"version": "2.9", "state": "FAILED"}], indirect=True)
def test_a_package_that_fails_is_not_asked_for_again(geti: Geti, importer: Server) -> None:
    job = ended(importer, start(importer, geti.project("detection")["id"], geti.models("detection")[0]["id"]))
    assert (job["state"], job["attempts"]) == ("failed", 1)
    assert "the model optimizer ran out of memory" in job["error"]
    assert len(geti.asked(r"GET .*code_deployments/\w+$")) == 2
    assert not geti.asked("/download$")


@anywhere
@pytest.mark.parametrize("geti", [{"version": "2.9", "polls": 1000}], indirect=True)
def test_a_package_that_is_never_ready(geti: Geti, set_up: Installation) -> None:
    set_up.settings["MODELPORT__GETI__DEADLINE_SECONDS"] = "4"
    server = set_up.serve()
    job = ended(server, start(server, geti.project("detection")["id"], geti.models("detection")[0]["id"]))
    assert (job["state"], job["attempts"]) == ("failed", 2)
    assert "does not finish the package: `PREPARING`" in job["error"]
    assert 2 <= len(geti.asked(r"GET .*code_deployments/\w+$")) <= 6
    server.stop()


@anywhere
def test_a_certificate_that_nobody_vouches_for(geti: Geti, set_up: Installation) -> None:
    set_up.settings["MODELPORT__GETI__CA_FILE"] = ""
    server = set_up.serve()
    listing = server.http.get("/api/v1/imports/geti/projects")
    assert listing.status_code == 502
    assert "certificate" in listing.json()["detail"]
    assert "ca_file" in listing.json()["detail"]
    server.stop()
    assert geti.log == []
    set_up.settings["MODELPORT__GETI__VERIFY_TLS"] = "false"
    server = set_up.serve()
    listing = server.http.get("/api/v1/imports/geti/projects")
    assert listing.status_code == 200, listing.text
    server.stop()


@anywhere
def test_nobody_there(geti: Geti, set_up: Installation) -> None:
    set_up.settings["MODELPORT__GETI__URL"] = "https://localhost:9"
    set_up.settings["MODELPORT__GETI__DEADLINE_SECONDS"] = "2"
    server = set_up.serve()
    listing = server.http.get("/api/v1/imports/geti/projects")
    assert (listing.status_code, "cannot be reached" in listing.json()["detail"]) == (502, True), listing.text
    job = ended(server, start(server, geti.project("detection")["id"]))
    assert (job["state"], job["attempts"]) == ("failed", 2)
    assert "cannot be reached" in job["error"]
    server.stop()


def test_no_server_in_the_settings(server: Server) -> None:
    answer = server.http.post("/api/v1/imports", json={"project": "6" * 24})
    assert (answer.status_code, "geti.url" in answer.json()["detail"]) == (409, True), answer.text
    assert server.http.get("/api/v1/imports/geti/projects").status_code == 409


@anywhere
def test_an_archive_that_reaches_outside_is_kept_apart(geti: Geti, importer: Server, tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as packed:
        packed.writestr("../../outside.txt", "out")
        packed.writestr("deployment/project.json", "{}")
    geti.on(PACKAGE, lambda handler: handler.answer(200, buffer.getvalue(), "application/zip"))
    job = ended(importer, start(importer, geti.project("detection")["id"], geti.models("detection")[0]["id"]))
    assert job["state"] == "succeeded", job
    files = importer.http.get(f"/api/v1/artifacts/{job['results'][0]['artifactId']}/files").json()["items"]
    assert files[0]["quarantine"]
    url = files[0]["url"]
    assert importer.http.get(url).status_code == 403
    assert importer.http.get(url, params={"quarantined": "true"}).content == buffer.getvalue()
    assert not list(tmp_path.rglob("outside.txt"))
    assert not list(tmp_path.parent.glob("outside.txt"))


@anywhere
@pytest.mark.parametrize("geti", [{"fillers": 104}], indirect=True)
def test_more_projects_than_a_page(geti: Geti, importer: Server) -> None:
    listing = importer.http.get("/api/v1/imports/geti/projects")
    assert listing.status_code == 200, listing.text
    found = listing.json()["items"]
    assert [each["id"] for each in found] == [each["id"] for each in geti.projects]
    assert len(found) == 104 + len(TASKS)
    pages = [each.query for each in geti.asked("GET .*/projects\\?")]
    assert pages == ["limit=100&skip=0", "limit=100&skip=100"]
    assert not repeated(geti)
    detection = next(each for each in found if each["name"] == "detection")
    assert [each["id"] for each in detection["models"]] == [each["id"] for each in geti.models("detection")]


@anywhere
@pytest.mark.parametrize("geti", [{"workspaces": 2}], indirect=True)
def test_one_of_several_workspaces(geti: Geti, set_up: Installation) -> None:
    server = set_up.serve()
    listing = server.http.get("/api/v1/imports/geti/projects")
    assert listing.status_code == 502
    assert all(each in listing.json()["detail"] for each in ["workspace_id", *WORKSPACES])
    server.stop()
    set_up.settings["MODELPORT__GETI__WORKSPACE_ID"] = WORKSPACES[1]
    server = set_up.serve()
    assert server.http.get("/api/v1/imports/geti/projects").status_code == 200
    assert geti.log[-1].path.startswith(f"/api/v1/organizations/{ORGANIZATION}/workspaces/{WORKSPACES[1]}/")
    server.stop()


@pytest.mark.parametrize("geti", [{"seconds": 60.0}], indirect=True)
def test_an_import_is_called_off(geti: Geti, importer: Server) -> None:
    job = start(importer, geti.project("detection")["id"])
    eventually(lambda: geti.asked(PACKAGE), "a download")
    running = look(importer, job)
    assert (running["state"], running["cancelling"]) == ("running", False)
    answer = importer.http.delete(f"/api/v1/imports/{job}")
    assert (answer.status_code, answer.json()["cancelling"]) == (200, True)
    found = ended(importer, job, seconds=10)
    assert found["state"] == "cancelled"
    assert importer.http.delete(f"/api/v1/imports/{job}").status_code == 409
    assert models(importer) == []
    assert len(geti.asked(PACKAGE)) == 1
    text = importer.http.get("/metrics").text
    eventually(
        lambda: 'modelport_jobs{kind="geti.import",state="cancelled"} 1' in importer.http.get("/metrics").text,
        f"the figure in {text}",
    )


def test_a_crash_in_the_middle(geti: Geti, set_up: Installation) -> None:
    geti.seconds = 1.0
    server = set_up.serve()
    job = start(server, geti.project("detection")["id"])
    eventually(lambda: len(geti.asked(PACKAGE)) == 3, "the third download")
    server.kill()
    geti.seconds = 0.0
    server = set_up.serve()
    found = ended(server, job)
    assert (found["state"], found["attempts"]) == ("succeeded", 2), found
    # What the first attempt brought in is its work, and is not asked for again.
    assert [each["outcome"] for each in found["results"]] == ["imported"] * 6
    assert len(geti.asked(PACKAGE)) == 7
    assert Counter(each["externalId"] for each in models(server)) == {each["id"]: 1 for each in geti.models("detection")}
    server.stop()


def test_a_shutdown_hands_back(geti: Geti, set_up: Installation) -> None:
    geti.seconds = 30.0
    server = set_up.serve()
    job = start(server, geti.project("detection")["id"])
    eventually(lambda: geti.asked(PACKAGE), "a download")
    began = time.monotonic()
    server.stop()
    assert time.monotonic() - began < 10
    geti.seconds = 0.0
    server = set_up.serve()
    found = ended(server, job, seconds=20)
    # The attempt that was cut off does not count.
    assert (found["state"], found["attempts"]) == ("succeeded", 1), found
    server.stop()
    set_up.collect()
    assert len(set_up.store.objects()) == 6


def test_a_large_package_takes_no_memory(geti: Geti, importer: Server, figures: list[str]) -> None:
    wanted, size = geti.models("detection")[0]["id"], 2048 * MIB if LONG else 64 * MIB
    warm = geti.models("detection")[1]["id"]
    project = geti.project("detection")["id"]
    assert ended(importer, start(importer, project, warm))["state"] == "succeeded"
    before = importer.memory("VmHWM")
    geti.sizes[wanted] = size
    began = time.monotonic()
    job = ended(importer, start(importer, project, wanted), seconds=1800)
    took = time.monotonic() - began
    assert job["state"] == "succeeded", job
    grown = importer.memory("VmHWM") - before
    files = importer.http.get(f"/api/v1/artifacts/{job['results'][0]['artifactId']}/files").json()["items"]
    assert files[0]["size"] > size
    figures.append(
        f"import of a package of {size // MIB} MiB from Geti: {took:.1f} s, {grown / MIB:.1f} MiB of memory (limit 96 MiB)"
    )
    assert grown < 96 * MIB


def test_rival_replicas_bring_in_each_model_once(services: Services, geti: Geti, tmp_path: Path) -> None:
    """Fifty imports, two replicas over one PostgreSQL and one bucket, of which one is killed in the middle."""
    with Installation.production(tmp_path, services) as installation:
        installation.settings |= {**QUICK, **geti.settings(), "MODELPORT__JOBS__ATTEMPTS": "5"}
        installation.run("migrate")
        one, other = installation.serve(), installation.serve()
        names = itertools.islice(itertools.cycle(TASKS), 50)
        servers = itertools.cycle([one, other])
        jobs = [start(server, geti.project(name)["id"]) for name, server in zip(names, servers, strict=False)]
        eventually(lambda: len(geti.asked(PACKAGE)) > 10, "some downloads")
        one.kill()
        found = [ended(other, job, seconds=240) for job in jobs]
        assert {each["state"] for each in found} == {"succeeded"}, [each for each in found if each["state"] != "succeeded"]
        expected = {each["id"]: 1 for name in TASKS for each in geti.models(name)}
        known = models(other)
        assert Counter(each["externalId"] for each in known) == expected
        listed = {each["id"]: each["artifactId"] for job in found for each in job["results"]}
        assert len(listed) == len(expected)
        for model, identifier in listed.items():
            assert bytes_of(other, identifier) == geti.package(model)
        other.stop()
        installation.settings["MODELPORT__JOBS__WORKERS"] = "0"
        installation.collect()
        assert len(installation.store.objects()) == len(expected)


def test_the_command(geti: Geti, set_up: Installation) -> None:
    project, wanted = geti.project("detection")["id"], geti.models("detection")[0]["id"]
    shown = set_up.run("import", "geti", "projects")
    assert f"{project}\tdetection\n" in shown
    assert f"  {wanted}\tNet-detection OpenVINO FP16, version 2\n" in shown
    # Without a server, the command does the work.
    shown = set_up.run("import", "geti", "start", "--project", project, "--model", wanted)
    assert f"{wanted}\timported\tNet-detection OpenVINO FP16\tdetection - Net-detection, version 2\n" in shown
    shown = set_up.run("import", "geti", "start", "--project", "6" * 24, expect=1)
    assert "import 2 failed" in shown
    shown = set_up.run("import", "geti", "start", "--project", project, "--no-wait")
    assert "import 3\n" in shown
    assert "import 3 is cancelled\n" in set_up.run("import", "geti", "cancel", "3")
    lines = set_up.run("import", "geti", "list").splitlines()
    assert [line.split("\t")[:2] for line in lines] == [["3", "cancelled"], ["2", "failed"], ["1", "succeeded"]]
    assert "import 3 cancelled" in set_up.run("import", "geti", "watch", "3", expect=1)


@anywhere
def test_the_names_of_the_edge_registry(geti: Geti, installation: Installation) -> None:
    theirs = {
        "GETI_HOST": geti.url,
        "GETI_TOKEN": geti.token,
        "GETI_SERVER_API_VERSION": "v1",
        "GETI_ORGANIZATION_ID": ORGANIZATION,
        "GETI_WORKSPACE_ID": WORKSPACES[0],
        "GETI_SERVER_SSL_VERIFY": "False",
    }
    installation.settings |= {**QUICK, **theirs}
    server = installation.serve()
    assert ended(server, start(server, geti.project("detection")["id"]))["state"] == "succeeded"
    # What is said is not asked for.
    assert not geti.asked("/workspaces$|personal_access_tokens")
    server.stop()
    shown = installation.run("config", "print")
    assert geti.token not in shown
    assert 'token = "***"' in shown
    installation.settings["MODELPORT__GETI__URL"] = "https://elsewhere.example.org"
    assert "elsewhere" in installation.run("config", "print")
    installation.settings["GETI_SERVER_SSL_VERIFY"] = "perhaps"
    assert "geti.verify_tls" in installation.run("config", "print", expect=1)


@anywhere
def test_several_servers_and_a_token_in_a_file(geti: Geti, installation: Installation, tmp_path: Path) -> None:
    with contextlib.ExitStack() as stack:
        folder = tmp_path / "lab"
        folder.mkdir()
        lab = stack.enter_context(Geti(folder, version="3.0"))
        token = tmp_path / "token"
        token.write_text(f"{geti.expired}\n")
        settings = tmp_path / "modelport.toml"
        settings.write_text(
            f'[geti]\nurl = "{geti.url}"\ntoken_file = "{token}"\nca_file = "{geti.ca}"\n'
            f'[geti.servers.lab]\nurl = "{lab.url}"\nca_file = "{lab.ca}"\n'
        )
        installation.settings |= QUICK
        installation.places += ["--config", settings]
        server = installation.serve()
        listing = server.http.get("/api/v1/imports/geti/projects")
        assert (listing.status_code, "expired" in listing.json()["detail"]) == (502, True)
        # A new token does not need a new server.
        token.write_text(geti.token)
        assert server.http.get("/api/v1/imports/geti/projects").status_code == 200
        project = lab.id(lab.project("detection")["id"])
        job = ended(server, start(server, project, of="lab"))
        assert (job["state"], job["server"]) == ("succeeded", "lab"), job
        assert properties(server, job["results"][0]["artifactId"])["geti_server"] == "lab"
        server.stop()


@anywhere
def test_wrong_settings_stop_the_start(installation: Installation, tmp_path: Path) -> None:
    installation.settings |= {"MODELPORT__GETI__URL": "https://geti.example.org"}
    installation.settings["MODELPORT__GETI__CA_FILE"] = str(tmp_path / "nothing.pem")
    shown = installation.run("serve", "--listen", "127.0.0.1:0", "--grpc-listen", "none", expect=1)
    assert "geti.ca_file" in shown
    installation.settings["MODELPORT__GETI__URL"] = "https://user:secret@geti.example.org"
    shown = installation.run("config", "print", expect=1)
    assert "geti.url" in shown
    assert "secret" not in shown


def test_imports_are_listed_in_pages(geti: Geti, set_up: Installation) -> None:
    set_up.settings["MODELPORT__JOBS__WORKERS"] = "0"
    server = set_up.serve()
    jobs = [start(server, geti.project("detection")["id"]) for _ in range(5)]
    found, token = [], ""
    while True:
        query = httpx.QueryParams({"pageSize": 2, **({"nextPageToken": token} if token else {})})
        page = server.http.get("/api/v1/imports", params=query).json()
        found += [each["id"] for each in page["items"]]
        if not (token := page["nextPageToken"]):
            break
    assert found == jobs[::-1]
    assert server.http.delete(f"/api/v1/imports/{jobs[0]}").json()["state"] == "cancelled"
    assert geti.log == []
    server.stop()
