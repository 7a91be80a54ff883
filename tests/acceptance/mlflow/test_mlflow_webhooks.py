"""Webhooks through MLflow's stock client, with a real receiver: what is told, signed, repeated, withheld and survived."""

import time
from collections.abc import Callable, Iterator

import mlflow
import pytest
from callers import Accounts
from harness import Installation, Server, eventually
from mlflow import MlflowClient
from mlflow.entities.webhook import WebhookEvent, WebhookStatus
from mlflow.exceptions import MlflowException
from mlflow.webhooks import delivery
from webhook_receiver import Receiver
from wire import API, Wire

pytestmark = pytest.mark.ours
KEY = "a key that all of these servers share"
SECRET = "s3cret-that-nobody-sees"
SETTINGS = {
    "MODELPORT__EGRESS__ALLOW": "127.0.0.0/8,localhost",
    "MODELPORT__AUTH__KEYS": KEY,
    "MODELPORT__WEBHOOKS__BACKOFF_SECONDS": "0",
    "MODELPORT__WEBHOOKS__POLL_MS": "50",
    "MODELPORT__WEBHOOKS__TIMEOUT_SECONDS": "2",
    "MODELPORT__JOBS__LEASE_SECONDS": "2",
}
ALL = [
    "registered_model.created",
    "model_version.created",
    "model_version_tag.set",
    "model_version_tag.deleted",
    "model_version_alias.created",
    "model_version_alias.deleted",
    "prompt.created",
    "prompt_version.created",
    "prompt_tag.set",
    "prompt_tag.deleted",
    "prompt_version_tag.set",
    "prompt_version_tag.deleted",
    "prompt_alias.created",
    "prompt_alias.deleted",
]


@pytest.fixture
def told(installation: Installation) -> Installation:
    """An installation whose webhooks may lead to this machine."""
    installation.settings |= SETTINGS
    return installation


@pytest.fixture
def server(told: Installation) -> Iterator[Server]:
    server = told.serve()
    yield server
    server.stop()
    assert " ERROR " not in told.log.read_text()


def client_of(server: Server) -> MlflowClient:
    mlflow.set_tracking_uri(server.url)
    mlflow.set_registry_uri(server.url)
    return MlflowClient()


def error_of(ask: Callable) -> MlflowException:
    with pytest.raises(MlflowException) as error:
        ask()
    return error.value


def test_the_stock_client_manages_webhooks(client: MlflowClient, wire: Wire) -> None:
    made = [
        client.create_webhook(f"hook-{each}", "http://localhost:1/x", ["model_version.created"], description="d")
        for each in range(3)
    ]
    first = client.get_webhook(made[0].webhook_id)
    assert (first.name, first.url, first.description) == ("hook-0", "http://localhost:1/x", "d")
    assert (first.status, first.secret, [str(each) for each in first.events]) == ("ACTIVE", None, ["model_version.created"])
    assert first.creation_timestamp == first.last_updated_timestamp
    listed, token = [], None
    while True:
        page = client.list_webhooks(max_results=2, page_token=token)
        listed += [each.name for each in page]
        if not (token := page.token):
            break
    assert listed == ["hook-0", "hook-1", "hook-2"]
    changed = client.update_webhook(
        first.webhook_id,
        name="other",
        description="",
        url="http://localhost:2/y",
        events=ALL[:2],
        status=WebhookStatus.DISABLED,
    )
    assert (changed.name, changed.url, changed.description) == ("other", "http://localhost:2/y", None)
    assert (changed.status, sorted(map(str, changed.events))) == ("DISABLED", sorted(ALL[:2]))
    assert client.get_webhook(first.webhook_id).name == "other"
    client.delete_webhook(first.webhook_id)
    assert error_of(lambda: client.get_webhook(first.webhook_id)).error_code == "RESOURCE_DOES_NOT_EXIST"
    assert error_of(lambda: client.delete_webhook(first.webhook_id)).error_code == "RESOURCE_DOES_NOT_EXIST"
    wire.refusal("GET", "webhooks/no-number", 404)


