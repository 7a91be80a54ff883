"""Fills a registry with the release before accounts, on each set-up, and keeps it with what that release answers.

export MODELPORT_BIN="$(scripts/previous-release)/modelport"
scripts/with-services "$(scripts/tools python-mlmd)" tests/acceptance/upgrade/remember.py
"""

import os
import sys
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent), str(HERE.parent / "mlmd")]

from asking import Asker  # noqa: E402
from filling import TO_BE_NUL, Filler  # noqa: E402
from fixture import FOLDER, KEPT, STILL, Registry, change, dumped, empty, stored  # noqa: E402
from geti_client import QUICK, ended, start  # noqa: E402
from geti_server import Geti  # noqa: E402
from harness import Installation, Services  # noqa: E402
from questions import Questions, unanswered  # noqa: E402


def remembered(installation: Installation, geti: Geti) -> Registry:
    """A registry that was used for a while."""
    server = installation.serve(variables=KEPT | QUICK | geti.settings())
    filler = Filler(server)
    filler.everything()
    project, [model, other, *_] = geti.project("detection")["id"], geti.models("detection")
    assert ended(server, start(server, project, model["id"]))["state"] == "succeeded"
    server.stop()
    put_nul(installation)
    # A job that nobody has begun.
    server = installation.serve(variables=STILL | QUICK | geti.settings())
    waiting = start(server, project, other["id"])
    with closing(server.http):
        asker = Asker(server)
        answers = [(question, asker.ask(question)) for question in Questions(asker, filler.uploaded).everything()]
        server.stop()
    assert not (missing := unanswered(answers)), missing
    notes = {"uploads": filler.uploaded, "job": waiting, "project": project, "model": other["id"]}
    return Registry(dumped(installation), stored(installation), answers, notes)


def put_nul(installation: Installation) -> None:
    change(installation, f"UPDATE changes SET document = replace(document, '{TO_BE_NUL}', 'with \\u0000')")


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for name in ["embedded", "production"]:
        with TemporaryDirectory() as folder, Geti(Path(folder)) as geti:
            place = Path(folder) / "data"
            place.mkdir()
            with empty(name, place, lambda: Services(dict(os.environ))) as installation:
                installation.run("migrate")
                remembered(installation, geti).write(FOLDER / f"{name}.tar.gz")


if __name__ == "__main__":
    main()
