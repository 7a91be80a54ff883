"""What the server learns of real model files, and what policies make of them."""

import pytest
from harness import KUBEFLOW, ROOT, Installation, Server, eventually

DATA = ROOT / "tests/data/inspect"
HONEST = ["small.safetensors", "small.gguf", "small.onnx", "state.pt", "forest.joblib"]


def upload(server: Server, model: str, name: str, folder: str = "made") -> dict:
    answer = server.put(model, "1", name, (DATA / folder / name).read_bytes())
    assert answer.status_code == 201, answer.text
    return answer.json()


def found(server: Server, query: str) -> set[str]:
    """The ids of the artifacts that the Kubeflow API finds."""
    answer = server.http.get(f"{KUBEFLOW}/model_artifacts", params={"filterQuery": query, "pageSize": "100"})
    assert answer.status_code == 200, answer.text
    return {item["id"] for item in answer.json()["items"]}


def test_files_are_found_by_what_is_in_them(server: Server) -> None:
    stored = {name: upload(server, name, name) for name in HONEST}
    upload(server, "openvino", "small.xml")
    stored["openvino"] = upload(server, "openvino", "small.bin")
    ids = {name: file["artifactId"] for name, file in stored.items()}
    for name, format_name in [
        ("small.safetensors", "safetensors"),
        ("small.gguf", "gguf"),
        ("small.onnx", "onnx"),
        ("openvino", "openvino-ir"),
        ("state.pt", "pytorch"),
    ]:
        assert found(server, f'modelFormatName = "{format_name}"') == {ids[name]}, name
    assert found(server, "opset > 0") == {ids["small.onnx"]}
    assert found(server, "parameter_count > 0") >= {ids["small.safetensors"], ids["small.onnx"], ids["openvino"]}
    # All of them are as their libraries made them: the pair is complete, and no import is unknown.
    assert found(server, 'scan_verdict = "clean"') | found(server, 'scan_verdict = "info"') == set(ids.values())
    summary = server.http.get("/api/v1/models/openvino/versions/1").json()
    assert summary["inspection"]["formats"]["openvino-ir"] == 1
    assert summary["inspection"]["quarantined"] == 0


def test_a_dangerous_pickle_is_kept_listed_and_not_served(server: Server) -> None:
    stored = upload(server, "evil", "os.pkl", "evasions")
    assert "pickle-dangerous-import" in stored["quarantine"]
    [listed] = server.http.get("/api/v1/models/evil/versions/1/files").json()["items"]
    assert (listed["quarantine"], listed["inspection"]["verdict"]) == (stored["quarantine"], "danger")
    assert any(name.endswith("system") for name in listed["inspection"]["imports"])
    for url in ("/api/v1/models/evil/versions/1/files/os.pkl", stored["url"]):
        refused = server.http.get(url)
        assert refused.status_code == 403
        assert stored["quarantine"] in refused.json()["detail"]
        assert server.http.head(url).status_code == 403
        served = server.http.get(url, params={"quarantined": "true"})
        assert (served.status_code, served.content) == (200, (DATA / "evasions/os.pkl").read_bytes())
    assert found(server, 'scan_verdict = "danger"') == {stored["artifactId"]}


def test_a_refusal_leaves_nothing_and_says_why(server: Server, installation: Installation) -> None:
    upload(server, "strict", "small.onnx")
    policy = {"allowedFormats": ["onnx", "pickle"], "findings": {"danger": "refuse"}}
    answer = server.http.put("/api/v1/models/strict/policy", json=policy)
    assert (answer.status_code, answer.json()["model"]) == (200, policy)
    kept = installation.kept()
    for name, folder, why in [
        ("os.pkl", "evasions", "pickle-dangerous-import"),
        ("small.gguf", "made", "format `gguf`"),
    ]:
        refused = server.put("strict", "2", name, (DATA / folder / name).read_bytes())
        assert refused.status_code == 400, refused.text
        assert why in refused.json()["detail"]
    assert installation.kept() == kept
    assert server.http.get("/api/v1/models/strict/versions/2").status_code == 404
    # Another model is not held to it.
    upload(server, "other", "small.gguf")


def test_a_policy_reevaluates_stored_files_in_a_job(server: Server) -> None:
    for version in range(20):
        assert server.put("m", str(version), "m.onnx", (DATA / "made/small.onnx").read_bytes()).status_code == 201
    policy = {"allowedFormats": ["pickle"]}
    put = server.http.put("/api/v1/models/m/policy", json=policy).json()
    assert put["job"]["state"] in ("queued", "running")

    def reevaluated() -> dict | None:
        job = server.http.get("/api/v1/models/m/policy").json()["job"]
        return job if job["state"] not in ("queued", "running") else None

    job = eventually(reevaluated, "the reevaluation of the files")
    assert job["id"] == put["job"]["id"]
    assert job["result"] == {"files": 20, "quarantined": 20, "released": 0}, job
    assert server.get("m", "7", "m.onnx").status_code == 403
    assert server.http.put("/api/v1/models/m/policy", json={}).status_code == 200
    assert eventually(reevaluated, "the reevaluation of the files")["result"]["released"] == 20
    assert server.get("m", "7", "m.onnx").status_code == 200


@pytest.mark.parametrize("read", [False, True])
def test_a_rescan_applies_other_settings(server: Server, installation: Installation, read: bool) -> None:
    stored = upload(server, "evil", "os.pkl", "evasions")
    installation.settings["MODELPORT__POLICY__DANGER"] = "warn"
    report = installation.run("rescan", *(["--read"] if read else []))
    assert "released 1" in report, report
    assert server.http.get(stored["url"]).status_code == 200
    installation.settings["MODELPORT__POLICY__DANGER"] = "quarantine"
    assert "quarantined 1 files" in installation.run("rescan")
    assert server.http.get(stored["url"]).status_code == 403
