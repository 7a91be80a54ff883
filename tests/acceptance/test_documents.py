"""What describes the server: its README, its OpenAPI documents, its metrics."""

import re
import subprocess
from pathlib import Path
from urllib.parse import urljoin

import openapi_spec_validator
from harness import KUBEFLOW, ROOT, Server


def test_the_readme_example_works_when_pasted(server: Server, tmp_path: Path) -> None:
    _, _, section = (ROOT / "README.md").read_text().partition("\n## Try it\n")
    blocks = re.findall(r"^```sh\n(.*?)^```", section.split("\n## ")[0], re.MULTILINE | re.DOTALL)
    # The server runs already.
    lines = [line for block in blocks for line in block.splitlines() if not line.startswith("make run")]
    script = "\n".join(lines).replace("8080", str(server.port))
    assert "curl" in script
    output = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script], cwd=tmp_path, stdout=subprocess.PIPE, text=True, check=True
    ).stdout
    print(output)
    digests = re.findall(r"\b[0-9a-f]{64}\b", output)
    assert len(digests) > len(set(digests)) > 0, "the digests of what went up and what came down do not agree"

    artifact = server.client().get_model_artifact("demo", "1")
    assert server.http.get(artifact.uri, follow_redirects=True).status_code == 200


def test_every_linked_document_is_openapi(server: Server) -> None:
    page = server.http.get("/docs/")
    assert page.status_code == 200 and "text/html" in page.headers["content-type"]
    scripts = [page.text]
    for source in re.findall(r'src="([^"]+\.js)"', page.text):
        scripts.append(server.http.get(urljoin("/docs/", source)).text)
    links = {link for script in scripts for link in re.findall(r'"(/[\w/.-]+\.json)"', script)}
    assert len(links) >= 2
    paths = set()
    for link in links:
        document = server.http.get(link).json()
        openapi_spec_validator.validate(document)
        base = document.get("servers", [{"url": ""}])[0]["url"].rstrip("/")
        paths |= {base + path for path in document["paths"]}
    assert f"{KUBEFLOW}/registered_models" in paths
    assert any(path.startswith("/api/v1/models/{model}/versions/{version}/files/") for path in paths)


def test_metrics_count_what_was_asked(server: Server) -> None:
    server.put("m", "1", "f", b"x" * 1000)
    server.kubeflow("GET", "registered_models")
    metrics = server.http.get("/metrics")
    assert metrics.headers["content-type"].startswith("text/plain")
    counted = [line for line in metrics.text.splitlines() if f'{KUBEFLOW}/registered_models"' in line and "200" in line]
    assert counted, metrics.text
    assert "build_info" in metrics.text


def test_a_request_keeps_its_id(server: Server) -> None:
    answer = server.http.get("/nowhere", headers={"x-request-id": "abc-123"})
    assert (answer.status_code, answer.headers["x-request-id"]) == (404, "abc-123")
    assert server.http.get("/health/live").headers["x-request-id"]
