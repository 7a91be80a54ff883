"""Random sequences of what clients do, through every door, against a registry in plain Python: the same answers."""

from harness import Installation
from hypothesis import seed
from hypothesis.stateful import get_state_machine_test
from model.journal import Journal
from model.machine import Doors, Machine, WithTraining
from model.sequences import SEED, profile

PROFILE = profile(25, steps=35, long_sequences=400)


def play(machine: type[Machine], installation: Installation, figures: list[str]) -> None:
    # A request a line would bury what failed.
    installation.settings |= {"MODELPORT__LOG__LEVEL": "warn"}
    server = installation.serve()
    of_this_server = type("OfThisServer", (machine,), {"doors": Doors(server)})
    Journal.requests = 0
    try:
        seed(SEED)(get_state_machine_test(of_this_server, settings=PROFILE))()
    finally:
        figures.append(f"{Journal.requests} requests through every door, with MODELPORT_TEST_SEED={SEED}")
    server.stop()
    assert " ERROR " not in installation.log.read_text()


def test_every_door_answers_what_was_done_through_any(installation: Installation, figures: list[str]) -> None:
    play(Machine, installation, figures)


def test_every_door_answers_what_was_trained_through_mlflow(installation: Installation, figures: list[str]) -> None:
    play(WithTraining, installation, figures)