def test_what_is_wrong_is_said(client: MlflowClient, wire: Wire) -> None:
    fine = {"name": "n", "url": "http://localhost:1", "events": [{"entity": "PROMPT", "action": "CREATED"}]}
    for field, wrong in [
        ("name", ""),
        ("name", "-n"),
        ("name", "n" * 64),
        ("url", ""),
        ("url", "not a url"),
        ("url", "ftp://localhost"),
        ("url", "http://me:pw@localhost"),
        ("events", []),
        ("events", [{"entity": "PROMPT"}]),
        ("events", [{"entity": "PROMPT", "action": "DELETED"}]),
        ("events", [{"entity": "BUDGET_POLICY", "action": "EXCEEDED"}]),
        ("events", [{"entity": "NOTHING", "action": "CREATED"}]),
        ("events", "all"),
        ("status", "SLEEPING"),
        ("secret", "s" * 2000),
        ("description", "d" * 2000),
        ("description", 7),
    ]:
        error = wire.refusal("POST", "webhooks", 400, json=fine | {field: wrong})
        assert error["error_code"] == "INVALID_PARAMETER_VALUE", (field, wrong, error)
    for size in (-1, 1001):
        wire.refusal("GET", f"webhooks?max_results={size}", 400)
    wire.refusal("GET", "webhooks?page_token=nonsense", 400)
    # Numbers stand for the names of enumerations.
    made = wire.post("webhooks", **fine | {"events": [{"entity": 2, "action": 1}], "status": 2})["webhook"]
    assert (made["events"], made["status"]) == ([{"entity": "MODEL_VERSION", "action": "CREATED"}], "DISABLED")
    wire.refusal("PATCH", f"webhooks/{made['webhook_id']}", 400, json={"url": "https://169.254.169.254/latest"})
    assert wire.get(f"webhooks/{made['webhook_id']}")["webhook"] == made


def test_a_workspace_has_so_many(wire: Wire) -> None:
    fine = {"name": "n", "url": "http://localhost:1", "events": [{"entity": "PROMPT", "action": "CREATED"}]}
    for _ in range(100):
        wire.post("webhooks", **fine)
    assert "100" in wire.refusal("POST", "webhooks", 400, json=fine)["message"]
    assert len(wire.get("webhooks", max_results=1000)["webhooks"]) == 100


def test_everything_that_happens_is_told(client: MlflowClient) -> None:
    """What MLflow's server sends, in the order in which it happened, signed as MLflow signs it."""
    with Receiver() as receiver:
        client.create_webhook("all", receiver.url, ALL, secret=SECRET)
        client.create_registered_model("m", tags={"a": "1"}, description="a model")
        version = client.create_model_version("m", "s3://bucket/m", tags={"b": "2"}, description="a version")
        client.set_model_version_tag("m", version.version, "stage", "prod")
        client.set_registered_model_tag("m", "untold", "x")
        client.delete_model_version_tag("m", version.version, "stage")
        client.set_registered_model_alias("m", "champion", version.version)
        client.delete_registered_model_alias("m", "champion")
        found = receiver.await_events("m", *ALL[:6])
        model = {"name": "m", "version": "1"}
        assert [each.data for each in found] == [
            {"name": "m", "tags": {"a": "1"}, "description": "a model"},
            model | {"source": "s3://bucket/m", "run_id": None, "tags": {"b": "2"}, "description": "a version"},
            model | {"key": "stage", "value": "prod"},
            model | {"key": "stage"},
            model | {"alias": "champion"},
            {"name": "m", "alias": "champion"},
        ]
        mlflow.genai.register_prompt("p", "Hello {{ name }}", commit_message="first", tags={"lang": "en"})
        client.set_prompt_tag("p", "team", "a")
        client.delete_prompt_tag("p", "team")
        client.set_prompt_version_tag("p", "1", "ok", "yes")
        client.delete_prompt_version_tag("p", "1", "ok")
        client.set_prompt_alias("p", "best", 1)
        client.delete_prompt_alias("p", "best")
        eventually(lambda: "prompt_alias.deleted" in [each.event for each in receiver.of("p")], "the last event")
        prompts = {each.event: each.data for each in receiver.of("p")}
        assert set(prompts) == set(ALL[6:])
        assert prompts["prompt_version.created"]["template"] == "Hello {{ name }}"
        assert prompts["prompt_version.created"]["description"] == "first"
        assert prompts["prompt_version.created"]["tags"].get("lang") == "en"
        assert not any(tag.startswith(("mlflow.prompt.", "_mlflow_prompt_type")) for tag in prompts["prompt.created"]["tags"])
        assert prompts["prompt_version_tag.set"] == {"name": "p", "version": "1", "key": "ok", "value": "yes"}
        assert prompts["prompt_tag.deleted"]["key"] in {"team", "lang"}
        for each in receiver.deliveries:
            at = each.headers["X-MLflow-Timestamp"]
            expected = delivery._generate_hmac_signature(SECRET, each.id, at, each.body)
            assert each.headers["X-MLflow-Signature"] == expected
            assert each.headers["Content-Type"] == "application/json"
            assert abs(int(at) - time.time()) < 60
            assert (each.path, each.json["workspace"]) == ("/hook", "default")
            assert set(each.json) == {"entity", "action", "timestamp", "data", "workspace"}
        # Each once.
        assert len(receiver.ids()) == len(receiver.deliveries)


