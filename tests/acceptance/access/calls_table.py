"""The rows of ML Metadata's calls: as those of `operations.py`, with the fields of the request for a body."""

from typing import Any

from operations import ALL_OF_IT, DONE, KNOWN, LIST, ONE, Row, row
from oracle import CREATE, PROMOTE, SEE, WRITE

# Types of each tree's own nodes and of those that Kubeflow's API knows, by kind: with the values of id and name.
KINDS = {
    "artifact": [("Data", "data_id", "data"), ("kf.ModelArtifact", "artifact_id", "artifact_full")],
    "execution": [("Step", "step_id", "step"), ("kf.ServeModel", "serve_id", "serve_full")],
    "context": [("Pipeline", "pipeline_id", "pipeline"), ("kf.RegisteredModel", "model_id", "model")],
}


def call(
    method: str,
    needs: str,
    kind: str,
    about: str = "",
    items: str = "",
    special: str = "",
    also=(),
    by_name: bool = False,
    spare: str = "",
    **fields: Any,
) -> Row:
    rest = {
        "items": items or about,
        "body": fields,
        "special": special,
        "also": also,
        "by_name": by_name,
        "spare": spare,
    }
    return Row(f"grpc:{method}", tuple(needs.split()), kind, about=about, **rest)


def filtered(plural: str, query: str) -> Row:
    """A list by a filter, which may be about neighbours."""
    return call(f"Get{plural}", SEE, ONE, options={"max_result_size": 100, "filter_query": query})


def walked(plural: str, query: str) -> Row:
    """What is around the nodes that a filter finds."""
    fields = {"lineage_subgraph_query_options": {f"starting_{plural}": {"filter_query": query}, "max_num_hops": 5}}
    return call("GetLineageSubgraph", SEE, ONE, read_mask="artifacts,executions,events", **fields)


def reads(kind: str) -> list[Row]:
    """What every kind of node is read by."""
    noun, rows = kind.title(), []
    for type_name, node, name in KINDS[kind]:
        options = {"options": {"max_result_size": 100}}
        named = {"type_name": type_name, f"{kind}_name": f"{{{name}}}"}
        rows += [
            call(f"Get{noun}s", SEE, LIST, items=node, **options),
            call(f"Get{noun}sByType", SEE, LIST, items=node, type_name=type_name, **options),
            call(f"Get{noun}sByID", SEE, ONE, node, **{f"{kind}_ids": [f"{{{node}}}"]}),
            call(f"Get{noun}ByTypeAndName", SEE, ONE, node, by_name=True, **named),
            call(f"Get{noun}sByExternalIds", SEE, ONE, node, by_name=True, external_ids=[f"{{{node}_outside}}"]),
        ]
    rows += [
        call(f"Get{noun}Types", SEE, LIST, special=KNOWN),
        call(f"Get{noun}Type", SEE, ONE, special=KNOWN, type_name=KINDS[kind][1][0]),
        call(f"Get{noun}TypesByID", SEE, ONE, special=KNOWN, type_ids=["{context_type}"]),
        call(f"Get{noun}TypesByExternalIds", SEE, ONE, special=KNOWN, also=(404,), external_ids=["none"]),
        call(f"Put{noun}Type", CREATE, DONE, **{f"{kind}_type": {"name": "{new}"}}),
    ]
    return rows


# A message with the id of what it changes, which has to say the rest of it, too.
PIPELINE = {"id": "{pipeline_id}", "type_id": "{context_type}", "name": "{pipeline}", "external_id": "{pipeline_id_outside}"}
DATA = {"id": "{data_id}", "type_id": "{artifact_type}", "name": "{data}", "uri": "{new}", "external_id": "{data_id_outside}"}
STEP = {"id": "{step_id}", "type_id": "{execution_type}", "name": "{step}", "external_id": "{step_id_outside}"}
CHANGED = {"custom_properties": {"note": {"string_value": "{new}"}}}
WALK = {"starting_artifacts": {"filter_query": "id = {data_id}"}, "max_num_hops": 5}

