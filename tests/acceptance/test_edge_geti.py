"""Geti's projects through the edge registry's routes, which wait for the import as the old service did."""

from collections.abc import Iterator

import httpx
import pytest
from geti_client import anywhere, members
from geti_server import Geti
from harness import Server

NOTE = "Note: Only OpenVINO optimized active models are supported at this time.\n"


@pytest.fixture
def edge(importer: Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"http://127.0.0.1:{importer.edge_port}", timeout=60, trust_env=False) as client:
        yield client


def test_models_are_listed_and_brought_in(geti: Geti, edge: httpx.Client) -> None:
    project = geti.id(geti.project("detection")["id"])
    listed = {each["id"]: each for each in edge.get("/projects").json()}
    shown = edge.get(f"/projects/{project}").json()
    assert shown == listed[project] and set(shown) == {"id", "name", "creation_time", "model_groups"}
    wanted = [
        {"id": model["id"], "group_id": group["id"]}
        for group in shown["model_groups"]
        for version in group["model_versions"]
        for model in version["openvino_models"]
    ]
    assert len(wanted) >= 4
    path = f"/projects/{project}/geti-models/download"
    nobody = "Project or model id not found. No model(s) registered."
    for models in [[{**wanted[0], "id": "0" * 24}], [{**wanted[0], "group_id": "0" * 24}]]:
        refused = edge.post(path, json={"models": [*models, wanted[1]]})
        assert (refused.status_code, refused.text) == (404, nobody)
    assert edge.get("/models").json() == []
    first, second = sorted(each["id"] for each in wanted[:2])
    taken = edge.post(path, json={"models": wanted[:2]})
    assert (taken.status_code, taken.text) == (201, f"Model(s): {first}, {second} registered.\n{NOTE}")
    again = edge.post(path, json={"models": wanted[:3]})
    assert again.status_code == 409
    assert again.text.startswith(f"Model(s): {first}, {second} are already registered. No model(s) registered.\nTip: ")
    assert {each["id"] for each in edge.get("/models").json()} == {first, second}
    record = edge.get(f"/models/{first}").json()
    assert (record["project_id"], record["origin"], record["format"]) == (project, "Geti", "openvino")
    known = {geti.id(each["id"]): each["id"] for each in geti.models("detection")}
    # DL Streamer Pipeline Server takes the first member for the folder of all, and looks for the model below it.
    unpacked = members(edge.get(f"/models/{first}/files").content, "detection")
    assert unpacked == members(geti.package(known[first]))
    assert f"deployment/{record['category']}/model/model.xml" in unpacked


@anywhere
def test_what_geti_refuses_is_said(geti: Geti, edge: httpx.Client) -> None:
    missing = edge.get(f"/projects/{'0' * 24}")
    assert (missing.status_code, missing.text) == (404, "Project not found.\n")
    geti.token = "another"
    refused = edge.get("/projects")
    assert refused.status_code == 502 and refused.text, refused.text
