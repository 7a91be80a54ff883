"""How a row is asked at its door, and how the answer is understood."""

import json
import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import quote, urlencode

import grpc
import published
from calls import service
from google.protobuf import json_format
from google.protobuf.message import Message
from operations import FEED, LIST, ONE, Row
from oracle import DENIED, HIDDEN, OK, TAKEN, UNKNOWN, Who
from urllib3.filepost import encode_multipart_formdata
from world import ZIP, World


CODES = {
    grpc.StatusCode.UNAUTHENTICATED: UNKNOWN,
    grpc.StatusCode.PERMISSION_DENIED: DENIED,
    grpc.StatusCode.NOT_FOUND: HIDDEN,
}
# How MLflow's door tells it.
STATUSES = {
    (401, "UNAUTHENTICATED"): UNKNOWN,
    (403, "PERMISSION_DENIED"): DENIED,
    (404, "RESOURCE_DOES_NOT_EXIST"): HIDDEN,
    (400, "RESOURCE_ALREADY_EXISTS"): TAKEN,
}
# The members of its messages that have ids, and names by which others are told.
TELLING = {"experiment_id", "run_id", "source_run_id", "model_id", "trace_id", "dataset_id", "name", "path", "source"}
TELLING |= {"request_id", "assessment_name"}
# The same in GraphQL.
TELLING |= {"experimentId", "runId", "modelId"}
LISTING = {"experiment_ids"}
# What differs between answers to the same question: times, and names of requests.
TIMES = re.compile(
    r"(?<![0-9])1[6-9][0-9]{11}(?![0-9])|\d{4}-\d\d-\d\dT[0-9:.]+Z|new-\d+|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
)
PARAMETER = re.compile(r"\{[^}]+\}")


@dataclass(frozen=True)
class Answer:
    """What somebody is told: the outcome in the words of the oracle or a status, the text, and the ids in it."""

    outcome: str
    text: str
    ids: frozenset[str] = frozenset()

    def without(self, values: Mapping[str, str]) -> str:
        """The text without what it was asked about, and without times."""
        text = TIMES.sub("", self.text)
        for value in sorted(filter(None, values.values()), key=len, reverse=True):
            text = re.sub(rf"(?<![\w-]){re.escape(value)}(?![\w-])", "<>", text)
        return text


@cache
def http_places() -> dict[str, published.Place]:
    return published.http()