def test_a_run_is_named_as_the_source(client: MlflowClient) -> None:
    with Receiver() as receiver:
        client.create_webhook("versions", receiver.url, ["model_version.created"])
        run = client.create_run("0")
        client.log_text(run.info.run_id, "x", "model/MLmodel")
        client.create_registered_model("r")
        client.create_model_version("r", f"runs:/{run.info.run_id}/model", run.info.run_id)
        (made,) = receiver.await_events("r", "model_version.created")
        assert made.data["run_id"] == run.info.run_id
        assert made.data["source"] == client.get_model_version("r", "1").source
        assert "X-MLflow-Signature" not in made.headers


def test_other_protocols_are_told_of_too(client: MlflowClient, server: Server) -> None:
    """Whoever writes: Kubeflow's API, files by the native one, and the edge registry's."""
    with Receiver() as receiver:
        client.create_webhook("all", receiver.url, ALL)
        model = server.kubeflow("POST", "registered_models", json={"name": "kf", "description": "k"}).json()
        body = {"name": "v1", "registeredModelId": model["id"]}
        version = server.kubeflow("POST", "model_versions", json=body).json()
        properties = {"owner": {"metadataType": "MetadataStringValue", "string_value": "me"}}
        server.kubeflow("PATCH", f"model_versions/{version['id']}", json={"customProperties": properties})
        found = receiver.await_events("kf", "registered_model.created", "model_version.created", "model_version_tag.set")
        assert found[0].data["description"] == "k"
        assert (found[1].data["version"], found[1].data["source"]) == ("1", "")
        assert found[2].data == {"name": "kf", "version": "1", "key": "owner", "value": "me"}
        assert server.put("native", "7", "weights.bin", b"bytes").status_code == 201
        found = receiver.await_events("native", "registered_model.created", "model_version.created")
        assert found[1].data["version"] == "7"
        assert server.http.put("/api/v1/models/native/aliases/best", json={"version": "7"}).is_success
        found = receiver.await_events(
            "native", "registered_model.created", "model_version.created", "model_version_alias.created"
        )
        assert found[2].data == {"name": "native", "alias": "best", "version": "7"}


