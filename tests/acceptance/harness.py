"""An installation of Modelport as its users run it: a database, a store for bytes, and the real binary over them."""

import os
import random
import signal
import socket
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Self, TypeVar
from urllib.parse import parse_qs, urlsplit

import boto3
import httpx
from model_registry import ModelRegistry

T = TypeVar("T")
ROOT = Path(__file__).resolve().parents[2]
KUBEFLOW = "/api/model_registry/v1alpha3"
# How long the server may take for what should be immediate, on a busy machine.
PATIENCE = 30.0


def eventually(probe: Callable[[], T], what: str, seconds: float = PATIENCE) -> T:
    """The first true answer of `probe`, which is asked until `seconds` have passed."""
    deadline = time.monotonic() + seconds
    while not (answer := probe()):
        assert time.monotonic() < deadline, f"{what} did not happen within {seconds:.0f} s"
        time.sleep(0.01)
    return answer


class Port:
    """A port that is nobody else's while this is held, though a server may listen on it.

    It lies below the ports of services, which keep theirs while they are stopped, and below those of connections: a client
    that keeps trying to reach a stopped server could be given that server's own.
    """

    def __init__(self, number: int | None = None):
        self.socket = socket.socket()
        if number:
            # It has been held before, and connections of that time may linger.
            self.share()
            self.socket.bind(("127.0.0.1", number))
        while not number:
            try:
                self.socket.bind(("127.0.0.1", number := random.randint(15000, 21999)))
            except OSError:
                number = None
        self.number = number
        # Not before it is bound: another holder could bind it too.
        self.share()

    def share(self) -> None:
        """Lets a server listen on the port."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)

    def __str__(self) -> str:
        return str(self.number)

    def release(self) -> None:
        self.socket.close()


class Services:
    """A set of PostgreSQL and MinIO, as `scripts/services` runs it."""

    def __init__(self, variables: dict[str, str]):
        self.folder = Path(variables["MODELPORT_TEST_SERVICES"])
        self.postgres = variables["MODELPORT_TEST_POSTGRES"]
        self.s3 = urlsplit(variables["MODELPORT_TEST_S3"])
        self.credentials = {name: variables[name] for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}

    @classmethod
    @contextmanager
    def of_its_own(cls) -> Iterator["Services"]:
        """Another set than the one that all tests share: one that may be stopped."""
        with TemporaryDirectory(prefix="modelport-services-") as folder:
            Path(folder).chmod(0o755)
            cls.control(folder, "start")
            try:
                lines = cls.control(folder, "env").splitlines()
                yield cls(dict(line.split("=", 1) for line in lines))
            finally:
                cls.control(folder, "stop")

    @staticmethod
    def control(folder: str | Path, *arguments: str) -> str:
        environment = {**os.environ, "MODELPORT_TEST_SERVICES": str(folder)}
        return subprocess.check_output([ROOT / "scripts/services", *arguments], env=environment, text=True)

    def start(self, name: str) -> None:
        self.control(self.folder, "start", name)

    def stop(self, name: str) -> None:
        self.control(self.folder, "stop", name)

    def kill(self, name: str) -> None:
        """Ends it as a power cut does."""
        self.control(self.folder, "kill", name)

    def sql(self, statement: str, database: str | None = None) -> None:
        url = urlsplit(self.postgres)
        url = url._replace(path=f"/{database}") if database else url
        subprocess.run(["psql", url.geturl(), "-qc", statement], check=True)

    def s3_port(self) -> int:
        return urlsplit(parse_qs(self.s3.query)["endpoint"][0]).port

    def s3_client(self):
        """A client of MinIO, to look behind the server's back."""
        query = parse_qs(self.s3.query)
        return boto3.client(
            "s3",
            endpoint_url=query["endpoint"][0],
            region_name=query["region"][0],
            aws_access_key_id=self.credentials["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=self.credentials["AWS_SECRET_ACCESS_KEY"],
        )

    def create_bucket(self) -> str:
        """A new bucket that the server does not know, which goes when the services go."""
        name = f"elsewhere-{uuid.uuid4().hex}"
        self.s3_client().create_bucket(Bucket=name)
        return name


# What a store carries besides objects.
STORE_ID = "store-id"


class LocalStore:
    """The bytes in a folder."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.url = f"file://{folder}"

    def objects(self) -> set[str]:
        """Whatever lies in the store: objects, and what unfinished uploads left."""
        found = {str(path.relative_to(self.folder)) for path in self.folder.rglob("*") if path.is_file()}
        return found - {STORE_ID}

    def unfinished(self) -> set[str]:
        """Uploads under way are files like any other."""
        return set()

    def bytes(self, name: str) -> bytes:
        return (self.folder / name).read_bytes()

    def lose(self, name: str) -> None:
        (self.folder / name).unlink()


class S3Store:
    """The bytes in a bucket of their own, which the server creates."""

    def __init__(self, services: Services):
        self.bucket = f"acceptance-{uuid.uuid4().hex}"
        self.url = f"s3://{self.bucket}/some/prefix?{services.s3.query}"
        self.client = services.s3_client()
        self.multipart = services.folder / "minio/data/.minio.sys/multipart"

    def objects(self) -> set[str]:
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket)
        found = {item["Key"] for page in pages for item in page.get("Contents", [])}
        return found - {f"some/prefix/{STORE_ID}"}

    def unfinished(self) -> set[str]:
        """MinIO lists the unfinished uploads of a known key only, so this looks at its disk."""
        return {str(path.relative_to(self.multipart)) for path in self.multipart.glob("*/*")}

    def bytes(self, name: str) -> bytes:
        return self.client.get_object(Bucket=self.bucket, Key=name)["Body"].read()

    def lose(self, name: str) -> None:
        self.client.delete_object(Bucket=self.bucket, Key=name)


class Installation:
    """A database and a store, which outlive the server processes over them."""

    def __init__(self, folder: Path, database_url: str, store: LocalStore | S3Store, settings: dict[str, str]):
        self.folder = folder
        self.store = store
        self.log = folder / "server.log"
        self.settings = settings
        self.places = ["--data-dir", folder, "--database-url", database_url, "--artifact-store", store.url]
        # What a command is run by, if anything.
        self.enter: list[str] = []
        # What those send who look at a server from the outside.
        self.credential: dict[str, str] = {}
        self.servers: list[Server] = []

    @classmethod
    def embedded(cls, folder: Path) -> Self:
        """SQLite and local files."""
        return cls(folder, f"sqlite://{folder}/modelport.db", LocalStore(folder / "artifacts"), {})

    @classmethod
    def production(cls, folder: Path, services: Services) -> Self:
        """A PostgreSQL database and a bucket of its own, which go when the services go."""
        database = f"acceptance_{uuid.uuid4().hex}"
        services.sql(f"CREATE DATABASE {database}")
        url = urlsplit(services.postgres)._replace(path=f"/{database}").geturl()
        settings = {"MODELPORT__ARTIFACTS__CREATE_BUCKET": "true", **services.credentials}
        return cls(folder, url, S3Store(services), settings)

    @classmethod
    def empty(cls, set_up: str, folder: Path, services: Callable[[], Services]) -> Self:
        """What is called so, `embedded` or `production`; without tables."""
        return cls.embedded(folder) if set_up == "embedded" else cls.production(folder, services())

    @classmethod
    def migrated(cls, set_up: str, folder: Path, services: Callable[[], Services]) -> Self:
        """The same with its tables, which an embedded server makes itself when it starts."""
        made = cls.empty(set_up, folder, services)
        if set_up != "embedded":
            made.run("migrate")
        return made

    def __enter__(self) -> Self:
        return self

    def __exit__(self, exception, *_details) -> None:
        for server in self.servers:
            server.kill()
        if exception:
            self.show_log()

    def show_log(self) -> None:
        print(self.log.read_text() if self.log.exists() else "")

    def spawn(self, *arguments: str, variables: dict[str, str] | None = None, **options) -> subprocess.Popen:
        environment = {**os.environ, **self.settings, **(variables or {})}
        command = [*self.enter, os.environ["MODELPORT_BIN"], *arguments, *self.places]
        return subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, **options)

    def run(self, *arguments: str, expect: int = 0) -> str:
        """The output of a command that ends by itself, which must be with `expect`."""
        process = self.spawn(*arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        output, _ = process.communicate(timeout=4 * PATIENCE)
        assert process.returncode == expect, f"{arguments} ended with {process.returncode}: {output}"
        return output

    def collect(self) -> None:
        """Removes what nothing uses, however new it is."""
        self.run("gc", "--grace-seconds", "0")

    def kept(self) -> set[str]:
        """Everything that takes room in the store."""
        return self.store.objects() | self.store.unfinished()

    def serve(self, port: int | None = None, variables: dict[str, str] | None = None) -> "Server":
        """A server that is ready, at the port of one that has ended where it is given. What runs in the end is killed."""
        server = Server(self, port, variables)
        self.servers.append(server)
        server.await_readiness()
        return server


class Server:
    """A server process."""

    def __init__(self, installation: Installation, port: int | None = None, variables: dict[str, str] | None = None):
        self.installation = installation
        self.held = [Port(port), Port(), Port()]
        self.port, self.grpc_port, self.edge_port = (each.number for each in self.held)
        self.url = f"http://127.0.0.1:{self.port}"
        # The server ends what has been idle for five seconds; a request may meet that.
        limits = httpx.Limits(keepalive_expiry=2)
        said = {"timeout": PATIENCE, "trust_env": False, "headers": installation.credential}
        self.http = httpx.Client(base_url=self.url, limits=limits, **said)
        self.started = time.monotonic()
        with installation.log.open("a") as log:
            listeners = ["--listen", f"127.0.0.1:{self.port}", "--grpc-listen", f"127.0.0.1:{self.grpc_port}"]
            listeners += ["--edge-listen", f"127.0.0.1:{self.edge_port}"]
            self.process = installation.spawn("serve", *listeners, variables=variables, stdout=log, stderr=log)

    def await_readiness(self) -> None:
        eventually(lambda: self.exited() or self.ready() == 200, "readiness")
        assert not self.exited(), f"the server ended: {self.installation.log.read_text()}"
        self.start_seconds = time.monotonic() - self.started

    def exited(self) -> bool:
        return self.process.poll() is not None

    def ready(self) -> int:
        """The status of the readiness probe, asked over a connection of its own; 0 when nothing answers."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.request("GET", "/health/ready")
            return connection.getresponse().status
        except (OSError, HTTPException):
            return 0
        finally:
            connection.close()

    def memory(self, line: str) -> int:
        """A figure of /proc/PID/status in bytes: `VmRSS` is the resident memory, `VmHWM` its peak."""
        for entry in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            name, _, value = entry.partition(":")
            if name == line:
                return int(value.split()[0]) * 1024
        raise AssertionError(f"no `{line}` in the status of the server")

    def client(self) -> ModelRegistry:
        """The stock client, as its users make one."""
        return ModelRegistry("http://127.0.0.1", self.port, author="acceptance", is_secure=False)

    def put(self, model: str, version: str, path: str, body, **options) -> httpx.Response:
        return self.http.put(f"/api/v1/models/{model}/versions/{version}/files/{path}", content=body, **options)

    def get(self, model: str, version: str, path: str, **options) -> httpx.Response:
        url = f"/api/v1/models/{model}/versions/{version}/files/{path}"
        return self.http.get(url, follow_redirects=True, **options)

    def kubeflow(self, method: str, path: str, **options) -> httpx.Response:
        return self.http.request(method, f"{KUBEFLOW}/{path}", **options)

    def files(self, model: str, version: str) -> dict[str, str]:
        """The digests of a version's files by path."""
        digests, token = {}, None
        while token != "":
            query = {"nextPageToken": token} if token else {}
            page = self.http.get(f"/api/v1/models/{model}/versions/{version}/files", params=query).json()
            digests |= {item["path"]: item["sha256"] for item in page["items"]}
            token = page["nextPageToken"]
        return digests

    def terminate(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    def ended(self) -> int:
        """The exit code of a server that is stopping; it has to stop soon."""
        code = self.process.wait(timeout=10)
        self.release_ports()
        return code

    def stop(self) -> None:
        """Stops the server as an operator does, which has to be clean."""
        if not self.exited():
            self.terminate()
        assert self.ended() == 0
        assert "panicked" not in self.installation.log.read_text()

    def kill(self) -> None:
        """Ends the server as a power cut does."""
        self.process.kill()
        self.process.wait()
        self.http.close()
        self.release_ports()

    def release_ports(self) -> None:
        for port in self.held:
            port.release()


class SlowUpload:
    """A PUT whose body is sent piece by piece, so that a test can look at the server in the middle of it."""

    def __init__(self, server: Server, path: str, size: int, chunked: bool = False, headers: str = ""):
        self.chunked = chunked
        self.connection = socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE)
        framing = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {size}"
        self.connection.sendall(f"PUT {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{framing}\r\n{headers}\r\n".encode())

    def send(self, data: bytes) -> None:
        self.connection.sendall(b"%x\r\n%b\r\n" % (len(data), data) if self.chunked else data)

    def finish(self) -> int:
        """Ends the body; the status of the answer."""
        if self.chunked:
            self.connection.sendall(b"0\r\n\r\n")
        with self.connection, self.connection.makefile("rb") as answer:
            return int(answer.readline().split()[1])

    def close(self) -> None:
        self.connection.close()
