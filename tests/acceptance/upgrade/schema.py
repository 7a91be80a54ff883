"""The schema of a database, as the database itself tells it."""

import sqlite3
import subprocess

from harness import ROOT


def schema(url: str) -> list[str]:
    if url.startswith("sqlite"):
        with sqlite3.connect(url.removeprefix("sqlite://")) as connection:
            rows = connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY type, name")
            return [str(row) for row in rows]
    programs = subprocess.check_output([ROOT / "scripts/tools", "postgres"], text=True).strip()
    options = ["--schema-only", "--no-owner", "--no-privileges"]
    lines = subprocess.check_output([f"{programs}/pg_dump", *options, url], text=True).splitlines()
    # A word that is another each time.
    return [line for line in lines if not line.startswith("\\")]
