"""Clients of Intel's edge model registry, as they speak to it: the requests of DL Streamer Pipeline Server and of Time
Series Analytics, in the order in which these send them."""

import io
import os
import shutil
import socket
import ssl
import subprocess
import uuid
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from certificates import Certificates
from harness import ROOT, Installation, Port, Server, Services, eventually

MIB = 2**20


def archive(*names: str) -> bytes:
    """A zip whose first entry is its top folder, as both clients expect."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(name, "" if name.endswith("/") else f"content of {name}")
    return buffer.getvalue()


def edge(server: Server) -> httpx.Client:
    return httpx.Client(base_url=f"http://127.0.0.1:{server.edge_port}", timeout=60, trust_env=False)


def upload(client: httpx.Client, content: bytes, **fields: str) -> httpx.Response:
    return client.post("/models", data=fields, files={"file": ("model.zip", content, "application/zip")})


def test_pipeline_server_finds_downloads_and_unpacks_a_model(installation: Installation, tmp_path: Path) -> None:
    server = installation.serve()
    client = edge(server)
    assert client.get("/health").json() == {"status": "ok"}
    content = archive("pallet/", "pallet/FP32/", "pallet/FP32/pallet.xml", "pallet/FP32/pallet.bin", "__MACOSX/x")
    fields = {"category": "Detection", "architecture": "YOLO", "project_name": "Pallets", "precision": "FP32"}
    created = upload(client, content, name="pallet", version="1", **fields)
    assert created.status_code == 201, created.text
    upload(client, content, name="pallet", version="2", **fields)
    upload(client, content, name="pallet", version="1", **fields | {"precision": "int8"})

    query = {"name": "pallet", "version": "1", **fields, "precision": "fp32"}
    found = client.get("/models", params=query)
    assert found.status_code == 200
    (model,) = found.json()
    assert (model["id"], model["name"], model["version"], model["precision"][0]) == (created.text, "pallet", "1", "fp32")
    zipped = client.get(f"/models/{model['id']}/files")
    assert zipped.headers["content-type"] == "application/zip"
    assert zipped.content == content
    with zipfile.ZipFile(io.BytesIO(zipped.content)) as received:
        prefix = received.namelist()[0]
        for name in received.namelist():
            if name.startswith(prefix) and not name.endswith("/"):
                target = tmp_path / "saved" / name.removeprefix(prefix)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(received.read(name))
    assert (tmp_path / f"saved/{model['precision'][0].upper()}/{model['name']}.xml").is_file()

    # A model that nobody has is said to be so with a status that the client looks at.
    assert client.get("/models", params=query | {"version": "9"}).status_code == 404
    server.stop()


def test_time_series_takes_the_first_model_of_a_list(installation: Installation) -> None:
    server = installation.serve()
    client = edge(server)
    content = archive("udf/", "udf/model.cb", "udf/udf.py", "udf/tick.tick")
    assert upload(client, content, name="windturbine", version="1.0").status_code == 201
    models = client.get(f"http://127.0.0.1:{server.edge_port}/models?name=windturbine&version=1.0").json()
    identity = models[0]["id"]
    received = client.get(f"/models/{identity}/files")
    with zipfile.ZipFile(io.BytesIO(received.content)) as unpacked:
        assert unpacked.testzip() is None
        assert "udf/tick.tick" in unpacked.namelist()
    other_door = httpx.get(f"{server.url}/api/v1/models/windturbine/versions/1.0/files/model.zip", trust_env=False)
    assert other_door.content == content
    assert client.put(f"/models/{identity}", data={"score": "0", "origin": "here"}).json() == {"status": "completed"}
    assert client.delete(f"/models/{identity}").status_code == 204
    assert client.get("/models").json() == []
    installation.collect()
    assert installation.kept() == set()


def test_equal_uploads_at_once_make_one_model(installation: Installation) -> None:
    server = installation.serve()
    content = archive("m/", "m/x")
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: upload(edge(server), content, name="m", version="1").status_code, range(6)))
    assert sorted(answers) == [201, 409, 409, 409, 409, 409]
    assert len(edge(server).get("/models").json()) == 1
    assert len(installation.kept()) == 1


def test_what_is_refused_leaves_nothing(installation: Installation) -> None:
    server = installation.serve()
    client = edge(server)
    assert upload(client, b"no archive" * MIB, name="m", version="1").status_code == 422
    assert upload(client, archive("../x"), name="m", version="1").status_code == 422
    assert upload(client, archive("x"), name="m", version="1", bogus="1").text == "Unsupported key(s) found: bogus\n"
    missing = client.post("/models", data={"name": "m"}, files={"file": ("m.zip", archive("x"), "application/zip")})
    assert missing.json()["detail"][0]["loc"] == ["body", "version"]
    assert installation.kept() == set()


def test_a_client_that_goes_away_leaves_nothing(installation: Installation) -> None:
    server = installation.serve()
    head = "POST /models HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: 99999999\r\n\r\n"
    part = '--b\r\nContent-Disposition: form-data; name="file"; filename="m.zip"\r\nContent-Type: application/zip\r\n\r\n'
    with socket.create_connection(("127.0.0.1", server.edge_port)) as connection:
        connection.sendall((head + part).encode() + os.urandom(40 * MIB))
        eventually(lambda: installation.kept(), "the arrival of bytes in the store")
    eventually(lambda: not installation.kept(), "the removal of what it sent")
    server.stop()


@pytest.mark.parametrize("installation", ["embedded"], indirect=True)
def test_bytes_of_any_kind_are_stored_where_the_settings_say_so(installation: Installation) -> None:
    installation.settings |= {"MODELPORT__EDGE__CHECK_ARCHIVES": "false"}
    client = edge(installation.serve())
    for version, content in [("1", b"no archive"), ("2", b"")]:
        created = upload(client, content, name="m", version=version)
        assert created.status_code == 201, created.text
        received = client.get(f"/models/{created.text}/files")
        assert (received.headers["content-type"], received.content) == ("application/zip", content)


def test_a_large_archive_is_streamed_both_ways(installation: Installation) -> None:
    server = installation.serve()
    size = 96 * MIB
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("m/weights.bin", os.urandom(size))
    before = server.memory("VmRSS")
    created = upload(edge(server), buffer.getvalue(), name="large", version="1")
    assert created.status_code == 201, created.text
    received = 0
    with edge(server).stream("GET", f"/models/{created.text}/files") as response:
        assert int(response.headers["content-length"]) == len(buffer.getvalue())
        for chunk in response.iter_bytes(MIB):
            received += len(chunk)
    assert received == len(buffer.getvalue())
    assert server.memory("VmHWM") < before + size, "neither way holds the whole archive"


@pytest.mark.parametrize("installation", ["embedded"], indirect=True)
def test_the_old_service_s_variables_make_the_listener(installation: Installation, tmp_path: Path) -> None:
    made, port = Certificates(tmp_path), Port()
    variables = {"SERVER_PORT": str(port), "SERVER_CERT": str(made.certificate), "SERVER_PRIVATE_KEY": str(made.key)}
    installation.settings |= variables | {"ENABLE_HTTPS_MODE": "true"}
    installation.settings |= {"MODELPORT__SERVER__LISTEN": "none", "MODELPORT__SERVER__GRPC_LISTEN": "none"}
    process = installation.spawn("serve")
    client = httpx.Client(verify=ssl.create_default_context(cafile=str(made.authority)), trust_env=False)

    def healthy() -> bool:
        try:
            return client.get(f"https://127.0.0.1:{port}/health").json() == {"status": "ok"}
        except httpx.TransportError:
            return False

    try:
        eventually(healthy, "health over TLS")
        content = archive("m/", "m/x")
        fields, files = {"name": "m", "version": "1"}, {"file": ("m.zip", content, "application/zip")}
        created = client.post(f"https://127.0.0.1:{port}/models", data=fields, files=files)
        assert client.get(f"https://127.0.0.1:{port}/models/{created.text}/files").content == content
    finally:
        process.terminate()
        process.wait()
    made.key.unlink()
    assert "edge.private_key" in installation.run("serve", expect=1)


@pytest.mark.parametrize("installation", ["production"], indirect=True)
def test_the_old_service_s_variables_name_its_services(
    installation: Installation, services: Services, tmp_path: Path
) -> None:
    minio = urlsplit(parse_qs(services.s3.query)["endpoint"][0])
    database = str(installation.places[3])
    port, bucket = Port(), f"edge-{uuid.uuid4().hex}"
    variables = {
        "SERVER_PORT": str(port),
        "ENABLE_HTTPS_MODE": "false",
        "MINIO_HOSTNAME": minio.hostname,
        "MINIO_SERVER_PORT": str(minio.port),
        "MINIO_ACCESS_KEY": services.credentials["AWS_ACCESS_KEY_ID"],
        "MINIO_SECRET_KEY": services.credentials["AWS_SECRET_ACCESS_KEY"],
        "MINIO_BUCKET_NAME": bucket,
        "MLFLOW_S3_ENDPOINT_URL": minio.geturl(),
        "MLFLOW_TRACKING_URI": "postgresql+psycopg2://" + database.split("://", 1)[1],
        "MODELPORT__SERVER__LISTEN": "none",
        "MODELPORT__SERVER__GRPC_LISTEN": "none",
    }
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")} | variables
    command = [os.environ["MODELPORT_BIN"], "serve", "--data-dir", tmp_path / "unused"]
    with (tmp_path / "edge.log").open("w") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    client = httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False)

    def healthy() -> bool:
        assert process.poll() is None, (tmp_path / "edge.log").read_text()
        try:
            return client.get("/health").status_code == 200
        except httpx.TransportError:
            return False

    try:
        eventually(healthy, "health")
        created = upload(client, archive("m/", "m/x"), name="m", version="1")
        assert created.status_code == 201, created.text
        assert client.get(f"/models/{created.text}").json()["file_url"] == f"minio://{bucket}/{created.text}/model.zip"
        assert len(services.s3_client().list_objects_v2(Bucket=bucket, Prefix="blobs/")["Contents"]) == 1
    finally:
        process.terminate()
        process.wait()
    assert not (tmp_path / "unused").exists()
    written = (tmp_path / "edge.log").read_text()
    assert "MINIO_BUCKET_NAME" in written and variables["MINIO_SECRET_KEY"] not in written


@pytest.mark.parametrize("installation", ["embedded"], indirect=True)
def test_its_store_is_reached_over_tls(
    installation: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the old service had it: one switch for the listener and for MinIO, whose authority is in a file."""
    made, port, minio_port = Certificates(tmp_path), Port(), Port()
    folder = tmp_path / "minio"
    (folder / "certs").mkdir(parents=True)
    shutil.copy(made.certificate, folder / "certs/public.crt")
    shutil.copy(made.key, folder / "certs/private.key")
    program = subprocess.check_output([ROOT / "scripts/tools", "minio"], text=True).strip()
    arguments = ["--quiet", "--certs-dir", folder / "certs", "--address", f"127.0.0.1:{minio_port}", folder / "data"]
    root = {"MINIO_ROOT_USER": "someone", "MINIO_ROOT_PASSWORD": "password-of-a-test", "MINIO_BROWSER": "off"}
    with (tmp_path / "minio.log").open("w") as log:
        minio = subprocess.Popen([program, "server", *arguments], env=os.environ | root, stdout=log, stderr=log)
    variables = {
        "SERVER_PORT": str(port),
        "ENABLE_HTTPS_MODE": "true",
        "SERVER_CERT": str(made.certificate),
        "SERVER_PRIVATE_KEY": str(made.key),
        "CA_CERT": str(made.authority),
        "MINIO_HOSTNAME": "localhost",
        "MINIO_SERVER_PORT": str(minio_port),
        "MINIO_ACCESS_KEY": root["MINIO_ROOT_USER"],
        "MINIO_SECRET_KEY": root["MINIO_ROOT_PASSWORD"],
        "MINIO_BUCKET_NAME": "model-registry",
    }
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    # The flag for the store would win over the variables.
    installation.places = installation.places[:4]
    installation.settings |= variables
    trusting = httpx.Client(verify=ssl.create_default_context(cafile=str(made.authority)), trust_env=False)

    def answers(url: str) -> bool:
        try:
            return trusting.get(url).status_code == 200
        except httpx.TransportError:
            return False

    process = None
    try:
        eventually(lambda: answers(f"https://localhost:{minio_port}/minio/health/live"), "MinIO over TLS")
        # Whoever has not said whom to trust is told where to say it, and trusts nobody.
        assert "SSL_CERT_FILE" in installation.run("serve", expect=1)
        installation.settings["SSL_CERT_FILE"] = str(made.authority)
        with installation.log.open("a") as log:
            process = installation.spawn("serve", "--listen", "none", "--grpc-listen", "none", stdout=log, stderr=log)
        eventually(lambda: answers(f"https://localhost:{port}/health"), "health over TLS")
        content, fields = archive("m/", "m/x"), {"name": "m", "version": "1"}
        files = {"file": ("m.zip", content, "application/zip")}
        created = trusting.post(f"https://localhost:{port}/models", data=fields, files=files)
        assert created.status_code == 201, created.text
        assert trusting.get(f"https://localhost:{port}/models/{created.text}/files").content == content
        assert list((folder / "data/model-registry").iterdir())
    finally:
        for each in [process, minio]:
            if each:
                each.terminate()
                each.wait()
