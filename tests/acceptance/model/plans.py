"""What may be tried: drafts, changes, and the choice among what is there."""

from collections.abc import Sequence
from typing import Any, TypeVar

from hypothesis import strategies as st

from .entities import ARTIFACT_STATES, EVERY, EXECUTION_STATES, FIXED, HAS_URI, TYPES, Type, snake
from .registry import Draft, Node
from .values import DOUBLES, EXTERNAL_IDS, INTS, NAMES, TEXTS, WRONG_EXTERNAL_IDS, WRONG_NAMES, customs

T = TypeVar("T")
picks = st.integers(0, 9)
# Once in a while something that is not there.
NOBODY = 999_999_999
URIS = ["s3://bucket/key", "", "ü"]
MILLIS = [0, 5, 2**41]


class Nothing(LookupError):
    """There is nothing to choose among."""


def pick(among: Sequence[T], number: int) -> T:
    if not among:
        raise Nothing
    return among[number % len(among)]


def rarely(wrong: Sequence[str], good: Sequence[str]) -> st.SearchStrategy[str]:
    """Something good, and sometimes something wrong."""
    return st.one_of(st.sampled_from(good), st.sampled_from(good), st.sampled_from([*good, *wrong]))


names = rarely(WRONG_NAMES, NAMES)
external_ids = st.one_of(st.none(), st.none(), rarely(WRONG_EXTERNAL_IDS, EXTERNAL_IDS))
texts = st.sampled_from([*TEXTS, *TEXTS, *TEXTS, "a\0b"])


def member_values(of: Type, name: str) -> st.SearchStrategy[tuple[str, Any]]:
    shape = of.members[name]
    inner = {
        "string": texts,
        "double": st.sampled_from(DOUBLES),
        "int": st.sampled_from(INTS),
        "millis": st.sampled_from(MILLIS),
        "list": st.lists(st.sampled_from(TEXTS), max_size=2),
    }
    return st.tuples(st.just(of.kind_of(name)), inner[shape] if isinstance(shape, str) else st.sampled_from(shape))


def states(of: Type) -> st.SearchStrategy[str | None]:
    if of.kind == "context":
        return st.none()
    return st.one_of(st.none(), st.sampled_from(ARTIFACT_STATES if of.kind == "artifact" else EXECUTION_STATES))


def uris(of: Type) -> st.SearchStrategy[str | None]:
    return st.one_of(st.none(), st.sampled_from(URIS)) if of.name in HAS_URI else st.none()


def some_members(of: Type, optional: list[str]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional={snake(name): member_values(of, name) for name in optional})


def drafts(types: Sequence[str] = tuple(TYPES), odd: bool = False) -> st.SearchStrategy[Draft]:
    """What is to be made, without its home and references."""

    def of_type(name: str) -> st.SearchStrategy[Draft]:
        of = EVERY[name]
        members = [member for member, shape in of.members.items() if shape != "id"]
        return st.builds(
            Draft,
            type=st.just(name),
            name=names if of.name_required else st.one_of(st.none(), names, names),
            external_id=external_ids,
            uri=uris(of),
            state=states(of),
            properties=some_members(of, members),
            custom=customs(odd),
        )

    return st.sampled_from(types).flatmap(of_type)


def put_back(node: Node) -> st.SearchStrategy[Draft]:
    """A node as somebody puts it who has changed what may be; what it refers to stays."""
    of = EVERY[node.type]
    free = [member for member, shape in of.members.items() if member not in FIXED and shape != "id"]
    kept = {name: value for name, value in node.properties.items() if name not in map(snake, free)}
    if node.type == "kf.Metric":
        kept = dict(node.properties)

    def draft(properties: dict[str, Any], **others) -> Draft:
        return Draft(type=node.type, name=node.name, home=node.home, properties=kept | properties, **others)

    return st.builds(
        draft,
        external_id=external_ids,
        uri=uris(of),
        state=states(of),
        properties=some_members(of, free),
        custom=customs(True),
    )


def changes_of(of: Type) -> st.SearchStrategy[dict[str, Any]]:
    """What is to be changed; `None` clears."""
    members = [member for member, shape in of.members.items() if member not in FIXED and shape != "id"]
    properties = st.fixed_dictionaries(
        {}, optional={snake(name): st.one_of(st.none(), member_values(of, name)) for name in members}
    )
    fields: dict[str, Any] = {"external_id": external_ids, "custom": st.one_of(st.none(), customs())}
    if of.name in HAS_URI:
        fields["uri"] = uris(of)
    if of.kind != "context":
        fields["state"] = states(of)
    return st.fixed_dictionaries({"properties": properties}, optional=fields)
