"""Faults under ML Metadata's calls: what was acknowledged stays, nothing is half there, and nothing hangs."""

import os
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
from calls import NAME, Calls, mlmd, service
from grpc_health.v1 import health_pb2
from grpc_health.v1.health_pb2_grpc import HealthStub
from harness import Installation, Server, Services, eventually

# The long form is for `make long`.
LONG = "MODELPORT_TEST_LONG" in os.environ
KILLS = 50 if LONG else 3
OUTAGES = 10 if LONG else 1
WORKERS = 8
Code = grpc.StatusCode
Pair = service.PutExecutionRequest.ArtifactAndEvent


class Steps:
    """Publishes steps over a channel of its own."""

    def __init__(self, server: Server, worker: str):
        self.server, self.worker = server, worker
        self.acknowledged: dict[int, tuple[list[int], list[int]]] = {}
        self.codes: Counter[Code] = Counter()
        self.slowest = 0.0

    def publish_until(self, ended: Callable[[], bool]) -> "Steps":
        with Calls(self.server) as calls:
            types = [calls.type(kind, "T") for kind in ["artifact", "execution", "context"]]
            for number in range(1_000_000):
                if ended():
                    break
                started = time.monotonic()
                self.codes[self.publish(calls, types, f"{self.worker}-{number}")] += 1
                self.slowest = max(self.slowest, time.monotonic() - started)
        return self

    def publish(self, calls: Calls, types: list[int], name: str) -> Code:
        made = [mlmd.Artifact(type_id=types[0], name=f"{name}-{output}", uri=name) for output in range(3)]
        pairs = [Pair(artifact=each, event=mlmd.Event(type=mlmd.Event.OUTPUT)) for each in made]
        contexts = [mlmd.Context(type_id=types[2], name=each) for each in ["pipeline", f"run-{self.worker}"]]
        try:
            answer = calls.call(
                "PutExecution",
                execution=mlmd.Execution(type_id=types[1], name=name),
                artifact_event_pairs=pairs,
                contexts=contexts,
                options=service.PutExecutionRequest.Options(reuse_context_if_already_exist=True),
            )
        except grpc.RpcError as error:
            return error.code()
        self.acknowledged[answer.execution_id] = (list(answer.artifact_ids), list(answer.context_ids))
        return Code.OK


def verify_whole(server: Server, acknowledged: dict[int, tuple[list[int], list[int]]]) -> None:
    """What was acknowledged is there, and whatever else is there is whole."""
    with Calls(server) as calls:
        executions = {each.id: each for each in calls.call("GetExecutions").executions}
        artifacts = {each.id: each for each in calls.call("GetArtifacts").artifacts}
        assert acknowledged.keys() <= executions.keys()
        outputs: dict[int, list[int]] = {id: [] for id in executions}
        for event in calls.call("GetEventsByArtifactIDs", artifact_ids=list(artifacts)).events:
            assert artifacts[event.artifact_id].uri == executions[event.execution_id].name
            outputs[event.execution_id].append(event.artifact_id)
        assert sorted(id for ids in outputs.values() for id in ids) == sorted(artifacts)
        of_execution: dict[int, list[int]] = {id: [] for id in executions}
        of_artifact: dict[int, list[int]] = {id: [] for id in artifacts}
        for context in calls.call("GetContexts").contexts:
            for each in calls.call("GetExecutionsByContext", context_id=context.id).executions:
                of_execution[each.id].append(context.id)
            for each in calls.call("GetArtifactsByContext", context_id=context.id).artifacts:
                of_artifact[each.id].append(context.id)
    for id, made in outputs.items():
        assert len(made) == 3
        assert len(of_execution[id]) == 2
        assert all(of_artifact[output] == of_execution[id] for output in made)
    for id, (made, contexts) in acknowledged.items():
        assert sorted(made) == sorted(outputs[id])
        assert sorted(contexts) == sorted(of_execution[id])


def test_kills_at_any_moment_lose_nothing_and_leave_no_half_step(
    installation: Installation, figures: list[str]
) -> None:
    acknowledged, codes = {}, Counter()
    for kill in range(KILLS):
        server = installation.serve()
        with ThreadPoolExecutor(WORKERS) as pool:
            gone = threading.Event()
            running = [
                pool.submit(Steps(server, f"{kill}-{each}").publish_until, gone.is_set) for each in range(WORKERS)
            ]
            # The moment of the fault.
            time.sleep(random.uniform(0.5, 1.0))
            server.kill()
            gone.set()
        for each in running:
            acknowledged |= each.result().acknowledged
            codes += each.result().codes
    assert acknowledged
    assert set(codes) == {Code.OK, Code.UNAVAILABLE}, codes
    figures.append(f"{KILLS} kills: {codes[Code.OK]} steps acknowledged, {codes[Code.UNAVAILABLE]} broken off")
    server = installation.serve()
    verify_whole(server, acknowledged)
    server.stop()


