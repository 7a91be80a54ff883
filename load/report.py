"""Rows of figures: as a table, and as JSON that `load/compare` reads."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from load import Figures
from scenarios import Target

MIB = 2**20
HEADER = (
    f"{'scenario':34} {'set-up':10} {'versions':>8} {'conn':>4} {'per s':>9} {'p50 ms':>8} {'p99 ms':>8} {'max ms':>8} "
    f"{'errors':>6} {'503':>5} {'cpu s':>6} {'db s':>6} {'MiB':>6} {'limit':>9} {'share':>6}  target"
)


@dataclass
class Row:
    """The result of a scenario at one number of connections, beside what it is compared with."""

    scenario: str
    what: str
    set_up: str
    versions: int
    connections: int
    figures: Figures
    # What the limit does a second, where there is one.
    limit: float | None = None
    target: str = ""
    missed: list[str] = field(default_factory=list)

    @property
    def share(self) -> float | None:
        return self.figures.throughput / self.limit if self.limit else None

    def judge(self, target: Target | None) -> None:
        """Says what of the target was missed, and what nobody may ever see."""
        figures = self.figures
        if any(kind.startswith(("5xx", "lost", "timeout", "503")) for kind in figures.errors):
            self.missed.append(f"errors: {figures.errors}")
        if target is None:
            return
        self.target = str(target)
        if figures.throughput < target.throughput:
            self.missed.append("throughput")
        if target.p50_ms and figures.p50_ms > target.p50_ms:
            self.missed.append("p50")
        if target.p99_ms and figures.p99_ms > target.p99_ms:
            self.missed.append("p99")
        if target.share and self.share is not None and self.share < target.share:
            self.missed.append("share of the limit")

    def line(self) -> str:
        figures, target = self.figures, self.target
        limit = f"{self.limit:9.1f} {self.share:6.2f}" if self.limit else f"{'':9} {'':6}"
        verdict = f"  MISSED: {', '.join(self.missed)}" if self.missed else "  met" if target else ""
        return (
            f"{self.what:34} {self.set_up:10} {self.versions:8} {self.connections:4} {figures.throughput:9.1f} "
            f"{figures.p50_ms:8.2f} {figures.p99_ms:8.2f} {figures.max_ms:8.1f} {sum(figures.errors.values()):6} "
            f"{figures.busy:5} {figures.cpu_seconds:6.1f} {figures.database_cpu_seconds:6.1f} {figures.peak_bytes / MIB:6.1f} {limit}  {target}{verdict}"
        )


def print_table(rows: list[Row]) -> None:
    print(f"\n{HEADER}")
    for row in rows:
        print(row.line())
    for row in rows:
        if row.figures.errors:
            print(f"{row.what}, {row.set_up}, {row.connections} connections: {row.figures.errors}")
    print(flush=True)


def print_growth(rows: list[Row]) -> None:
    """How much longer each read takes in the largest registry than in the smallest one."""
    # Transfers know no versions.
    sizes = sorted({row.versions for row in rows if row.versions})
    if len(sizes) < 2:
        return
    of = {(row.what, row.set_up, row.connections, row.versions): row.figures.p50_ms for row in rows}
    print("p50 ms by versions" + "".join(f"{size:>12}" for size in sizes) + "  growth, at most 2")
    for what, set_up, connections, size in sorted(of):
        medians = [of.get((what, set_up, connections, each)) for each in sizes]
        if size == sizes[0] and None not in medians:
            growth = medians[-1] / medians[0]
            cells = "".join(f"{each:12.2f}" for each in medians)
            print(f"{what}, {set_up}, {connections}: {cells} {growth:6.2f}{'  MISSED' if growth > 2 else ''}")
    print(flush=True)


def write_json(path: Path, rows: list[Row], more: dict[str, object]) -> None:
    shown = [{**asdict(row), "share": row.share} for row in rows]
    path.write_text(json.dumps({"rows": shown, **more}, indent=1) + "\n")
