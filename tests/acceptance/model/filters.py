"""Random filters, each written in the dialects of two doors, and evaluated here by the rules of either."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from hypothesis import strategies as st

from .registry import Node

# True, false, or unknown.
Verdict = bool | None


@dataclass(frozen=True)
class Filter:
    """A condition on a node."""

    kubeflow: str
    # Empty where ML Metadata cannot say it.
    graph: str
    holds: Callable[[Node], bool]
    # What SQL makes of it.
    verdict: Callable[[Node], Verdict]
    # The custom properties that a node must have to be looked at by ML Metadata's rules.
    mentioned: frozenset[str] = field(default_factory=frozenset)

    def __repr__(self) -> str:
        return f"{self.kubeflow}  |  {self.graph}"

    def admits(self, node: Node) -> bool:
        """Whether ML Metadata shows the node."""
        return self.mentioned <= set(node.custom) and self.verdict(node) is True


def quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def like(text: str, pattern: str) -> bool:
    parts = {"%": ".*", "_": "."}
    return re.fullmatch("".join(parts.get(each, re.escape(each)) for each in pattern), text, re.DOTALL) is not None


def of_member(kubeflow: str, graph: str, read: Callable[[Node], Any], check: Callable[[Any], bool]) -> Filter:
    """A condition on a member, which does not hold where the member is absent."""
    verdict = lambda node: None if read(node) is None else check(read(node))
    return Filter(kubeflow, graph, lambda node: verdict(node) is True, verdict)


COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda left, right: left == right,
    "!=": lambda left, right: left != right,
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
    ">": lambda left, right: left > right,
    ">=": lambda left, right: left >= right,
}
operators = st.sampled_from(sorted(COMPARISONS))
NAMES = ["a", "b", "A", "50%_x", "'q\"\\", "x:y", "ü 模型"]
PATTERNS = ["a", "%a%", "_", "%", "50%x", "%x", "A%", "é%"]
PROPERTIES = ["p", "q", "P", "ü"]


@st.composite
def names(draw: st.DrawFn) -> Filter:
    operator, name = draw(operators), draw(st.sampled_from(NAMES))
    compare = COMPARISONS[operator]
    condition = f"name {operator} {quoted(name)}"
    return of_member(condition, "", lambda node: node.name, lambda own: compare(own.encode(), name.encode()))


@st.composite
def patterns(draw: st.DrawFn) -> Filter:
    pattern, negated, folded = draw(st.sampled_from(PATTERNS)), draw(st.booleans()), draw(st.booleans())
    fold = (lambda text: re.sub("[A-Z]", lambda letter: letter[0].lower(), text)) if folded else str
    condition = f"name {'NOT ' if negated else ''}{'ILIKE' if folded else 'LIKE'} {quoted(pattern)}"
    return of_member(condition, "", lambda node: node.name, lambda own: like(fold(own), fold(pattern)) != negated)


@st.composite
def external_ids(draw: st.DrawFn) -> Filter:
    wanted = draw(st.sampled_from(["e1", "e2", "E1", "none"]))
    is_null = draw(st.booleans())
    if is_null:
        absent = lambda node: node.external_id is None
        return Filter("externalId IS NULL", "external_id IS NULL", absent, absent)
    operator = draw(st.sampled_from(["=", "!="]))
    return of_member(
        f"externalId {operator} {quoted(wanted)}",
        f"external_id {operator} {quoted(wanted)}",
        lambda node: node.external_id,
        lambda own: COMPARISONS[operator](own, wanted),
    )


@st.composite
def properties(draw: st.DrawFn) -> Filter:
    """A custom property of some kind."""
    name = draw(st.sampled_from(PROPERTIES))
    kind, literals = draw(
        st.sampled_from(
            [
                ("int", ["0", "1", "-1", "2147483648"]),
                ("double", ["0.0", "1.5", "-2.25", "1e21"]),
                ("string", ["''", "'x'", "'mlmd-struct::e30='"]),
                ("bool", ["true", "false"]),
            ]
        )
    )
    literal = draw(st.sampled_from(literals))
    operator = draw(st.sampled_from(["=", "!="]) if kind == "bool" else operators)
    read = {"int": int, "double": float, "string": lambda text: text[1:-1], "bool": lambda text: text == "true"}
    inner: Any = read[kind](literal)
    of_kind = lambda node: node.custom[name][1] if node.custom.get(name, ("",))[0] == kind else None
    path = f"`{name}`.{kind}_value"
    made = of_member(
        f"{path} {operator} {literal}",
        f"custom_properties.{path} {operator} {literal}",
        of_kind,
        lambda own: COMPARISONS[operator](own, inner),
    )
    return Filter(made.kubeflow, made.graph, made.holds, made.verdict, frozenset([name]))


@st.composite
def absences(draw: st.DrawFn) -> Filter:
    name, kind = draw(st.sampled_from(PROPERTIES)), draw(st.sampled_from(["int", "string", "bool"]))
    if draw(st.booleans()):
        gone = lambda node: name not in node.custom
        return Filter(f"`{name}` IS NULL", "", gone, gone)
    other = lambda node: node.custom.get(name, ("",))[0] != kind
    path = f"`{name}`.{kind}_value IS NULL"
    return Filter(path, f"custom_properties.{path}", other, other, frozenset([name]))


@st.composite
def bare(draw: st.DrawFn) -> Filter:
    """A number matches ints and doubles alike, exactly."""
    name, literal = draw(st.sampled_from(PROPERTIES)), draw(st.sampled_from([0, 1, -1, 1.5, -0.5, 2.0**53, 2**53 + 1]))
    operator = draw(operators)

    def number(node: Node) -> Any:
        kind, inner = node.custom.get(name, ("", None))
        return inner if kind in ("int", "double") else None

    return of_member(f"{name} {operator} {literal}", "", number, lambda own: COMPARISONS[operator](own, literal))


@st.composite
def bounded(draw: st.DrawFn) -> Filter:
    """A number between two others, which may be the same or none between: by BETWEEN, or by two bounds, of which each may be of one
    kind alone."""
    name = draw(st.sampled_from(PROPERTIES))
    ends = st.sampled_from([-2.25, -1, 0, 0.5, 1, 1.5, 2.0**31, 2**31, 2**53 + 1])
    low, high = draw(ends), draw(ends)
    above, below = draw(st.sampled_from([">", ">="])), draw(st.sampled_from(["<", "<="]))
    kinds = [draw(st.sampled_from(["", "", ".int_value", ".double_value"])) for _ in range(2)]
    # A literal with a fraction is no int.
    kinds = ["" if type(end) is float and kind == ".int_value" else kind for end, kind in zip((low, high), kinds)]
    if draw(st.integers(0, 3)) == 0:
        above, below, kinds = ">=", "<=", [kinds[0], kinds[0]] if type(high) is int else ["", ""]
        condition = f"{name}{kinds[0]} BETWEEN {low} AND {high}"
    else:
        sides = [f"{name}{kinds[0]} {above} {low}", f"{name}{kinds[1]} {below} {high}"]
        condition = " AND ".join(draw(st.permutations(sides)))

    def number(node: Node) -> Any:
        kind, inner = node.custom.get(name, ("", None))
        return inner if kind in ("int", "double") and all(of in ("", f".{kind}_value") for of in kinds) else None

    within = lambda own: COMPARISONS[above](own, low) and COMPARISONS[below](own, high)
    return of_member(f"({condition})", "", number, within)


def joined(word: str, decides: bool, left: Filter, right: Filter) -> Filter:
    """Both by AND, where one that is false decides, or by OR, where one that is true does."""

    def verdict(node: Node) -> Verdict:
        verdicts = [left.verdict(node), right.verdict(node)]
        return decides if decides in verdicts else None if None in verdicts else not decides

    return Filter(
        f"({left.kubeflow} {word} {right.kubeflow})",
        f"({left.graph} {word} {right.graph})" if left.graph and right.graph else "",
        lambda node: decides if decides in (left.holds(node), right.holds(node)) else not decides,
        verdict,
        left.mentioned | right.mentioned,
    )


def never(inner: Filter) -> Filter:
    def verdict(node: Node) -> Verdict:
        was = inner.verdict(node)
        return None if was is None else not was

    return Filter(
        f"NOT ({inner.kubeflow})",
        f"NOT ({inner.graph})" if inner.graph else "",
        lambda node: not inner.holds(node),
        verdict,
        inner.mentioned,
    )


def grown(leaves: st.SearchStrategy[Filter]) -> st.SearchStrategy[Filter]:
    grow = lambda inner: st.one_of(
        st.builds(partial(joined, "AND", False), inner, inner),
        st.builds(partial(joined, "OR", True), inner, inner),
        st.builds(never, inner),
    )
    return st.recursive(leaves, grow, max_leaves=4)


everywhere = grown(st.one_of(names(), patterns(), external_ids(), properties(), absences(), bare(), bounded()))
in_graph = grown(st.one_of(external_ids(), properties(), absences().filter(lambda made: made.graph)))
