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
ROUNDS = int(os.environ.get("MODELPORT_TORTURE_ROUNDS", "8"))
SEED = int(os.environ.get("MODELPORT_TORTURE_SEED") or random.SystemRandom().randrange(10**9))


@pytest.mark.parametrize("name", ["embedded", "production"])
def test_nothing_promised_is_lost(name: str, tmp_path: Path, figures: list[str]) -> None:
    print(f"seed {SEED}", file=sys.stderr, flush=True)
    tally = Tally()
    if name == "embedded":
        for life, rounds in lives():
            with embedded(folder(tmp_path, life)) as world:
                play(Game(name, world, SEED + life, tally), rounds)
    else:
        with Services.of_its_own() as services:
            # What it acknowledged has to survive its end.
            services.sql("ALTER SYSTEM SET synchronous_commit = on")
            services.sql("DO $$ BEGIN PERFORM pg_reload_conf(); END $$")
            for life, rounds in lives():
                with production(folder(tmp_path, life), services, SEED + life) as world:
                    play(Game(name, world, SEED + life, tally), rounds)
    figures += tally.lines(SEED)
    for line in tally.lines(SEED):
        print(line, file=sys.stderr, flush=True)


def lives() -> list[tuple[int, range]]:
    """The rounds of one registry after the other."""
    return [(life, range(*each)) for life, each in enumerate(itertools.pairwise([*range(0, ROUNDS, LIFE), ROUNDS]))]


def folder(parent: Path, life: int) -> Path:
    place = parent / str(life)
    place.mkdir()
    return place


def play(game: Game, rounds: range) -> None:
    for number in rounds:
        game.play(number, last=number == rounds[-1])
