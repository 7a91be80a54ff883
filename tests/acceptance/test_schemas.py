"""The server checked against its own OpenAPI documents by schemathesis, all its checks and its stateful links included."""

import os
import subprocess

import pytest
from harness import ROOT, Installation, Server

LONG = "MODELPORT_TEST_LONG" in os.environ
# Generated requests for each operation and phase, besides those that cover the schemas.
EXAMPLES = 200 if LONG else 5
# The two Kubeflow documents have the same operations; in the short run each database sees one.
DOCUMENTS = {"embedded": ["kubeflow", "native"], "production": ["kubeflow-v1", "native"]}


def schemathesis(document: str, server: Server, url: str, *more: str) -> subprocess.CompletedProcess:
    """A run against a document as the server's own command prints it."""
    folder = ROOT / "tests/acceptance/schemathesis"
    described = server.installation.folder / f"{document}.json"
    described.write_text(subprocess.check_output([os.environ["MODELPORT_BIN"], "openapi", document], text=True))
    python = subprocess.check_output([ROOT / "scripts/tools", "python-schemathesis"], text=True).strip()
    command = [python, "-m", "schemathesis.cli", "--config-file", "schemathesis.toml", "run", described]
    # One worker: coverage of one operation is computed in another thread's recursion otherwise, and fails in Python.
    options = ["--url", url, "--workers", "1", "--max-examples", str(EXAMPLES), "--no-color"]
    options += [*more] if LONG else [*more, "--generation-deterministic"]
    output = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    environment = {**os.environ, "HYPOTHESIS_STORAGE_DIRECTORY": str(server.installation.folder / "hypothesis")}
    return subprocess.run([*command, *options], cwd=folder, env=environment, **output)


def test_the_server_keeps_what_its_documents_say(
    server: Server, request: pytest.FixtureRequest, figures: list[str]
) -> None:
    own = DOCUMENTS[request.node.callspec.params["installation"]]
    for document in sorted({each for all in DOCUMENTS.values() for each in all}) if LONG else own:
        run = schemathesis(document, server, server.url)
        assert run.returncode == 0, run.stdout[-20_000:]
        assert "passed" in run.stdout, run.stdout
        generated = [line.strip() for line in run.stdout.splitlines() if "generated" in line and "passed" in line]
        figures.append(f"schemathesis, {document}: {generated[-1]}")


def test_the_edge_api_answers_with_the_statuses_of_its_document(server: Server, figures: list[str]) -> None:
    """Its bodies are the old service's, texts without a media type among them. No Geti server is set, which is a 500."""
    url = f"http://127.0.0.1:{server.edge_port}"
    checks = ["--checks", "not_a_server_error,status_code_conformance", "--exclude-path-regex", "^/projects"]
    run = schemathesis("edge", server, url, *checks)
    assert run.returncode == 0, run.stdout[-20_000:]
    generated = [line.strip() for line in run.stdout.splitlines() if "generated" in line and "passed" in line]
    figures.append(f"schemathesis, edge: {generated[-1]}")
