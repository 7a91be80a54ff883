"""What describes the server: its README, its OpenAPI documents, its metrics."""

import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import urljoin

import openapi_spec_validator
from harness import KUBEFLOW, ROOT, Server


# Whose commands another test pastes.
OF_ITS_OWN = "docs/using/api.md"
PAGES = ["README.md", "docs/using/edge.md", "docs/using/files.md", "docs/using/kubeflow.md"]


def paste(page: str, server: Server, folder: Path) -> str:
    """Runs every block of shell on a page, one after another in one shell; what they print."""
    blocks = re.findall(r"^```sh\n(.*?)^```", (ROOT / page).read_text(), re.MULTILINE | re.DOTALL)
    script = "\n".join(blocks).replace("127.0.0.1:8080", f"127.0.0.1:{server.port}")
    script = script.replace("127.0.0.1:8111", f"127.0.0.1:{server.edge_port}")
    assert f"127.0.0.1:{server.port}" in script or f"127.0.0.1:{server.edge_port}" in script
    assert "8080" not in script and "8111" not in script
    # What is answered with an error is none of the things that the page promises.
    shell = f"curl() {{ command curl --fail-with-body \"$@\"; }}\n{script}"
    command = ["bash", "-euo", "pipefail", "-c", shell]
    done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    print(done.stdout)
    assert done.returncode == 0, f"{page} ended with {done.returncode}: {done.stdout}"
    return done.stdout


def test_the_readme_works_when_pasted(server: Server, tmp_path: Path) -> None:
    output = paste("README.md", server, tmp_path)
    digests = re.findall(r"\b[0-9a-f]{64}\b", output)
    assert len(digests) > len(set(digests)) > 0, "the digests of what went up and what came down do not agree"
    artifact = server.client().get_model_artifact("demo", "1")
    assert server.http.get(artifact.uri, follow_redirects=True).status_code == 200


def test_the_readme_works_in_python(server: Server, tmp_path: Path) -> None:
    """After its shell blocks, which upload what it reads."""
    paste("README.md", server, tmp_path)
    blocks = re.findall(r"^```python\n(.*?)^```", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    # The others need clients that have interpreters of their own.
    [block] = [block for block in blocks if "model_registry" in block and "ml_metadata" not in block]
    assert "8080" in block
    script = block.replace("8080", str(server.port))
    output = subprocess.run([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, check=True).stdout
    assert "author='me'" in output and "/api/v1/" in output, output


def test_the_page_on_kubeflow_works_when_pasted(server: Server, tmp_path: Path) -> None:
    output = paste("docs/using/kubeflow.md", server, tmp_path)
    # Made, found, listed.
    assert output.count('"name":"fraud"') == 3, output


def test_the_page_on_files_works_when_pasted(server: Server, tmp_path: Path) -> None:
    output = paste("docs/using/files.md", server, tmp_path)
    # Stored twice over, listed by tar, and read by zipfile.
    assert output.count("onnx/graph.txt") >= 2 and "Done testing" in output, output


def test_the_page_on_edge_clients_works_when_pasted(server: Server, tmp_path: Path) -> None:
    assert '"name":"pallet"' in paste("docs/using/edge.md", server, tmp_path)


def test_the_document_of_the_edge_api_is_openapi(server: Server) -> None:
    document = server.http.get(f"http://127.0.0.1:{server.edge_port}/openapi.json").json()
    openapi_spec_validator.validate(document)
    assert {"/models", "/models/{model_id}/files", "/health"} <= set(document["paths"])


def test_no_page_is_forgotten() -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    assert {str(page.relative_to(ROOT)) for page in pages if "```sh" in page.read_text()} == {*PAGES, OF_ITS_OWN}


def test_every_link_between_pages_leads_somewhere() -> None:
    folders = ["docs", "load", "crates", "helm"]
    pages = [*ROOT.glob("*.md"), ROOT / "tests/README.md", *(page for each in folders for page in (ROOT / each).rglob("*.md"))]
    links = [
        (str(page.relative_to(ROOT)), link)
        for page in pages
        for link in re.findall(r"\]\(([^)#\s]+)", page.read_text())
        if "://" not in link
    ]
    assert len(links) > 50
    assert [(page, link) for page, link in links if not (ROOT / page).parent.joinpath(link).exists()] == []


def test_every_linked_document_is_openapi(server: Server) -> None:
    page = server.http.get("/docs/")
    assert page.status_code == 200 and "text/html" in page.headers["content-type"]
    scripts = [page.text]
    for source in re.findall(r'src="([^"]+\.js)"', page.text):
        scripts.append(server.http.get(urljoin("/docs/", source)).text)
    # Relative to the page, so that it works below a proxy's path.
    links = {urljoin("/docs/", link) for script in scripts for link in re.findall(r'"([\w-]+\.json)"', script)}
    assert len(links) >= 2
    paths = set()
    for link in links:
        document = server.http.get(link).json()
        openapi_spec_validator.validate(document)
        base = urljoin(link, document["servers"][0]["url"]).rstrip("/")
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
    assert answer.status_code == 404
    # The id is the server's; what the client calls the request is kept beside it.
    assert answer.headers["x-request-id"] not in ("", "abc-123")
    assert server.http.get("/health/live").headers["x-request-id"]
