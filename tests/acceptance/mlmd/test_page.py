"""The Python of the page on ML Metadata and of the README, pasted."""

import re
from urllib.parse import urlsplit

from harness import ROOT, Server


def paste(page: str, blocks: int, server: Server, capsys) -> set[str]:
    """Runs the blocks of a page that use the client; the names of the nodes at the address that the last one prints."""
    found = re.findall(r"^```python\n(.*?)^```", (ROOT / page).read_text(), re.MULTILINE | re.DOTALL)
    # What needs a token is tried where there are accounts.
    found = [block for block in found if "ml_metadata" in block and "token" not in block]
    assert len(found) == blocks
    for block in found:
        assert "9090" in block
        block = block.replace("9090", str(server.grpc_port)).replace("8080", str(server.port))
        exec(compile(block, page, "exec"), {})
    url = urlsplit(next(word for word in capsys.readouterr().out.split()[::-1] if word.startswith("http")))
    nodes = server.http.get(f"{url.path}?{url.query}").json()["nodes"]
    return {node.get("name") for node in nodes}


def test_the_page_can_be_pasted(server: Server, capsys) -> None:
    names = paste("docs/using/mlmd.md", 2, server, capsys)
    assert {"rides", "fares", "run-1", "1.0"} <= names, names


def test_the_readme_can_be_pasted(server: Server, capsys) -> None:
    assert server.put("demo", "1", "model.bin", b"what curl uploads").status_code == 201
    names = paste("README.md", 1, server, capsys)
    assert {"rides", "nightly", "demo"} <= names, names
