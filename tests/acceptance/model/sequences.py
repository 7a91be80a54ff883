"""How many sequences are drawn, how long they are, and from which seed."""

import os
import random

from hypothesis import HealthCheck, settings

# The long form, whose sequences are others each time, is for `make long`. The seed that it prints brings them back.
LONG = "MODELPORT_TEST_LONG" in os.environ
SEED = int(os.environ.get("MODELPORT_TEST_SEED", random.getrandbits(32) if LONG else 1))


def profile(sequences: int, steps: int, long_sequences: int) -> settings:
    """So many sequences of so many steps each; of the long form, so many of 60."""
    return settings(
        max_examples=int(os.environ.get("MODELPORT_TEST_SEQUENCES", long_sequences if LONG else sequences)),
        stateful_step_count=60 if LONG else steps,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
    )
