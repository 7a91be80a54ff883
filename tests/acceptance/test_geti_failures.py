"""Imports from an Intel Geti that refuses, fails, breaks off or lies: each failure is what it is, and leaves nothing."""

import io
import time
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from geti_client import PACKAGE, anywhere, bytes_of, ended, members, models, start
from geti_seed import base62, make_token
from geti_server import Geti, Handler
from harness import Installation, Server


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


FAILURES = {
    "no permission": ("GET .*/model_groups$", answering(403, "Forbidden"), "does not allow this to the token (403)"),
    "backend of the gateway": ("product_info", answering(500, "Internal server error"), "500"),
    "unhandled": (PACKAGE, answering(500, '{"internal_server_error":"boom"}', "application/json"), "boom"),
    "no space": (PACKAGE, envelope(507, "not_enough_space", "disk is full"), "disk is full"),
    "no media": (PACKAGE, answering(204), "the project has no media"),
    "login page": ("GET .*/projects/", answering(200, "<html>log in", "text/html"), "the login has expired"),
    "login page for a package": (PACKAGE, answering(200, "<html>log in", "text/html"), "the login has expired"),
    "no archive": (PACKAGE, answering(200, "something else", "application/zip"), "is not a zip archive"),
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


def test_transient_errors_are_retried(geti: Geti, importer: Server) -> None:
    wanted = geti.models("detection")[0]["id"]
    geti.on("GET .*/model_groups$", answering(503, "no healthy upstream"), times=1)
    geti.on(PACKAGE, truncated, times=1)
    geti.on(PACKAGE, cut, times=1)
    job = ended(importer, start(importer, geti.project("detection")["id"], wanted))
    assert (job["state"], job["attempts"]) == ("succeeded", 1), job
    package = bytes_of(importer, job["results"][0]["artifactId"])
    assert members(package, "detection") == members(geti.package(wanted))
    first, second = geti.asked("GET .*/model_groups$")
    assert second.at - first.at >= 0.95
    assert len(geti.asked(PACKAGE)) == 3
    assert len(models(importer)) == 1


def silent(handler: Handler) -> None:
    """An answer that begins, and does not continue."""
    handler.send_response(200)
    handler.send_header("Content-Type", "application/zip")
    handler.send_header("Content-Length", "100000")
    handler.end_headers()
    handler.wfile.write(b"PK\x03\x04")
    handler.wfile.flush()
    time.sleep(8)
    handler.close_connection = True


@anywhere
def test_a_server_that_falls_silent(geti: Geti, set_up: Installation) -> None:
    set_up.settings["MODELPORT__GETI__TIMEOUT_SECONDS"] = "2"
    geti.on(PACKAGE, silent, times=1)
    server = set_up.serve()
    job = ended(server, start(server, geti.project("detection")["id"], geti.models("detection")[0]["id"]))
    assert (job["state"], job["attempts"]) == ("succeeded", 1), job
    first, second = geti.asked(PACKAGE)
    assert 2 <= second.at - first.at < 8
    server.stop()


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
