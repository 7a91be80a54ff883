"""Sixteen clients that write at once: nothing fails, nothing is there twice, and what was acknowledged is there."""

import os
import random
import threading
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor

from calls import Calls, mlmd, service
from harness import Server

# The long form is for `make long`.
SECONDS = 60 if "MODELPORT_TEST_LONG" in os.environ else 5
WRITERS = 16
CHUNK = 500


class Shared:
    """What all write to."""

    def __init__(self, calls: Calls):
        self.artifact_type = calls.type("artifact", "Data", number=mlmd.INT, text=mlmd.STRING)
        self.execution_type = calls.type("execution", "Step")
        self.context_type = calls.type("context", "Run")
        named = [mlmd.Artifact(type_id=self.artifact_type, name=f"shared-{number}") for number in range(4)]
        self.artifacts = list(calls.call("PutArtifacts", artifacts=named).artifact_ids)
        root = mlmd.Context(type_id=self.context_type, name="root")
        [self.root] = calls.call("PutContexts", contexts=[root]).context_ids
        self.until = time.monotonic() + SECONDS
        self.barrier = threading.Barrier(WRITERS)

    def round(self) -> int:
        """Who asks within the same fifth of a second wants the same name."""
        return int((self.until - time.monotonic()) * 5)


class Writer:
    """A client, and what was acknowledged to it."""

    def __init__(self, server: Server, shared: Shared, number: int):
        self.shared, self.number = shared, number
        self.calls, self.random, self.count, self.slowest = Calls(server), random.Random(number), 0, 0.0
        self.types: set[tuple[str, int]] = set()
        self.grown: set[tuple[str, int, str]] = set()
        self.artifacts: dict[int, mlmd.Artifact] = {}
        self.executions: dict[int, tuple[int, int, int]] = {}
        self.contexts: set[tuple[str, int]] = set()
        self.children: set[int] = set()
        self.attributions: set[tuple[int, int]] = set()
        self.last_word: dict[int, int] = {}

    def write(self) -> "Writer":
        works = [self.put_type, self.grow_type, self.put_artifacts, self.run_step, self.mask, self.talk_over]
        works += [self.attribute, self.put_child]
        with self.calls:
            self.shared.barrier.wait()
            while time.monotonic() < self.shared.until:
                self.random.choice(works)()
        return self

    def call(self, method: str, **fields):
        started = time.monotonic()
        answer = self.calls.call(method, **fields)
        self.count += 1
        self.slowest = max(self.slowest, time.monotonic() - started)
        return answer

    def put_type(self) -> None:
        wanted = mlmd.ExecutionType(name=f"race-{self.shared.round()}", properties={"p": mlmd.INT})
        self.types.add((wanted.name, self.call("PutExecutionType", execution_type=wanted).type_id))

    def grow_type(self) -> None:
        name, grown = f"growing-{self.random.randrange(3)}", f"p{self.random.randrange(200)}"
        wanted = mlmd.ArtifactType(name=name, properties={grown: mlmd.DOUBLE})
        answer = self.call("PutArtifactType", artifact_type=wanted, can_add_fields=True, can_omit_fields=True)
        self.grown.add((name, answer.type_id, grown))

    def artifact(self) -> mlmd.Artifact:
        name = f"{self.number}-{self.count}-{self.random.random()}"
        made = mlmd.Artifact(type_id=self.shared.artifact_type, name=name, uri=f"s3://{name}")
        made.properties["number"].int_value = self.random.getrandbits(62)
        made.custom_properties["own"].string_value = name
        return made

    def acknowledge(self, ids: list[int], artifacts: list[mlmd.Artifact]) -> None:
        for id, artifact in zip(ids, artifacts, strict=True):
            artifact.id = id
            self.artifacts[id] = artifact

    def put_artifacts(self) -> None:
        made = [self.artifact() for _ in range(self.random.randint(1, 5))]
        self.acknowledge(self.call("PutArtifacts", artifacts=made).artifact_ids, made)

    def run_step(self) -> None:
        made = self.artifact()
        read = self.random.choice(self.shared.artifacts)
        step = mlmd.Execution(type_id=self.shared.execution_type, last_known_state=mlmd.Execution.COMPLETE)
        context = mlmd.Context(type_id=self.shared.context_type, name=f"run-{self.shared.round()}")
        Pair, Options = service.PutExecutionRequest.ArtifactAndEvent, service.PutExecutionRequest.Options
        pairs = [Pair(event=mlmd.Event(artifact_id=read, type=mlmd.Event.INPUT))]
        pairs += [Pair(artifact=made, event=mlmd.Event(type=mlmd.Event.OUTPUT))]
        options = Options(reuse_context_if_already_exist=True)
        answer = self.call(
            "PutExecution", execution=step, artifact_event_pairs=pairs, contexts=[context], options=options
        )
        self.acknowledge(answer.artifact_ids[1:], [made])
        self.contexts.add((context.name, answer.context_ids[0]))
        self.executions[answer.execution_id] = (read, made.id, answer.context_ids[0])
        self.attributions |= {(artifact, answer.context_ids[0]) for artifact in (read, made.id)}

    def mask(self) -> None:
        """Changes a part of an artifact of its own."""
        if not self.artifacts:
            return
        changed = self.artifacts[self.random.choice(list(self.artifacts))]
        changed.properties["text"].string_value = f"changed at {self.count}"
        changed.state = self.random.choice(mlmd.Artifact.State.values())
        sent = mlmd.Artifact(id=changed.id, state=changed.state, properties={"text": changed.properties["text"]})
        self.call("PutArtifacts", artifacts=[sent], update_mask={"paths": ["properties.text", "state"]})

    def talk_over(self) -> None:
        """Changes its own word on artifacts that everybody changes, in any order."""
        ids = self.random.sample(self.shared.artifacts, 3)
        word = {f"word-{self.number}": mlmd.Value(int_value=self.count)}
        sent = [mlmd.Artifact(id=id, custom_properties=word) for id in ids]
        self.call("PutArtifacts", artifacts=sent, update_mask={"paths": [f"custom_properties.word-{self.number}"]})
        self.last_word |= dict.fromkeys(ids, self.count - 1)

    def attribute(self) -> None:
        if not self.contexts or not self.artifacts:
            return
        _, context = self.random.choice(list(self.contexts))
        ids = self.random.sample(self.shared.artifacts, 2) + self.random.choices(list(self.artifacts), k=2)
        sent = [mlmd.Attribution(artifact_id=id, context_id=context) for id in ids]
        self.call("PutAttributionsAndAssociations", attributions=sent)
        self.attributions |= {(id, context) for id in ids}

    def put_child(self) -> None:
        name = f"child-{self.number}-{self.count}"
        wanted = mlmd.Context(type_id=self.shared.context_type, name=name)
        [child] = self.call("PutContexts", contexts=[wanted]).context_ids
        self.call("PutParentContexts", parent_contexts=[mlmd.ParentContext(child_id=child, parent_id=self.shared.root)])
        self.contexts.add((name, child))
        self.children.add(child)


