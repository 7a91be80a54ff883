"""How much a workspace may hold, and how many calls are answered, through ML Metadata's API."""

import time

import grpc
import pytest
from callers import API, Caller
from calls import Calls, mlmd
from harness import Installation, Server


def test_models_above_a_quota(server: Server, calls: Calls) -> None:
    admin = Caller(server)
    admin.ask("PUT", f"{API}/workspaces/default/quota", 200, json={"roots": 1})
    type_id = calls.call("GetContextType", type_name="kf.RegisteredModel").context_type.id
    mine = calls.type("context", "Pipeline")

    def put(*names: str, of: int = type_id) -> None:
        calls.call("PutContexts", contexts=[mlmd.Context(type_id=of, name=name) for name in names])

    for names in (["first", "second"], ["first"], ["second"]):
        if names == ["first"]:
            put(*names)
            continue
        with pytest.raises(grpc.RpcError) as refused:
            put(*names)
        assert refused.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        assert "`roots`" in refused.value.details()
    # Those of a type of one's own are no models.
    put("second", of=mine)
    shown = admin.ask("GET", f"{API}/workspaces/default/quota", 200).json()["roots"]
    assert shown == {"used": 1, "limit": 1}


@pytest.mark.parametrize("installation", ["embedded"], indirect=True)
def test_too_many_calls(installation: Installation) -> None:
    limits = {"PEER_REQUESTS_PER_SECOND": "1", "BURST_SECONDS": "20"}
    installation.settings |= {f"MODELPORT__LIMITS__{name}": value for name, value in limits.items()}
    server = installation.serve()
    with Calls(server) as calls:
        with pytest.raises(grpc.RpcError) as refused:
            for _ in range(60):
                calls.call("GetContextTypes")
        assert refused.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        assert "try again in 1 s" in refused.value.details()
        sent = dict(refused.value.trailing_metadata())
        assert sent["retry-after"] == "1"
        # One `google.rpc.RetryInfo` with a `retry_delay` of one second.
        assert sent["grpc-status-details-bin"].endswith(b"type.googleapis.com/google.rpc.RetryInfo\x12\x04\x0a\x02\x08\x01")
        time.sleep(1.05)
        calls.call("GetContextTypes")
        # The same address has used up what it may at the other listeners, too.
        assert 429 in {Caller(server).status("GET", f"{API}/changes") for _ in range(5)}
    server.stop()
