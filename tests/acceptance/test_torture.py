"""Everybody writes through every door while processes, services, wires, disks and clocks fail; nothing promised is lost."""

import itertools
import os
import random
import sys
from pathlib import Path

import pytest
from harness import Services
from torture.rounds import LIFE, Game, Tally
from torture.world import embedded, production

# `make torture` says how many rounds and which seed.
ROUNDS = int(os.environ.get("MODELPORT_TORTURE_ROUNDS") or 0)
SEED = int(os.environ.get("MODELPORT_TORTURE_SEED") or random.SystemRandom().randrange(10**9))


@pytest.mark.parametrize("has_accounts", [False, True], ids=["everybody", "accounts"])
@pytest.mark.parametrize("name", ["embedded", "production"])
def test_nothing_promised_is_lost(name: str, has_accounts: bool, tmp_path: Path, figures: list[str]) -> None:
    print(f"seed {SEED}", file=sys.stderr, flush=True)
    tally = Tally()
    if name == "embedded":
        for life, rounds in lives(has_accounts):
            with embedded(folder(tmp_path, life), has_accounts) as world:
                play(Game(name, world, SEED + life, tally), rounds)
    else:
        with Services.of_its_own() as services:
            # What it acknowledged has to survive its end.
            services.sql("ALTER SYSTEM SET synchronous_commit = on")
            services.sql("DO $$ BEGIN PERFORM pg_reload_conf(); END $$")
            for life, rounds in lives(has_accounts):
                with production(folder(tmp_path, life), services, SEED + life, has_accounts) as world:
                    play(Game(name, world, SEED + life, tally), rounds)
    figures += tally.lines(SEED)
    for line in tally.lines(SEED):
        print(line, file=sys.stderr, flush=True)


def lives(has_accounts: bool) -> list[tuple[int, range]]:
    """The rounds of one registry after the other."""
    rounds = ROUNDS or (5 if has_accounts else 8)
    return [(life, range(*each)) for life, each in enumerate(itertools.pairwise([*range(0, rounds, LIFE), rounds]))]


def folder(parent: Path, life: int) -> Path:
    place = parent / str(life)
    place.mkdir()
    return place


def play(game: Game, rounds: range) -> None:
    for number in rounds:
        game.play(number, last=number == rounds[-1])
