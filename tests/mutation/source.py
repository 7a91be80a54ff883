"""Rust's source as far as mutants need it: what is a comment, a string or a test, where calls begin and end, which function they are in."""

import re
from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

TOKENS = re.compile(
    r"""//[^\n]*
      | /\*.*?\*/
      | b?r(?P<marks>\#*)".*?"(?P=marks)
      | b?"(?:\\.|[^"\\])*"
      | b?'(?:\\.[^']*|[^'\\])'
    """,
    re.VERBOSE | re.DOTALL,
)
BRACKETS = {")": "(", "]": "[", "}": "{"}
NAME = re.compile(r"[A-Za-z0-9_]")
TESTS = re.compile(r"#\[cfg\(test\)\]\s*mod \w+ \{")
FUNCTION = re.compile(r"\bfn (\w+)")


def blank(match: re.Match[str]) -> str:
    """The same without what it says: a string keeps its quotes, so that it is still seen to be one."""
    text = match[0]
    inside = re.sub(r"[^\n]", " ", text[1:-1])
    return ('"' + inside + '"') if '"' in (text[0], text[-1]) else re.sub(r"[^\n]", " ", text)


@dataclass(frozen=True)
class Function:
    name: str
    begin: int
    body: int
    end: int


class Source:
    """A file. `code` is its text without comments, strings and tests, each character where it was."""

    def __init__(self, path: Path, text: str):
        self.path, self.text = path, text
        self.code = TOKENS.sub(blank, text)
        while found := TESTS.search(self.code):
            end = self.close(found.end() - 1)
            self.code = self.code[: found.start()] + re.sub(r"[^\n]", " ", self.code[found.start() : end]) + self.code[end:]

    def close(self, at: int) -> int:
        """Where the bracket that opens at `at` is closed: the place behind."""
        depth = 0
        for found in re.compile(r"[(\[{)\]}]").finditer(self.code, at):
            depth += -1 if found[0] in BRACKETS else 1
            if depth == 0:
                return found.end()
        raise ValueError(f"{self.path}: a bracket is not closed")

    def open(self, at: int) -> int:
        """Where the bracket that is closed before `at` is opened."""
        depth = 0
        for at in range(at - 1, -1, -1):
            if self.code[at] in ")]}":
                depth += 1
            elif self.code[at] in "([{":
                depth -= 1
                if depth == 0:
                    return at
        raise ValueError(f"{self.path}: a bracket is not opened")

    def before_space(self, at: int) -> int:
        while self.code[at - 1].isspace():
            at -= 1
        return at

    def begin(self, at: int) -> int:
        """Where the expression begins that ends in the name at `at`: with what it is called on, and its path."""
        while True:
            if self.code[at - 2 : at] == "::":
                at -= 2
            elif self.code[self.before_space(at) - 1] == "." and self.code[self.before_space(at) - 2] != ".":
                at = self.before_space(self.before_space(at) - 1)
                while self.code[at - 1] in ")]?":
                    at = at - 1 if self.code[at - 1] == "?" else self.open(at)
            else:
                return at
            while NAME.match(self.code[at - 1]):
                at -= 1

    def line(self, at: int) -> int:
        return bisect_right(self.lines, at)

    def line_text(self, at: int) -> str:
        return self.text.splitlines()[self.line(at) - 1].strip()

    @cached_property
    def lines(self) -> list[int]:
        return [0] + [found.end() for found in re.finditer("\n", self.text)]

    @cached_property
    def functions(self) -> list[Function]:
        """All of them that have a body; inner ones after those that they are in."""
        found = []
        for match in FUNCTION.finditer(self.code):
            at = match.end()
            while self.code[at] not in "{;":
                at = self.close(at) if self.code[at] in "([" else at + 1
            if self.code[at] == "{":
                found.append(Function(match[1], match.start(), at, self.close(at)))
        return found

    def function(self, at: int) -> Function | None:
        """The innermost one in which that is."""
        return next((each for each in reversed(self.functions) if each.begin <= at < each.end), None)
