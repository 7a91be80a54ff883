"""Executions published with their artifacts, events and contexts at once."""

from scenarios.making import Context, Event, Pair, artifact, context, execution, get, put, put_type
from twins import Twin, mlmd, service

Options = service.PutExecutionRequest.Options
NONE = 10**6
IN, OUT = Event.INPUT, Event.OUTPUT


class Types:
    """Types of this scenario, and a way to publish."""

    def __init__(self, twin: Twin, name: str):
        self.twin = twin
        self.artifact, self.execution, self.context = (put_type(twin, kind, name) for kind in ("Artifact", "Execution", "Context"))

    def publish(self, ran: mlmd.Execution | None = None, pairs: list = [], contexts: list[Context] = [], **options):  # noqa: B006
        known = {key: options.pop(key) for key in ("differs", "ours") if key in options}
        fields = {"execution": execution(type_id=self.execution) if ran is None else ran}
        pairs = [Pair(**({"artifact": one} if one else {}), **({"event": other} if other else {})) for one, other in pairs]
        return self.twin(
            "PutExecution", **fields, artifact_event_pairs=pairs, contexts=contexts, options=Options(**options), **known
        )

    def look(self, answer) -> None:
        """Reads what an answer is about."""
        twin, ids = self.twin, list(answer.artifact_ids)
        if not answer.execution_id:
            return
        get(twin, "Execution", answer.execution_id)
        get(twin, "Artifact", *ids)
        get(twin, "Context", *answer.context_ids)
        twin("GetEventsByExecutionIDs", execution_ids=[answer.execution_id])
        for id in answer.context_ids:
            twin("GetArtifactsByContext", context_id=id)
            twin("GetExecutionsByContext", context_id=id)


def asks_to_publish(twin: Twin) -> None:
    types = Types(twin, "publish")
    new = artifact({"i": 1}, type_id=types.artifact, name="new", uri="u")
    twin("PutExecution")
    types.look(types.publish())
    made = types.publish(
        execution({"s": "x"}, {"c": 1}, type_id=types.execution, name="e", last_known_state=2),
        [(new, Event(type=OUT)), (artifact(type_id=types.artifact), None)],
        [context(type_id=types.context, name="c"), context(type_id=types.context, name="d")],
    )
    types.look(made)
    a, b = list(made.artifact_ids) or (0, 0)
    # Changed, read and joined again.
    again = execution({"s": "y"}, id=made.execution_id, type_id=types.execution, name="e", last_known_state=3)
    types.look(types.publish(again, [(None, Event(artifact_id=a, type=IN)), (artifact(id=b, uri="changed"), Event(type=OUT))]))
    types.look(types.publish(again, [(artifact(id=b, uri="again"), Event(execution_id=made.execution_id, artifact_id=b, type=IN))]))
    types.publish(again, [(None, Event(artifact_id=a, type=IN))])
    types.publish(execution(id=NONE))
    types.publish(execution(id=NONE, type_id=types.execution))
    types.publish(execution())
    types.publish(execution(type_id=NONE))
    types.publish(execution({"none": 1}, type_id=types.execution))
    types.publish(execution(type_id=types.execution, name="e"))
    for event in (Event(type=IN), Event(artifact_id=b, type=IN), Event(artifact_id=NONE, type=IN), Event(artifact_id=a)):
        types.publish(pairs=[(artifact(id=a), event)])
    types.publish(pairs=[(None, Event(type=IN))])
    types.publish(pairs=[(None, Event(artifact_id=a, execution_id=NONE, type=IN))])
    types.publish(again, [(None, Event(artifact_id=a, execution_id=NONE, type=IN))])
    types.publish(pairs=[(artifact(type_id=types.artifact, name="wrong"), Event(artifact_id=a, type=IN))])
    types.publish(pairs=[(artifact(type_id=types.artifact, name="new"), Event(type=OUT))])
    types.publish(pairs=[(artifact(id=NONE), Event(type=OUT))])
    types.publish(pairs=[(artifact(), Event(type=OUT))])
    types.publish(pairs=[(None, None)])
    types.look(types.publish(pairs=[(artifact(id=a, uri="twice"), Event(type=IN)), (artifact(id=a, uri="last"), Event(type=OUT))]))
    # Nothing of it happened.
    twin("GetArtifactsByType", type_name="publish")
    twin("GetExecutionsByType", type_name="publish")


