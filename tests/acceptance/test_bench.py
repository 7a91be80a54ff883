"""The scenarios of `make bench` over HTTP, each for a moment: what nobody runs rots."""

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from harness import ROOT

sys.path.insert(0, str(ROOT / "load"))
from load import wrk  # noqa: E402
from place import filled  # noqa: E402
from scenarios import METADATA, Scenario  # noqa: E402

SEED = Path(os.environ["MODELPORT_BIN"]).parent / "examples/seed"
CONNECTIONS = 2

pytestmark = pytest.mark.alone


def test_every_scenario_runs_without_errors(tmp_path: Path, figures: list[str]) -> None:
    with filled(SEED, "embedded", 200, tmp_path / "place") as place:

        def run(scenario: Scenario):
            return wrk(place.server.url, scenario.name, CONNECTIONS, 1, place.facts)

        over_http = [scenario for scenario in METADATA if not scenario.call]
        with ThreadPoolExecutor(len(over_http)) as pool:
            found = dict(zip((scenario.name for scenario in over_http), pool.map(run, over_http)))
        figures.append(f"{len(found)} scenarios at once: {sum(each.throughput for each in found.values()):.0f} requests a second")
        assert {name: each.errors for name, each in found.items() if each.errors or not each.throughput} == {}
