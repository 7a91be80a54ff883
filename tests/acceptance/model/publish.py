"""What ML Metadata puts at once: nodes, the events between them, and what is wrong with either on purpose."""

from dataclasses import dataclass, field
from typing import Any

from .entities import EVERY, OWN
from .graph import Graph, mlmd
from .plans import NOBODY
from .registry import MAX_NAME, Draft, Refusal

# The types of the other kinds.
OTHERS = {kind: [name for name in EVERY if EVERY[name].kind != kind] for kind in ["artifact", "execution", "context"]}
# What every type has a property of that is no truth value.
DECLARED = {name: "i" if name in OWN else "description" for name in EVERY}
OF_TYPE = ["no type", "unknown type", "type of another kind"]
OF_PROPERTIES = ["undeclared", "unmatched"]
FLAWS = [*OF_TYPE, *OF_PROPERTIES, "unknown id"]


@dataclass
class Options:
    """How what is there already is dealt with."""

    reuse_context: bool = False
    reuse_artifact: bool = False
    force_context: bool = False
    # A graph needs to know the type of everything, and finds no artifact that it makes itself.
    is_graph: bool = False


@dataclass
class Put:
    """A node as it is put: a new one, or one that is there as it shall be."""

    draft: Draft
    node: int | None = None
    flaw: str = ""
    # The type of another kind, and what one of that type is called.
    other: str = ""
    called: str = ""

    @property
    def kind(self) -> str:
        return EVERY[self.draft.type].kind

    @property
    def says_what(self) -> bool:
        """Whether a context of its type and name is looked for."""
        return not self.node and self.flaw not in [*OF_TYPE, "unknown id"]

    def is_forced(self, options: Options) -> bool:
        """Whether it is a context that is only looked for."""
        return options.force_context and self.kind == "context" and (bool(self.node) or self.flaw == "unknown id")

    def message(self, door: Graph) -> Any:
        message = door.message(self.draft, self.node)
        match self.flaw:
            case "no type":
                message.ClearField("type_id")
            case "unknown type":
                message.type_id = NOBODY
            case "type of another kind":
                message.type_id = door.types[self.other]
                if self.called:
                    message.name = self.called
            case "undeclared":
                message.properties["undeclared"].int_value = 1
            case "unmatched":
                message.properties[DECLARED[self.draft.type]].bool_value = True
            case "unknown id":
                message.id = NOBODY
        return message

    def refusals(self, is_new: bool, needs_type: bool) -> set[Refusal]:
        """What its flaw comes to."""
        match self.flaw:
            case "":
                return set()
            case "no type" if not (is_new or needs_type):
                return set()
            case "unknown type" | "type of another kind" if is_new:
                # What is no type of the registry's own has no home, and its name is the whole of it.
                name = f"{self.draft.home}:{self.draft.name}" if self.draft.home else ""
                return {Refusal.MISSING} | ({Refusal.INVALID} if len(name) > MAX_NAME else set())
        return {Refusal.INVALID}


@dataclass
class Happening:
    """An event between two of those that are put, or others that it names."""

    type: str
    index: int
    artifact: int | None = None
    execution: int | None = None
    # The places of its ends, where a graph is put.
    places: tuple[int | None, int | None] = (None, None)

    @property
    def path(self) -> list[int | str]:
        return [self.index, "k"]

    def message(self) -> Any:
        steps = [mlmd.Event.Path.Step(index=self.index), mlmd.Event.Path.Step(key="k")]
        ends = {"artifact_id": self.artifact, "execution_id": self.execution}
        named = {name: node for name, node in ends.items() if node is not None}
        return mlmd.Event(type=mlmd.Event.Type.Value(self.type), path={"steps": steps}, **named)


@dataclass
class Ids:
    """What was put, in the order in which it was given."""

    artifacts: list[int | None] = field(default_factory=list)
    executions: list[int | None] = field(default_factory=list)
    contexts: list[int | None] = field(default_factory=list)