CALLS = [
    *(each for kind in KINDS for each in reads(kind)),
    call("PutTypes", CREATE, DONE, context_types=[{"name": "{new}"}]),
    call("PutArtifacts", CREATE, DONE, artifacts=[{"type_id": "{artifact_type}", "name": "{new}"}]),
    call("PutArtifacts", WRITE, DONE, "data_id", artifacts=[DATA]),
    call("PutExecutions", CREATE, DONE, executions=[{"type_id": "{execution_type}", "name": "{new}"}]),
    call("PutExecutions", WRITE, DONE, "step_id", executions=[STEP | CHANGED]),
    call("PutContexts", CREATE, DONE, contexts=[{"type_id": "{context_type}", "name": "{new}"}]),
    call("PutContexts", WRITE, DONE, "pipeline_id", contexts=[PIPELINE | CHANGED]),
    call(
        "PutContexts",
        WRITE,
        DONE,
        "model_id",
        update_mask="customProperties",
        contexts=[{"id": "{model_id}", "type_id": "{model_type}", "name": "{model}"} | CHANGED],
    ),
    call("PutContexts", WRITE, DONE, "model_id", contexts=[{"type_id": "{version_type}", "name": "{model_id}:{new}"}]),
    call(
        "PutContexts",
        PROMOTE,
        DONE,
        "environment_id",
        update_mask="customProperties",
        contexts=[{"id": "{environment_id}", "type_id": "{environment_type}", "name": "{environment}"} | CHANGED],
    ),
    call(
        "PutEvents",
        WRITE,
        DONE,
        "step_id",
        spare="unused",
        events=[{"artifact_id": "{unused_id}", "execution_id": "{step_id}", "type": 3}],
    ),
    call("PutExecution", CREATE, DONE, execution={"type_id": "{execution_type}", "name": "{new}"}),
    call("PutExecution", WRITE, DONE, "step_id", execution=STEP | CHANGED),
    call("PutLineageSubgraph", CREATE, DONE, contexts=[{"type_id": "{context_type}", "name": "{new}"}]),
    call(
        "PutAttributionsAndAssociations",
        WRITE,
        DONE,
        "pipeline_id",
        spare="spare_step",
        associations=[{"context_id": "{pipeline_id}", "execution_id": "{spare_step_id}"}],
    ),
    call(
        "PutParentContexts",
        WRITE,
        DONE,
        "pipeline_id",
        spare="spare_pipeline",
        parent_contexts=[{"parent_id": "{pipeline_id}", "child_id": "{spare_pipeline_id}"}],
    ),
    call("GetArtifactsByURI", SEE, ONE, "artifact_id", by_name=True, uris=["{artifact_uri}"]),
    call("GetEventsByExecutionIDs", SEE, ONE, "step_id", execution_ids=["{step_id}"]),
    call("GetEventsByArtifactIDs", SEE, ONE, "data_id", artifact_ids=["{data_id}"]),
    call("GetContextsByArtifact", SEE, ONE, "data_id", items="pipeline_id", artifact_id="{data_id}"),
    call("GetContextsByExecution", SEE, ONE, "step_id", items="pipeline_id", execution_id="{step_id}"),
    call("GetArtifactsByContext", SEE, ONE, "version_id", items="artifact_id", context_id="{version_id}"),
    call("GetExecutionsByContext", SEE, ONE, "service_id", items="serve_id", context_id="{service_id}"),
    call("GetParentContextsByContext", SEE, ONE, "version_id", items="model_id", context_id="{version_id}"),
    call("GetChildrenContextsByContext", SEE, ONE, "model_id", items="version_id", context_id="{model_id}"),
    call("GetParentContextsByContexts", SEE, ONE, "version_id", items="model_id", context_ids=["{version_id}"]),
    call("GetChildrenContextsByContexts", SEE, ONE, "model_id", items="version_id", context_ids=["{model_id}"]),
    call("GetLineageGraph", SEE, ONE, special=KNOWN, also=("UNIMPLEMENTED",)),
    call(
        "GetLineageSubgraph",
        SEE,
        ONE,
        "data_id",
        by_name=True,
        lineage_subgraph_query_options=WALK,
        read_mask="artifacts,executions",
    ),
]

# What shows neighbours: the value whose node is shown, and what has to be seen for that: these trees, or the workspace.
UPSTREAM = {"direction": "upstream", "depth": "5"}
NEIGHBOURS = [
    (
        row("kubeflow:getModelVersionArtifacts", SEE, LIST, "version_id", query=ALL_OF_IT),
        "shut_artifact_id",
        "open shut",
    ),
    (row("native:getNodeLineage", SEE, ONE, "shut_step_id", query=UPSTREAM), "shut_artifact_id", "loose shut"),
    (row("native:getNodeLineage", SEE, ONE, "shut_step_id", query=UPSTREAM), "artifact_id", "loose open"),
    (call("GetArtifactsByContext", SEE, ONE, context_id="{version_id}"), "shut_artifact_id", "open shut"),
    (call("GetContextsByArtifact", SEE, ONE, artifact_id="{shut_artifact_id}"), "version_id", "open shut"),
    (call("GetEventsByExecutionIDs", SEE, ONE, execution_ids=["{shut_step_id}"]), "shut_artifact_id", "loose shut"),
    (call("GetEventsByArtifactIDs", SEE, ONE, artifact_ids=["{shut_artifact_id}"]), "shut_step_id", "loose shut"),
    (filtered("Artifacts", "contexts_a.id = {version_id}"), "shut_artifact_id", "open shut"),
    (filtered("Artifacts", "contexts_a.name LIKE '{model_id}:%'"), "shut_artifact_id", "open shut"),
    (filtered("Artifacts", "events_0.execution_id = {shut_step_id}"), "shut_artifact_id", "loose shut"),
    (filtered("Executions", "events_0.artifact_id = {shut_artifact_id}"), "shut_step_id", "loose shut"),
    (filtered("Contexts", "child_contexts_a.id = {shut_version_id}"), "shut_model_id", "shut"),
    (walked("artifacts", "id = {artifact_id}"), "shut_artifact_id", "open loose shut"),
    (walked("executions", "id = {shut_step_id}"), "shut_artifact_id", "loose shut"),
    (walked("executions", "events_0.artifact_id = {shut_artifact_id}"), "shut_step_id", "loose shut"),
]
