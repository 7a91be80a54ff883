"""A channel to a server of either set-up."""

from collections.abc import Iterator

import pytest
from calls import Calls
from harness import Server


@pytest.fixture
def calls(server: Server) -> Iterator[Calls]:
    """A channel to a server that has nothing to complain of in the end, and still works."""
    with Calls(server) as calls:
        yield calls
        calls.type("context", "still at work")
    log = server.installation.log.read_text()
    assert " ERROR " not in log
    assert "panicked" not in log
