"""TLS on every listener, with the stock client, whose only credential is a certificate, and curl."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from certificates import Certificates
from harness import Installation, Port, eventually
from ml_metadata import errors
from ml_metadata.metadata_store import metadata_store
from ml_metadata.proto import metadata_store_pb2 as mlmd

RUNNER = "spiffe://example.org/ns/kubeflow/sa/pipeline-runner"


def store(port: Port, trusted: Certificates, own: tuple[Path, Path] | None) -> metadata_store.MetadataStore:
    """The stock client, as its users make one."""
    config = mlmd.MetadataStoreClientConfig(host="localhost", port=port.number)
    config.ssl_config.custom_ca = trusted.authority.read_text()
    if own:
        certificate, key = own
        config.ssl_config.server_cert = certificate.read_text()
        config.ssl_config.client_key = key.read_text()
    return metadata_store.MetadataStore(config)


def made(folder: Path) -> Certificates:
    folder.mkdir()
    return Certificates(folder)


def curl(trusted: Certificates, url: str, *options: str) -> str | None:
    """What is answered with success."""
    command = ["curl", "-sS", "--fail", "--noproxy", "*", "--cacert", trusted.authority, *options, url]
    process = subprocess.run(command, capture_output=True, text=True)
    return None if process.returncode else process.stdout


@pytest.mark.parametrize("installation", ["embedded"], indirect=True)
def test_every_listener_speaks_tls_and_knows_its_clients(installation: Installation, tmp_path: Path) -> None:
    servers, clients, strangers, renewed = (made(tmp_path / name) for name in ["servers", "clients", "strangers", "renewed"])
    http, grpc, edge = Port(), Port(), Port()
    installation.settings |= {
        "MODELPORT__SERVER__LISTEN": f"127.0.0.1:{http}",
        "MODELPORT__SERVER__GRPC_LISTEN": f"127.0.0.1:{grpc}",
        "MODELPORT__SERVER__EDGE_LISTEN": f"127.0.0.1:{edge}",
        "MODELPORT__AUTH__MODE": "on",
    }
    for section in ["SERVER__TLS", "GRPC", "EDGE"]:
        installation.settings[f"MODELPORT__{section}__CERTIFICATE"] = str(servers.certificate)
        installation.settings[f"MODELPORT__{section}__PRIVATE_KEY"] = str(servers.key)
    for section in ["GRPC", "EDGE"]:
        installation.settings[f"MODELPORT__{section}__CLIENT_CA"] = str(clients.authority)
    with installation.log.open("a") as log:
        server = installation.spawn("serve", stdout=log, stderr=log)
    try:
        eventually(lambda: curl(servers, f"https://localhost:{http}/health/ready"), "readiness over TLS")
        installation.run("healthcheck")
        log = installation.log.read_text()
        assert f"listening on https://127.0.0.1:{http}: " in log
        assert f"listening on https://127.0.0.1:{edge}: " in log
        assert curl(servers, f"http://localhost:{http}/health/ready") is None

        runner = store(grpc, servers, clients.client("ignored", RUNNER))
        # Whoever is seen for the first time may see nothing yet; without a certificate nobody is seen.
        assert runner.get_artifacts() == []
        with pytest.raises(errors.UnauthenticatedError):
            store(grpc, servers, None).get_artifacts()
        with pytest.raises(errors.UnavailableError):
            store(grpc, servers, strangers.client("ignored", RUNNER)).get_artifacts()
        # The client learns of it first.
        eventually(lambda: " refused a client certificate: " in installation.log.read_text(), "why, in the log")

        token = (installation.folder / "bootstrap-token").read_text().strip()
        api, bearer = f"https://localhost:{http}/api/v1", ["--header", f"Authorization: Bearer {token}"]
        principals = json.loads(curl(servers, f"{api}/principals", *bearer))["items"]
        [known] = [each for each in principals if each["subject"] == RUNNER]
        assert (known["kind"], known["issuer"]) == ("certificate", "certificate")
        binding = json.dumps({"subject": {"principal": known["handle"]}, "role": "writer"})
        assert curl(servers, f"{api}/bindings", *bearer, "--json", binding)
        of = runner.put_artifact_type(mlmd.ArtifactType(name="weights"))
        [stored] = runner.put_artifacts([mlmd.Artifact(type_id=of, uri="s3://bucket/weights")])
        assert [artifact.id for artifact in runner.get_artifacts()] == [stored]
        assert known["handle"] in curl(servers, f"{api}/changes", *bearer), "what was written names who it was"
        put = curl(servers, f"{api}/models/m/versions/1/files/a", *bearer, "--request", "PUT", "--data-binary", "x")
        assert put and f"https://localhost:{http}/" in put, "URLs lead back by the same way"
        certificate, key = clients.client("ignored", RUNNER)
        models = f"https://localhost:{edge}/models"
        assert curl(servers, models, "--cert", str(certificate), "--key", str(key)) == "[]"
        assert curl(servers, models) is None

        # Renewed under the server, one file after the other, while a connection is open.
        shutil.copy(renewed.certificate, servers.certificate)
        assert curl(servers, f"https://localhost:{http}/health/live"), "the old pair stays in use"
        shutil.copy(renewed.key, servers.key)
        eventually(lambda: curl(renewed, f"https://localhost:{http}/health/live"), "the new certificate")
        eventually(lambda: "certificates of [grpc] were read again" in installation.log.read_text(), "that of gRPC")
        assert curl(servers, f"https://localhost:{http}/health/live") is None
        assert [artifact.id for artifact in runner.get_artifacts_by_type("weights")] == [stored]
        fresh = store(grpc, renewed, clients.client("ignored", RUNNER))
        assert [artifact.id for artifact in fresh.get_artifacts_by_type("weights")] == [stored]
        installation.run("healthcheck")
    finally:
        server.terminate()
        server.wait()
    assert "panicked" not in installation.log.read_text()
