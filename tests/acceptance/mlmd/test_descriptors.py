"""The files below `proto`, as the binary has them compiled in, beside those inside the `ml-metadata` package."""

import os
import subprocess
from collections.abc import Iterator

import pytest
from google.protobuf import descriptor_pb2
from ml_metadata.proto import metadata_store_pb2, metadata_store_service_pb2

# Upstream reserves the number of the old singular `uri`; ours names the field, so that a request with it can be refused.
OURS_ALONE = {"GetArtifactsByURIRequest.reserved_uri": "1 optional bytes"}
UPSTREAM_ALONE = {"GetArtifactsByURIRequest reserves": "1"}
TYPES = descriptor_pb2.FieldDescriptorProto.Type
LABELS = descriptor_pb2.FieldDescriptorProto.Label


def of_wheel() -> list[descriptor_pb2.FileDescriptorProto]:
    files = []
    for module in (metadata_store_pb2, metadata_store_service_pb2):
        files.append(descriptor_pb2.FileDescriptorProto())
        module.DESCRIPTOR.CopyToProto(files[-1])
    return files


def of_binary() -> list[descriptor_pb2.FileDescriptorProto]:
    printed = subprocess.run([os.environ["MODELPORT_BIN"], "proto"], check=True, capture_output=True).stdout
    files = descriptor_pb2.FileDescriptorSet.FromString(printed).file
    return [file for file in files if file.package == "ml_metadata"]


def field(message: descriptor_pb2.DescriptorProto, each: descriptor_pb2.FieldDescriptorProto) -> str:
    """Everything about a field but its name."""
    words = [str(each.number), LABELS.Name(each.label)[6:].lower(), each.type_name or TYPES.Name(each.type)[5:].lower()]
    if each.HasField("oneof_index"):
        words.append(f"in {message.oneof_decl[each.oneof_index].name}")
    if each.HasField("default_value"):
        words.append(f"default {each.default_value}")
    if each.HasField("options"):
        words.append(str(each.options).strip())
    return " ".join(words)


def facts_of_message(path: str, message: descriptor_pb2.DescriptorProto) -> Iterator[tuple[str, str]]:
    yield f"message {path}", str(message.options).strip()
    for each in message.field:
        yield f"{path}.{each.name}", field(message, each)
    for each in message.reserved_range:
        # The end is the first number that is not reserved.
        yield f"{path} reserves", f"{each.start}" if each.end == each.start + 1 else f"{each.start}-{each.end - 1}"
    for each in message.extension_range:
        yield f"{path} extends", f"{each.start}-{each.end - 1}"
    for each in message.enum_type:
        yield from facts_of_enum(f"{path}.{each.name}", each)
    for each in message.nested_type:
        yield from facts_of_message(f"{path}.{each.name}", each)


def facts_of_enum(path: str, enum: descriptor_pb2.EnumDescriptorProto) -> Iterator[tuple[str, str]]:
    for value in enum.value:
        yield f"{path}.{value.name}", f"{value.number} {value.options}".strip()


def facts_of_file(file: descriptor_pb2.FileDescriptorProto) -> Iterator[tuple[str, str]]:
    yield f"file {file.name}", f"{file.package} {file.syntax or 'proto2'} {sorted(file.dependency)}"
    for message in file.message_type:
        yield from facts_of_message(message.name, message)
    for enum in file.enum_type:
        yield from facts_of_enum(enum.name, enum)
    for each in file.extension:
        yield f"extension {each.name}", f"{each.number} {each.extendee} {each.type_name}"
    for service in file.service:
        for each in service.method:
            streams = f"{each.client_streaming} {each.server_streaming}"
            yield f"{service.name}.{each.name}", f"{each.input_type} {each.output_type} {streams}"


def facts(files: list[descriptor_pb2.FileDescriptorProto]) -> dict[str, str]:
    found = {}
    for file in files:
        for name, fact in facts_of_file(file):
            assert name not in found, name
            found[name] = fact
    return found


def test_every_field_is_that_of_the_wheel() -> None:
    ours, theirs = facts(of_binary()), facts(of_wheel())
    assert sum(name.startswith("MetadataStoreService.") for name in theirs) == 52
    assert len(theirs) > 500
    for alone, facts_of_one, facts_of_other in ((OURS_ALONE, ours, theirs), (UPSTREAM_ALONE, theirs, ours)):
        for name, fact in alone.items():
            assert facts_of_one.pop(name) == fact
            assert name not in facts_of_other
    differing = {name: (ours.get(name), theirs.get(name)) for name in ours.keys() | theirs.keys()}
    differing = {name: both for name, both in differing.items() if both[0] != both[1]}
    assert differing == {}


@pytest.mark.parametrize("change", ["number", "type", "label", "default_value"])
def test_a_difference_would_be_found(change: str) -> None:
    changed = of_wheel()
    options = next(each for each in changed[0].message_type if each.name == "ListOperationOptions")
    other = {"number": 9, "type": TYPES.TYPE_INT64, "label": LABELS.LABEL_REQUIRED, "default_value": "21"}
    setattr(options.field[0], change, other[change])
    assert facts(changed) != facts(of_wheel())
