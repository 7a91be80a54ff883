"""Short names for what scenarios send."""

from typing import Any

from google.protobuf import any_pb2, field_mask_pb2, struct_pb2
from twins import Twin, mlmd, service

Event, Artifact, Execution, Context = mlmd.Event, mlmd.Artifact, mlmd.Execution, mlmd.Context
Pair = service.PutExecutionRequest.ArtifactAndEvent
Options = mlmd.ListOperationOptions
ORDER = Options.OrderByField
KINDS = ("Artifact", "Execution", "Context")
# A type has these.
DECLARED = {
    "i": mlmd.INT, "d": mlmd.DOUBLE, "s": mlmd.STRING, "st": mlmd.STRUCT, "p": mlmd.PROTO, "b": mlmd.BOOLEAN,
}  # fmt: skip


def value(of: Any) -> mlmd.Value:
    """The value of its kind."""
    match of:
        case mlmd.Value():
            return of
        case bool():
            return mlmd.Value(bool_value=of)
        case int():
            return mlmd.Value(int_value=of)
        case float():
            return mlmd.Value(double_value=of)
        case str():
            return mlmd.Value(string_value=of)
        case dict():
            struct = struct_pb2.Struct()
            struct.update(of)
            return mlmd.Value(struct_value=struct)
        case any_pb2.Any():
            return mlmd.Value(proto_value=of)
    raise TypeError(of)


def node(kind: str, properties: dict | None = None, custom: dict | None = None, **fields) -> Any:
    """A node with these values."""
    made = getattr(mlmd, kind)(**fields)
    for name, each in (properties or {}).items():
        made.properties[name].CopyFrom(value(each))
    for name, each in (custom or {}).items():
        made.custom_properties[name].CopyFrom(value(each))
    return made


def artifact(*properties, **fields) -> mlmd.Artifact:
    return node("Artifact", *properties, **fields)


def execution(*properties, **fields) -> mlmd.Execution:
    return node("Execution", *properties, **fields)


def context(*properties, **fields) -> mlmd.Context:
    return node("Context", *properties, **fields)


def mask(*paths: str) -> field_mask_pb2.FieldMask:
    return field_mask_pb2.FieldMask(paths=paths)


def put_type(twin: Twin, kind: str, name: str, properties: dict | None = None, **options) -> int:
    """Puts a type; its id."""
    fields = {key: options.pop(key) for key in ("version", "description", "external_id", "base_type") if key in options}
    made = getattr(mlmd, f"{kind}Type")(name=name, properties=DECLARED if properties is None else properties, **fields)
    return twin(f"Put{kind}Type", **{f"{kind.lower()}_type": made}, **options).type_id


def put(twin: Twin, *nodes: Any, **options) -> list[int]:
    """Puts nodes of one kind; their ids."""
    kind = type(nodes[0]).__name__
    many = f"{kind.lower()}s"
    return list(getattr(twin(f"Put{kind}s", **{many: nodes}, **options), f"{kind.lower()}_ids"))


def get(twin: Twin, kind: str, *ids: int, **options) -> list:
    """The nodes of these ids."""
    answer = twin(f"Get{kind}sByID", **{f"{kind.lower()}_ids": ids}, **options)
    return list(getattr(answer, f"{kind.lower()}s"))
