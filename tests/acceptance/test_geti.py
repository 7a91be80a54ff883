"""Imports from Intel Geti: every dialect and type of task, what becomes of it here, pages, and settings."""

import contextlib
import json
from collections import Counter
from pathlib import Path

import pytest
from geti_client import QUICK, anywhere, artifact, bytes_of, ended, members, models, properties, repeated, start
from geti_seed import ORGANIZATION, TASKS, WORKSPACES
from geti_server import Geti
from harness import Installation, Server


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
        assert members(bytes_of(importer, found["artifactId"]), "detection") == members(geti.package(model["id"]))
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
    """No request without the token, none that is not needed, and none more often than needed."""
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