def test_what_was_removed_meanwhile_is_told_all_the_same(client: MlflowClient, told: Installation, server: Server) -> None:
    with Receiver() as receiver:
        hook = client.create_webhook("all", receiver.url, ["model_version.created"])
        server.stop()
        # No replica reads the feed while this happens.
        quiet = told.serve(variables={"MODELPORT__WEBHOOKS__WORKERS": "0"})
        writer = client_of(quiet)
        writer.create_registered_model("gone")
        writer.create_model_version("gone", "s3://bucket/gone", description="short-lived")
        writer.delete_registered_model("gone")
        quiet.stop()
        assert receiver.deliveries == []
        awake = told.serve()
        (made,) = receiver.await_events("gone", "model_version.created")
        assert (made.data["version"], made.data["description"]) == ("1", "short-lived")
        assert client_of(awake).get_webhook(hook.webhook_id).name == "all"
        awake.stop()


def test_what_fails_for_now_is_sent_again_under_the_same_id(client: MlflowClient) -> None:
    with Receiver(503, 500, 429, 408, 200) as receiver:
        client.create_webhook("flaky", receiver.url, ["registered_model.created"], secret=SECRET)
        client.create_registered_model("again")
        found = receiver.await_events("again", *["registered_model.created"] * 5)
        assert len({each.id for each in found}) == 1
        for each in found:
            at = each.headers["X-MLflow-Timestamp"]
            assert each.headers["X-MLflow-Signature"] == delivery._generate_hmac_signature(SECRET, each.id, at, each.body)
        client.create_registered_model("next")
        receiver.await_events("next", "registered_model.created")
        assert len(receiver.of("again")) == 5


def test_what_no_repetition_mends_is_sent_once(client: MlflowClient, told: Installation) -> None:
    """A refusal, and a redirection, which is not followed."""
    with Receiver() as elsewhere:
        for status, headers in [(404, {}), (302, {"Location": elsewhere.url}), (307, {"Location": elsewhere.url})]:
            with Receiver(status, headers=headers) as receiver:
                hook = client.create_webhook("refused", receiver.url, ["registered_model.created"])
                client.create_registered_model(f"refused-{status}")
                client.create_registered_model(f"refused-{status}-later")
                receiver.await_events(f"refused-{status}-later", "registered_model.created")
                assert len(receiver.of(f"refused-{status}")) == 1
                client.delete_webhook(hook.webhook_id)
        assert elsewhere.deliveries == []
    eventually(lambda: "the receiver answered 404" in told.log.read_text(), "the outcome in the log")


def test_a_receiver_that_is_slow_or_gone_delays_no_other(client: MlflowClient, told: Installation, server: Server) -> None:
    server.stop()
    # Fewer workers than receivers that do not answer.
    server = told.serve(variables={"MODELPORT__WEBHOOKS__WORKERS": "4", "MODELPORT__WEBHOOKS__BACKOFF_SECONDS": "1"})
    client = client_of(server)
    with Receiver(seconds=5) as slow, Receiver() as quick:
        for _ in range(3):
            client.create_webhook("slow", slow.url, ["registered_model.created"])
        client.create_webhook("gone", "http://127.0.0.1:1/x", ["registered_model.created"])
        client.create_webhook("quick", quick.url, ["registered_model.created"])
        began = time.monotonic()
        for number in range(20):
            client.create_registered_model(f"many-{number}")
        eventually(lambda: len(quick.ids()) == 20, "all of the quick one's deliveries")
        took = time.monotonic() - began
        assert len(quick.deliveries) == 20
        assert took < 20, took
        # One at a time for each of the slow ones, cut off after two seconds.
        assert len(slow.deliveries) <= 3 * (took / 2 + 1)
    server.stop()


def test_a_disabled_webhook_is_told_nothing(client: MlflowClient) -> None:
    with Receiver() as receiver:
        hook = client.create_webhook("off", receiver.url, ALL, status=WebhookStatus.DISABLED)
        client.create_registered_model("before")
        client.update_webhook(hook.webhook_id, status=WebhookStatus.ACTIVE)
        client.create_registered_model("while")
        receiver.await_events("while", "registered_model.created")
        client.update_webhook(hook.webhook_id, status=WebhookStatus.DISABLED)
        client.create_registered_model("after")
        client.update_webhook(hook.webhook_id, status=WebhookStatus.ACTIVE)
        client.create_registered_model("again")
        receiver.await_events("again", "registered_model.created")
        assert (receiver.of("before"), receiver.of("after")) == ([], [])
        client.delete_webhook(hook.webhook_id)
        client.create_registered_model("removed")
        time.sleep(0.5)
        assert receiver.of("removed") == []


