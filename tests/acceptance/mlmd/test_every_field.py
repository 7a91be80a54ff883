"""Every field of every call with contents that nobody expects: no answer is that the server broke."""

from collections.abc import Iterator

from calls import METHODS, OURS, Calls, mlmd, service, varint
from google.protobuf.descriptor import Descriptor
from google.protobuf.descriptor import FieldDescriptor as Field
from google.protobuf.message import Message

# How deep messages are looked into.
DEPTH = 5
Seeds = dict[str, bytes]


def delimited(field: Field, body: bytes) -> bytes:
    return varint(field.number << 3 | 2) + varint(len(body)) + body


def odd(field: Field) -> list[bytes]:
    """The field with contents that no client of good will sends."""
    if field.type in (Field.TYPE_STRING, Field.TYPE_BYTES):
        return [delimited(field, each) for each in (b"\0", b"\xff\xfe", b"", b"'\"\\`;--%", "ä".encode() * 5000)]
    if field.type == Field.TYPE_DOUBLE:
        return [varint(field.number << 3 | 1) + b"\xff" * 8]
    numbers = [-1, 0, 1, 99, 2**31 - 1, -(2**31), 2**63 - 1, -(2**63)]
    return [varint(field.number << 3) + varint(each) for each in numbers]


def odd_messages(message: Descriptor, seeds: Seeds, depth: int = 0) -> Iterator[bytes]:
    """The message with one field or none more than its seed, once for each of the field's odd contents."""
    seed = seeds.get(message.name, b"")
    yield seed
    for field in message.fields:
        if field.type != Field.TYPE_MESSAGE:
            yield from (seed + each for each in odd(field))
        elif depth < DEPTH:
            yield from (seed + delimited(field, each) for each in odd_messages(field.message_type, seeds, depth + 1))


def verify(calls: Calls, seeds: Seeds) -> int:
    broken, count = [], 0
    for method, request in METHODS.items():
        for body in dict.fromkeys(odd_messages(request, seeds)):
            count += 1
            code = calls.ending(method, body)
            # The text of a refusal that is longer than a client reads makes it one of another kind.
            if code in OURS or code.name == "RESOURCE_EXHAUSTED":
                broken.append(f"{method} {len(body)} bytes {body[:60]!r}: {code.name}")
    assert not broken, "\n".join(broken)
    return count


def test_no_contents_of_any_field_alone_break_the_server(calls: Calls, figures: list[str], request) -> None:
    figures.append(f"odd requests {request.node.callspec.id}: {verify(calls, {})}")


def test_no_contents_of_any_field_beside_valid_ones_break_the_server(calls: Calls, figures: list[str], request) -> None:
    def seed(message: Message) -> bytes:
        return message.SerializePartialToString()

    kinds = {"p": mlmd.STRING, "i": mlmd.INT}
    artifact, execution, context = (calls.type(kind, "T", **kinds) for kind in ["artifact", "execution", "context"])
    Get = {name: getattr(service, f"{name}Request") for name in METHODS if name.startswith("Get")}
    [a] = calls.call("PutArtifacts", artifacts=[mlmd.Artifact(type_id=artifact, name="n")]).artifact_ids
    [e] = calls.call("PutExecutions", executions=[mlmd.Execution(type_id=execution, name="n")]).execution_ids
    [c] = calls.call("PutContexts", contexts=[mlmd.Context(type_id=context, name="n")]).context_ids
    seeds = {
        f"{kind}Type": seed(getattr(mlmd, f"{kind}Type")(name="T")) for kind in ["Artifact", "Execution", "Context"]
    }
    seeds |= {
        "Artifact": seed(mlmd.Artifact(type_id=artifact)),
        "Execution": seed(mlmd.Execution(type_id=execution)),
        "Context": seed(mlmd.Context(type_id=context, name="another")),
        "Event": seed(mlmd.Event(artifact_id=a, execution_id=e, type=mlmd.Event.INPUT)),
        "Attribution": seed(mlmd.Attribution(artifact_id=a, context_id=c)),
        "Association": seed(mlmd.Association(execution_id=e, context_id=c)),
        "ParentContext": seed(mlmd.ParentContext(child_id=c)),
        "EventEdge": seed(service.PutLineageSubgraphRequest.EventEdge(execution_index=0, artifact_index=0)),
        "StartingNodes": seed(mlmd.LineageSubgraphQueryOptions.StartingNodes(filter_query="id > 0")),
        "PutExecutionRequest": seed(service.PutExecutionRequest(execution=mlmd.Execution(type_id=execution))),
        # The map's entries, whose keys are their first fields.
        "PropertiesEntry": b"\x0a\x01p",
        "CustomPropertiesEntry": b"\x0a\x01p",
    }
    for name, type_of in Get.items():
        fields = type_of.DESCRIPTOR.fields_by_name
        known = {"type_name": "T", "artifact_name": "n", "execution_name": "n", "context_name": "n"}
        known |= {"artifact_id": a, "execution_id": e, "context_id": c}
        seeds[f"{name}Request"] = seed(type_of(**{key: value for key, value in known.items() if key in fields}))
    figures.append(f"odd requests beside valid fields {request.node.callspec.id}: {verify(calls, seeds)}")