def health(calls: Calls, name: str) -> int:
    """What the health service says."""
    return HealthStub(calls.channel).Check(health_pb2.HealthCheckRequest(service=name), timeout=15).status


def unavailable(server: Server) -> None:
    """Whatever needs the database says so, and soon."""
    eventually(lambda: server.ready() == 503, "unreadiness without PostgreSQL")
    calls = Calls(server, patience=15)
    for method in ["GetArtifacts", "GetContextTypes", "PutArtifacts", "PutExecution"]:
        request = {"artifacts": [mlmd.Artifact(type_id=1)]} if method == "PutArtifacts" else {}
        request |= {"execution": mlmd.Execution(type_id=1)} if method == "PutExecution" else {}
        assert calls.code(method, **request) == Code.UNAVAILABLE, method
    for name in ["", NAME]:
        assert health(calls, name) == health_pb2.HealthCheckResponse.NOT_SERVING


def test_a_database_that_comes_back_is_used_again(tmp_path: Path, figures: list[str]) -> None:
    with Services.of_its_own() as services, Installation.production(tmp_path, services) as installation:
        installation.run("migrate")
        installation.settings["MODELPORT__DATABASE__ACQUIRE_TIMEOUT_MS"] = "1000"
        server = installation.serve()
        acknowledged, codes, slowest = {}, Counter(), 0.0
        for outage in range(OUTAGES):
            stopped = threading.Event()
            with ThreadPoolExecutor(WORKERS) as pool:
                steps = [Steps(server, f"{outage}-{each}") for each in range(WORKERS)]
                running = [pool.submit(each.publish_until, stopped.is_set) for each in steps]
                try:
                    eventually(lambda steps=steps: all(each.acknowledged for each in steps), "work")
                    services.stop("postgres")
                    unavailable(server)
                    services.start("postgres")
                    eventually(lambda: server.ready() == 200, "readiness after PostgreSQL came back")
                    before = sum(len(each.acknowledged) for each in steps)
                    eventually(lambda b=before: sum(len(e.acknowledged) for e in steps) > b + WORKERS, "work again")
                finally:
                    stopped.set()
            for each in running:
                acknowledged |= each.result().acknowledged
                codes += each.result().codes
                slowest = max(slowest, each.result().slowest)
        assert set(codes) == {Code.OK, Code.UNAVAILABLE}, codes
        assert slowest < 15
        figures.append(f"{OUTAGES} outages of PostgreSQL: {dict(codes)}, slowest call {slowest:.1f} s")
        with Calls(server) as calls:
            assert health(calls, NAME) == health_pb2.HealthCheckResponse.SERVING
        verify_whole(server, acknowledged)
        server.stop()


def in_flight(server: Server) -> int:
    lines = server.http.get("/metrics").text.splitlines()
    [figure] = [line.split()[1] for line in lines if line.startswith("modelport_grpc_requests_in_flight ")]
    return int(figure)


def test_calls_under_way_finish_before_the_server_stops(installation: Installation) -> None:
    server = installation.serve()
    with Calls(server) as calls, ThreadPoolExecutor(WORKERS) as pool:
        type_id = calls.type("artifact", "Many")
        many = [mlmd.Artifact(type_id=type_id, custom_properties={"a": mlmd.Value(int_value=1)})] * 1000
        large = [pool.submit(Calls(server).code, "PutArtifacts", artifacts=many) for _ in range(4)]
        eventually(lambda: in_flight(server) >= 2, "calls under way")
        server.terminate()
        # What had not begun is refused.
        codes = Counter(each.result() for each in large)
        assert codes.keys() <= {Code.OK, Code.UNAVAILABLE} and codes[Code.OK] >= 2, codes
        assert server.ended() == 0
        assert calls.code("GetArtifactTypes") == Code.UNAVAILABLE
    assert "broken off" not in installation.log.read_text()
    server = installation.serve()
    with Calls(server) as calls:
        assert len(calls.call("GetArtifacts").artifacts) == 1000 * codes[Code.OK]
    server.stop()


def test_a_stop_amid_small_calls_breaks_none_off(installation: Installation) -> None:
    server = installation.serve()
    with ThreadPoolExecutor(WORKERS) as pool:
        running = [pool.submit(Steps(server, str(each)).publish_until, server.exited) for each in range(WORKERS)]
        time.sleep(0.7)
        server.stop()
    acknowledged, codes = {}, Counter()
    for each in running:
        acknowledged |= each.result().acknowledged
        codes += each.result().codes
    assert acknowledged
    assert set(codes) <= {Code.OK, Code.UNAVAILABLE}, codes
    server = installation.serve()
    with Calls(server) as calls:
        # What was not acknowledged was not begun.
        assert {each.id for each in calls.call("GetExecutions").executions} == acknowledged.keys()
    verify_whole(server, acknowledged)
    server.stop()
