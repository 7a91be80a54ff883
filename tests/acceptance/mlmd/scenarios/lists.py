"""Lists: pages, orders, tokens."""

import random

from scenarios.making import KINDS, ORDER, Options, artifact, context, execution, node, put, put_type
from twins import Twin, mlmd

ORDERS = [
    {},
    {"field": ORDER.ID, "is_asc": False},
    {"field": ORDER.CREATE_TIME},
    {"field": ORDER.CREATE_TIME, "is_asc": False},
    {"field": ORDER.LAST_UPDATE_TIME},
    {"field": ORDER.LAST_UPDATE_TIME, "is_asc": False},
]
NODES = 12


def walk(twin: Twin, method: str, options: dict, **fields) -> None:
    """Every page of a list."""
    token = None
    for _ in range(NODES):
        more = {"next_page_token": token} if token else {}
        token = twin(method, options=Options(**options, **more), **fields).next_page_token
        if not token:
            return


def asks_for_pages(twin: Twin) -> None:
    for kind in KINDS:
        of = put_type(twin, kind, "paged")
        # Each has a time of its own.
        ids = [put(twin, node(kind, {"i": number}, type_id=of, name=f"n{number}"))[0] for number in range(NODES)]
        for number in random.Random(1).sample(range(NODES), NODES):
            put(twin, node(kind, {"i": number + 100}, id=ids[number], name=f"n{number}"))
        for order in ORDERS:
            for size in (5, 12, 100):
                options = {"max_result_size": size, "order_by_field": ORDER(**order)}
                walk(twin, f"Get{kind}sByType", options, type_name="paged")
            filtered = {"max_result_size": 4, "filter_query": "type = 'paged' AND properties.i.int_value > 102"}
            walk(twin, f"Get{kind}s", {**filtered, "order_by_field": ORDER(**order)})


def asks_for_pages_of_contexts(twin: Twin) -> None:
    of, run, of_context = (put_type(twin, kind, "paged in context") for kind in KINDS)
    artifacts = [put(twin, artifact({"i": number}, type_id=of))[0] for number in range(NODES)]
    executions = [put(twin, execution({"i": number}, type_id=run))[0] for number in range(NODES)]
    [c] = put(twin, context(type_id=of_context, name="c"))
    twin(
        "PutAttributionsAndAssociations",
        attributions=[mlmd.Attribution(artifact_id=id, context_id=c) for id in artifacts],
        associations=[mlmd.Association(execution_id=id, context_id=c) for id in executions],
    )
    for method in ("GetArtifactsByContext", "GetExecutionsByContext"):
        for order in ORDERS:
            walk(twin, method, {"max_result_size": 5, "order_by_field": ORDER(**order)}, context_id=c)
        walk(twin, method, {"max_result_size": 3, "filter_query": "properties.i.int_value >= 4"}, context_id=c)
        walk(twin, method, {"filter_query": "nonsense"}, context_id=c)
        twin(method, context_id=10**6, options=Options())
        twin(method, context_id=10**6, options=Options(max_result_size=0), differs="sizes", ours="INVALID_ARGUMENT")


def asks_for_wrong_pages(twin: Twin) -> None:
    of = put_type(twin, "Artifact", "wrong pages")
    put(twin, *(artifact(type_id=of) for _ in range(5)))
    first = twin("GetArtifactsByType", type_name="wrong pages", options=Options(max_result_size=2))
    token = first.next_page_token
    wrong = [
        {"max_result_size": 0},
        {"max_result_size": -1},
        {"order_by_field": ORDER(field=ORDER.FIELD_UNSPECIFIED)},
        {"next_page_token": "?"},
        {"next_page_token": "nonsense"},
        {"next_page_token": token, "order_by_field": ORDER(is_asc=False)},
        {"next_page_token": token, "order_by_field": ORDER(field=ORDER.CREATE_TIME)},
        {"filter_query": ""},
        {"max_result_size": 2, "filter_query": "id >"},
    ]
    for options in wrong:
        twin("GetArtifactsByType", type_name="wrong pages", options=Options(**options))
        for kind in KINDS:
            if "next_page_token" not in options and "filter_query" not in options:
                twin(f"Get{kind}s", options=Options(**options))
    twin("GetArtifactsByType", type_name="no such type", options=Options(max_result_size=0))
    twin("GetArtifactsByType", type_name="no such type", options=Options())
    # Size and filter may change from page to page.
    twin("GetArtifactsByType", type_name="wrong pages", options=Options(max_result_size=100, next_page_token=token))
    changed = Options(max_result_size=1, next_page_token=token, filter_query="id > 0")
    twin("GetArtifactsByType", type_name="wrong pages", options=changed)


def asks_for_more_than_a_page(twin: Twin) -> None:
    of = put_type(twin, "Artifact", "large", {})
    put(twin, *(artifact(type_id=of) for _ in range(120)))
    twin("GetArtifactsByType", type_name="large", options=Options())
    twin("GetArtifactsByType", type_name="large", options=Options(max_result_size=100))
    for size in (101, 1000):
        twin("GetArtifactsByType", type_name="large", options=Options(max_result_size=size), differs="D17")
    walk(twin, "GetArtifactsByType", {"max_result_size": 40}, type_name="large")
