"""ML Metadata's calls without its client, which repeats what was aborted and hides the status."""

from typing import Self

import grpc
from google.protobuf.message import Message
from harness import Server
from ml_metadata.proto import metadata_store_pb2 as mlmd
from ml_metadata.proto import metadata_store_service_pb2 as service
from ml_metadata.proto.metadata_store_service_pb2_grpc import MetadataStoreServiceStub

__all__ = ["METHODS", "NAME", "OURS", "Calls", "mlmd", "service", "varint"]
NAME = "ml_metadata.MetadataStoreService"
METHODS = {each.name: each.input_type for each in service.DESCRIPTOR.services_by_name["MetadataStoreService"].methods}
# What a client's mistake never ends with.
OURS = {grpc.StatusCode[name] for name in ["INTERNAL", "UNKNOWN", "UNAVAILABLE", "DATA_LOSS", "ABORTED"]}
NO_LIMITS = [
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    ("grpc.enable_retries", 0),
    # Channels of one process share their connections otherwise.
    ("grpc.use_local_subchannel_pool", 1),
    # A server that comes back is found at once.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 500),
]


class Calls:
    """A channel of its own, on which nothing is repeated."""

    def __init__(self, server: Server, patience: float = 60.0):
        self.channel = grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}", NO_LIMITS)
        self.stub = MetadataStoreServiceStub(self.channel)
        self.patience = patience

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_details) -> None:
        self.channel.close()

    def call(self, method: str, request: Message | None = None, **fields):
        """The answer to a call."""
        request = request or getattr(service, f"{method}Request")(**fields)
        return getattr(self.stub, method)(request, timeout=self.patience)

    def code(self, method: str, request: Message | None = None, **fields) -> grpc.StatusCode:
        """What a call ends with."""
        try:
            self.call(method, request, **fields)
        except grpc.RpcError as error:
            return error.code()
        return grpc.StatusCode.OK

    def raw(self, method: str, body: bytes, **options) -> bytes:
        """The answer to bytes that no client would send."""
        return self.channel.unary_unary(f"/{method}")(body, **{"timeout": self.patience, **options})

    def ending(self, method: str, body: bytes, **options) -> grpc.StatusCode:
        """What such bytes end with."""
        try:
            self.raw(f"{NAME}/{method}", body, **options)
        except grpc.RpcError as error:
            return error.code()
        return grpc.StatusCode.OK

    def type(self, kind: str, name: str, **properties: int) -> int:
        """The id of a type of that kind: `artifact`, `execution` or `context`."""
        message = getattr(mlmd, f"{kind.title()}Type")(name=name, properties=properties)
        return self.call(f"Put{kind.title()}Type", **{f"{kind}_type": message, "can_add_fields": True}).type_id


def varint(number: int) -> bytes:
    """A number as it is on the wire."""
    number &= 2**64 - 1
    coded = b""
    while number > 127:
        coded, number = coded + bytes([number & 127 | 128]), number >> 7
    return coded + bytes([number])
