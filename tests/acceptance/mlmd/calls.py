"""ML Metadata's calls without its client, which repeats what was aborted and hides the status."""

from typing import Self

import grpc
from google.protobuf.message import Message
from harness import Server
from ml_metadata.proto import metadata_store_pb2 as mlmd
from ml_metadata.proto import metadata_store_service_pb2 as service
from ml_metadata.proto.metadata_store_service_pb2_grpc import MetadataStoreServiceStub

__all__ = ["NAME", "OURS", "Calls", "mlmd", "service"]
NAME = "ml_metadata.MetadataStoreService"
# Whose fault it would be.
OURS = {grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN, grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DATA_LOSS}
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

    def type(self, kind: str, name: str, **properties: int) -> int:
        """The id of a type of that kind: `artifact`, `execution` or `context`."""
        message = getattr(mlmd, f"{kind.title()}Type")(name=name, properties=properties)
        return self.call(f"Put{kind.title()}Type", **{f"{kind}_type": message, "can_add_fields": True}).type_id
