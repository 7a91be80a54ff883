"""Whatever is to be changed is tried by somebody first, and done by the administrator where they may not.

So a sequence goes on as if everybody might do everything, and what somebody was told is compared with the rules.
"""

import base64
import re
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from urllib.parse import unquote

import grpc
import httpx
from calls import OURS, Calls, service
from google.protobuf.message import Message
from harness import Server
from model.edge import Edge, record_id
from model.graph import Graph
from model.journal import OPTIONS
from model.kubeflow import EDITIONS, Kubeflow
from model.machine import Doors
from model.native import FeedWithGaps
from model.registry import Registry
from model.uploads import Uploads
from oracle import CREATE, DENIED, DELETE, HIDDEN, MANAGE, OK, PROMOTE, SEE, WRITE
from rights import Rights, needed

SAFE = {"GET", "HEAD", "OPTIONS"}
CODES = {
    grpc.StatusCode.PERMISSION_DENIED: DENIED,
    grpc.StatusCode.NOT_FOUND: HIDDEN,
    grpc.StatusCode.INVALID_ARGUMENT: "400",
    grpc.StatusCode.ALREADY_EXISTS: "409",
    grpc.StatusCode.FAILED_PRECONDITION: "412",
    grpc.StatusCode.OUT_OF_RANGE: "400",
}
# What is told to whoever names what they do not see, other than by a path: it is not there, or a name is taken.
AS_MISSING = {HIDDEN, "400", "409", "412"}
# By which a message, and a path, name a node, a model, a record or an upload.
IDS = {"id", "artifact_id", "execution_id", "context_id", "parent_id", "child_id"}
NODE = re.compile(r"/(?:\w+_\w+|artifacts|experiments|nodes|experiment-runs)/(\d+)(?:/|$)")
MODEL = re.compile(r"/api/v1/models/([^/]+)")
RECORD = re.compile(r"^/models/([^/]+)$")
UPLOAD = re.compile(r"/uploads/([^/]+)$")


@dataclass
class Attempt:
    """A change that somebody asked for."""

    who: str
    what: str
    path: str
    by_graph: bool
    before: Registry
    # The model that it names, and the nodes that the message of a call names.
    model: str | None = None
    ids: set[int] = field(default_factory=set)
    # What they were told, and the administrator after them.
    told: str = OK
    text: str = ""
    then: str = OK