def test_a_webhook_is_tried(client: MlflowClient) -> None:
    with Receiver(200, 500, body="größer".encode() * 2000) as receiver:
        hook = client.create_webhook("tried", receiver.url, ALL, secret=SECRET)
        result = client.test_webhook(hook.webhook_id)
        assert (result.success, result.response_status) == (True, 200)
        assert result.response_body.startswith("größer") and len(result.response_body) <= 4096
        result = client.test_webhook(hook.webhook_id, event=WebhookEvent.from_str("prompt_version_tag.set"))
        assert (result.success, result.response_status) == (False, 500)
        first, second = receiver.deliveries
        assert second.event == "prompt_version_tag.set"
        assert set(second.data) == {"name", "version", "key", "value"}
        expected = delivery._generate_hmac_signature(SECRET, first.id, first.headers["X-MLflow-Timestamp"], first.body)
        assert first.headers["X-MLflow-Signature"] == expected
        for event in ALL:
            client.test_webhook(hook.webhook_id, event=event)
        for each in receiver.deliveries[2:]:
            entity, action = each.event.split(".")
            example = delivery.get_example_payload_for_event(WebhookEvent(entity, action))
            assert set(each.data) == set(example), each.event
    hook = client.create_webhook("nobody", "http://127.0.0.1:1/secret-path", ALL)
    result = client.test_webhook(hook.webhook_id)
    assert not result.success
    assert "cannot be reached" in result.error_message
    assert "secret-path" not in result.error_message


@pytest.mark.parametrize("installation", ["embedded"], indirect=True)
def test_addresses_within_are_refused(installation: Installation) -> None:
    """By default, however they are written; and names that lead to them when something is sent."""
    server = installation.serve()
    wire = Wire(server)
    fine = {"name": "n", "events": [{"entity": "PROMPT", "action": "CREATED"}]}
    for host in [
        "127.0.0.1",
        "localhost",
        "0x7f.1",
        "2130706433",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[64:ff9b::a00:1]",
        "[fd00::1]",
        "10.0.0.1",
        "100.64.0.1",
        "169.254.169.254",
        "192.168.1.1",
        "0.0.0.0",
    ]:
        for scheme in ("http", "https"):
            error = wire.refusal("POST", "webhooks", 400, json=fine | {"url": f"{scheme}://{host}/x"})
            assert "egress.allow" in error["message"], (host, error)
    assert "https" in wire.refusal("POST", "webhooks", 400, json=fine | {"url": "http://8.8.8.8/x"})["message"]
    made = wire.post("webhooks", **fine | {"url": "https://8.8.8.8/x"})["webhook"]
    assert made["url"] == "https://8.8.8.8/x"
    server.stop()
    # What was allowed once is not sent for that.
    installation.settings |= SETTINGS
    server = installation.serve()
    with Receiver() as receiver:
        url = receiver.url.replace("127.0.0.1", "localhost")
        hook = client_of(server).create_webhook("was-allowed", url, ["registered_model.created"])
        server.stop()
        variables = {"MODELPORT__EGRESS__ALLOW": "", "HTTP_PROXY": receiver.url, "http_proxy": receiver.url}
        server = installation.serve(variables=variables)
        client = client_of(server)
        client.create_registered_model("untold")
        eventually(lambda: "an address that is not public" in installation.log.read_text(), "the refusal")
        result = client.test_webhook(hook.webhook_id)
        assert not result.success and "egress.allow" in result.error_message
        assert receiver.deliveries == []
    server.stop()


