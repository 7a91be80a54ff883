"""Who calls ML Metadata's API, and in which workspace: by a wrapper of the stock client, and by the stock client."""

import base64
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
from callers import API, Accounts, Caller
from harness import ROOT, Installation, Server
from ml_metadata import MetadataStore, errors
from ml_metadata.proto import metadata_store_pb2 as mlmd
from ml_metadata.proto import metadata_store_service_pb2_grpc


class AddMetadata(grpc.UnaryUnaryClientInterceptor):
    """Sends these metadata with each call."""

    def __init__(self, metadata: list[tuple[str, str]]):
        self.metadata = metadata

    def intercept_unary_unary(self, continuation, details, request):
        return continuation(details._replace(metadata=[*(details.metadata or []), *self.metadata]), request)


def connect(server: Server, token: str | None = None, workspace: str | None = None, **metadata: str) -> MetadataStore:
    """The stock client, whose calls carry a token where one is given."""
    config = mlmd.MetadataStoreClientConfig(host="127.0.0.1", port=server.grpc_port)
    store = MetadataStore(config)
    sent = {"authorization": f"Bearer {token}" if token else None, "x-modelport-workspace": workspace, **metadata}
    if sent := [(name, value) for name, value in sent.items() if value is not None]:
        channel = grpc.intercept_channel(grpc.insecure_channel(f"{config.host}:{config.port}"), AddMetadata(sent))
        store._metadata_store_stub = metadata_store_service_pb2_grpc.MetadataStoreServiceStub(channel)
    return store


def train(store: MetadataStore, name: str) -> int:
    """Puts what a run leaves; the id of its context."""
    kind = store.put_context_type(mlmd.ContextType(name="Run"))
    [context] = store.put_contexts([mlmd.Context(type_id=kind, name=name)])
    return context


def contexts(store: MetadataStore) -> list[str]:
    return sorted(context.name for context in store.get_contexts())


def test_a_token_in_the_metadata(accounts: Accounts) -> None:
    writer, reader = accounts.service("writer", "writer"), accounts.service("reader", "reader")
    store = connect(accounts.server, writer.token)
    run = train(store, "nightly")
    looking = connect(accounts.server, reader.token)
    assert contexts(looking) == contexts(store) == ["nightly"]
    with pytest.raises(errors.PermissionDeniedError) as refused:
        looking.put_contexts([mlmd.Context(id=run, type_id=looking.get_contexts()[0].type_id, name="changed")])
    assert "`write`" in refused.value.message
    basic = base64.b64encode(f"anybody:{reader.token}".encode()).decode()
    assert contexts(connect(accounts.server, authorization=f"Basic {basic}")) == ["nightly"]


def test_the_page_s_wrapper(accounts: Accounts) -> None:
    """As docs/using/mlmd.md has it."""
    accounts.workspace("team-a")
    page = (ROOT / "docs/using/mlmd.md").read_text()
    blocks = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    [block] = [block for block in blocks if "AddMetadata" in block]
    store = connect(accounts.server)
    exec(block.replace("9090", str(accounts.server.grpc_port)), {"store": store, "token": accounts.admin.token})
    train(store, "nightly")
    assert contexts(connect(accounts.server, accounts.admin.token, "team-a")) == ["nightly"]


def test_nobody_and_wrong_tokens(accounts: Accounts) -> None:
    train(connect(accounts.server, accounts.service("writer", "writer").token), "nightly")
    for store in [
        connect(accounts.server),
        connect(accounts.server, "mp_wrong"),
        connect(accounts.server, "a.b.c"),
        connect(accounts.server, authorization=""),
        connect(accounts.server, authorization="Token x"),
    ]:
        with pytest.raises(errors.UnauthenticatedError):
            store.get_contexts()
        with pytest.raises(errors.UnauthenticatedError):
            store.put_context_type(mlmd.ContextType(name="Run"))
    accounts.bind("reader", all="everyone")
    assert contexts(connect(accounts.server)) == ["nightly"]
    with pytest.raises(errors.UnauthenticatedError):
        connect(accounts.server, "mp_wrong").get_contexts()