def place(row: Row, number: int) -> published.Place:
    """Where its operation is: Kubeflow's is at two paths, of which each is asked."""
    door, _, rest = row.operation.partition(":")
    if door in ("HEAD", "HEAD-edge", "GET"):
        return published.Place(door.partition("-")[0], rest)
    if door == "mlflow":
        return published.place_in_mlflow(rest, number // 3)
    found = http_places()[row.operation]
    if door == "kubeflow" and number % 2:
        return published.Place(found.method, found.path.replace(*published.EDITIONS, 1))
    return found


def filled(shape: Any, values: Mapping[str, str]) -> Any:
    """A shape with its braces filled."""
    match shape:
        case str():
            return re.sub(r"\{(\w+)\}", lambda found: values[found[1]], shape)
        case dict():
            return {name: filled(inner, values) for name, inner in shape.items()}
        case list():
            return [filled(inner, values) for inner in shape]
        case _:
            return shape


def argument(named: str, values: Mapping[str, str]) -> str:
    """What stands for a parameter: a value by its name, a text that has some, or a path as it is."""
    return filled(named, values) if "{" in named or "/" in named else values[named]


def ask(world: World, row: Row, who: Who, values: Mapping[str, str], workspace: str = "") -> Answer:
    """What somebody is told of these values, in a workspace that is named or their own."""
    if row.door == "grpc":
        return ask_graph(world, row, who, values, workspace)
    number = zlib.crc32(f"{row} {who.name}".encode())
    where, arguments = place(row, number), iter(row.path)
    path = PARAMETER.sub(lambda _: quote(argument(next(arguments), values), safe="@/"), where.path)
    headers = filled(row.headers, values)
    if workspace and row.door == "mlflow" and number % 3 == 1:
        headers["X-MLFLOW-WORKSPACE"] = workspace
    elif workspace and number % 3 == 0:
        headers["X-Modelport-Workspace"] = workspace
    elif workspace:
        path = f"/w/{workspace}{path}"
    options: dict[str, Any] = {"headers": headers}
    if row.body is not None:
        options["json"] = filled(row.body, values)
    elif row.content is not None:
        options["body"] = row.content() if callable(row.content) else row.content
        headers.setdefault("Content-Type", "application/zip" if row.content == ZIP else "application/octet-stream")
    elif row.form is not None:
        fields = filled(row.form, values)
        if where.method == "POST":
            fields["file"] = ("m.zip", ZIP, "application/zip")
        options["body"], headers["Content-Type"] = encode_multipart_formdata(fields)
    at = "edge" if row.door.endswith("edge") else ""
    return read(world, row, where.method, path, filled(row.query, values), world.tokens.get(who.name), at, options)


def read(
    world: World, row: Row, method: str, path: str, query: dict, token: str | None, at: str, options: dict
) -> Answer:
    """The answer, of a list all pages."""
    ids: set[str] = set()
    while True:
        answer = world.request(method, path + (f"?{urlencode(query)}" if query else ""), token, at, **options)
        status = answer.status
        text = answer.data.decode(errors="replace")
        outcome = OK if status < 300 else of_mlflow(status, text) if row.door == "mlflow" else str(status)
        if row.operation == "mlflow:POST /graphql" and outcome == OK:
            outcome = of_graphql(text)
        if row.door == "mlflow" and outcome == OK and row.kind in (ONE, LIST) and text[:1] == "{":
            page = json.loads(text)
            ids |= set(told_by_mlflow(page))
            if not (following := page.get("next_page_token")):
                return Answer(outcome, text, frozenset(ids))
            query, options = continued(query, options, following)
            continue
        if outcome != OK or row.kind not in (LIST, FEED):
            return Answer(outcome, text, frozenset(ids))
        page = json.loads(text)
        ids |= set(ids_of(page if isinstance(page, list) else page["items"]))
        following = "" if isinstance(page, list) else page.get("nextPageToken", "")
        if row.kind == FEED and page["items"]:
            query = query | {"after": str(page["next"])}
        elif following:
            query = query | {"nextPageToken": following}
        else:
            if "totalSize" in page and "totals" in query:
                assert page["totalSize"] == len(ids), f"{row.operation}: {page['totalSize']} of {len(ids)}"
            return Answer(outcome, text, frozenset(ids))


def of_mlflow(status: int, text: str) -> str:
    """The outcome by the status and the code of the error; a HEAD has no more than the status."""
    code = json.loads(text)["error_code"] if text else ""
    return STATUSES.get((status, code), f"{status} {code}".strip())


def of_graphql(text: str) -> str:
    """The outcome by the error that an answer of GraphQL names beside its data."""
    [answer] = json.loads(text)["data"].values()
    codes = {code: outcome for (_, code), outcome in STATUSES.items()}
    return codes[answer["apiError"]["code"]] if answer["apiError"] else OK


def continued(query: dict, options: dict[str, Any], token: str) -> tuple[dict, dict[str, Any]]:
    """The query and the options that ask for the next page: the token is where the other fields are."""
    if "json" in options:
        return query, options | {"json": options["json"] | {"page_token": token}}
    return query | {"page_token": token}, options


def told_by_mlflow(message: Any) -> Iterator[str]:
    """The ids and names in a message, however deep."""
    match message:
        case dict():
            for name, inner in message.items():
                if name in TELLING and isinstance(inner, str):
                    yield inner
                elif name in LISTING:
                    yield from inner
                else:
                    yield from told_by_mlflow(inner)
        case list():
            for inner in message:
                yield from told_by_mlflow(inner)


def ids_of(items: list[dict[str, Any]]) -> list[str]:
    """What items are known by; of files, the artifacts that have them."""
    return [str(next(filter(None, map(item.get, ["nodeId", "id", "artifactId", "name"])), None)) for item in items]


def ask_graph(world: World, row: Row, who: Who, values: Mapping[str, str], workspace: str) -> Answer:
    """The same over gRPC, where lists are read page by page, too."""
    method = row.operation.partition(":")[2]
    request = getattr(service, f"{method}Request")()
    json_format.ParseDict(filled(row.body, values), request)
    token = world.tokens.get(who.name)
    metadata = [("authorization", f"Bearer {token}")] if token is not None else []
    metadata += [("x-modelport-workspace", workspace)] if workspace else []
    ids: set[str] = set()
    texts = []
    while True:
        try:
            answer = getattr(world.calls.stub, method)(request, timeout=60, metadata=metadata)
        except grpc.RpcError as error:
            return Answer(CODES.get(error.code(), error.code().name), f"{error.code()} {error.details()}")
        texts.append(str(answer))
        ids |= ids_in(answer)
        token = getattr(answer, "next_page_token", "")
        if not token:
            return Answer(OK, "\n".join(texts), frozenset(ids))
        request.options.next_page_token = token


def ids_in(message: Message) -> set[str]:
    """The ids of all nodes in an answer, however deep, and of both ends of events."""
    found = set()
    for field, value in message.ListFields():
        if field.name in ("id", "artifact_id", "execution_id") and "Type" not in type(message).__name__:
            found.add(str(value))
        elif field.type == field.TYPE_MESSAGE:
            is_map = field.message_type.GetOptions().map_entry
            inner = value.values() if is_map else value if field.label == field.LABEL_REPEATED else [value]
            found |= {found for each in inner if isinstance(each, Message) for found in ids_in(each)}
    return found
