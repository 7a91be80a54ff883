"""How much a workspace may hold, through ML Metadata's API."""

import grpc
import pytest
from callers import API, Caller
from calls import Calls, mlmd
from harness import Server


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