def test_writers_do_not_get_in_each_others_way(server: Server, figures: list[str], request) -> None:
    with Calls(server) as calls, ThreadPoolExecutor(WRITERS) as pool:
        shared = Shared(calls)
        started = time.monotonic()
        running = [pool.submit(Writer(server, shared, number).write) for number in range(WRITERS)]
        writers = [each.result() for each in running]
        rate = sum(writer.count for writer in writers) / (time.monotonic() - started)
        slowest = max(writer.slowest for writer in writers)
        figures.append(
            f"{WRITERS} gRPC writers {request.node.callspec.id}: {rate:.0f} calls/s, slowest {slowest:.2f} s"
        )
        verify_types(calls, writers)
        verify_artifacts(calls, shared, writers)
        verify_edges(calls, shared, writers)
    assert " ERROR " not in server.installation.log.read_text()


def union(writers: list[Writer], name: str) -> set:
    return set().union(*(getattr(writer, name) for writer in writers))


def verify_types(calls: Calls, writers: list[Writer]) -> None:
    stored = calls.call("GetExecutionTypes").execution_types
    assert sorted((each.name, each.id) for each in stored if each.name != "Step") == sorted(union(writers, "types"))
    stored = {(each.name, each.id): each for each in calls.call("GetArtifactTypes").artifact_types}
    expected = defaultdict(set)
    for name, id, grown in union(writers, "grown"):
        expected[name, id].add(grown)
    assert {key: set(type.properties) for key, type in stored.items() if key[0] != "Data"} == expected


def verify_artifacts(calls: Calls, shared: Shared, writers: list[Writer]) -> None:
    expected = {id: artifact for writer in writers for id, artifact in writer.artifacts.items()}
    assert len(expected) == sum(len(writer.artifacts) for writer in writers)
    stored = {each.id: each for each in calls.call("GetArtifacts").artifacts}
    assert set(stored) == set(expected) | set(shared.artifacts)
    for id, artifact in expected.items():
        for field in ["type", "create_time_since_epoch", "last_update_time_since_epoch"]:
            stored[id].ClearField(field)
        assert stored[id] == artifact
    for writer in writers:
        for id, word in writer.last_word.items():
            assert stored[id].custom_properties[f"word-{writer.number}"].int_value == word


def verify_edges(calls: Calls, shared: Shared, writers: list[Writer]) -> None:
    contexts = union(writers, "contexts")
    stored = calls.call("GetContexts").contexts
    assert sorted((each.name, each.id) for each in stored) == sorted(contexts | {("root", shared.root)})
    children = calls.call("GetChildrenContextsByContext", context_id=shared.root).contexts
    assert {each.id for each in children} == union(writers, "children")
    attributions, associations = set(), set()
    for _, id in contexts:
        attributions |= {(each.id, id) for each in calls.call("GetArtifactsByContext", context_id=id).artifacts}
        associations |= {(each.id, id) for each in calls.call("GetExecutionsByContext", context_id=id).executions}
    executions = {id: step for writer in writers for id, step in writer.executions.items()}
    assert attributions == union(writers, "attributions")
    assert associations == {(id, context) for id, (_, _, context) in executions.items()}
    assert {each.id for each in calls.call("GetExecutions").executions} == set(executions)
    ids, events = sorted(executions), []
    for first in range(0, len(ids), CHUNK):
        events += calls.call("GetEventsByExecutionIDs", execution_ids=ids[first : first + CHUNK]).events
    found = sorted((each.execution_id, each.artifact_id, each.type) for each in events)
    kinds = [mlmd.Event.INPUT, mlmd.Event.OUTPUT]
    assert found == sorted((id, node, kind) for id in ids for node, kind in zip(executions[id], kinds))
