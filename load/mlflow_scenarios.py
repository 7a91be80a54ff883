"""What is measured of MLflow's API: each scenario with what it needs to be there, what is asked of it, and what MLflow's own server did."""

from dataclasses import dataclass

from scenarios import Scenario, Target


class Times(Target):
    """The least that is asked of the ratio to what is beside it."""

    def __str__(self) -> str:
        return f"{self.share:g} times"


class NothingLost(Target):
    """Errors and points that are not there, or twice, are looked at in any case."""

    def __str__(self) -> str:
        return "no error, each point once"


@dataclass(frozen=True)
class Asked(Scenario):
    """A scenario that is measured with the connections that its targets name."""

    # What has to be there: `models` with their versions, new runs (`one_run`, `new_runs`), large ones (`full_runs`), or
    # `experiments` to search.
    needs: str = ""


LOGGING = (Target(8, throughput=400), Target(32, throughput=400))
# What wrk sends.
STEADY = [
    Asked("get_version", "get version", targets=(Times(8, share=20),), needs="models"),
    Asked("search_versions", "search versions by tag", targets=(Times(8, share=20),), needs="models"),
    Asked("create_model", "create model", targets=(Times(8, share=10),)),
    Asked("create_version", "create version", targets=(Times(8, share=10),), needs="models"),
    Asked("log_metrics", "log 100 metrics, each its own run", targets=LOGGING, needs="new_runs"),
    Asked("get_run", "get run, 50 metrics, 50 params", targets=(Target(8, throughput=2000),), needs="full_runs"),
    Asked("search_runs", "search runs by metric", targets=(Times(8, share=30),), needs="experiments"),
    # After all others: MLflow's own server runs out of connections.
    Asked("log_to_one_run", "log 100 metrics, all to one run", targets=LOGGING, needs="one_run"),
]
SINGLY = Asked("log_singly", "log one metric, 300 times each", targets=(NothingLost(8),))
ORDERED = Asked("search_ordered", "by metric and param, ordered", targets=(Target(1, p50_ms=30),), needs="experiments")
UPLOAD = Asked("upload_file", "upload {} MiB, MiB a second", targets=(Times(1, share=0.9),))
DOWNLOAD = Asked("download_file", "download {} MiB, MiB a second", targets=(Times(1, share=0.9),))
# Both of the last ones, where scenarios are chosen.
FILES = "files"
NAMES = [*(scenario.name for scenario in STEADY), SINGLY.name, ORDERED.name, FILES]

# What MLflow 3.17 did in a second with so many connections, where nothing is measured beside ours.
SEEN = {
    ("get_version", 8): 133.0,
    ("search_versions", 8): 31.0,
    ("create_model", 8): 140.0,
    ("create_version", 8): 137.0,
    ("log_to_one_run", 8): 49.0,
    ("log_to_one_run", 32): 1.2,
    ("search_runs", 8): 9.7,
}
# What our server may have of memory when it has been asked for nothing yet.
IDLE_MIB = 60
