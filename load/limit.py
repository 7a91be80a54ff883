"""What PostgreSQL does with the very statements that the server sends it, without the server between."""

import re
import subprocess

from load import LAB, tool
from scenarios import Scenario


def pgbench(
    database_url: str, scenario: Scenario, connections: int, seconds: float, facts: dict[str, object]
) -> float | None:
    """Runs a second of the scenario's script of `load/pgbench`; none where there is no script, or no run was done."""
    script = LAB / f"pgbench/{scenario.name}.sql"
    if not script.exists():
        return None
    command = [f"{tool('postgres')}/pgbench", "--no-vacuum", "--jobs=1", "--protocol=prepared"]
    command += [f"--client={connections}", f"--time={max(1, round(seconds))}", f"--file={script}"]
    command += [f"--define={key}={value}" for key, value in facts.items() if isinstance(value, int)]
    run = subprocess.run([*command, database_url], capture_output=True, text=True, check=False)
    found = re.search(r"^tps = ([\d.]+)", run.stdout, re.MULTILINE)
    if run.returncode != 0:
        raise RuntimeError(f"pgbench, {scenario.name}: {run.stdout}{run.stderr}")
    # On a busy machine many connections can take longer than a short run.
    return float(found[1]) if found else None
