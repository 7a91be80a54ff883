#!/usr/bin/env python3
"""Measures MLflow's API under load, beside what MLflow's own server does: in the same run with `--beside`, otherwise as it was seen.

On PostgreSQL, with local files or MinIO. Runs with the interpreter of `scripts/tools python-v1` below `scripts/with-services`: see
`make mlflow-load`, and load/README.md for how to read what it prints. Exits with 1 when a request failed, a point was lost or
counted twice, or the idle server needed too much memory; other targets that are missed are only said.
"""

import argparse
import itertools
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests/acceptance"))

from harness import Installation, LocalStore, Server, Services  # noqa: E402
from load import Cost, Figures, wrk  # noqa: E402
from mlflow_files import transfers  # noqa: E402
from mlflow_registry import RUNS_OF_AN_EXPERIMENT, VERSIONS_OF_A_MODEL, Filled  # noqa: E402
from mlflow_scenarios import DOWNLOAD, FILES, IDLE_MIB, NAMES, ORDERED, SEEN, SINGLY, STEADY, UPLOAD, Asked  # noqa: E402
from mlflow_server import MlflowServer  # noqa: E402
from mlflow_threads import CLIENTS, log_singly, page_through, written_meanwhile  # noqa: E402
from place import installation  # noqa: E402
from report import HEADER, MIB, Row, write_json  # noqa: E402
from scenarios import Target  # noqa: E402

IDLE_SECONDS = 5
# The first step of each measurement: no point is logged twice.
STEPS = itertools.count(1_000_000, 1_000_000)
# The columns are those of the other scenarios, of which three say something else here.
NAMED = HEADER.replace("set-up  ", "server  ").replace("versions", "there is").replace("    limit", "   beside").replace(" share", " times")


class Bench:
    """Our server, MLflow's own where it is asked for, and the rows so far."""

    def __init__(self, options: argparse.Namespace, made: Installation, server: Server, beside: MlflowServer | None):
        self.options, self.made, self.server = options, made, server
        self.ours = Filled("ours", server.url, made.places[3], options.models, options.runs)
        self.theirs = None
        if beside:
            # More would take it an hour.
            runs = min(options.runs, RUNS_OF_AN_EXPERIMENT)
            self.theirs = Filled("MLflow", beside.url, beside.database_url, options.models, runs)
            self.theirs.warm_up()
        self.rows: list[Row] = []

    def note(self, filled: Filled, scenario: Asked, connections: int, figures: Figures, what: str = "") -> Row:
        there = {"models": filled.model_count * VERSIONS_OF_A_MODEL, "experiments": filled.run_count}.get(scenario.needs, 0)
        row = Row(scenario.name, what or scenario.what, filled.name, there, connections, figures)
        self.rows.append(row)
        return row

    def judge(self, row: Row, target: Target) -> None:
        """Of ours alone, to whom nothing may fail."""
        row.judge(target)
        row.missed = ["times" if missed == "share of the limit" else missed for missed in row.missed]
        if row.figures.busy:
            row.missed.append(f"errors: {row.figures.busy} times 503")
        if row.figures.errors and not any(missed.startswith("errors") for missed in row.missed):
            row.missed.append(f"errors: {row.figures.errors}")
        print(row.line(), flush=True)

    def measured(self, filled: Filled, work: Callable[[], Figures]) -> Figures:
        """With what it costs our server; says whether transactions were ended because of deadlocks, repeated or not."""
        filled.settle()
        before = filled.deadlocks()
        if filled is self.ours:
            cost = Cost(self.server)
            figures = cost.note(work())
        else:
            figures = work()
        if ended := filled.deadlocks() - before:
            print(f"{filled.name}: PostgreSQL ended {ended} transactions because of deadlocks", flush=True)
        return figures

    def facts(self, filled: Filled, scenario: Asked, connections: int) -> dict[str, object]:
        """What the requests need to know, once it is there."""
        match scenario.needs:
            case "models":
                return filled.models
            case "new_runs":
                return filled.new_runs(connections)
            case "one_run":
                return filled.new_runs(1)
            case "full_runs":
                return filled.full_runs
            case "experiments":
                return {"experiment": filled.experiments[0], "page": self.options.page}
        return {}

    def steady(self, filled: Filled, scenario: Asked, connections: int) -> Row:
        """What wrk sends, once it has sent it for a moment before."""
        filled.settle()
        facts = self.facts(filled, scenario, connections)

        def go(seconds: float) -> Figures:
            return wrk(filled.url, f"mlflow/{scenario.name}", connections, seconds, {**facts, "first_step": next(STEPS)})

        go(min(1, self.options.seconds))
        return self.note(filled, scenario, connections, self.measured(filled, lambda: go(self.options.seconds)))

    def singly(self, filled: Filled) -> Row:
        more: list[int] = []

        def go() -> Figures:
            figures, points = log_singly(filled)
            more.append(points)
            return figures

        row = self.note(filled, SINGLY, CLIENTS, self.measured(filled, go))
        if more[0]:
            row.missed.append(f"errors: {more[0]:+} points")
        return row

    def ordered(self, filled: Filled, experiments: list[str]) -> list[Row]:
        """First pages and those after them, while others write. The first row has the cost of both."""
        pages: list[Figures] = []

        def go() -> Figures:
            with written_meanwhile(filled):
                pages.extend(page_through(filled, experiments, self.options.page, self.options.seconds))
            return pages[0]

        first = self.note(filled, ORDERED, 1, self.measured(filled, go), f"{ORDERED.what}, of {len(experiments)}")
        return [first, self.note(filled, ORDERED, 1, pages[1], "  the next page")]

    def compare(self, measure: Callable[[Filled], Row], target: Target, seen: float | None = None) -> None:
        """Ours, beside MLflow's own if it is there, and otherwise beside what was seen of it."""
        row = measure(self.ours)
        if self.theirs:
            beside = measure(self.theirs)
            print(beside.line(), flush=True)
            seen = beside.figures.throughput
        row.limit = seen or None
        self.judge(row, target)

    def files(self) -> None:
        size = self.options.mib
        found = transfers(self.ours, self.server, self.theirs, self.made.folder / "model.safetensors", size)
        for scenario, by in zip((UPLOAD, DOWNLOAD), found):
            row = self.note(self.ours, scenario, 1, by["proxy"], scenario.what.format(size))
            row.limit = by["native"].throughput
            self.judge(row, scenario.targets[0])
            if self.theirs:
                print(self.note(self.theirs, scenario, 1, by["MLflow"], row.what).line(), flush=True)

    def run(self, names: list[str]) -> None:
        for scenario in STEADY:
            for target in scenario.targets if scenario.name in names else ():
                seen = SEEN.get((scenario.name, target.connections))
                self.compare(lambda filled: self.steady(filled, scenario, target.connections), target, seen)
        if SINGLY.name in names:
            self.compare(self.singly, SINGLY.targets[0])
        if ORDERED.name in names:
            if self.theirs:
                for row in self.ordered(self.theirs, self.theirs.experiments):
                    print(row.line(), flush=True)
            ids = self.ours.experiments
            for searched in [ids[:1], ids] if len(ids) > 1 else [ids]:
                for row in self.ordered(self.ours, searched):
                    self.judge(row, ORDERED.targets[0])
        if FILES in names:
            self.files()


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", type=Path, required=True, help="the modelport binary, of a release build")
    parser.add_argument("--beside", type=Path, help="measures MLflow's own server, too: the interpreter that has it")
    parser.add_argument("--store", choices=("files", "minio"), default="files", help="what our server keeps bytes in")
    parser.add_argument("--seconds", type=float, default=10, help="how long each scenario is measured")
    parser.add_argument("--runs", type=int, default=10_000, help="to be searched, ten thousand in an experiment")
    parser.add_argument("--models", type=int, default=100, help=f"with {VERSIONS_OF_A_MODEL} versions each")
    parser.add_argument("--page", type=int, default=20, help="how many runs a search asks for at once")
    parser.add_argument("--mib", type=int, default=1024, help="the size of the file that goes up and down")
    parser.add_argument("--only", default=",".join(NAMES), help="the scenarios, with commas between them")
    parser.add_argument("--json", type=Path, help="the file that the figures are written to")
    options = parser.parse_args()
    options.names = options.only.split(",")
    if unknown := set(options.names) - set(NAMES):
        parser.error(f"no scenario is called {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}")
    return options