def test_a_secret_is_shown_nowhere(client: MlflowClient, told: Installation, wire: Wire) -> None:
    with Receiver() as receiver:
        url = f"{receiver.url}/path-that-is-a-secret"
        hook = client.create_webhook("signed", url, ["registered_model.created"], secret=SECRET)
        client.create_registered_model("signed")
        receiver.await_events("signed", "registered_model.created")
        client.update_webhook(hook.webhook_id, name="still")
        shown = [wire.ask("GET", f"{API}/{path}").text for path in ("webhooks", f"webhooks/{hook.webhook_id}")]
        shown += [wire.ask("GET", f"/api/v1/{path}").text for path in ("audit", "changes")]
        assert "webhook.create" in "".join(shown)
        assert SECRET not in "".join(shown) + told.log.read_text()
        assert "path-that-is-a-secret" not in shown[2] + shown[3] + told.log.read_text()
        database = told.folder / "modelport.db"
        if database.exists():
            stored = b"".join(each.read_bytes() for each in told.folder.glob("modelport.db*"))
            assert SECRET.encode() not in stored
        # It was kept by the change, and goes when it is set to nothing.
        client.create_registered_model("signed-again")
        (again,) = receiver.await_events("signed-again", "registered_model.created")
        assert "X-MLflow-Signature" in again.headers
        wire.patch(f"webhooks/{hook.webhook_id}", secret="")
        client.create_registered_model("unsigned")
        (last,) = receiver.await_events("unsigned", "registered_model.created")
        assert "X-MLflow-Signature" not in last.headers


@pytest.mark.parametrize("installation", ["production"], indirect=True)
def test_without_common_keys_no_secret_is_taken(installation: Installation) -> None:
    installation.settings |= {name: value for name, value in SETTINGS.items() if "KEYS" not in name}
    server = installation.serve()
    client = client_of(server)
    error = error_of(lambda: client.create_webhook("n", "http://localhost:1", ALL, secret=SECRET))
    assert (error.error_code, "auth.keys" in error.message) == ("INVALID_PARAMETER_VALUE", True)
    assert client.create_webhook("n", "http://localhost:1", ALL).name == "n"
    server.stop()


def test_nothing_is_lost_when_the_server_is_killed(told: Installation) -> None:
    """Between the write and the delivery, and in the middle of deliveries; what arrives twice has the same id."""
    with Receiver(seconds=0.05) as receiver:
        server = told.serve()
        client = client_of(server)
        client.create_webhook("all", receiver.url, ["registered_model.created"])
        expected = set()
        for turn in range(3):
            for number in range(15):
                client.create_registered_model(f"kept-{turn}-{number}")
                expected.add(f"kept-{turn}-{number}")
            server.kill()
            server = told.serve()
            client = client_of(server)
        eventually(lambda: {each.data["name"] for each in receiver.deliveries} >= expected, "all deliveries")
        assert len(receiver.ids()) == len(expected)
        # What was under way when the server was killed may have come twice.
        assert len(receiver.deliveries) <= len(expected) + 3
        server.stop()


@pytest.mark.parametrize("installation", ["production"], indirect=True)
def test_two_replicas_tell_once(told: Installation) -> None:
    with Receiver() as receiver:
        servers = [told.serve(), told.serve()]
        clients = [Wire(server) for server in servers]
        client_of(servers[0]).create_webhook("all", receiver.url, ["registered_model.created"], secret=SECRET)
        for number in range(40):
            clients[number % 2].post("registered-models/create", name=f"twice-{number}")
        eventually(lambda: len(receiver.ids()) == 40, "all deliveries")
        time.sleep(1)
        assert len(receiver.deliveries) == 40
        assert {each.data["name"] for each in receiver.deliveries} == {f"twice-{number}" for number in range(40)}
        # One is enough.
        servers[0].kill()
        clients[1].post("registered-models/create", name="alone")
        receiver.await_events("alone", "registered_model.created")
        servers[1].stop()


