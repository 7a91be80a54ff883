"""What is measured: each scenario with its requests, the limit beside it, and what is asked of it."""

from dataclasses import dataclass

# What gRPC calls are named.
MLMD = "ml_metadata.MetadataStoreService"


@dataclass(frozen=True)
class Target:
    """What is asked at a number of connections; whatever is not given is not asked."""

    connections: int
    throughput: float = 0.0
    p50_ms: float = 0.0
    p99_ms: float = 0.0
    # The least share of what the limit does.
    share: float = 0.0

    def __str__(self) -> str:
        parts = [f"{self.throughput:.0f}/s"] if self.throughput else []
        parts += [f"p50 {self.p50_ms:.0f} ms"] if self.p50_ms else []
        parts += [f"p99 {self.p99_ms:.0f} ms"] if self.p99_ms else []
        parts += [f"{self.share} of the limit"] if self.share else []
        return ", ".join(parts)


@dataclass(frozen=True)
class Scenario:
    """Requests of one sort. Their file and that of the limit have its name."""

    name: str
    what: str
    # Whether it leaves the registry as it was, so that it can be measured at every size.
    reads: bool = True
    # The method that is called over gRPC; over HTTP when it is not given.
    call: str | None = None
    # What is asked of it with few versions, and with a million.
    targets: tuple[Target, ...] = ()
    at_a_million: tuple[Target, ...] = ()


def read(name: str, what: str, *targets: Target, **more) -> Scenario:
    return Scenario(name, what, targets=targets, **more)


def write(name: str, what: str, *targets: Target, **more) -> Scenario:
    return Scenario(name, what, reads=False, targets=targets, **more)


FAST = (Target(1, p50_ms=15),)

METADATA = [
    write("create_model", "create model"),
    write("create_version", "create version, ten properties", Target(32, share=0.5)),
    read("get_version", "get version", Target(32, throughput=5000, p99_ms=20)),
    read("find_version", "find version by name"),
    read("page", "page of 100 versions", Target(32, throughput=400)),
    read("versions_of_model", "versions of one model, twenty a page"),
    read("filter_string", "filtered page, string", at_a_million=FAST),
    read("filter_integer", "filtered page, integer", at_a_million=FAST),
    read("filter_double", "filtered page, double", at_a_million=FAST),
    read("filter_and", "filtered page, AND", at_a_million=FAST),
    read("filter_or", "filtered page, OR", at_a_million=(Target(1, p50_ms=150),)),
    write("update_version", "update version with If-Match"),
    write("append_point", "append one metric point"),
    write("append_points", "append 100 metric points", Target(32, throughput=500)),
    read("read_history", "history of a run, 100 points"),
    read("lineage", "lineage, depth 10"),
    write("put_artifacts", "MLMD PutArtifacts, one", call=f"{MLMD}.PutArtifacts"),
    read("get_artifacts", "MLMD GetArtifactsByID, ten", call=f"{MLMD}.GetArtifactsByID"),
    write("put_execution", "MLMD PutExecution, one in, one out", call=f"{MLMD}.PutExecution"),
]
