"""crates/store/src/schema.rs is what Diesel makes of the migrations."""

import shutil
import subprocess
from pathlib import Path

from harness import ROOT


def migrate(checkout: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """Migrates an empty SQLite database, and compares what Diesel makes of it with the file."""
    diesel = subprocess.check_output([ROOT / "scripts/tools", "diesel"], text=True).strip()
    command = [diesel, "--database-url", folder / "schema.db", "migration", "run", "--locked-schema"]
    return subprocess.run(command, cwd=checkout, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def test_the_schema_is_what_diesel_makes_of_the_migrations(tmp_path: Path) -> None:
    compared = migrate(ROOT, tmp_path)
    assert compared.returncode == 0, f"`make schema` writes it again: {compared.stdout}"


def test_a_column_that_the_schema_lacks_is_found(tmp_path: Path) -> None:
    checkout = tmp_path / "checkout"
    for folder in ("migrations", "crates/store/src"):
        shutil.copytree(ROOT / folder, checkout / folder)
    for file in ("diesel.toml", "Cargo.toml", "rustfmt.toml"):
        shutil.copy(ROOT / file, checkout)
    added = checkout / "migrations/sqlite/9999_added"
    added.mkdir()
    (added / "up.sql").write_text("ALTER TABLE uploads ADD COLUMN colour TEXT;")
    (added / "down.sql").write_text("ALTER TABLE uploads DROP COLUMN colour;")
    compared = migrate(checkout, tmp_path)
    assert compared.returncode != 0 and "+        colour -> Nullable<Text>," in compared.stdout, compared.stdout
