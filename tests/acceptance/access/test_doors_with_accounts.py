"""Random sequences of what several people do, through every door, while what they may do changes: the same as in Python."""

import os
import random

from callers import Accounts
from harness import Installation
from hypothesis import HealthCheck, seed, settings
from hypothesis.stateful import get_state_machine_test
from model.journal import Journal
from shared import People, Shared

LONG = "MODELPORT_TEST_LONG" in os.environ
SEED = int(os.environ.get("MODELPORT_TEST_SEED", random.getrandbits(32) if LONG else 1))
PROFILE = settings(
    max_examples=int(os.environ.get("MODELPORT_TEST_SEQUENCES", 150 if LONG else 6)),
    stateful_step_count=60 if LONG else 30,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    report_multiple_bugs=False,
)


def test_every_door_answers_everybody_what_they_may_see_and_do(installation: Installation, figures: list[str]) -> None:
    accounts = Accounts.of(installation, {"MODELPORT__LOG__LEVEL": "warn"})
    people = People(accounts.server, accounts)
    machine = type("OfThisServer", (Shared,), {"people": people})
    Journal.requests = 0
    try:
        seed(SEED)(get_state_machine_test(machine, settings=PROFILE))()
    finally:
        told = ", ".join(f"{times} were told {what}" for what, times in sorted(people.attempts.counts.items()))
        figures.append(f"{Journal.requests} requests, and of who tried: {told}; with MODELPORT_TEST_SEED={SEED}")
    accounts.server.stop()
    assert " ERROR " not in installation.log.read_text()
