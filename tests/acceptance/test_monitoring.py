"""The metrics that the documents list, from a running server."""

import re

from harness import ROOT, Installation, eventually

PAGE = (ROOT / "docs/operating/monitoring.md").read_text()


def test_every_metric_of_the_documents_is_there(installation: Installation) -> None:
    server = installation.serve(variables={"MODELPORT__METRICS__INVENTORY_INTERVAL_SECONDS": "1"})
    assert server.put("m", "1", "a", b"bytes").status_code == 201
    installation.run("verify")

    def text() -> str:
        return server.http.get("/metrics").text

    eventually(lambda: 'modelport_entities{type="model_version"} 1' in text(), "the count of versions")
    eventually(lambda: "modelport_last_verification_timestamp_seconds" in text(), "the end of the verification")
    shown = text()
    assert 'modelport_inspected_files{action="allow"} 1' in shown
    assert "modelport_blob_bytes 5" in shown and "modelport_unverified_blobs 0" in shown
    described = set(re.findall(r"^# HELP (modelport_\w+)", shown, re.MULTILINE))
    listed = set(re.findall(r"`(modelport_[a-z_]+)`", PAGE.split("## Alerts")[0]))
    # Nothing is removed and no call is made here, so that these have no samples yet.
    silent = {name for name in listed if name.startswith(("modelport_grpc_requests_total", "modelport_grpc_request_d"))}
    assert listed - silent - described - {"modelport_jobs"} == set()
    assert described - listed == set()
    server.stop()