@dataclass
class Attempts:
    """Who tries what, and whether they were told what the rules say."""

    tokens: dict[str, str]
    admin: str
    # Who is next, and what there is; both are the machine's.
    who: str = ""
    registry: Callable[[], Registry] = Registry
    rights: Rights | None = None
    attempt: Attempt | None = None
    counts: dict[str, int] = field(default_factory=dict)

    def begin(self, what: str, path: str, model: str | None, message: Message | None = None) -> Attempt | None:
        """An attempt, after the one before; none where it would be something else for whoever does not see everything."""
        self.settle()
        if self.who == self.admin:
            return None
        attempt = Attempt(self.who, what, path, message is not None, deepcopy(self.registry()), model)
        attempt.ids = set(named(message, IDS)) if message else set()
        if (upload := UPLOAD.search(path)) and upload[1] in attempt.before.uploads:
            attempt.model = attempt.before.uploads[upload[1]].model
        if self.differs(attempt, set(named(message, {"name"})) if message else set()):
            return None
        self.attempt = attempt
        return attempt

    def differs(self, attempt: Attempt, names: set[str]) -> bool:
        """Whether names stand for something else for somebody: files by a version's name are those of artifacts that are
        seen, and in ML Metadata the id before a name is that of a home, if there is one."""
        homes = {int(home) for name in names for home, colon, _ in [name.partition(":")] if colon and home.isdecimal()}
        before, sees = attempt.before, lambda node: self.rights.may(attempt.who, SEE, node)
        below = {node.id for root in self.named(attempt) for node in before.below(before.nodes[root])}
        serving = before.of("kf.InferenceService", "kf.ServeModel")
        around = {each for node in below for each in before.nodes[node].members}
        around |= {each.id for each in serving if each.properties.get("model_version_id", ("int", 0))[1] in below}
        return not all(map(sees, around | (homes & before.nodes.keys())))

    def settle(self) -> None:
        """Compares what somebody was told with what was done, which the model knows by now."""
        attempt, self.attempt = self.attempt, None
        registry = self.registry()
        if attempt is None:
            self.rights.note(registry, self.admin)
            return
        self.rights.note(registry, attempt.who if attempt.told == OK else self.admin)
        allowed = self.allowed(attempt, registry)
        self.counts[attempt.told] = self.counts.get(attempt.told, 0) + 1
        assert attempt.told in allowed, (
            f"{attempt.who} was told {attempt.told} and not one of {sorted(allowed)}: {attempt.what} ({attempt.text})"
            f"\n{self.rights.who(attempt.who)}, owners {self.rights.owners}, restricted {self.rights.restricted}"
        )

    def allowed(self, attempt: Attempt, after: Registry) -> set[str]:
        """What somebody may be told."""
        who, rights = attempt.who, self.rights
        by_id = self.by_id(attempt)
        if not all(rights.may(who, SEE, node) for node in by_id) or self.is_others_upload(attempt):
            # As if it were not there; what is wrong with the request itself may be said first.
            return {HIDDEN, attempt.then} - {OK}
        if attempt.then != OK:
            # Nobody can do it. Whoever may do everything is told the same as the administrator.
            return {attempt.then} if self.is_almighty(who, attempt.before) else {attempt.told} - {OK}
        need = needed(attempt.before, after, attempt.by_graph)
        targets = self.targets(attempt, after)
        need.permissions |= {(WRITE, model) for model in targets if model}
        touched = {node for _, node in need.permissions} | need.sees
        touched |= self.named(attempt) if MODEL.search(attempt.path) else set()
        touched |= attempt.ids & attempt.before.nodes.keys()
        hidden = {node for node in touched if not rights.may(who, SEE, node)}
        lacking = {right for right, node in need.permissions if node not in hidden and not rights.may(who, right, node)}
        in_workspace = rights.in_workspace(who)
        allowed = (AS_MISSING | {DENIED}) if hidden else set()
        if lacking:
            allowed.add(DENIED)
        if need.creates and CREATE not in in_workspace:
            allowed |= {DENIED} if SEE in in_workspace else {DENIED, HIDDEN}
        if allowed:
            return allowed
        if None in targets:
            # What has no target yet is for whoever may write anything in the workspace; or there has to be one.
            return {OK, DENIED} | AS_MISSING
        # What changes nothing needs nothing, and may be refused to whoever could not change it.
        return {OK} if need.permissions or need.creates else {OK, DENIED}

    def targets(self, attempt: Attempt, after: Registry) -> list[int | None]:
        """What those uploads are for that have come to be, or further; None for what is not there, or not seen."""
        before = attempt.before
        moved = [
            upload
            for each, upload in after.uploads.items()
            if each not in before.uploads or before.uploads[each].offset != upload.offset
        ]
        models = [before.named("kf.RegisteredModel", None, upload.model) for upload in moved]
        return [model.id if model and self.rights.may(attempt.who, SEE, model.id) else None for model in models]

    def by_id(self, attempt: Attempt) -> set[int]:
        """The nodes whose ids stand in a path, and the one that is a record of the edge registry."""
        found = {int(each) for each in NODE.findall(attempt.path)} & attempt.before.nodes.keys()
        record = RECORD.search(attempt.path)
        of = attempt.before.of("kf.ModelArtifact") if record else []
        return found | {node.id for node in of if record_id(node) == unquote(record[1])}

    def named(self, attempt: Attempt) -> set[int]:
        """The model that it names."""
        model = attempt.before.named("kf.RegisteredModel", None, attempt.model) if attempt.model else None
        return {model.id} if model else set()

    def is_others_upload(self, attempt: Attempt) -> bool:
        found = UPLOAD.search(attempt.path)
        known = found and found[1] in attempt.before.uploads
        return bool(known) and not self.rights.sees_upload(attempt.before, attempt.who, found[1])

    def is_almighty(self, who: str, registry: Registry) -> bool:
        every = {SEE, WRITE, CREATE, PROMOTE, DELETE, MANAGE}
        return every <= self.rights.in_workspace(who) and all(
            self.rights.may(who, each, node) for node in registry.nodes for each in every
        )


