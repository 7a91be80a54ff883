"""The two set-ups that every test runs on, each with a server of its own."""

import importlib.util
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from callers import Accounts
from geti_client import QUICK
from geti_server import Geti
from harness import Installation, Server, Services
from model_registry import ModelRegistry

SERVICES = ["MODELPORT_TEST_SERVICES", "MODELPORT_TEST_POSTGRES", "MODELPORT_TEST_S3"]
# The releases that speak v1 have no experiments.
collect_ignore = [] if hasattr(ModelRegistry, "create_experiment") else ["test_experiments.py"]
if getattr(importlib.util.find_spec("mlflow"), "origin", None) is None:
    # Without its client, the folder of that name is what is found.
    collect_ignore += ["mlflow"]
if not importlib.util.find_spec("ml_metadata"):
    # Its client needs an interpreter with libraries of its own.
    collect_ignore += ["mlmd", "access", "upgrade"]
FIGURES: list[str] = []


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "alone: measures time or memory, so that no other test may run meanwhile")
    # A run that is terminated cleans up after itself like one that is interrupted.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if not Path(os.environ.get("MODELPORT_BIN", "")).is_file():
        raise pytest.UsageError("MODELPORT_BIN does not name the binary; `make test` sets it")


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.when == "teardown":
        FIGURES.extend(line for name, line in report.user_properties if name == "figure")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if FIGURES:
        terminalreporter.section("figures")
        for figure in FIGURES:
            terminalreporter.line(figure)


@pytest.fixture
def figures(request: pytest.FixtureRequest) -> Iterator[list[str]]:
    """Lines that are printed at the end, whatever else is and whichever process the test runs in."""
    lines: list[str] = []
    yield lines
    request.node.user_properties.extend(("figure", line) for line in lines)


@pytest.fixture(scope="session")
def services() -> Iterator[Services]:
    """The services that all tests of this process share: those that were started for it, or, beside other processes, its own."""
    if missing := [name for name in SERVICES if name not in os.environ]:
        absent = pytest.fail if os.environ.get("CI") else pytest.skip
        absent(f"{', '.join(missing)} not set; `make test` starts the services")
    if "PYTEST_XDIST_WORKER" in os.environ:
        with Services.of_its_own() as own:
            yield own
    else:
        yield Services(dict(os.environ))


@pytest.fixture(params=["embedded", "production"])
def installation(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Installation]:
    """SQLite with local files, and PostgreSQL with MinIO; empty."""
    with Installation.migrated(request.param, tmp_path, lambda: request.getfixturevalue("services")) as installation:
        yield installation
        # Shown when the test fails.
        installation.show_log()


@pytest.fixture
def server(installation: Installation) -> Iterator[Server]:
    """A ready server, which has to stop cleanly after the test and may leave nothing unfinished in the store."""
    yield from served(installation)


def served(installation: Installation) -> Iterator[Server]:
    unfinished = installation.store.unfinished()
    server = installation.serve()
    yield server
    server.stop()
    assert installation.store.unfinished() <= unfinished


@pytest.fixture
def accounts(installation: Installation) -> Iterator[Accounts]:
    """A server with accounts, which has to stop cleanly after the test."""
    accounts = Accounts.of(installation)
    yield accounts
    accounts.server.stop()


@pytest.fixture
def client(server: Server) -> ModelRegistry:
    """The stock client."""
    return server.client()


@pytest.fixture
def geti(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Geti]:
    """A Geti server with the switches that the test asks for."""
    with Geti(tmp_path, **getattr(request, "param", {})) as server:
        yield server


@pytest.fixture
def set_up(installation: Installation, geti: Geti) -> Installation:
    """An installation that imports from that server."""
    installation.settings |= {**QUICK, **geti.settings()}
    return installation


@pytest.fixture
def importer(set_up: Installation) -> Iterator[Server]:
    """A server that imports, which has to stop cleanly after the test and may leave nothing unfinished in the store."""
    yield from served(set_up)
