"""Tables of tensors of files that the formats' own libraries made, beside what these say of them."""

import json
import subprocess
import time
from collections import defaultdict
from pathlib import Path

import pytest
from harness import ROOT, Server

TABLES = "/api/v1/models/many/versions/1/tensors"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with files of thousands of tensors, and with the tables that their libraries made of them."""
    folder = tmp_path_factory.mktemp("tensors")
    python = subprocess.check_output([ROOT / "scripts/tools", "python-formats"], text=True).strip()
    done = subprocess.run(
        [python, ROOT / "tests/formats/make_tensors.py", folder], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert done.returncode == 0, done.stdout[-10_000:]
    return folder


@pytest.fixture
def stored(server: Server, made: Path) -> Server:
    for path in sorted(made.iterdir()):
        if path.name != "tables.json":
            answer = server.put("many", "1", path.name, path.read_bytes())
            assert answer.status_code == 201, answer.text
    return server


def table(server: Server, path: str, size: int = 10_000, **query: str) -> list[dict]:
    """All pages of a table, each with the same totals."""
    items, token, pages = [], "", []
    while True:
        more = {"nextPageToken": token} if token else {}
        answer = server.http.get(f"{TABLES}/{path}", params={"pageSize": str(size), **query, **more})
        assert answer.status_code == 200, answer.text
        pages.append(answer.json())
        items += pages[-1]["items"]
        token = pages[-1]["nextPageToken"]
        if not token:
            break
    assert all(page["totals"] == pages[0]["totals"] and page["dtypes"] == pages[0]["dtypes"] for page in pages)
    totals = {what: sum(item.get(what, 0) for item in items) for what in ("parameters", "bytes")}
    assert pages[0]["totals"] == {"tensors": len(items)} | totals
    return items


def test_tables_are_those_of_the_libraries(stored: Server, made: Path, figures: list[str]) -> None:
    for path, expected in json.loads((made / "tables.json").read_text()).items():
        begun = time.monotonic()
        items = table(stored, path)
        first, begun = time.monotonic() - begun, time.monotonic()
        assert table(stored, path) == items
        again = time.monotonic() - begun
        figures.append(f"{len(items)} tensors of {path}: {first * 1000:.0f} ms, again {again * 1000:.0f} ms (limit 200 ms)")
        expected.sort(key=lambda row: row[0].encode())
        assert len(items) == len(expected), path
        for item, (name, dtype, shape, parameters, size, offset) in zip(items, expected, strict=True):
            found = (item["name"], item["dtype"], item["shape"], item["parameters"], item["bytes"])
            assert found == (name, dtype, shape, parameters, size), path
            assert offset is None or item["offset"] == offset, path


def test_bytes_are_where_the_table_says(stored: Server, made: Path) -> None:
    """What lies in a file as it is can be read by its range."""
    looked = 0
    for path in ("many.safetensors", "model.safetensors.index.json", "many.gguf", "many.onnx", "outside.onnx", "many.xml", "many.npz"):
        for item in table(stored, path)[::997]:
            if "offset" not in item or not item["bytes"]:
                continue
            file = item.get("file", path)
            last = item["offset"] + item["bytes"] - 1
            read = stored.get("many", "1", file, headers={"Range": f"bytes={item['offset']}-{last}"})
            assert read.status_code == 206, read.text
            assert read.content == (made / file).read_bytes()[item["offset"] : last + 1]
            looked += 1
            if item["dtype"] in ("F32", "FLOAT", "<f4"):
                assert read.content == b"\0\0\x80?" * item["parameters"], (path, item)
    assert looked > 30


def test_groups_add_up(stored: Server) -> None:
    whole = stored.http.get(f"{TABLES}/many.safetensors", params={"prefix": "model.layers."}).json()
    by_layer: dict[str, dict[str, int]] = defaultdict(lambda: {"tensors": 0, "parameters": 0, "bytes": 0})
    for item in table(stored, "many.safetensors"):
        layer = by_layer[".".join(item["name"].split(".")[:3]) + "."]
        layer["tensors"] += 1
        layer["parameters"] += item["parameters"]
        layer["bytes"] += item["bytes"]
    assert len(by_layer) == 1000 and not whole["hasMoreGroups"]
    assert whole["groups"] == [{"prefix": prefix} | by_layer[prefix] for prefix in sorted(by_layer)]
    in_one = table(stored, "many.safetensors", size=3, prefix="model.layers.7.")
    assert len(in_one) == 10 and {item["name"].split(".")[2] for item in in_one} == {"7"}
    found = table(stored, "many.safetensors", size=300, q="PART_3.")
    assert len(found) == 1000 and all("part_3." in item["name"] for item in found)


def test_versions_are_compared_by_their_tensors(server: Server, made: Path, figures: list[str]) -> None:
    """With one tensor more and one less, and with some of another shape."""
    expected = {row[0]: row for row in json.loads((made / "tables.json").read_text())["many.safetensors"]}
    whole = (made / "many.safetensors").read_bytes()
    length = int.from_bytes(whole[:8], "little")
    header = json.loads(whole[8 : 8 + length])
    gone = next(name for name, each in header.items() if name in expected and each["data_offsets"][0] == each["data_offsets"][1])
    del header[gone]
    header["new"] = {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}
    turned = [each for name, each in header.items() if name in expected and len(each["shape"]) == 2 and each["shape"][0] != each["shape"][1]]
    for each in turned:
        each["shape"].reverse()
    text = json.dumps(header).encode()
    other = len(text).to_bytes(8, "little") + text + whole[8 + length :]
    for version, content in [("1", whole), ("2", other)]:
        assert server.put("many", version, "many.safetensors", content).status_code == 201
    begun = time.monotonic()
    answer = server.http.get("/api/v1/models/many/versions/1/diff", params={"to": "2"})
    figures.append(f"two versions with {len(expected)} tensors compared: {(time.monotonic() - begun) * 1000:.0f} ms (limit 200 ms)")
    assert answer.status_code == 200, answer.text
    tensors = answer.json()["tensors"]
    assert (tensors["added"], tensors["removed"], tensors["changed"]) == (1, 1, len(turned))
    assert (tensors["same"], tensors["unread"]) == (len(expected) - 1 - len(turned), 0)
    assert tensors["truncated"] == (len(turned) + 2 > 1000) and len(tensors["items"]) == min(1000, len(turned) + 2)
    assert {item["path"] for item in tensors["items"]} == {"many.safetensors"}


def test_a_table_is_a_read_of_the_file(server: Server) -> None:
    danger = (ROOT / "tests/data/inspect/evasions/os.pkl").read_bytes()
    assert server.put("evil", "1", "os.pkl", danger).status_code == 201
    url = "/api/v1/models/evil/versions/1/tensors/os.pkl"
    assert server.http.get(url).status_code == 403
    refused = server.http.get(url, params={"quarantined": "true"})
    assert refused.status_code == 409 and "format" in refused.json()["detail"]
