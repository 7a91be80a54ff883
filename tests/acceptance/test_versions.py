"""One version, which Cargo.toml says, wherever a version stands."""

import json
import os
import re
import subprocess
import tomllib

import yaml
from harness import ROOT

VERSION = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]["version"]


def modelport(*arguments: str) -> str:
    return subprocess.check_output([os.environ["MODELPORT_BIN"], *arguments], text=True)


def test_the_binary_and_its_document_have_the_version() -> None:
    assert modelport("--version").split() == ["modelport", VERSION]
    # Those of other protocols have the version of what they describe.
    assert json.loads(modelport("openapi", "native"))["info"]["version"] == VERSION


def test_the_chart_has_the_version() -> None:
    chart = yaml.safe_load((ROOT / "helm/modelport/Chart.yaml").read_text())
    assert (chart["version"], chart["appVersion"]) == (VERSION, VERSION)
    # What the pod runs follows from it.
    assert yaml.safe_load((ROOT / "helm/modelport/values.yaml").read_text())["image"]["tag"] == ""


def test_what_people_paste_has_the_version() -> None:
    assert f"modelport:${{MODELPORT_VERSION:-{VERSION}}}" in (ROOT / "compose.yaml").read_text()
    tags = re.findall(r"\bmodelport:(\d+\.\d+\.\d+)", (ROOT / "README.md").read_text())
    assert tags and set(tags) == {VERSION}
