"""What a library says about itself: its modules and classes, what its objects reduce to, and the list that is written of them."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import pickle
import pickletools
import pkgutil
import sys
import warnings
from collections import defaultdict
from pathlib import Path

FOLDER = Path(sys.argv[1] if len(sys.argv) > 1 else "crates/inspect/src/imports/lists")

# What the files of `make_honest.py` import, by module and name.
SAMPLES: set[tuple[str, str]] = set()


def is_class_name(name: str) -> bool:
    return name.lstrip("_")[:1].isupper() and name.isascii() and name.replace("_", "a").isalnum()


class Found:
    """What one list says."""

    def __init__(self):
        self.allowed, self.classes, self.functions = defaultdict(set), defaultdict(set), defaultdict(set)

    def allow(self, root: str, names) -> None:
        self.allowed[f"{root}.*"] |= set(names)

    def write(self, library: str, versions: list[str]) -> None:
        lines = [f"# Written by tests/formats/list_imports.py from {', '.join(versions)}. Add by hand to imports.txt."]
        for title, section in [("allowed", self.allowed), ("classes", self.classes), ("functions", self.functions)]:
            if any(section.values()):
                lines += ["", f"[{title}]"]
            for module in sorted(section):
                line = f"{module}:"
                for name in sorted(section[module]):
                    if len(line) + len(name) + 1 > 130:
                        lines.append(line)
                        line = f"{module}:"
                    line += f" {name}"
                if not line.endswith(":"):
                    lines.append(line)
        FOLDER.mkdir(parents=True, exist_ok=True)
        (FOLDER / f"{library}.txt").write_text("\n".join(lines) + "\n")
        print(f"{library}: {sum(map(len, self.allowed.values()))} names are allowed")


def modules(root: str, skip=("test", "tests", "testing", "conftest", "_testing", "__main__", "setup", "examples", "distutils")):
    """Every module of a package that can be imported."""
    package = importlib.import_module(root)
    yield package
    for path in getattr(package, "__path__", []):
        for each in pkgutil.iter_modules([path]):
            name = f"{root}.{each.name}"
            if each.name in skip or each.name.startswith("test_"):
                continue
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    importlib.import_module(name)
            except BaseException as error:  # whatever a module of somebody else raises
                print(f"  {name}: {type(error).__name__}")
                continue
            yield from modules(name, skip)


def below(name: str | None, root: str) -> bool:
    return isinstance(name, str) and (name == root or name.startswith(root + "."))


def look(found: Found, root: str) -> dict[str, set]:
    """Every class of a library by its module; what is not written as what it is goes into the list."""
    kinds = defaultdict(set)
    lower, upper = set(), set()
    for module in list(modules(root)):
        for name, value in list(vars(module).items()):
            if inspect.isclass(value):
                if below(value.__module__, root) and name == value.__name__:
                    kinds[value.__module__].add(value)
                    if not is_class_name(name):
                        lower.add(name)
            elif is_class_name(name) and (inspect.isroutine(value) and below(getattr(value, "__module__", None), root)):
                upper.add(name)
    if lower:
        found.classes[f"{root}.*"] |= lower
    if upper:
        found.functions[f"{root}.*"] |= upper
    return kinds


def look_at_source(found: Found, root: str) -> None:
    """The same for a library that is too large to import every module of it."""
    import ast

    lower, upper = set(), set()
    for path in Path(importlib.util.find_spec(root).origin).parent.rglob("*.py"):
        try:
            tree = ast.parse(path.read_text())
        except (SyntaxError, UnicodeDecodeError):
            continue
        for each in tree.body:
            if isinstance(each, ast.ClassDef) and not is_class_name(each.name):
                lower.add(each.name)
            elif isinstance(each, ast.FunctionDef) and is_class_name(each.name):
                upper.add(each.name)
    found.classes[f"{root}.*"] |= lower
    found.functions[f"{root}.*"] |= upper


def named(kinds, *roots: str) -> set[str]:
    return {kind.__name__ for module, all_of_it in kinds.items() if any(below(module, root) for root in roots) for kind in all_of_it}


def derived(kinds, *bases) -> set[str]:
    return {kind.__name__ for all_of_it in kinds.values() for kind in all_of_it if issubclass(kind, bases)}


def reduced(data: bytes):
    """The imports of a pickle."""
    memo, stack = {}, []
    try:
        for opcode, argument, _ in pickletools.genops(data):
            name = opcode.name
            if name == "GLOBAL":
                yield tuple(argument.split(" ", 1))
            elif name == "STACK_GLOBAL":
                yield stack[-2], stack[-1]
            if name == "MEMOIZE":
                memo[len(memo)] = stack[-1] if stack else None
            elif name in ("PUT", "BINPUT", "LONG_BINPUT"):
                memo[int(argument)] = stack[-1] if stack else None
            elif name in ("GET", "BINGET", "LONG_BINGET"):
                stack.append(memo.get(int(argument)))
            else:
                stack.append(argument if isinstance(argument, str) else None)
    except Exception:  # joblib's arrays lie between the opcodes
        return


def samples(found: Found, *roots: str) -> None:
    """Adds what the files of `make_honest.py` import of a library."""
    for module, name in SAMPLES:
        for root in roots:
            if below(module, root):
                found.allow(root, {name})


def add(found: Found, *values) -> None:
    """Adds what objects reduce to."""
    for value in values:
        for module, name in reduced(pickle.dumps(value, 4)):
            if module and not below(module, "builtins"):
                root = module.split(".")[0]
                if root not in sys.stdlib_module_names:
                    found.allow(root, {name})


def unpicklers(root: str) -> set[str]:
    """What Cython's classes reduce to."""
    found = set()
    for name, module in list(sys.modules.items()):
        if below(name, root) and "_test" not in name:
            found |= {each for each in vars(module) if each.startswith("__pyx_unpickle_") and each != "__pyx_unpickle_Enum"}
    return found
