"""Writes the lists that imports of pickles are evaluated by, as far as the libraries themselves can say them.

Run by hand in an environment that has some of the libraries; the lists of those it does not have stay as they are, so that large ones
can be installed one after the other. A list has up to three sections: what honest pickles hold (`allowed`: what the objects of the
library reduce to, and the functions that people hand to their estimators), classes that are not written as such, and functions that
look like classes. Names are listed below the whole library, because modules move from one version to the next.

usage: list_imports.py FOLDER [LIBRARY...]
"""

from __future__ import annotations

import os
import pkgutil
import sys
import tempfile
import warnings
from pathlib import Path

import library_lists as lists
from library_names import FOLDER, SAMPLES, Found, reduced

warnings.simplefilter("ignore")
os.environ.setdefault("KERAS_BACKEND", "numpy")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.setrecursionlimit(10_000)


def standard_library(found: Found) -> list[str]:
    """Adds this Python's modules to those of the Pythons that it was run with before."""
    path = FOLDER / "standard-library.txt"
    kept = path.read_text().split("]\n", 1)[1].split() if path.exists() else []
    folder = os.path.dirname(os.__file__)
    names = {each.name for each in pkgutil.iter_modules([folder, os.path.join(folder, "lib-dynload")])}
    names |= set(kept) | set(sys.builtin_module_names) | set(getattr(sys, "stdlib_module_names", ()))
    names = sorted(name.split("-")[0] for name in names if not name.startswith("__main__"))
    lines, line = [], ""
    for name in dict.fromkeys(names):
        if len(line) + len(name) + 1 > 130:
            lines.append(line)
            line = ""
        line = f"{line} {name}".strip()
    head = "# Written by tests/formats/list_imports.py from Python 3.6 to the newest that it was run with.\n\n[standard library]\n"
    FOLDER.mkdir(parents=True, exist_ok=True)
    path.write_text(head + "\n".join([*lines, line]) + "\n")


def read_samples() -> None:
    """What the files of `make_honest.py` import."""
    with tempfile.TemporaryDirectory() as folder:
        sys.argv = ["make_honest.py", folder]
        import make_honest

        for make in (make_honest.python, make_honest.numpy, make_honest.scipy_, make_honest.pandas, make_honest.sklearn_, make_honest.joblib_, make_honest.boosting):
            try:
                make()
            except ImportError as error:
                print(f"{make.__name__}: {error}")
        for path in Path(folder).rglob("*"):
            if path.suffix in (".pkl", ".joblib"):
                SAMPLES.update((module, name) for module, name in reduced(path.read_bytes()) if module and name)


LISTS = {
    "standard-library": standard_library,
    "numpy": lists.numpy,
    "scipy": lists.scipy,
    "pandas": lists.pandas,
    "scikit-learn": lists.scikit_learn,
    "joblib": lists.joblib,
    "arrow": lists.arrow,
    "boosting": lists.boosting,
    "torch": lists.torch,
    "keras": lists.keras,
    "tensorflow": lists.tensorflow,
    "transformers": lists.transformers,
    "mlflow": lists.mlflow,
}

if __name__ == "__main__":
    wanted = sys.argv[2:] or list(LISTS)
    if {"numpy", "scipy", "pandas", "scikit-learn", "joblib", "arrow", "boosting"} & set(wanted):
        read_samples()
    for name in wanted:
        found = Found()
        try:
            versions = LISTS[name](found)
        except ImportError as error:
            print(f"{name}: {error}")
            continue
        if versions:
            found.write(name, versions)
