"""The committed test data is what the scripts beside it make, with the libraries in requirements.txt."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
DATA = HERE.parent / "data" / "inspect"


def made(script: str, folder: Path) -> None:
    subprocess.run([sys.executable, HERE / script, folder], check=True)


def test_what_the_libraries_say_is_what_is_committed(tmp_path):
    """Archives carry times and ids, so that the files differ; what the libraries say about them does not."""
    made("make_fixtures.py", tmp_path)
    names = lambda folder: sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    assert names(tmp_path) == names(DATA / "made")
    for path in tmp_path.rglob("*.expected.json"):
        committed = DATA / "made" / path.relative_to(tmp_path)
        assert json.loads(path.read_text()) == json.loads(committed.read_text()), path.name


@pytest.mark.parametrize(("script", "folder"), [("make_evasions.py", "evasions"), ("make_corpus.py", "corpus")])
def test_what_is_made_by_hand_is_what_is_committed(script, folder, tmp_path):
    """Compressed files may differ from one version of zlib to the next; the others are the same to the byte."""
    made(script, tmp_path)
    made_files = {path.relative_to(tmp_path): path for path in tmp_path.rglob("*") if path.is_file()}
    committed = {path.relative_to(DATA / folder) for path in (DATA / folder).rglob("*") if path.is_file()}
    assert set(made_files) == committed
    for name, path in made_files.items():
        if name.suffix in (".json", ".pkl", ".safetensors", ".onnx", ".gguf"):
            assert path.read_bytes() == (DATA / folder / name).read_bytes(), name