def asks_to_publish_in_contexts(twin: Twin) -> None:
    types = Types(twin, "publish in")
    there = {"type_id": types.context, "name": "there"}
    [c] = put(twin, context({"i": 1}, **there))
    types.publish(contexts=[context(**there)])
    types.look(types.publish(contexts=[context({"i": 2}, **there)], reuse_context_if_already_exist=True))
    types.look(types.publish(contexts=[context({"i": 3}, id=c, **there)]))
    types.look(types.publish(contexts=[context({"i": 4}, id=c, **there)], reuse_context_if_already_exist=True))
    new = {"type_id": types.context, "name": "new"}
    types.look(types.publish(contexts=[context({"i": 5}, **new)], reuse_context_if_already_exist=True))
    types.look(types.publish(contexts=[context(**there), context(**new)], reuse_context_if_already_exist=True))
    types.look(types.publish(contexts=[context(**there), context(**there)], reuse_context_if_already_exist=True))
    wrong = [{"id": c}, {"id": c, "name": "there"}, {"id": c, "type_id": types.context}, {"name": "x"}, {"type_id": types.context}]
    wrong += [{"id": NONE, **there}, {"type_id": NONE, "name": "x"}, {"type_id": types.context, "name": ""}]
    for fields in wrong:
        types.publish(contexts=[context(**fields)])
        types.publish(contexts=[context(**fields)], reuse_context_if_already_exist=True)
    force = {"force_reuse_context": True}
    types.look(types.publish(contexts=[context({"i": 6}, id=c)], **force))
    types.look(types.publish(contexts=[context({"i": 7}, id=c, **there)], **force))
    types.publish(contexts=[context(id=NONE)], **force)
    types.publish(contexts=[context(id=NONE, **there)], **force)
    types.publish(contexts=[context(**there)], **force)
    types.publish(contexts=[context({"none": 1}, id=c, **there)])
    types.look(types.publish(contexts=[context({"i": 8}, type_id=types.context, name="forced")], **force))
    types.look(types.publish(contexts=[context(**there), context(id=c)], reuse_context_if_already_exist=True, **force))
    # What the step read belongs to the context as what it wrote.
    [a] = put(twin, artifact(type_id=types.artifact))
    types.look(
        types.publish(
            pairs=[(None, Event(artifact_id=a, type=IN)), (artifact(type_id=types.artifact), Event(type=OUT))],
            contexts=[context(**there)],
            reuse_context_if_already_exist=True,
        )
    )


def asks_to_publish_known_artifacts(twin: Twin) -> None:
    types = Types(twin, "publish known")
    reuse = {"reuse_artifact_if_already_exist_by_external_id": True}
    known = {"type_id": types.artifact, "external_id": "published"}
    [a] = put(twin, artifact({"i": 1}, **known, name="n"))
    types.publish(pairs=[(artifact({"i": 2}, **known), Event(type=OUT))])
    types.look(types.publish(pairs=[(artifact({"i": 2}, **known), Event(type=OUT))], **reuse))
    types.look(types.publish(pairs=[(artifact({"i": 3}, id=a, type_id=types.artifact, external_id="published"), None)], **reuse))
    new = {"type_id": types.artifact, "external_id": "published new"}
    types.look(types.publish(pairs=[(artifact({"i": 4}, **new), Event(type=OUT))], **reuse))
    newer = {"type_id": types.artifact, "external_id": "published twice"}
    twice = [(artifact({"i": 5}, **newer), Event(type=IN)), (artifact({"i": 6}, **newer), Event(type=OUT))]
    made = types.publish(pairs=twice, **reuse)
    # Whether that was within a millisecond is left to chance.
    put(twin, artifact({"i": 7}, id=made.artifact_ids[0], external_id="published twice"))
    types.look(made)
    other = put_type(twin, "Artifact", "publish other")
    types.publish(pairs=[(artifact(type_id=other, external_id="published"), None)], **reuse)
    types.look(types.publish(pairs=[(artifact(type_id=types.artifact, name="no external id"), None)], **reuse))


def asks_to_publish_without_a_change(twin: Twin) -> None:
    types = Types(twin, "publish same")
    made = types.publish(execution({"i": 1}, type_id=types.execution, name="e"))
    [read] = get(twin, "Execution", made.execution_id) or [execution()]
    types.look(types.publish(read))
    types.look(types.publish(read, force_update_time=True))
    read.properties["i"].int_value = 2
    types.look(types.publish(read, force_update_time=True))


def asks_to_publish_what_is_not_there(twin: Twin) -> None:
    types = Types(twin, "publish what is not")
    types.publish(pairs=[(None, Event(artifact_id=NONE, type=IN))], differs="D5", ours="INVALID_ARGUMENT")


def asks_to_publish_nothing(twin: Twin) -> None:
    types = Types(twin, "publish nothing")
    made = types.publish(pairs=[(None, None)], contexts=[context(type_id=types.context, name="empty pair")])
    [id] = made.context_ids
    twin("GetArtifactsByContext", context_id=id, differs="D6")
