"""The tests that are to notice a mutant: the nearest and quickest first, all on the embedded set-up where they can be."""

import json
import os
import re
import shutil
import subprocess
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
# What takes longer than this many seconds hangs, which is noticed too.
PATIENCE = 900
# How many tests one process runs.
TOGETHER = 12
FAILED = re.compile(r"^test (\S+) \.\.\. FAILED|^FAILED (\S+)")
# Which tests of the library have callers who may not do everything.
SUBJECTS = ["accounts::", "store::access::"]


@dataclass(frozen=True)
class Stage:
    """Tests that run together."""

    name: str
    # Those for a mutant: commands that run one after the other.
    commands: Callable[[int], list[list[str]]]
    # Which files' mutants they are for.
    among: str = ""

    def run(self, number: int, scratch: Path) -> str | None:
        """The first test that failed; `None` where all passed. What follows it is not run."""
        environment = os.environ | {"MODELPORT_MUTANT": str(number), "TMPDIR": str(scratch)}
        for command in self.commands(number):
            scratch.mkdir(parents=True)
            try:
                if failed := first_failure(command, environment):
                    return failed
            finally:
                shutil.rmtree(scratch, ignore_errors=True)
        return None


def first_failure(command: list[str], environment: dict[str, str]) -> str | None:
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, "errors": "replace"}
    running = subprocess.Popen(command, cwd=REPOSITORY, env=environment, **options)
    watchdog = threading.Timer(PATIENCE, running.terminate)
    watchdog.start()
    try:
        tail = ""
        for line in running.stdout or ():
            if found := FAILED.match(line):
                return found[1] or found[2]
            tail = (tail + line)[-2000:]
        return None if running.wait() == 0 else f"{command[0]}: {tail}"
    finally:
        watchdog.cancel()
        if "pytest" not in command:
            running.kill()
        running.communicate()


def stages(programs: Path, scratch: Path) -> list[Stage]:
    os.environ["MODELPORT_BIN"] = str(programs / "modelport")
    integration = str(programs / "integration")
    reached = reached_by(programs / "integration", programs / "reached.json", scratch)

    def reaching(number: int) -> list[list[str]]:
        tests = [test for test, numbers in reached.items() if number in numbers]
        # Those of accounts first, and among them those that reach little else: they are about this.
        tests.sort(key=lambda test: ("accounts::" not in test, len(reached[test])))
        parts = [tests[at : at + TOGETHER] for at in range(0, len(tests), TOGETHER)]
        return [[integration, "--exact", *part] for part in parts]

    def on_postgres(number: int) -> list[list[str]]:
        is_reached = any(number in numbers for numbers in reached.values())
        return [] if is_reached else [[integration, *SUBJECTS, "--skip", "on_sqlite"]]

    def pytest(tool: str, *tests: str) -> Callable[[int], list[list[str]]]:
        python = subprocess.check_output([REPOSITORY / "scripts/tools", tool], text=True).strip()
        return lambda _: [[python, "-m", "pytest", "-x", "-q", "-k", "embedded", *tests]]

    doors = [f"tests/acceptance/test_{name}.py" for name in ("trusted_proxy", "cluster_tokens", "browser_sessions")]
    return [
        Stage("unit tests", lambda _: [[str(programs / "modelport_domain"), "access::"]], "crates/domain/"),
        Stage("tests that reach it", reaching),
        Stage("tests of accounts on PostgreSQL", on_postgres),
        Stage("acceptance tests of credentials", pytest("python-v1", *doors), "crates/http/"),
        Stage("the access matrix", pytest("python-mlmd", "tests/acceptance/access")),
    ]


def reached_by(program: Path, kept: Path, scratch: Path) -> dict[str, set[int]]:
    """Which mutants each test reaches, as it was found out once for that program."""
    if not kept.exists() or kept.stat().st_mtime < program.stat().st_mtime:
        listed = subprocess.check_output([program, *SUBJECTS, "--skip", "on_postgres", "--list"], cwd=REPOSITORY, text=True)
        tests = [line.removesuffix(": test") for line in listed.splitlines() if line.endswith(": test")]
        scratch.mkdir(parents=True)
        try:
            with ThreadPoolExecutor(2) as pool:
                found = list(pool.map(lambda each: reaches(program, each[1], scratch / str(each[0])), enumerate(tests)))
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
        kept.write_text(json.dumps(dict(zip(tests, found, strict=True))))
    return {test: set(numbers) for test, numbers in json.loads(kept.read_text()).items() if numbers}


def reaches(program: Path, test: str, scratch: Path) -> list[int]:
    scratch.mkdir()
    numbers = scratch / "numbers"
    environment = os.environ | {"MODELPORT_MUTANTS_REACHED": str(numbers), "TMPDIR": str(scratch)}
    done = subprocess.run([program, "--exact", test], cwd=REPOSITORY, env=environment, stdout=subprocess.PIPE, text=True)
    found = sorted({int(line) for line in numbers.read_text().split()}) if numbers.exists() else []
    shutil.rmtree(scratch, ignore_errors=True)
    if done.returncode != 0:
        raise SystemExit(f"without a mutant: {done.stdout}")
    return found
