#!/usr/bin/env python3
"""Measures the server under load, with the limit beside each figure, measured in the same run.

Runs with the interpreter of `scripts/tools python-v1` below `scripts/with-services`: see `make bench`, and
load/README.md for how to read what it prints. Exits with 1 when the server answered with an error that nobody may
see, or needed too much memory; other targets that are missed are only said.
"""

import argparse
import os
import signal
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests/acceptance"))

from load import Cost, Figures, ghz, wrk  # noqa: E402
from limit import pgbench  # noqa: E402
from place import SET_UPS, Place, filled  # noqa: E402
from report import Row, print_growth, print_table, write_json  # noqa: E402
from scenarios import METADATA, Scenario  # noqa: E402
from transfer import hashing_rate, transfers  # noqa: E402

# Of the registry that is not measured at several sizes.
VERSIONS = 10_000
CONNECTIONS = (1, 8, 32, 256)
MANY = 256
SECONDS, SECONDS_OF_MANY = 10, 60
# What grows, and what shows how much.
SIZED_CONNECTIONS = (1, 32)
MILLION = 1_000_000
# What is selected like a scenario: files up and down.
TRANSFERS = "transfers"
TRANSFER_CONNECTIONS = (1, 8)


def run(place: Place, scenario: Scenario, connections: int, seconds: float) -> Figures:
    """What the server does, once it has done it for a moment before."""
    server, facts = place.server, place.facts

    def go(seconds: float) -> Figures:
        if scenario.call:
            return ghz(server, scenario.name, scenario.call, connections, seconds, facts)
        return wrk(server.url, scenario.name, connections, seconds, facts)

    go(min(1, seconds))
    cost = Cost(server)
    return cost.note(go(seconds))


def measure(place: Place, scenario: Scenario, connections: int, options: argparse.Namespace) -> Row:
    seconds = options.seconds_of_many if connections >= MANY else options.seconds
    figures = run(place, scenario, connections, seconds)
    row = Row(scenario.name, scenario.what, place.set_up, place.versions, connections, figures)
    if place.set_up == "production" and not options.no_limit:
        row.limit = pgbench(place.database_url, scenario, connections, options.seconds, place.facts)
    targets = scenario.targets if place.versions < MILLION else scenario.at_a_million
    row.judge(next((target for target in targets if target.connections == connections), None))
    print(row.line(), flush=True)
    return row


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", type=Path, required=True, help="the modelport binary, of a release build")
    parser.add_argument("--seed", type=Path, required=True, help="the program that fills registries, of a release build")
    parser.add_argument(
        "--seconds", type=float, help=f"how long each scenario is measured; {SECONDS}, and {SECONDS_OF_MANY} at {MANY} connections"
    )
    parser.add_argument("--only", default="", help="the scenarios, with commas between them")
    parser.add_argument("--set-ups", default=",".join(SET_UPS))
    parser.add_argument("--connections", help="with commas between them")
    parser.add_argument("--versions", default=str(VERSIONS), help="sizes of the registry; of several, only reads are measured")
    parser.add_argument("--no-metrics", action="store_true", help="no version has a metric: filled in half the time")
    parser.add_argument("--mib", default="1,100,4096", help="sizes of the files that go up and down")
    parser.add_argument("--no-limit", action="store_true", help="leaves the limits out")
    parser.add_argument("--json", type=Path, help="the file that the figures are written to")
    options = parser.parse_args()
    options.seconds, options.seconds_of_many = options.seconds or SECONDS, options.seconds or SECONDS_OF_MANY
    options.sizes = [int(size) for size in options.versions.split(",")]
    default = CONNECTIONS if len(options.sizes) == 1 else SIZED_CONNECTIONS
    options.given = bool(options.connections)
    options.connections = [int(count) for count in options.connections.split(",")] if options.given else list(default)
    names = [name for name in options.only.split(",") if name]
    known = {scenario.name for scenario in METADATA} | {TRANSFERS}
    if unknown := set(names) - known:
        parser.error(f"no scenario is called {', '.join(sorted(unknown))}; there are {', '.join(sorted(known))}")
    options.transfers = TRANSFERS in names if names else len(options.sizes) == 1
    options.scenarios = [
        scenario
        for scenario in METADATA
        if (not names or scenario.name in names) and (scenario.reads or len(options.sizes) == 1)
    ]
    return options


def metadata(set_up: str, folder: Path, options: argparse.Namespace) -> tuple[list[Row], dict[str, float]]:
    """Every scenario at every size and number of connections; and how the server started."""
    rows: list[Row] = []
    start: dict[str, float] = {}
    for size in options.sizes if options.scenarios else []:
        more = ("--measured-every", "0") if options.no_metrics else ()
        with filled(options.seed, set_up, size, folder / f"{set_up}-{size}", *more) as place:
            start = {"ready_seconds": place.server.start_seconds, "idle_mib": place.server.memory("VmRSS") / 2**20}
            for scenario in options.scenarios:
                for connections in options.connections:
                    rows.append(measure(place, scenario, connections, options))
    return rows, start


def main() -> int:
    # A run that is terminated cleans up after itself like one that is interrupted.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    options = parse()
    os.environ["MODELPORT_BIN"] = str(options.binary.resolve())
    rows: list[Row] = []
    more: dict[str, object] = {}
    with TemporaryDirectory(prefix="modelport-bench-") as temporary:
        folder = Path(temporary)
        for set_up in options.set_ups.split(","):
            figures, more[set_up] = metadata(set_up, folder, options)
            rows += figures
            if options.transfers:
                sizes = [int(size) for size in options.mib.split(",")]
                given = options.connections if options.given else list(TRANSFER_CONNECTIONS)
                rows += transfers(set_up, folder / f"{set_up}-files", sizes, given, options.seconds)
        if options.transfers:
            more["sha256_mib_per_second"] = hashing_rate()
    print_table(rows)
    print_growth(rows)
    for what, figures in more.items():
        print(f"{what}: {figures}")
    if options.json:
        write_json(options.json, rows, more)
    return int(any(missed.startswith(("errors", "memory")) for row in rows for missed in row.missed))


if __name__ == "__main__":
    sys.exit(main())
