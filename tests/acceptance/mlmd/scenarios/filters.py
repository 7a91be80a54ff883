"""Filters over a small world."""

from scenarios.making import Event, Options, artifact, context, execution, put, put_type
from twins import Twin, mlmd

ARTIFACTS = """
id > 0 · type_id > 0 · name = 'a1' · name != 'a1' · name <> 'a1' · name IN ('a1', 'a2') · name NOT IN ('a1', 'a2') · name LIKE 'a%'
name LIKE '%2' · name LIKE 'a_' · name NOT LIKE 'a%' · name IS NULL · name IS NOT NULL · uri = '' · uri IS NULL · uri IS NOT NULL
uri LIKE 's3://%' · external_id = 'fx 1' · external_id IS NULL · external_id IS NOT NULL AND name IS NOT NULL
create_time_since_epoch > 0 · create_time_since_epoch < 1 · create_time_since_epoch = last_update_time_since_epoch
last_update_time_since_epoch > create_time_since_epoch · NOT(create_time_since_epoch < 1 OR last_update_time_since_epoch < 1)
state = LIVE · state != LIVE · NOT (state = LIVE) · state IN (PENDING, LIVE) · state NOT IN (PENDING, LIVE)
state IS NULL · state IS NOT NULL · state > 1 · state = UNKNOWN · state = MARKED_FOR_DELETION · state IN (LIVE) · NOT state = LIVE
name = 'a1' OR name = 'a2' · name = 'a1' AND state = LIVE · (name = 'a1' OR name = 'a2') AND state = LIVE
name = 'a1' OR name = 'a2' AND state = LIVE · not name = 'a1' · Name = 'a1' · NAME = 'a1' and STATE > 0
properties.i.int_value = 1 · properties.i.int_value > 1 · properties.i.int_value >= 1 AND properties.i.int_value <= 2
properties.i.int_value IN (1, 3) · properties.i.int_value NOT IN (1, 3) · properties.i.int_value BETWEEN 1 AND 2
properties.i.int_value NOT BETWEEN 1 AND 2 · properties.i.int_value != 1 · NOT properties.i.int_value = 1
properties.i.int_value IS NULL · properties.i.int_value IS NOT NULL · properties.i.string_value IS NULL
properties.i.int_value = 1 OR properties.i.int_value = 2 · properties.d.double_value > 0.25 · properties.d.double_value = 0.5
properties.d.double_value > 2.0 / 1.0 - (-0.5) · properties.d.double_value <= 0.5 · properties.d.double_value > 0
properties.d.double_value BETWEEN 0.1 AND 0.9 · properties.s.string_value = 'x'
properties.s.string_value IN ('x', 'xy') · properties.b.bool_value · properties.b.bool_value = true · NOT properties.b.bool_value
properties.b.bool_value = false · properties.b.bool_value IS TRUE · properties.b.bool_value IS NOT FALSE
properties.none.int_value = 1 · properties.none.int_value IS NULL · properties.none.string_value = '' · properties.i.int_value = properties.j.int_value
properties.i.int_value + 1 = 2 · (properties.i.int_value + 2) * 1 = 3 · properties.i.int_value - 1 >= 1 · -properties.i.int_value = -1
properties.i.int_value * 2 > 3 · properties.i.int_value & 1 = 1 · properties.i.int_value = 0x1 · properties.i.int_value > -5
properties.i.int_value > 0 OR properties.d.double_value > 0 · properties.i.int_value > 0 AND properties.d.double_value > 0
NOT (properties.i.int_value > 1 OR properties.d.double_value > 0.4) · properties.i.int_value = 1 OR name = 'a3'
custom_properties.c.int_value = 5 · custom_properties.c.string_value = 'five' · custom_properties.i.int_value = 7
custom_properties.`my:key`.string_value = 'v' · custom_properties.`my:key.dotted`.bool_value = true · properties.`i`.int_value = 1
custom_properties.`a b`.double_value > 0.0 · properties.i.int_value = 1 AND custom_properties.c.int_value = 5
contexts_a.name = 'c1' · contexts_a.name = 'c2' · contexts_a.name = 'c1' AND contexts_a.name = 'c2' · contexts_a.name LIKE 'c%'
contexts_a.name = 'c1' AND contexts_b.name = 'c2' · NOT contexts_a.name = 'c1' · contexts_a.name != 'c1' · contexts_0.type = 'FContext'
contexts_a.name = 'c1' OR contexts_b.name = 'c2' · contexts_a.name = 'c1' OR name = 'a3' · contexts_a.id > 0 · contexts_a.create_time_since_epoch > 0
contexts_a.name = 'c1' AND properties.i.int_value = 1 · contexts_a.name IN ('c1') OR contexts_a.name IN ('c2')
contexts_run.name = 'c1' AND contexts_run.type = 'FContext' · contexts_a.last_update_time_since_epoch < 1
events_0.type = INPUT · events_0.type = OUTPUT · events_0.type IN (INPUT, OUTPUT) · events_0.type NOT IN (INPUT) · events_0.type != INPUT
events_0.type IN (INPUT, INTERNAL_INPUT) · events_0.type = DECLARED_INPUT · events_x.execution_id > 0 · events_0.milliseconds_since_epoch = 77
events_0.milliseconds_since_epoch > 50 AND events_0.type = INPUT · events_a.type = INPUT AND events_b.type = OUTPUT
events_a.type = INPUT AND events_a.type = OUTPUT · events_0.type IS NOT NULL · NOT events_0.type = OUTPUT
type = 'FArtifact' · type = 'FOther' · type != 'FArtifact' · type IN ('FArtifact', 'FOther') · type LIKE 'F%' · type = 'no such type'
true · false · NOT false · TRUE AND name = 'a1' · 1 = 1 · 1 = 2 · 'a' = 'a' · 2 > 1 AND name = 'a1'
LOWER(name) = 'a1' · UPPER(name) = 'A1' · LENGTH(name) = 2 · SUBSTR(name, 1, 1) = 'a' · TRIM(name) = 'a1' · ABS(properties.i.int_value) = 1
COALESCE(name, 'none') = 'none' · CASE WHEN name = 'a1' THEN true ELSE false END · lower(properties.s.string_value) = 'x'
name = "a1" · name = 'it\\'s' · name = "it's" · name = '''a1''' · name = r'a1' · name = 'a1' -- and the rest
name = 'a1' /* a comment */ AND state = LIVE · name = '' · name = 'äöü' · name = 'a"b'
"""
EXECUTIONS = """
last_known_state = RUNNING · last_known_state NOT IN (FAILED, CANCELED) · last_known_state IN (NEW, RUNNING, COMPLETE, CACHED)
last_known_state IS NULL · last_known_state != RUNNING · last_known_state = UNKNOWN · last_known_state > 1
name LIKE 'e%' · contexts_a.name = 'c1' · contexts_a.type = 'FContext' AND contexts_b.name = 'c2' · events_0.type = INPUT
events_0.artifact_id > 0 · events_0.type = OUTPUT AND events_1.type = INPUT · properties.i.int_value = 1 · custom_properties.c.string_value = 'v'
type = 'FExecution' · external_id IS NULL · properties.d.double_value < 1.0 AND last_known_state = RUNNING
"""
CONTEXTS = """
name = 'c1' · name LIKE 'c%' AND properties.i.int_value > 0 · type = 'FContext' · external_id IS NULL · create_time_since_epoch > 0
parent_contexts_a.name = 'parent' · parent_contexts_a.type = 'FContext' · parent_contexts_a.id > 0 · child_contexts_a.name = 'c1'
child_contexts_a.type = 'FContext' · child_contexts_a.name = 'c1' AND child_contexts_b.name = 'c2' · child_contexts_a.id < 0
artifacts_a.name = 'a1' · artifacts_a.state = LIVE · artifacts_a.uri LIKE 's3:%' · artifacts_a.type = 'FArtifact' · artifacts_a.id > 0
artifacts_a.create_time_since_epoch > 0 · artifacts_a.state IN (LIVE, PENDING) AND artifacts_b.name = 'a2' · NOT artifacts_a.name = 'a1'
executions_a.last_known_state IN (NEW, RUNNING) · executions_a.name = 'e1' · executions_a.type = 'FExecution' AND artifacts_a.name = 'a1'
executions_a.last_update_time_since_epoch > 0 · executions_a.id > 0 OR artifacts_a.id > 0 · custom_properties.c.int_value = 1
"""
WRONG = """
nonsense · nonsense = 1 · name · id · name = · = 'a' · name == 'a1' · name = 1 · id = 'x' · state = 'LIVE' · state = 2 · state = NONSENSE
LIVE = state · state IN LIVE · state IN (LIVE, 3) · (name = 'a1' · name = 'a1') · name = 'a1' name = 'a2' · name = 'a1'; · name = 'a1
properties.i = 1 · properties.i.nonsense = 1 · properties.i.struct_value = 1 · properties.i.int_value = 'x' · properties.int_value = 1
properties.s.string_value > 1 · properties.b.bool_value = 'x' · contexts_a = 1 · contexts_a.nonsense = 1 · contexts.name = 'c1'
contexts_a.uri = 'x' · parent_contexts_a.name = 'c1' · artifacts_a.name = 'a1' · last_known_state = RUNNING · events_0.artifact_id = 1
events_0.type = 'INPUT' · events_0.nonsense = 1 · COUNT(id) > 1 · nonsense(id) = 1 · @p = id · id = ?
name LIKE 1 · id LIKE 'x' · id + 'x' = 1 · NOT id · AND · name = 'a1' AND · name BETWEEN 1 AND 2 · id BETWEEN 1 · name IN () · name IN
custom_properties.`x.int_value = 1 · name = 'a1' OR OR name = 'a2' · ; · SELECT 1 · 1 · 'x' · name IS 1 · name IS NOT · id = 1 = 1
"""
# What is documented or plain, and the reference does not do.
MISSING = """
type LIKE 'F%' AND state <> LIVE · state = ABANDONED · state = REFERENCE · state IN (LIVE, REFERENCE) · events_0.type = PENDING_OUTPUT
"""