def prepared(options: argparse.Namespace, folder: Path) -> Installation:
    """PostgreSQL with local files or MinIO, its tables made."""
    folder.mkdir()
    made = installation("production", folder)
    if options.store == "files":
        made.store = LocalStore(folder / "artifacts")
        made.places[-1] = made.store.url
    return made


def main() -> int:
    # A run that is terminated cleans up after itself like one that is interrupted.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    options = parse()
    os.environ["MODELPORT_BIN"] = str(options.binary.resolve())
    with TemporaryDirectory(prefix="modelport-mlflow-") as temporary, ExitStack() as stack:
        made = stack.enter_context(prepared(options, Path(temporary) / "ours"))
        server = made.serve()
        time.sleep(IDLE_SECONDS)
        idle = {"ours": (server.memory("VmRSS") / MIB, 1)}
        beside = None
        if options.beside:
            beside = MlflowServer(options.beside, Path(temporary) / "mlflow", Services(dict(os.environ)))
            stack.enter_context(beside)
            idle["MLflow"] = beside.memory() / MIB, len(beside.processes())
        bench = Bench(options, made, server, beside)
        bench.run(options.names)
        is_idle_large = report(bench.rows, idle)
        if options.json:
            write_json(options.json, bench.rows, {"idle": idle})
        server.stop()
    failed = any(missed.startswith("errors") for row in bench.rows if row.set_up == "ours" for missed in row.missed)
    return int(failed or is_idle_large)


def report(rows: list[Row], idle: dict[str, tuple[float, int]]) -> bool:
    """Prints all of it; whether our idle server needs too much memory."""
    print(f"\n{NAMED}")
    for row in rows:
        print(row.line())
    for name, (mebibytes, processes) in idle.items():
        print(f"{name}, idle: {mebibytes:.1f} MiB, processes: {processes}")
    is_large = idle["ours"][0] >= IDLE_MIB
    print(f"idle memory below {IDLE_MIB} MiB: {'MISSED' if is_large else 'met'}", flush=True)
    return is_large


if __name__ == "__main__":
    sys.exit(main())
