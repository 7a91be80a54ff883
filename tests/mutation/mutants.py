"""All mutants of a tree, the checks without one, and the source with all of them in it."""

import re
from dataclasses import dataclass
from pathlib import Path

from exempt import EXEMPT, SAME
from rules import ADDED, REPLACED, RULES
from source import Function, Source
from table import TABLE

ROOMS = ("crates/domain/src/access", "crates/http/src", "crates/registry/src", "crates/store/src")
# Whatever is decided in these is a check.
DECISIVE = (
    "crates/domain/src/access/rights.rs",
    "crates/domain/src/access/token_limits.rs",
    "crates/domain/src/access/visible.rs",
    "crates/registry/src/access/demands.rs",
    "crates/registry/src/root_rights.rs",
    "crates/store/src/filter/visible.rs",
)
DECISION = re.compile(r"\bif\b|&&|\s\|\|\s|\.filter\(|\.contains\(|\bmatches!|=>\s*false\b")
# Whoever says one of these checks something.
TELLING = re.compile(r"\bdenied\(|\bpermission_denied\(|\.rights\(\)|\.confinement\(\)|\.visible\(\)|\.demand\w*\(|\.restricted\b|Permission::[A-Z]")


@dataclass(frozen=True)
class Mutant:
    source: Source
    begin: int
    end: int
    template: str
    # Where its arguments are.
    arguments: tuple[int, int] = (0, 0)

    @property
    def path(self) -> str:
        return str(self.source.path)

    @property
    def text(self) -> str:
        return " ".join(self.source.text[self.begin : self.end].split())

    @property
    def place(self) -> tuple[str, str, str]:
        """The file, the function and the text."""
        function = self.source.function(self.begin)
        return self.path, function.name if function else "", self.text

    def __str__(self) -> str:
        return f"{self.path}:{self.source.line(self.begin)} {self.text[:90]}"


def sources(tree: Path) -> list[Source]:
    paths = [path for room in ROOMS for path in sorted((tree / room).rglob("*.rs")) if path.name != "tests.rs"]
    return [Source(path.relative_to(tree), path.read_text()) for path in paths]


def by_rules(source: Source) -> list[Mutant]:
    found = []
    for rule in RULES:
        for match in rule.find(str(source.path), source.code):
            opened = match.end() - 1 if match[0].endswith("(") else source.code.index("(", match.end(1))
            end = source.close(opened)
            waited = re.compile(r"\s*\.await\b").match(source.code, end)
            arguments = (opened + 1, end - 1)
            begin = source.begin(match.start(1))
            found.append(Mutant(source, begin, waited.end() if waited else end, rule.template, arguments))
    return found


def by_table(source: Source) -> list[Mutant]:
    found = []
    for path, name, line, part, template in TABLE:
        if path != str(source.path):
            continue
        places = [
            each
            for each in re.finditer(rf"^[ ]*(?={re.escape(line)})", source.text, re.MULTILINE)
            if (function := source.function(each.end())) and function.name == name
        ]
        if len(places) != 1:
            raise ValueError(f"{path}: {len(places)} lines of `{name}` begin with `{line}`")
        begin = source.text.index(part, places[0].end())
        if "\n" in source.text[places[0].end() : begin]:
            raise ValueError(f"{path}: the line of `{name}` that begins with `{line}` has no `{part}`")
        found.append(Mutant(source, begin, begin + len(part), template))
    return found


def find(tree: Path) -> tuple[list[Mutant], list[str]]:
    """The mutants, and the checks that have none, or are said to be exempt and are not there."""
    mutants, problems, used = [], [], set()
    for source in sources(tree):
        here = by_rules(source) + by_table(source)
        mutants += here
        for each in unchecked(source, here):
            if each in EXEMPT:
                used.add(each)
            else:
                problems.append("no mutant of {}: {}: {}".format(*each))
    kept = [each for each in mutants if each.place not in SAME]
    used |= {each.place for each in mutants if each.place in SAME}
    problems += ["exempt, and not there: {}: {}: {}".format(*each) for each in (EXEMPT.keys() | SAME.keys()) - used]
    return sorted(kept, key=lambda each: (each.path, each.begin, -each.end)), problems


def unchecked(source: Source, mutants: list[Mutant]) -> list[tuple[str, str, str]]:
    spans = [(source.line(each.begin), source.line(each.end)) for each in mutants]
    path, missing = str(source.path), []
    if path in DECISIVE:
        for match in DECISION.finditer(source.code):
            line, function = source.line(match.start()), source.function(match.start())
            if function and match.start() > function.body and not any(first <= line <= last for first, last in spans):
                missing.append((path, function.name, source.line_text(match.start())))
        return missing
    for match in TELLING.finditer(source.code):
        function = source.function(match.start())
        if function and not any(is_in(function, each) for each in mutants):
            missing.append((path, function.name, source.line_text(match.start())))
    return missing


def is_in(function: Function, mutant: Mutant) -> bool:
    return function.begin <= mutant.begin < function.end


def planted_files(tree: Path, mutants: list[Mutant]) -> dict[str, str]:
    """The files that differ with all mutants in them, which are numbered from 1 in their order."""
    numbered: dict[str, list[tuple[int, Mutant]]] = {}
    for number, each in enumerate(mutants, 1):
        numbered.setdefault(each.path, []).append((number, each))
    files = {"crates/domain/src/mutants.rs": (Path(__file__).parent / "mutants.rs").read_text()}
    for path in numbered.keys() | ADDED.keys() | REPLACED.keys():
        source = Source(Path(path), (tree / path).read_text())
        text = planted(source, numbered.get(path, []), 0, len(source.text))
        for old, new in REPLACED.get(path, []):
            if text.count(old) != 1:
                raise ValueError(f"{path} has not once: {old}")
            text = text.replace(old, new)
        files[path] = text + ADDED.get(path, "")
    return files


def planted(source: Source, mutants: list[tuple[int, Mutant]], begin: int, end: int) -> str:
    """The text from `begin` to `end`; the mutants are ordered, those around others first."""
    text, at = "", begin
    for position, (number, mutant) in enumerate(mutants):
        if mutant.begin < at or not (begin <= mutant.begin and mutant.end <= end):
            continue
        inner = mutants[position + 1 :]
        values = {
            "OUT": f"modelport_domain::mutants::is_out({number})",
            "NUMBER": str(number),
            "IT": planted(source, inner, mutant.begin, mutant.end),
            "ARGUMENTS": planted(source, inner, *mutant.arguments),
        }
        text += source.text[at : mutant.begin]
        text += re.sub(r"\b(OUT|NUMBER|IT|ARGUMENTS)\b", lambda match: values[match[0]], mutant.template)
        at = mutant.end
    return text + source.text[at:end]