def queries(text: str) -> list[str]:
    return [each.strip().replace("\\\\", "\\") for line in text.strip().splitlines() for each in line.split("·")]


def asks_for_filters(twin: Twin) -> None:
    types = {
        "Artifact": put_type(twin, "Artifact", "FArtifact", {"i": 1, "j": 1, "d": 2, "s": 3, "b": 6}),
        "Execution": put_type(twin, "Execution", "FExecution"),
        "Context": put_type(twin, "Context", "FContext"),
    }
    other = put_type(twin, "Artifact", "FOther", {"i": mlmd.STRING})
    of, run, of_context = types.values()
    a1, a2, a3, *_ = put(
        twin,
        artifact(
            {"i": 1, "j": 1, "d": 0.5, "s": "x", "b": True},
            {"c": 5, "my:key": "v", "a b": 0.5},
            type_id=of, name="a1", uri="s3://a/1", state=mlmd.Artifact.LIVE, external_id="fx 1",
        ),
        artifact({"i": 2, "j": 1, "d": 3.5, "s": "xy"}, {"c": "five", "i": 7}, type_id=of, name="a2", state=mlmd.Artifact.PENDING),
        artifact({"i": 3, "b": False}, {"my:key.dotted": True}, type_id=of, name="a3", uri="name"),
        artifact({"d": 0.25}, type_id=of, name="it's"),
        artifact({"i": 4, "d": -1.5, "s": "X"}, type_id=of),
        artifact({"i": "text"}, type_id=other, name="äöü", state=mlmd.Artifact.UNKNOWN),
        artifact(type_id=other, name='a"b', state=mlmd.Artifact.MARKED_FOR_DELETION),
        artifact(type_id=other, name="external_id", state=mlmd.Artifact.REFERENCE),
    )  # fmt: skip
    put(twin, artifact({"i": 1, "j": 1, "d": 0.75, "s": "x"}, {"c": 5}, id=a1, uri="s3://a/1", state=mlmd.Artifact.LIVE))
    e1, e2, _ = put(
        twin,
        execution({"i": 1, "d": 0.5}, {"c": "v"}, type_id=run, name="e1", last_known_state=mlmd.Execution.RUNNING),
        execution({"i": 2}, type_id=run, name="e2", last_known_state=mlmd.Execution.FAILED),
        execution(type_id=run),
    )
    c1, c2, parent, _ = put(
        twin,
        context({"i": 1}, {"c": 1}, type_id=of_context, name="c1"),
        context({"i": 2}, type_id=of_context, name="c2"),
        context(type_id=of_context, name="parent"),
        context(type_id=of_context, name="alone"),
    )
    twin(
        "PutAttributionsAndAssociations",
        attributions=[
            mlmd.Attribution(artifact_id=id, context_id=c) for id, c in ((a1, c1), (a1, c2), (a2, c2), (a3, c1))
        ],
        associations=[mlmd.Association(execution_id=id, context_id=c) for id, c in ((e1, c1), (e1, c2), (e2, c2))],
    )
    twin("PutParentContexts", parent_contexts=[mlmd.ParentContext(child_id=child, parent_id=parent) for child in (c1, c2)])
    events = [(a1, e1, Event.INPUT, 77), (a2, e1, Event.OUTPUT, 50), (a2, e2, Event.INPUT, 10), (a3, e2, Event.DECLARED_INPUT, 99)]
    twin(
        "PutEvents",
        events=[Event(artifact_id=a, execution_id=e, type=kind, milliseconds_since_epoch=at) for a, e, kind, at in events],
    )
    # Only this world: others have put other things before.
    for kind, text, prefix in (("Artifact", ARTIFACTS, "type LIKE 'F%'"), ("Execution", EXECUTIONS, "type = 'FExecution'"), ("Context", CONTEXTS, "type = 'FContext'")):
        for query in queries(text):
            twin(f"Get{kind}s", options=Options(filter_query=f"{prefix} AND ({query}\n)", max_result_size=100))
    for query in queries(WRONG):
        twin("GetArtifacts", options=Options(filter_query=query))
    for query in queries(MISSING):
        twin("GetArtifacts", options=Options(filter_query=query), differs="D20")
    for kind, query in (
        ("Context", "artifacts_a.external_id = 'fx 1'"),
        ("Context", "executions_a.external_id IS NULL"),
        ("Context", "parent_contexts_a.create_time_since_epoch > 0"),
        ("Context", "child_contexts_a.last_update_time_since_epoch > 0"),
    ):
        twin(f"Get{kind}s", options=Options(filter_query=query), differs="D20")
    for differs, condition in (
        ("D3", "type = 'FOther' AND name = 'external_id'"),
        ("D3", "type = 'FArtifact' AND uri = 'name'"),
        ("LIKE", "type = 'FArtifact' AND name LIKE 'A%'"),
        ("LIKE", "type = 'FArtifact' AND properties.s.string_value LIKE 'x%'"),
    ):
        twin("GetArtifacts", options=Options(filter_query=condition), differs=differs)
    for condition in ("id IN (SELECT 1)", "EXISTS (SELECT 1)"):
        twin("GetArtifacts", options=Options(filter_query=condition), differs="queries in filters", ours="INVALID_ARGUMENT")
    # Lists of a type and of a context take them too.
    for query in ("name = 'a1'", "properties.i.int_value > 1", "contexts_a.name = 'c2'", "nonsense"):
        twin("GetArtifactsByType", type_name="FArtifact", options=Options(filter_query=query))
        twin("GetArtifactsByContext", context_id=c1, options=Options(filter_query=query))
    twin("GetExecutionsByType", type_name="FExecution", options=Options(filter_query="events_0.type = INPUT"))
    twin("GetExecutionsByContext", context_id=c2, options=Options(filter_query="name = 'e2'"))
    twin("GetContextsByType", type_name="FContext", options=Options(filter_query="child_contexts_a.name = 'c1'"))