class Attempting(httpx.BaseTransport):
    """Sends what changes something as somebody first."""

    def __init__(self, attempts: Attempts):
        self.attempts = attempts
        self.wire = httpx.HTTPTransport(limits=OPTIONS["limits"])

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        body, path = request.read(), request.url.raw_path.decode().partition("?")[0]
        attempt = None
        if request.method not in SAFE:
            attempt = self.attempts.begin(f"{request.method} {request.url} {body[:500]!r}", path, model_of(request, path))
        if attempt:
            answer = self.send(request, body, self.attempts.tokens[attempt.who])
            if answer.status_code < 400:
                return answer
            answer.read()
            attempt.told, attempt.text = str(answer.status_code), answer.text
            assert answer.status_code < 500, f"{attempt.what} by {attempt.who}: {attempt.text}"
            if attempt.told not in (DENIED, HIDDEN) and UPLOAD.search(path):
                # They were heard, and an upload that cannot end is gone.
                attempt.then = attempt.told
                return answer
            answer.close()
        answer = self.send(request, body, self.attempts.tokens[self.attempts.admin])
        if attempt and answer.status_code >= 400:
            attempt.then = str(answer.status_code)
        return answer

    def send(self, request: httpx.Request, body: bytes, token: str) -> httpx.Response:
        copy = httpx.Request(request.method, request.url, headers=request.headers, content=body or None)
        copy.headers["Authorization"] = f"Bearer {token}"
        copy.extensions = request.extensions
        return self.wire.handle_request(copy)


def model_of(request: httpx.Request, path: str) -> str | None:
    """The model that a path or the metadata of an upload names."""
    if found := MODEL.search(path):
        return unquote(found[1])
    said = dict(each.split() for each in request.headers.get("Upload-Metadata", "").split(",") if each)
    return base64.b64decode(said["model"]).decode() if "model" in said else None


class CallsAs(Calls):
    """ML Metadata's calls with a token, in a workspace."""

    def __init__(self, server: Server, workspace: str, token: str, attempts: Attempts | None = None):
        super().__init__(server)
        self.workspace, self.token, self.attempts = workspace, token, attempts

    def call(self, method: str, request: Message | None = None, **fields):
        request = request or getattr(service, f"{method}Request")(**fields)
        if not self.attempts or not method.startswith("Put"):
            return self.send(self.token, method, request)
        attempt = self.attempts.begin(f"{method} {request}", "", None, request)
        if attempt:
            try:
                return self.send(self.attempts.tokens[attempt.who], method, request)
            except grpc.RpcError as error:
                assert error.code() not in OURS, f"{attempt.what} by {attempt.who}: {error.details()}"
                attempt.told, attempt.text = CODES[error.code()], f"{error.code()} {error.details()}"
        try:
            return self.send(self.token, method, request)
        except grpc.RpcError as error:
            if attempt:
                attempt.then = CODES.get(error.code(), str(error.code()))
            raise

    def send(self, token: str, method: str, request: Message):
        metadata = [("authorization", f"Bearer {token}"), ("x-modelport-workspace", self.workspace)]
        return getattr(self.stub, method)(request, timeout=self.patience, metadata=metadata)


def named(message: Message, members: set[str]) -> Iterator[int | str]:
    """What members of these names say, however deep in a message."""
    for of, value in message.ListFields():
        if of.type == of.TYPE_MESSAGE and not of.message_type.GetOptions().map_entry:
            for each in value if of.label == of.LABEL_REPEATED else [value]:
                yield from named(each, members)
        elif of.name in members:
            yield value


class GraphAs(Graph):
    """ML Metadata's door with a token."""

    def __init__(self, calls: CallsAs, types: dict[str, int] | None = None):
        self.calls, self.types = calls, types or {}
        if not types:
            self.make_types()


class DoorsAs(Doors):
    """Every door in a workspace, with a token; or as whoever tries."""

    def __init__(self, server: Server, workspace: str, token: str, graph: GraphAs):
        self.server, self.graph, self.token = server, graph, token
        self.kubeflow = {edition: Kubeflow(server, edition) for edition in EDITIONS}
        self.native, self.uploads, self.edge = FeedWithGaps(server), Uploads(server), Edge(server)
        for door in self.of_http():
            door.http.headers.update({"Authorization": f"Bearer {token}", "X-Modelport-Workspace": workspace})

    def of_http(self) -> list:
        return [*self.kubeflow.values(), self.native, self.uploads, self.edge]

    def try_as(self, attempts: Attempts) -> None:
        """Changes are tried from now on."""
        for door in self.of_http():
            old, options = door.http, OPTIONS | {"headers": door.http.headers}
            door.http = httpx.Client(base_url=old.base_url, transport=Attempting(attempts), **options)
        self.graph.calls.attempts = attempts
