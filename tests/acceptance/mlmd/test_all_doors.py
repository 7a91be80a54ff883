"""Random sequences of what clients do, through every door, against a registry in plain Python: the same answers."""

import os
import random

from harness import Installation
from hypothesis import HealthCheck, seed, settings
from hypothesis.stateful import get_state_machine_test
from model.journal import Journal
from model.machine import Doors, Machine

# The long form, whose sequences are others each time, is for `make long`. The seed that it prints brings them back.
LONG = "MODELPORT_TEST_LONG" in os.environ
SEED = int(os.environ.get("MODELPORT_TEST_SEED", random.getrandbits(32) if LONG else 1))
PROFILE = settings(
    max_examples=int(os.environ.get("MODELPORT_TEST_SEQUENCES", 400 if LONG else 25)),
    stateful_step_count=60 if LONG else 35,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    report_multiple_bugs=False,
)


def test_every_door_answers_what_was_done_through_any(installation: Installation, figures: list[str]) -> None:
    # A request a line would bury what failed.
    installation.settings |= {"MODELPORT__LOG__LEVEL": "warn"}
    server = installation.serve()
    machine = type("OfThisServer", (Machine,), {"doors": Doors(server)})
    Journal.requests = 0
    try:
        seed(SEED)(get_state_machine_test(machine, settings=PROFILE))()
    finally:
        figures.append(f"{Journal.requests} requests through every door, with MODELPORT_TEST_SEED={SEED}")
    server.stop()
    assert " ERROR " not in installation.log.read_text()
