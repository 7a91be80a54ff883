"""The Python of the page on ML Metadata, pasted."""

import re
from urllib.parse import urlsplit

from harness import ROOT, Server


def test_the_page_can_be_pasted(server: Server, capsys) -> None:
    page = (ROOT / "docs/mlmd.md").read_text()
    blocks = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    assert len(blocks) == 2
    for block in blocks:
        assert "9090" in block
        block = block.replace("9090", str(server.grpc_port)).replace("8080", str(server.port))
        exec(compile(block, "docs/mlmd.md", "exec"), {})
    url = urlsplit(capsys.readouterr().out.split()[-1])
    nodes = server.http.get(f"{url.path}?{url.query}").json()["nodes"]
    names = {node.get("name") for node in nodes}
    assert {"rides", "fares", "run-1", "1.0"} <= names, names
