"""The same calls to the reference library and to Modelport: what they answer is equal, or a known defect of the reference."""

from collections import Counter
from collections.abc import Callable

import pytest
from google.protobuf.message import Message
from harness import Server
from scenarios import DEFECTS, all_scenarios
from twins import METHODS, Answerer, Twin, differences, modelport, reference

# So many calls there are at least.
CALLS = 2000


def run(answerer: Answerer, scenarios: list | None = None) -> Twin:
    twin = Twin(answerer)
    for scenario in scenarios or all_scenarios():
        twin.run(scenario)
    return twin


@pytest.fixture(scope="module")
def upstream() -> Twin:
    """What the reference answers."""
    return run(reference())


def test_only_known_defects_differ(server: Server, upstream: Twin, figures: list[str], request) -> None:
    ours = run(modelport(server.grpc_port))
    found = list(differences(upstream, ours))
    known = Counter(entry.differs for entry in upstream.entries if entry.differs)
    figures.append(
        f"{request.node.callspec.id}: {len(ours.entries)} calls answered as by the reference, but for {known.total()} that"
        f" show its defects and {len(found)} differences"
    )
    assert not found, f"{len(found)} differences\n" + "\n".join(found)


def test_the_scenarios_ask_everything(upstream: Twin) -> None:
    assert len(upstream.entries) > CALLS
    assert {entry.method for entry in upstream.entries} == METHODS
    codes = Counter(entry.code for entry in upstream.entries)
    wanted = {"OK", "INVALID_ARGUMENT", "NOT_FOUND", "ALREADY_EXISTS", "FAILED_PRECONDITION", "OUT_OF_RANGE", "UNIMPLEMENTED"}
    assert codes.keys() > wanted
    assert codes["OK"] > len(upstream.entries) / 2
    assert {entry.differs for entry in upstream.entries if entry.differs} == set(DEFECTS)


def test_what_is_known_to_differ_has_to(upstream: Twin) -> None:
    found = list(differences(upstream, run(reference())))
    assert len(found) == sum(entry.differs is not None for entry in upstream.entries)
    assert all("does not show" in each for each in found)


def another_status(answer: Message) -> str:
    return "INTERNAL"


def another_value(answer: Message) -> None:
    for artifact in answer.artifacts:
        artifact.properties["i"].int_value += 1


def a_value_less(answer: Message) -> None:
    answer.artifacts[0].ClearField("uri")


def another_kind_of_value(answer: Message) -> None:
    for artifact in answer.artifacts:
        artifact.custom_properties["c"].string_value = "1"


def a_time_that_moves(answer: Message) -> None:
    answer.artifacts[0].last_update_time_since_epoch += 1


def another_creation(answer: Message) -> None:
    answer.artifacts[0].create_time_since_epoch -= 1
    answer.artifacts[0].last_update_time_since_epoch -= 1


def another_node(answer: Message) -> None:
    answer.artifacts[0].id += 1


def another_order(answer: Message) -> None:
    turned = list(answer.artifacts)[::-1]
    del answer.artifacts[:]
    answer.artifacts.extend(turned)


def a_page_more(answer: Message) -> None:
    answer.next_page_token = "" if answer.next_page_token else "more"


CHANGES = [
    ("GetArtifactsByID", another_status),
    ("PutArtifacts", another_status),
    ("GetArtifactsByID", another_value),
    ("GetArtifactsByID", a_value_less),
    ("GetArtifactsByID", another_kind_of_value),
    ("GetArtifactsByID", a_time_that_moves),
    ("GetArtifactsByID", another_creation),
    ("GetArtifactsByID", another_node),
    ("GetArtifactsByType", another_order),
    ("GetArtifactsByType", a_page_more),
    ("GetArtifactsByType", another_node),
]


@pytest.mark.parametrize(("method", "change"), CHANGES)
def test_a_difference_would_be_found(method: str, change: Callable[[Message], str | None]) -> None:
    """One answer of the reference is changed, in the middle of a scenario."""
    named = {"asks_how_nodes_are_replaced", "asks_for_wrong_pages"}
    scenarios = [each for each in all_scenarios() if each.__name__ in named]
    original = reference()
    asked = Counter()

    def changed(called: str, request: Message) -> tuple[str, Message]:
        code, answer = original(called, request)
        asked[called] += code == "OK"
        if called == method and code == "OK" and asked[called] == 2:
            return change(answer) or code, answer
        return code, answer

    same = run(reference(), scenarios)
    assert list(differences(same, run(changed, scenarios)))
    assert asked[method] >= 2
