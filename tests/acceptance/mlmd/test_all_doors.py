"""Random sequences of what clients do, through every door, against a registry in plain Python: the same answers."""

import os

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from harness import Installation
from model.journal import Journal
from model.machine import Doors, Machine

LONG = "MODELPORT_TEST_LONG" in os.environ
PROFILE = settings(
    max_examples=int(os.environ.get("EXAMPLES", 400 if LONG else 50)),
    stateful_step_count=60 if LONG else 35,
    derandomize=not LONG,
    database=None,
    deadline=None,
    print_blob=LONG,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate, Phase.shrink][: int(os.environ.get("PHASES", 2))],
    report_multiple_bugs=False,
)


def test_every_door_answers_what_was_done_through_any(installation: Installation, figures: list[str]) -> None:
    # A request a line would bury what failed.
    installation.settings |= {"MODELPORT__LOG__LEVEL": "warn"}
    server = installation.serve()
    machine = type("OfThisServer", (Machine,), {"doors": Doors(server)})
    Journal.requests = 0
    try:
        run_state_machine_as_test(machine, settings=PROFILE)
    finally:
        figures.append(f"{Journal.requests} requests through every door, each answer held against the model")
    server.stop()
    assert " ERROR " not in installation.log.read_text()
