"""Clients that three generators make from the documents, called: what is sent as bytes arrives as those bytes.

The generators are openapi-generator for Python and for TypeScript with fetch, and openapi-typescript with openapi-fetch.
"""

import io
import json
import os
import shutil
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import ROOT, Installation, Server

CLIENTS = ROOT / "tests/acceptance/generated"
# What no call needs is not made.
PARTS = {"apis": "", "models": "", "supportingFiles": ""} | {
    f"{what}{kind}": "false" for what in ("api", "model") for kind in ("Docs", "Tests")
}


def tool(name: str) -> Path:
    return Path(subprocess.check_output([ROOT / "scripts/tools", name], text=True).strip())


def run(*command: str | Path, folder: Path, **variables: str) -> None:
    environment = {**os.environ, "NO_PROXY": "*", **variables}
    done = subprocess.run(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert done.returncode == 0, f"{command}: {done.stdout[-10_000:]}"


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all clients, the TypeScript ones type-checked and compiled."""
    folder = tmp_path_factory.mktemp("generated")
    python, modules = tool("python-generated"), tool("node-generated")
    (folder / "node_modules").symlink_to(modules)
    (folder / "package.json").write_text('{"type": "module"}')
    configurations = []
    for document in ("native", "edge"):
        printed = subprocess.check_output([os.environ["MODELPORT_BIN"], "openapi", document], text=True)
        (folder / f"{document}.json").write_text(printed)
        for generator, more in {
            "python": {"packageName": f"modelport_{document}"},
            "typescript-fetch": {"importFileExtension": ".js"},
        }.items():
            configuration = folder / f"{document}-{generator}.config.json"
            settings = {
                "generatorName": generator,
                "inputSpec": str(folder / f"{document}.json"),
                "outputDir": str(folder / f"{document}-{generator}"),
                "additionalProperties": more,
                "globalProperties": PARTS,
            }
            configuration.write_text(json.dumps(settings))
            configurations.append(configuration)
        # A member with a default may be left out of a request.
        typed = [f"{document}.json", "--output", f"{document}.ts", "--default-non-nullable", "false"]
        run("node", modules / "openapi-typescript/bin/cli.js", *typed, folder=folder)
    # All of them in one Java.
    run(python.parent / "openapi-generator-cli", "batch", "--fail-fast", *configurations, folder=folder)
    for source in [*CLIENTS.glob("*.ts"), CLIENTS / "tsconfig.json"]:
        shutil.copy(source, folder)
    run("node", modules / "typescript/bin/tsc", folder=folder)
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as into:
        into.writestr("deployment/model.bin", bytes(range(256)))
    (folder / "m.zip").write_bytes(archive.getvalue())
    return folder


@pytest.fixture
def embedded(tmp_path: Path) -> Iterator[Server]:
    """The documents are the same over every database."""
    with Installation.embedded(tmp_path) as installation:
        server = installation.serve()
        yield server
        server.stop()


def test_generated_clients_send_and_read_bytes(generated: Path, embedded: Server) -> None:
    urls = [embedded.url, f"http://127.0.0.1:{embedded.edge_port}", str(generated / "m.zip")]
    run(tool("python-generated"), CLIENTS / "call.py", str(generated), *urls, folder=generated)
    for client in ("call_fetch", "call_openapi_fetch"):
        run("node", f"built/{client}.js", *urls, folder=generated)
    # What they stored is what they were given, whoever reads it.
    for model in ("python", "fetch", "openapi-fetch"):
        stored = embedded.get(model, "1", "folder/bytes.bin")
        assert (stored.status_code, stored.content) == (200, bytes(range(256)) * 3), model
