"""A registry and the provider that it believes: Dex or Keycloak."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import Installation
from providers.corporation import Corporation
from providers.dex import Dex
from providers.keycloak import Keycloak, Process
from providers.provider import IdentityProvider


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    """A provider is the same wherever the registry keeps things: SQLite with local files."""
    with Installation.embedded(tmp_path) as installation:
        yield installation
        installation.show_log()


@pytest.fixture(scope="session")
def keycloak(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    with Process(tmp_path_factory.mktemp("keycloak")) as process:
        yield process


@pytest.fixture(params=["dex", "keycloak"])
def provider(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[IdentityProvider]:
    if request.param == "dex":
        with Dex(tmp_path, request.getfixturevalue("services")) as dex:
            yield dex
    else:
        with Keycloak(request.getfixturevalue("keycloak")) as keycloak:
            yield keycloak


@pytest.fixture
def settings() -> dict[str, str]:
    """More of the registry's settings."""
    return {}


@pytest.fixture
def corporation(
    installation: Installation, provider: IdentityProvider, settings: dict[str, str]
) -> Iterator[Corporation]:
    corporation = Corporation(installation, provider, settings)
    yield corporation
    corporation.accounts.server.stop()
