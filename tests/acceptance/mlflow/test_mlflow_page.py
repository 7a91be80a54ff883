"""The Python of the page on MLflow and of the README, pasted."""

import re
from typing import Any

import pytest
from harness import ROOT, Server
from mlflow import MlflowClient

# Once is enough: what it says is not about the database.
pytestmark = [pytest.mark.ours, pytest.mark.parametrize("server", ["embedded"], indirect=True)]


def paste(page: str, server: Server) -> dict[str, Any]:
    """Runs the blocks of a page that use the client, one after the other; the names that they leave."""
    found = re.findall(r"^```python\n(.*?)^```", (ROOT / page).read_text(), re.MULTILINE | re.DOTALL)
    names: dict[str, Any] = {}
    blocks = [block for block in found if "mlflow" in block]
    assert "8080" in blocks[0]
    for block in blocks:
        exec(compile(block.replace("8080", str(server.port)), page, "exec"), names)
    return names


def test_the_page_can_be_pasted(client: MlflowClient, server: Server, capsys: pytest.CaptureFixture) -> None:
    names = paste("docs/using/mlflow.md", server)
    assert "[1]" in capsys.readouterr().out
    assert client.get_model_version_by_alias("fraud", "champion").run_id == names["run"].info.run_id


def test_the_readme_can_be_pasted(client: MlflowClient, server: Server, capsys: pytest.CaptureFixture) -> None:
    assert server.put("demo", "1", "model.bin", b"what curl uploads").status_code == 201
    assert server.http.put("/api/v1/models/demo/aliases/champion", json={"version": "1"}).is_success
    paste("README.md", server)
    assert "model.bin" in capsys.readouterr().out
