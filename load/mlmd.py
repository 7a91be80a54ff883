#!/usr/bin/env python3
"""What ML Metadata's calls cost over gRPC beside the reference library, which runs in the client's own process.

Both over the same PostgreSQL server, in the same run, with the same client and the same calls, one after the other. The
reference pays no network to its server, because it has none. What a call over gRPC takes of the cores is told by process: the
client's, the server's and PostgreSQL's. Needs what `scripts/with-services` sets.
"""

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests/acceptance"))

from harness import Installation, Server, Services  # noqa: E402
from load import Cost  # noqa: E402
from ml_metadata import ListOptions, MetadataStore  # noqa: E402
from ml_metadata.proto import metadata_store_pb2 as mlmd  # noqa: E402

HOPS = 100
# What is asked of each figure: at least as fast as the reference, and several times as fast where it sends a statement a row.
TARGETS = {"put 100 artifacts": 5.0, f"lineage of {HOPS} hops": 8.0}


class Scene:
    """A store with `artifacts` artifacts, and the calls that are measured on it."""

    def __init__(self, store: MetadataStore, artifacts: int):
        self.store = store
        self.serial = 0
        properties = {"i": mlmd.INT, "s": mlmd.STRING, "d": mlmd.DOUBLE}
        self.type = store.put_artifact_type(mlmd.ArtifactType(name="Data", properties=properties))
        self.execution_type = store.put_execution_type(mlmd.ExecutionType(name="Step"))
        self.context_type = store.put_context_type(mlmd.ContextType(name="Run"))
        self.ids: list[int] = []
        started = time.perf_counter()
        while len(self.ids) < artifacts:
            self.ids += store.put_artifacts([self.artifact() for _ in range(min(1000, artifacts - len(self.ids)))])
        self.load_seconds = time.perf_counter() - started
        self.last = self.chain()

    def artifact(self) -> mlmd.Artifact:
        """A name, a URI, a state, three properties of the type's and a free one."""
        self.serial += 1
        at = self.serial
        artifact = mlmd.Artifact(type_id=self.type, name=f"data-{at}", uri=f"s3://bucket/data/{at}")
        artifact.state = mlmd.Artifact.LIVE
        artifact.properties["i"].int_value = at % 1000
        artifact.properties["s"].string_value = f"split-{at % 100}"
        artifact.properties["d"].double_value = at / 7
        artifact.custom_properties["note"].string_value = f"note-{at % 10}"
        return artifact

    def event(self, artifact: int, kind: int) -> mlmd.Event:
        return mlmd.Event(artifact_id=artifact, type=kind)

    def execution(self) -> mlmd.Execution:
        self.serial += 1
        return mlmd.Execution(type_id=self.execution_type, name=f"step-{self.serial}")

    def chain(self) -> str:
        """Artifacts and executions, each made from the one before; the name of the last artifact."""
        [artifact] = self.store.put_artifacts([self.artifact()])
        made = None
        for _ in range(HOPS // 2):
            made = self.artifact()
            [before] = self.store.get_artifacts_by_id([artifact])
            read = (before, self.event(artifact, mlmd.Event.INPUT))
            written = (made, mlmd.Event(type=mlmd.Event.OUTPUT))
            _, ids, _ = self.store.put_execution(self.execution(), [read, written], [])
            artifact = ids[1]
        return made.name

    def put(self, many: int) -> None:
        assert len(self.store.put_artifacts([self.artifact() for _ in range(many)])) == many

    def publish(self) -> None:
        inputs = [(artifact, self.event(artifact.id, mlmd.Event.INPUT)) for artifact in self.two]
        outputs = [(self.artifact(), mlmd.Event(type=mlmd.Event.OUTPUT)) for _ in range(2)]
        context = mlmd.Context(type_id=self.context_type, name="run")
        options = {"reuse_context_if_already_exist": True}
        _, ids, _ = self.store.put_execution(self.execution(), inputs + outputs, [context], **options)
        assert len(ids) == 4

    def get(self) -> None:
        assert len(self.store.get_artifacts_by_id(self.hundred)) == 100

    def page(self, query: str, **order) -> None:
        options = ListOptions(limit=20, filter_query=query, **order)
        assert len(self.store.get_artifacts(list_options=options)) == 20

    def lineage(self) -> None:
        options = mlmd.LineageSubgraphQueryOptions(max_num_hops=HOPS, direction="UPSTREAM")
        options.starting_artifacts.filter_query = f"name = '{self.last}'"
        graph = self.store.get_lineage_subgraph(options, ["artifacts", "executions", "events"])
        assert len(graph.events) == HOPS

    def calls(self) -> dict[str, tuple[Callable[[], None], int]]:
        """What is measured, and how often."""
        self.two = self.store.get_artifacts_by_id(self.ids[:2])
        step = max(1, len(self.ids) // 100)
        self.hundred = self.ids[::step][:100]
        return {
            "put 1 artifact": (lambda: self.put(1), 200),
            "put 100 artifacts": (lambda: self.put(100), 30),
            "put execution, 2 in, 2 out, context": (self.publish, 100),
            "get 100 by id": (self.get, 100),
            "page of 20, int =": (lambda: self.page("properties.i.int_value = 42"), 50),
            "page of 20, int = and string LIKE": (
                lambda: self.page("properties.i.int_value = 42 AND properties.s.string_value LIKE 'split-4%'"),
                50,
            ),
            "page of 20, free string =": (lambda: self.page("custom_properties.note.string_value = 'note-3'"), 50),
            "page of 20, double >": (lambda: self.page(f"properties.d.double_value > {self.serial / 7 * 0.9}"), 50),
            f"lineage of {HOPS} hops": (self.lineage, 30),
        }


def median(call: Callable[[], None], times: int) -> float:
    """Milliseconds."""
    call()
    taken = []
    for _ in range(times):
        started = time.perf_counter()
        call()
        taken.append((time.perf_counter() - started) * 1000)
    return statistics.median(taken)


def reference(services: Services) -> MetadataStore:
    """The reference library over a database of its own."""
    services.sql("CREATE DATABASE reference")
    url = urlsplit(services.postgres)
    config = mlmd.ConnectionConfig()
    config.postgresql.host = url.hostname
    config.postgresql.port = str(url.port)
    config.postgresql.user = url.username
    config.postgresql.password = url.password or ""
    config.postgresql.dbname = "reference"
    config.postgresql.skip_db_creation = True
    return MetadataStore(config)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binary", required=True, type=Path)
    parser.add_argument("--artifacts", type=int, default=100_000)
    arguments = parser.parse_args()
    os.environ["MODELPORT_BIN"] = str(arguments.binary.resolve())
    services = Services(dict(os.environ))
    with TemporaryDirectory() as folder, Installation.production(Path(folder), services) as installation:
        installation.run("migrate")
        server = installation.serve()
        channel = mlmd.MetadataStoreClientConfig(host="127.0.0.1", port=server.grpc_port)
        ours = Scene(MetadataStore(channel), arguments.artifacts)
        theirs = Scene(reference(services), arguments.artifacts)
        own = urlsplit(installation.places[installation.places.index("--database-url") + 1]).path.strip("/")
        for database in own, "reference":
            services.sql("ANALYZE", database)
        report(ours, theirs, server, arguments.artifacts)


def processor_time(call: Callable[[], None], times: int, server: Server) -> list[float]:
    """Milliseconds of the cores that a call takes in the client, the server and PostgreSQL."""
    cost, own = Cost(server), time.process_time()
    for _ in range(times):
        call()
    spent = time.process_time() - own
    after = cost.so_far()
    return [seconds * 1000 / times for seconds in (spent, after[0] - cost.before[0], after[1] - cost.before[1])]


def report(ours: Scene, theirs: Scene, server: Server, artifacts: int) -> None:
    print(f"{artifacts} artifacts, PostgreSQL; medians in ms; ours over gRPC, the reference in process")
    print(f"{'loaded in batches of 1000':38} {ours.load_seconds:9.1f} s {theirs.load_seconds:9.1f} s")
    print(f"{'call':38} {'ours':>9} {'reference':>11} {'ratio':>7} {'target':>7} {'client':>7} {'server':>7} {'db':>7}")
    mine, other = ours.calls(), theirs.calls()
    for name, (call, times) in mine.items():
        # Turn by turn, so that a noisy moment meets both.
        halves = [(median(call, times // 2), median(other[name][0], times // 2)) for _ in range(2)]
        us, them = (statistics.mean(side) for side in zip(*halves))
        target = TARGETS.get(name, 1.0)
        # As many as the clock of the processes, which ticks a hundred times a second, needs.
        shares = " ".join(f"{part:7.2f}" for part in processor_time(call, 4 * times, server))
        missed = "" if them / us >= target else "  missed"
        print(f"{name:38} {us:9.2f} {them:11.2f} {them / us:7.1f} {target:7.1f} {shares}{missed}")


if __name__ == "__main__":
    main()
