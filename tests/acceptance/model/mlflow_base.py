"""What the rules of MLflow's door have in common."""

from typing import Any

from hypothesis import strategies as st

from . import mlflow
from .base import Base
from .entities import TYPES
from .mlflow import DECLARED
from .registry import LATER, Node, Refusal
from .values import TEXTS

KEYS = ["p", "q", "ü", "a/b"]
WRONG_KEYS = ["", "a\nb", "a//b", "k" * 251]
keys = st.sampled_from([*KEYS, *KEYS, *KEYS, *WRONG_KEYS])
texts = st.sampled_from(TEXTS)
# The kinds of values whose text as a tag is plain.
PLAIN = ("string", "int", "bool")
MODEL, VERSION, EXPERIMENT, RUN = "kf.RegisteredModel", "kf.ModelVersion", "kf.Experiment", "kf.ExperimentRun"


def of_name(name: str, is_model: bool) -> set[Refusal]:
    """What is wrong with the name of a new model or experiment, which upstream takes fewer of than others do."""
    is_wrong = not name or len(name) > 512 or "\0" in name
    if is_model:
        is_wrong = is_wrong or not name.strip() or "/" in name or ":" in name
    return {Refusal.INVALID} if is_wrong or (not is_model and len(name) > 500) else set()


def of_key(key: str) -> set[Refusal]:
    return {Refusal.INVALID} if key in WRONG_KEYS else set()


def tags_of(node: Node) -> dict[str, str]:
    """Custom properties as tags, as far as it is plain how they are written; and what other tags stand for."""
    said = {"string": str, "int": str, "bool": lambda value: str(value).lower()}
    tags = {name: said[kind](value) for name, (kind, value) in node.custom.items() if kind in said}
    if node.type in (EXPERIMENT, RUN):
        for tag, name in DECLARED.items():
            if node.properties.get(name, ("", ""))[1]:
                tags[tag] = node.properties[name][1]
    return tags


def is_archived(node: Node) -> bool:
    return node.properties.get("state") == ("string", "ARCHIVED")


class MlflowBase(Base):
    """MLflow's door."""

    run_ids: dict[int, str]
    numbers: dict[int, int]

    def empty(self) -> None:
        super().empty()
        # The ids of runs that this door has made, and the numbers of versions that it has told.
        self.run_ids, self.numbers = {}, {}

    # What is there.

    def run_id(self, run: Node) -> str:
        return self.run_ids.get(run.id, f"{run.id:032x}")

    def number_of(self, version: Node) -> int:
        """The number of a version, which stays."""
        model = self.registry.nodes[version.home or 0]
        number = self.doors.mlflow.number(str(model.name), str(version.name))
        assert self.numbers.setdefault(version.id, number) == number, f"{version} had number {self.numbers[version.id]}"
        others = {self.numbers[each.id]: each for each in self.registry.versions(model) if each.id in self.numbers}
        assert others[number] is version, f"{version} and {others[number]} have number {number}"
        return number

    def find_new(self, type_name: str, name: str, parent: int | None = None) -> int:
        """The id of what was made, which this door does not tell, by another one."""
        query = {"name": name} | ({"parentResourceId": str(parent)} if parent else {})
        refusal, node_id = self.doors.kubeflow["v1"].find(TYPES[type_name], **query)
        assert refusal is None, f"{type_name} {name} is not there"
        return node_id

    def done(self, refusals: set[Refusal], answered: tuple[Refusal | None, dict[str, Any]], what: str) -> bool:
        return self.expect(refusals, answered[0], mlflow.SAYS, what)

    def same_times(self, node: Node, shown: dict[str, Any], created: str, updated: str) -> None:
        """Once a door has said when, all say so."""
        for said, name in [(node.created, created), (node.updated, updated)]:
            assert said is LATER or said == shown[name], f"`{name}` of {node}: {shown[name]}, not {said}"

    def same_tags(self, node: Node, shown: dict[str, str]) -> None:
        plain = {name: value for name, value in shown.items() if node.custom.get(name, ("string", 0))[0] in PLAIN}
        # What inspection says.
        plain.pop("scan_verdict", None)
        assert plain == tags_of(node), f"tags of {node}: {plain}, not {tags_of(node)}"
