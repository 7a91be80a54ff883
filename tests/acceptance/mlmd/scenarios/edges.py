"""Events, memberships, and parents."""

from scenarios.making import Event, artifact, context, execution, put, put_type
from twins import Twin, mlmd

Step = Event.Path.Step
Attribution, Association, Parent = mlmd.Attribution, mlmd.Association, mlmd.ParentContext
NONE = 10**6


def asks_for_events(twin: Twin) -> None:
    of, run = put_type(twin, "Artifact", "in event"), put_type(twin, "Execution", "in event")
    a, b, other = put(twin, *(artifact(type_id=of) for _ in range(3)))
    e, f = put(twin, *(execution(type_id=run) for _ in range(2)))

    def events(*sent: dict) -> None:
        twin("PutEvents", events=[Event(**each) for each in sent])
        twin("GetEventsByArtifactIDs", artifact_ids=[a, b])
        twin("GetEventsByExecutionIDs", execution_ids=[e])

    both = {"artifact_id": a, "execution_id": e}
    path = Event.Path(steps=[Step(index=1), Step(key="k"), Step(), Step(index=0), Step(key="")])
    events()
    events({**both, "type": Event.INPUT, "milliseconds_since_epoch": 12345, "path": path})
    events({**both, "type": Event.INPUT})
    events({**both, "type": Event.OUTPUT})
    events({"artifact_id": b, "execution_id": e, "type": Event.DECLARED_INPUT, "path": Event.Path()})
    for missing in both:
        events({**{key: value for key, value in both.items() if key != missing}, "type": Event.INPUT})
        events({**both, missing: NONE, "type": Event.DECLARED_OUTPUT})
    events(both)
    events({**both, "type": Event.UNKNOWN})
    events({"artifact_id": e, "execution_id": a, "type": Event.INPUT})
    # All or nothing, and not twice in one call.
    events({"artifact_id": b, "execution_id": e, "type": Event.OUTPUT}, {**both, "type": Event.OUTPUT})
    events(*[{"artifact_id": b, "execution_id": e, "type": Event.OUTPUT}] * 2)
    events(*({"artifact_id": b, "execution_id": f, "type": each} for each in reversed(Event.Type.values()) if each))
    for ids in ([], [NONE], [a, NONE], [b, a, b], [other]):
        twin("GetEventsByArtifactIDs", artifact_ids=ids)
    for ids in ([], [NONE], [f, e, NONE]):
        twin("GetEventsByExecutionIDs", execution_ids=ids)


def asks_for_memberships(twin: Twin) -> None:
    of, run, of_context = (put_type(twin, kind, "member") for kind in ("Artifact", "Execution", "Context"))
    a, b = put(twin, artifact(type_id=of, name="a"), artifact(type_id=of, name="b"))
    e, f = put(twin, execution(type_id=run, name="e"), execution(type_id=run, name="f"))
    c, d, empty = put(twin, *(context(type_id=of_context, name=name) for name in "cde"))

    def join(attributions: list = [], associations: list = []) -> None:  # noqa: B006
        twin(
            "PutAttributionsAndAssociations",
            attributions=[Attribution(**each) for each in attributions],
            associations=[Association(**each) for each in associations],
        )

    one, other = {"artifact_id": a, "context_id": c}, {"execution_id": e, "context_id": c}
    join()
    join([one], [other])
    join([one], [other])
    join([one, one, {"artifact_id": b, "context_id": c}], [other, {"execution_id": f, "context_id": d}])
    join([{"artifact_id": a, "context_id": d}])
    for known, key in ((one, "artifact_id"), (one, "context_id"), (other, "execution_id"), (other, "context_id")):
        for wrong in ({**known, key: NONE}, {name: id for name, id in known.items() if name != key}):
            join([wrong] if "artifact_id" in known else [], [] if "artifact_id" in known else [wrong])
    # All or nothing.
    join([{"artifact_id": b, "context_id": d}], [{"execution_id": NONE, "context_id": c}])
    for id in (c, d, empty, NONE, 0):
        twin("GetArtifactsByContext", context_id=id)
        twin("GetExecutionsByContext", context_id=id)
    for id in (a, b, NONE):
        twin("GetContextsByArtifact", artifact_id=id)
    for id in (e, f, NONE):
        twin("GetContextsByExecution", execution_id=id)
    [alone] = put(twin, artifact(type_id=of))
    twin("GetContextsByArtifact", artifact_id=alone)
    for method in ("GetContextsByArtifact", "GetContextsByExecution", "GetArtifactsByContext", "GetExecutionsByContext"):
        twin(method)


def asks_for_parents(twin: Twin) -> None:
    of = put_type(twin, "Context", "parent")
    a, b, c, d = put(twin, *(context(type_id=of, name=name) for name in "abcd"))

    def under(*pairs: tuple[int, int]) -> None:
        twin("PutParentContexts", parent_contexts=[Parent(child_id=child, parent_id=parent) for child, parent in pairs])

    under()
    under((b, a), (c, b))
    under((b, a))
    under((d, a), (d, a))
    under((d, a))
    for cycle in ((a, a), (a, b), (a, c), (b, c)):
        under(cycle)
    under((c, d), (d, c))
    under((c, d), (a, c))
    under((c, a))
    for wrong in ((NONE, a), (a, NONE), (0, a)):
        under(wrong)
    twin("PutParentContexts", parent_contexts=[Parent(child_id=a)])
    twin("PutParentContexts", parent_contexts=[Parent(parent_id=a)])
    for id in (a, b, c, d, NONE):
        twin("GetParentContextsByContext", context_id=id)
        twin("GetChildrenContextsByContext", context_id=id)
    twin("GetParentContextsByContext")
    twin("GetChildrenContextsByContext")
    for relation in ("Parent", "Children"):
        method = f"Get{relation}ContextsByContexts"
        twin(method, context_ids=[a, b, c, d, NONE], differs="the plural calls")
        twin(method, context_ids=[], differs="the plural calls", ours="INVALID_ARGUMENT")
    twin("GetLineageGraph")