@pytest.mark.parametrize("installation", ["embedded"], indirect=True)
def test_who_manages_a_workspace_has_its_webhooks(told: Installation) -> None:
    accounts = Accounts.of(told)
    team, other = accounts.workspace("team"), accounts.workspace("other")
    boss, writer = accounts.service("boss", "admin", team), accounts.service("writer", "writer", team)
    stranger = accounts.service("stranger", "admin", other)
    path = f"{API}/webhooks"
    with Receiver() as receiver:
        body = {"name": "n", "url": receiver.url, "events": [{"entity": "REGISTERED_MODEL", "action": "CREATED"}]}
        hook = boss.ask("POST", path, 200, json=body).json()["webhook"]["webhook_id"]
        for method, where, said in [
            ("POST", path, {"json": body}),
            ("GET", path, {}),
            ("GET", f"{path}/{hook}", {}),
            ("PATCH", f"{path}/{hook}", {"json": {"name": "x"}}),
            ("DELETE", f"{path}/{hook}", {}),
            ("POST", f"{path}/{hook}/test", {"json": {}}),
        ]:
            assert writer.status(method, where, **said) == 403, (method, where)
            assert accounts.anonymous().status(method, where, **said) == 401, (method, where)
            if hook in where:
                assert stranger.status(method, where, **said) == 404, (method, where)
        # Nothing was sent, or looked up, for those who may not.
        assert receiver.deliveries == []
        assert stranger.ask("GET", path, 200).json() == {}
        create = f"{API}/registered-models/create"
        writer.ask("POST", create, 200, json={"name": "ours"})
        stranger.ask("POST", create, 200, json={"name": "theirs"})
        accounts.admin.ask("POST", f"/w/team{create}", 200, json={"name": "ours-too"})
        receiver.await_events("ours", "registered_model.created")
        (found,) = receiver.await_events("ours-too", "registered_model.created")
        assert found.json["workspace"] == "team"
        assert receiver.of("theirs") == []
    accounts.server.stop()


@pytest.mark.parametrize("installation", ["embedded"], indirect=True)
def test_a_webhook_is_told_what_its_maker_may_see_now(told: Installation) -> None:
    accounts = Accounts.of(told)
    team = accounts.workspace("team")
    boss, maker = accounts.service("boss", "admin", team), accounts.service("maker", None, team)
    binding = accounts.bind("admin", principal="maker", workspace=team)
    create, path = f"{API}/registered-models/create", f"{API}/webhooks"
    with Receiver() as receiver:
        events = [{"entity": "REGISTERED_MODEL", "action": "CREATED"}, {"entity": "MODEL_VERSION", "action": "CREATED"}]
        body = {"name": "n", "url": receiver.url, "events": events}
        hook = maker.ask("POST", path, 200, json=body).json()["webhook"]["webhook_id"]

        def make(name: str) -> None:
            boss.ask("POST", create, 200, json={"name": name})

        make("hidden")
        receiver.await_events("hidden", "registered_model.created")
        model = boss.ask("GET", "/api/v1/models/hidden", 200).json()["id"]
        boss.ask("PATCH", f"/api/v1/roots/{model}", 200, json={"restricted": True})
        # Somebody who only reads the workspace does not see what is restricted.
        accounts.unbind(binding)
        viewer = accounts.bind("viewer", principal="maker", workspace=team)
        time.sleep(1.1)
        boss.ask("POST", f"{API}/model-versions/create", 200, json={"name": "hidden", "source": "s3://b/x"})
        make("open")
        receiver.await_events("open", "registered_model.created")
        assert len(receiver.of("hidden")) == 1
        # Somebody who sees nothing is told nothing, until somebody else takes the webhook over.
        accounts.unbind(viewer)
        time.sleep(1.1)
        make("unseen")
        time.sleep(0.5)
        boss.ask("PATCH", f"{path}/{hook}", 200, json={"description": "taken over"})
        make("seen")
        receiver.await_events("seen", "registered_model.created")
        assert receiver.of("unseen") == []
    accounts.server.stop()
