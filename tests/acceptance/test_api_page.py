"""The commands of docs/using/api.md, pasted."""

import json
import re
import subprocess
from pathlib import Path

import pytest
from harness import ROOT, Server

# Once is enough: what it says is not about the database.
pytestmark = pytest.mark.parametrize("installation", ["embedded"], indirect=True)
PAGE = (ROOT / "docs/using/api.md").read_text()


def paste(block: str, server: Server, folder: Path) -> str:
    """What a block prints; each command of it succeeds."""
    # The receiver of the page is nobody's; an address needs no resolver.
    receiver = block.replace("https://ci.example.org/", "https://[2001:4860:4860::8888]/")
    script = receiver.replace("localhost:8080", f"127.0.0.1:{server.port}")
    return subprocess.run(["bash", "-euc", script], cwd=folder, check=True, capture_output=True, text=True).stdout


def documents(printed: str) -> list[dict]:
    """The JSON documents that stand one after the other."""
    found, decoder, rest = [], json.JSONDecoder(), printed.strip()
    while rest:
        document, end = decoder.raw_decode(rest)
        found.append(document)
        rest = rest[end:].strip()
    return found


def test_the_commands(server: Server, tmp_path: Path) -> None:
    blocks = re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert len(blocks) == 32
    assert all("localhost:8080" in block for block in blocks)
    printed = [documents(paste(block, server, tmp_path)) for block in blocks]
    _, numbers, models, filtered, exported, searched, kept, one, _, patched, diff, revisions, approved, copied, renamed, reverted, *rest = printed
    files, blob, tried, changes, activity, logged, tuning, found, series, again, served, affected, table, jobs, system, hooks = rest
    counts = [numbers[0][name]["count"] for name in ("models", "versions", "files", "bytes", "quarantined")]
    assert counts == [1, 2, 2, 2 * len('{"layers": 2}\n'), 0]
    [row] = models[0]["items"]
    assert (row["name"], row["versions"], row["latestVersion"]["name"], models[0]["total"]) == ("fraud", 2, "2", 1)
    assert row["aliases"][0]["alias"] == "champion"
    assert [item["name"] for item in filtered[0]["items"]] == ["fraud"]
    assert exported == [] and (tmp_path / "models.csv").read_text().splitlines()[1].split(",")[1] == "fraud"
    assert json.loads((tmp_path / "changes.ndjson").read_text().splitlines()[0])["action"] == "create"
    by_name, by_path, by_digest, facets = searched
    assert (by_name["items"][0]["node"]["name"], by_name["items"][0]["matched"]) == ("fraud", "namePrefix")
    assert {(item["file"]["path"], item["matched"]) for item in by_path["items"]} == {("config.json", "exactName")}
    assert {(item["file"]["path"], item["matched"]) for item in by_digest["items"]} == {("config.json", "digest")}
    assert (facets["total"], by_path["total"], by_digest["total"]) == (1, 2, 2)
    assert kept[0]["query"] == {"filter": "alias = 'champion'"} and kept[1]["items"] == [kept[0]]
    model, versions, champion, artifacts, aliases = one
    assert (model["name"], champion["name"], len(artifacts["items"])) == ("fraud", "1", 1)
    assert [item["name"] for item in versions["items"]] == ["2", "1"]
    assert aliases["items"] == [{"alias": "champion", "version": "1", "versionId": champion["id"]}]
    assert patched[0]["properties"]["owner"] == "risk" and patched[0]["customProperties"] == {"team": "blue"}
    assert patched[1]["name"] == "2.0"
    assert (diff[0]["a"]["name"], diff[0]["b"]["name"], diff[0]["files"]["same"]) == ("1", "2.0", 1)
    assert [item["name"] for item in revisions[0]["properties"]["items"]] == ["description", "owner"]
    in_review, decided, policy, usable = approved
    assert (in_review["state"], decided["state"], decided["note"]) == ("in_review", "approved", "as the risk board wants it")
    assert policy["model"] == {"protectedAliases": ["champion"]}
    assert [(item["name"], item["approval"]) for item in usable["items"]] == [("1", "approved")]
    assert (copied[0]["model"], copied[0]["name"], copied[0]["aliases"]) == ("fraud-staging", "1", ["champion"])
    assert copied[0]["customProperties"]["copied_from"] == "models:/fraud/2.0"
    assert renamed[0]["name"] == reverted[0]["name"] == "fraud-prod" and reverted[0]["keptProperties"] == []
    assert tried[0]["counts"] == {"allow": 0, "warn": 0, "quarantine": 0, "refuse": 2}
    assert [len(page["items"]) for page in files] == [0, 0, 0]
    assert [(item["model"], item["path"]) for item in blob[0]["items"]] == [
        ("fraud", "config.json"),
        ("fraud", "config.json"),
        ("fraud-prod", "config.json"),
    ]
    assert changes[0]["items"][0]["node"]["name"] == "fraud-prod" and len(changes[1]["items"]) == 2
    assert {item["node"]["type"] for item in activity[0]["items"]} >= {"kf.RegisteredModel", "kf.ModelArtifact"}
    assert logged == [{}, {}]
    experiments, experiment, keys = tuning
    assert [(item["name"], item["runs"]) for item in experiments["items"]] == [("tuning", 2)] and experiments["total"] == 1
    assert experiment["id"] == experiments["items"][0]["id"]
    assert (keys["metrics"], keys["parameters"], keys["moreMetrics"]) == (["loss"], ["rate"], False)
    of_runs = [(run["parameters"], run["metrics"]["loss"]["value"]) for run in found[0]["items"]]
    assert of_runs == [({"rate": "0.1"}, 0.1), ({"rate": "0.2"}, 0.2)]
    assert sorted((each["steps"], each["values"], each["total"]) for each in series[0]["items"]) == [
        ([1, 2], [0.5, 0.1], 2),
        ([1, 2], [0.5, 0.2], 2),
    ]
    assert [impact["items"] for impact in affected[:2]] == [[], []]
    assert affected[2]["nodes"][0]["homes"][0]["name"] == "fraud"
    assert (again[0]["experiment"], list(again[0]["parameters"])) == ("tuning", ["rate"])
    assert again[0]["missing"] == ["commit", "repository", "entryPoint", "datasets", "environment"]
    [weight] = table[1]["items"]
    assert (weight["name"], weight["parameters"], weight["bytes"], weight["offset"]) == ("layers.0.weight", 2, 8, 76)
    assert [group["prefix"] for group in table[1]["groups"]] == ["layers.0."]
    assert served[0]["items"] == served[1]["items"] == [] and jobs[0]["items"] == []
    [state] = system
    assert state["database"]["reachable"] and state["objectStore"]["reachable"] and len(state["doors"]) >= 3
    assert [replica["version"] for replica in state["replicas"] if replica["this"]] == [state["version"]]
    assert state["settings"]["server"]["listen"].startswith("127.0.0.1") and state["storage"]["countedAt"] > 0
    listed, deliveries, changed = hooks
    assert [item["name"] for item in listed["items"]] == ["ci"] and deliveries["items"] == []
    assert changed["events"] == ["model_version.created"] and changed["active"] is False