def test_what_is_hidden_is_absent(accounts: Accounts) -> None:
    accounts.admin.put("digits")
    writer = connect(accounts.server, accounts.service("writer", "writer").token)
    run = train(writer, "nightly")
    nobody = connect(accounts.server, accounts.service("nobody").token)
    assert nobody.get_contexts() == nobody.get_contexts_by_id([run]) == nobody.get_artifacts() == []
    assert nobody.get_context_by_type_and_name("Run", "nightly") is None
    with pytest.raises(errors.PermissionDeniedError):
        nobody.put_context_type(mlmd.ContextType(name="Mine"))
    # What stands below a model that somebody may see is seen with it.
    assert len(writer.get_artifacts()) == 1


def test_the_listener_s_principal(installation: Installation) -> None:
    """The stock client sends nothing, so that all of its users are one principal."""
    accounts = Accounts.of(installation, {"MODELPORT__GRPC__PRINCIPAL": "pipelines"})
    stock = connect(accounts.server)
    assert stock.get_contexts() == []
    with pytest.raises(errors.PermissionDeniedError):
        train(stock, "nightly")
    accounts.bind("writer", principal="pipelines")
    train(stock, "nightly")
    assert contexts(stock) == ["nightly"]
    # Whoever presents a token is its owner, and a wrong one is nobody's.
    assert contexts(connect(accounts.server, accounts.service("nobody").token)) == []
    with pytest.raises(errors.UnauthenticatedError):
        connect(accounts.server, "mp_wrong").get_contexts()
    accounts.server.stop()


def test_workspaces(accounts: Accounts) -> None:
    accounts.workspace("team-a")
    writer = accounts.service("writer", "writer")
    default, team = connect(accounts.server, writer.token), connect(accounts.server, writer.token, "team-a")
    # Names, of types too, are those of the workspace.
    ids = [train(store, "nightly") for store in (default, team)]
    assert ids[0] != ids[1]
    assert contexts(default) == contexts(team) == ["nightly"]
    assert default.get_context_by_type_and_name("Run", "nightly").id == ids[0]
    assert team.get_context_by_type_and_name("Run", "nightly").id == ids[1]
    # Ids are found wherever they are, but not where the call says another place.
    assert [context.id for context in default.get_contexts_by_id(ids)] == ids
    assert [context.id for context in team.get_contexts_by_id(ids)] == [ids[1]]
    narrowed = connect(accounts.server, accounts.token("writer", workspaces=["team-a"]))
    assert [context.id for context in narrowed.get_contexts()] == [ids[1]]
    with pytest.raises(errors.NotFoundError):
        connect(accounts.server, writer.token, "nothing").get_contexts()
    member = accounts.service("member", "reader", "team-a")
    assert [context.id for context in connect(accounts.server, member.token).get_contexts()] == [ids[1]]


def test_health_and_reflection_need_nobody(accounts: Accounts) -> None:
    from grpc_health.v1 import health_pb2, health_pb2_grpc

    with grpc.insecure_channel(f"127.0.0.1:{accounts.server.grpc_port}") as channel:
        answer = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=30)
    assert answer.status == health_pb2.HealthCheckResponse.SERVING


def test_callers_at_once_are_told_apart(accounts: Accounts) -> None:
    """Many calls of two callers on one connection each."""
    accounts.workspace("team-a")
    accounts.workspace("team-b")
    callers: Iterator[Caller] = (accounts.service(f"of-{slug}", "writer", slug) for slug in ("team-a", "team-b"))
    stores = [connect(accounts.server, caller.token) for caller in callers]
    names = [["run-0"], ["run-1"]]
    for number, store in enumerate(stores):
        train(store, f"run-{number}")
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda number: contexts(stores[number % 2]), range(200)))
    assert found == names * 100
    status = accounts.admin.status("GET", f"{API}/whoami")
    assert status == 200
