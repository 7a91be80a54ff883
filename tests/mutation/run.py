"""Takes the checks out one by one, and fails where no test notices.

All of them are in one build of a copy of the source; `MODELPORT_MUTANT` chooses one when it runs.
"""

import argparse
import os
import re
import sys
import time
from pathlib import Path

import mutants
import tree
from stages import REPOSITORY, Stage, stages


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--list", action="store_true", help="only say which mutants there are, and which checks have none")
    arguments.add_argument("--build", action="store_true", help="only build")
    arguments.add_argument("--built", action="store_true", help="run what was built before")
    arguments.add_argument("--only", default="", help="mutants whose place and text have this regular expression")
    arguments.add_argument("--numbers", default="", help="these mutants: 3,7-9")
    arguments.add_argument("--quick", action="store_true", help="only by unit tests and tests of the library")
    arguments.add_argument("--target", type=Path, required=True, help="Cargo's target folder")
    given = arguments.parse_args()
    found, problems = mutants.find(REPOSITORY)
    if given.list:
        for number, mutant in enumerate(found, 1):
            print(number, mutant)
    if problems:
        sys.exit("\n".join(problems))
    if given.list:
        return
    folder = given.target.resolve() / "mutation"
    os.environ["CARGO_TARGET_DIR"] = str(given.target.resolve())
    if not given.built:
        tree.copy(REPOSITORY, folder / "tree", found)
        tree.build(folder / "tree", folder / "programs")
        (folder / "programs/mutants").write_text("\n".join(map(str, found)))
    if given.build:
        return
    if (folder / "programs/mutants").read_text() != "\n".join(map(str, found)):
        sys.exit("the mutants are others than those that were built")
    scratch = folder / f"scratch-{os.getpid()}"
    steps = stages(folder / "programs", scratch)[: 2 if given.quick else None]
    if failed := next(filter(None, (stage.run(0, scratch) for stage in steps)), None):
        sys.exit(f"without a mutant: {failed}")
    chosen = numbers(given.numbers) or range(1, len(found) + 1)
    wanted = [(number, found[number - 1]) for number in chosen if re.search(given.only, str(found[number - 1]))]
    missed = [mutant for number, mutant in wanted if not is_caught(number, mutant, steps, scratch)]
    print(f"{len(wanted) - len(missed)} of {len(wanted)} mutants were caught")
    if missed:
        sys.exit("\n".join(["MISSED:", *map(str, missed)]))


def numbers(text: str) -> list[int]:
    chosen = []
    for part in filter(None, text.split(",")):
        first, _, last = part.partition("-")
        chosen += range(int(first), int(last or first) + 1)
    return chosen


def is_caught(number: int, mutant: mutants.Mutant, steps: list[Stage], scratch: Path) -> bool:
    began = time.monotonic()
    nearest = [stage for stage in steps if mutant.path.startswith(stage.among)]
    test = next(filter(None, (stage.run(number, scratch) for stage in nearest)), None)
    verdict = f"caught by {test}" if test else "MISSED"
    print(f"{number} {mutant}: {verdict} ({time.monotonic() - began:.0f} s)", flush=True)
    return test is not None


if __name__ == "__main__":
    main()
