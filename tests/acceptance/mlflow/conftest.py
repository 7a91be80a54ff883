"""MLflow's stock client at a server of each set-up, which the tests of a process share."""

import importlib.util
import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import mlflow
import pytest
from harness import Installation, Server
from mlflow import MlflowClient
from reference import PAGES, REFERENCE, Reference
from wire import Wire

SETTINGS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    # What the server fails at is to be seen, not to be repeated for minutes.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_BACKOFF_JITTER": "0",
    # Whoever is in no folder of git has nothing to say about it.
    "GIT_PYTHON_REFRESH": "quiet",
}
# What the client without numpy and pandas cannot do.
NEED_MORE = [f"test_mlflow_{name}.py" for name in ("frames", "models", "pages", "traces", "trace_figures")]
collect_ignore = [] if importlib.util.find_spec("sklearn") else NEED_MORE


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "ours: what MLflow's own server does otherwise, or does not have")
    os.environ.update(SETTINGS)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if REFERENCE and item.get_closest_marker("ours"):
            item.add_marker(pytest.mark.skip(reason="it is what MLflow's own server does otherwise"))


@pytest.fixture(scope="session")
def servers(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable]:
    """The server of a set-up, which is started when it is first asked for and has nothing to complain of in the end."""
    running: dict[str, Server | Reference] = {}
    with ExitStack() as stack:

        def server(set_up: str) -> Server | Reference:
            if set_up not in running:
                folder = tmp_path_factory.mktemp(set_up)
                if set_up == "reference":
                    running[set_up] = stack.enter_context(Reference(folder))
                else:
                    made = Installation.migrated(set_up, folder, lambda: request.getfixturevalue("services"))
                    if PAGES.exists():
                        made.settings["MODELPORT__MLFLOW__STATIC_DIR"] = str(PAGES)
                    running[set_up] = stack.enter_context(made).serve()
            return running[set_up]

        yield server
        for each in running.values():
            each.stop()
            if isinstance(each, Server):
                assert each.installation.store.unfinished() == set()
                assert " ERROR " not in each.installation.log.read_text()


@pytest.fixture(params=["reference"] if REFERENCE else ["embedded", "production"])
def server(request: pytest.FixtureRequest, servers: Callable) -> Server | Reference:
    """A ready server, in which other tests write as well."""
    return servers(request.param)


@pytest.fixture
def wire(server: Server | Reference) -> Wire:
    """The server as plain HTTP shows it."""
    return Wire(server)


@pytest.fixture
def client(server: Server | Reference) -> Iterator[MlflowClient]:
    """The stock client; that of the module `mlflow` asks the same server."""
    mlflow.set_tracking_uri(server.url)
    mlflow.set_registry_uri(server.url)
    yield MlflowClient()
    while mlflow.active_run():
        mlflow.end_run()


@pytest.fixture
def unique() -> Callable[[str], str]:
    """Names that no other test has."""
    suffix = uuid.uuid4().hex[:8]
    return lambda name: f"{name}-{suffix}"


@pytest.fixture
def name(unique: Callable[[str], str]) -> str:
    return unique("model")


@pytest.fixture
def experiment(client: MlflowClient, unique: Callable[[str], str]) -> str:
    """The id of an experiment of the test's own, where its runs go."""
    return mlflow.set_experiment(unique("experiment")).experiment_id
