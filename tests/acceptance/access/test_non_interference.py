"""Two registries that differ in what somebody may not see: whatever they do, through any door, both answer the same."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
from calls import mlmd
from harness import Installation
from hidden import WORKS, Hidden
from hypothesis import seed
from hypothesis.stateful import get_state_machine_test, invariant, precondition, rule
from mirror import TwinCalls, Twins
from model.edge import Edge
from model.graph import Graph
from model.journal import Journal
from model.kubeflow import EDITIONS, Kubeflow
from model.machine import Doors, Machine
from model.native import FeedWithGaps
from model.plans import pick, picks
from model.registry import Change
from model.sequences import SEED, profile
from model.uploads import Uploads
from people import OWN
from searches import Searches
from twin_training import TwinTraining
from world import World
from world import settings as with_accounts

PROFILE = profile(8, steps=35, long_sequences=100)
# Sees what is in the workspace, but for what is restricted.
SOMEBODY, ROLE = "somebody", "maintainer"

PROBES = [
    "/changes?limit=10000",
    "/changes?after=3&limit=5",
    "/changes?order=desc&limit=10000",
    "/changes?order=desc&action=update&type=kf.ModelVersion&limit=10000",
    "/models?totals=true",
    "/models?filter=verdict%20=%20'clean'%20OR%20alias%20IS%20NOT%20NULL",
    "/models?filter=verdict%20IN%20('warn','suspicious','danger')",
    "/summary",
    "/system",
    "/files",
    "/search?q=hidden&pageSize=100",
    "/search?q=one&pageSize=100",
    "/search?q=a.bin&kinds=files&pageSize=100",
    "/model-facets",
    "/deployments",
    "/environments?totals=true",
    *(f"/environments/hidden-{side}" for side in (0, 1)),
    "/experiments?view=all&totals=true",
    "/experiments?view=all&filter=state%20=%20'LIVE'%20OR%20owner%20IS%20NULL",
    *(f"/experiments/@name:hidden-{side}/keys" for side in (0, 1)),
    "/jobs",
    "/imports",
    "/whoami",
    "/workspaces",
    "/bindings?principal=somebody",
    "/tokens",
    "/principals",
    "/principals/maker",
    "/audit",
    "/models/one-1",
    "/models/two-1",
    *(f"/models/hidden-{side}/versions/latest" for side in (0, 1)),
    *(f"/models/hidden-{side}/versions/latest/tensors/a.bin" for side in (0, 1)),
]
ABOUT_ONE = [
    "/nodes/{id}/history",
    "/nodes/{id}/history?subtree=true&order=desc",
    "/nodes/{id}/lineage?depth=5",
    "/experiments/{id}",
    "/experiments/{id}/keys",
    "/runs/{id}/reproduce",
    "/nodes/{id}/lineage?to={id}",
    "/nodes/{id}/impact",
    "/nodes/{id}/diff?from=1&to=1",
    "/diff?a={id}&b={id}",
    "/artifacts/{id}/files",
    "/artifacts/{id}/files/a.bin",
    "/roots/{id}",
    "/access/who?root={id}",
    "/access/explain?root={id}",
    "/bindings?root={id}",
    "/audit?root={id}",
    "/../model_registry/v1/registered_models/{id}",
    "/../model_registry/v1/model_versions/{id}/artifacts",
    "/../model_registry/v1alpha3/artifact?parentResourceId={id}&name=a",
]
FILTERS = {
    "Artifact": [
        "contexts_a.name LIKE '%'",
        "contexts_a.name LIKE 'one-%'",
        "contexts_a.type = 'Pipeline'",
        "events_0.execution_id > 0",
        "events_0.type = INPUT",
        "NOT (contexts_a.id > 0)",
        "uri LIKE '%' OR contexts_a.id > 0",
    ],
    "Execution": ["contexts_a.name LIKE '%'", "events_0.artifact_id > 0"],
    "Context": [
        "parent_contexts_a.name LIKE '%'",
        "child_contexts_a.name LIKE '%'",
        "properties.registered_model_id.int_value > 0",
    ],
}


class TwinGraph(Graph):
    """gRPC of both."""

    def __init__(self, twins: Twins):
        self.calls = TwinCalls(twins)
        self.types = {}
        self.make_types()


class TwinDoors(Doors):
    """Every door of both."""

    def __init__(self, twins: Twins, hidden: Hidden):
        self.server, self.twins, self.hidden = twins.servers[0], twins, hidden
        self.kubeflow = {edition: Kubeflow(self.server, edition) for edition in EDITIONS}
        self.native, self.uploads, self.edge = FeedWithGaps(self.server), Uploads(self.server), Edge(self.server)
        for door in [*self.kubeflow.values(), self.native, self.uploads]:
            door.http = twins.client(str(door.http.base_url), lambda server: server.port)
        self.edge.http = twins.client(str(self.edge.http.base_url), lambda server: server.edge_port)
        self.graph = TwinGraph(twins)
        self.searches = Searches(twins.client(self.server.url, lambda server: server.port))

    def probe(self) -> None:
        """What the sequences do not ask: it is answered the same, and that is all that has to hold."""
        ask = self.native.http.get
        for path in PROBES:
            ask(path)
        for made in self.hidden.made[0].items():
            for path in ABOUT_ONE:
                ask(path.format(id=made[1]))
        for kind in ["Artifact", "Execution", "Context"]:
            self.graph.ask(f"Get{kind}Types")
            for query in FILTERS[kind]:
                options = mlmd.ListOperationOptions(max_result_size=100, filter_query=query)
                self.graph.ask(f"Get{kind}s", options=options)
        self.searches.everything([], [str(self.hidden.made[0]["experiment"])])


class Watched(Machine):
    """Everything that is done through any door, while somebody else works where it is not seen."""

    doors: TwinDoors

    turn = 0

    @invariant()
    def somebody_else_works(self) -> None:
        """After each step."""
        self.turn += 1
        artifacts = [node.id for node in self.registry.nodes.values() if node.kind == "artifact"]
        models = [node.id for node in self.registry.of("kf.RegisteredModel")]
        about = (pick(each, self.turn // WORKS) if each else None for each in (artifacts, models))
        self.doors.hidden.do(self.turn % WORKS, *about)

    @precondition(lambda self: self.registry.of("kf.ModelVersion"))
    @rule(which=picks)
    def somebody_else_attaches(self, which: int) -> None:
        """What is attached is not seen; that something was is."""
        version = pick(self.registry.of("kf.ModelVersion"), which)
        if self.doors.hidden.attach(version.id):
            self.registry.changes.append([Change(version.id, "attach", version.revision)])

    def teardown(self) -> None:
        super().teardown()
        if hasattr(self, "registry"):
            self.doors.probe()


def begin(installation: Installation) -> tuple[World, str]:
    world = World(installation, installation.serve(variables=with_accounts(installation)))
    world.found()
    world.account(SOMEBODY)
    world.bind(SOMEBODY, ROLE, workspace=OWN)
    return world, world.tokens[SOMEBODY]


@contextmanager
def pair(first: Installation, second: Installation) -> Iterator[TwinDoors]:
    with first, second:
        worlds, tokens = zip(begin(first), begin(second), strict=True)
        twins = Twins((worlds[0].server, worlds[1].server), tokens)
        yield TwinDoors(twins, Hidden(worlds))
        for world in worlds:
            world.server.stop()
            assert " ERROR " not in world.installation.log.read_text()


@pytest.fixture(params=["embedded", "production"])
def doors(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[TwinDoors]:
    """Two registries of a set-up."""
    folders = [tmp_path / name for name in ("one", "two")]
    for folder in folders:
        folder.mkdir()
    of_tests = partial(request.getfixturevalue, "services")
    first, second = (Installation.migrated(request.param, folder, of_tests) for folder in folders)
    with pair(first, second) as doors:
        yield doors


def test_whatever_is_done_is_answered_the_same(doors: TwinDoors, figures: list[str]) -> None:
    machine = type("OfTheseServers", (Watched,), {"doors": doors})
    Journal.requests = 0
    try:
        seed(SEED)(get_state_machine_test(machine, settings=PROFILE))()
    finally:
        asked = f"{doors.twins.asked} answers were compared, and somebody else did {doors.hidden.number} things"
        figures.append(f"{asked}, with MODELPORT_TEST_SEED={SEED}")


def test_whatever_is_trained_is_searched_the_same(doors: TwinDoors, figures: list[str]) -> None:
    training = TwinTraining(doors)
    for side in training.sides:
        side.begin()
    training.train()
    training.compare()
    for step in ["cross", "link", "remove_one", "go_on"]:
        for side in training.sides:
            getattr(side, step)()
        training.compare()
    doors.probe()
    figures.append(f"{doors.twins.asked} answers about what was trained were compared")
