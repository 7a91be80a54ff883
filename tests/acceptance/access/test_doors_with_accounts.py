"""Random sequences of what several people do, through every door, while what they may do changes: the same as in Python."""

from callers import Accounts
from harness import Installation
from hypothesis import seed
from hypothesis.stateful import get_state_machine_test
from model.journal import Journal
from model.sequences import SEED, profile
from shared import People, Shared

PROFILE = profile(6, steps=30, long_sequences=150)


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
