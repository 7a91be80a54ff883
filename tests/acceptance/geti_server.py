"""A Geti server for tests, over HTTPS: releases 2.9, 2.11 and 2.13 of the platform, and 3.x of the application after it.

Paths, bodies, errors and archives are those of Geti; what is in the projects is made up. Every request is kept in `log`.
"""

import contextlib
import io
import json
import re
import ssl
import threading
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from certificates import Certificates
from geti_seed import MIB, ORGANIZATION, TASKS, WORKSPACES, archive, filler, has_checksum, make_token
from geti_seed import object_id, project, uuid_of

@dataclass
class Request:
    """What was asked, and when."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes
    at: float

    @property
    def line(self) -> str:
        return f"{self.method} {self.path}" + (f"?{self.query}" if self.query else "")


@dataclass
class Rule:
    """What a request is answered that fits, for so many times, in place of what it would be."""

    fits: re.Pattern
    answer: Callable[["Handler"], None]
    times: float


@dataclass
class Deployment:
    project: str
    model: str
    asked: int = 0


@dataclass
class Geti:
    """The server: what it holds, and its switches."""

    folder: Path
    version: str = "2.11"
    fillers: int = 0
    workspaces: int = 1
    polls: int = 2
    state: str = "DONE"
    redirects: bool = False
    sizes: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    log: list[Request] = field(default_factory=list)
    rules: list[Rule] = field(default_factory=list)
    deployments: list[Deployment] = field(default_factory=list)

    def __post_init__(self):
        self.token = make_token(bytes(range(32)))
        self.expired = make_token(bytes(range(1, 33)))
        self.projects = [project(number, name, tasks) for number, (name, tasks) in enumerate(TASKS.items())]
        self.projects += [filler(number) for number in range(self.fillers)]
        certificates = Certificates(self.folder)
        self.ca = certificates.authority
        geti = self

        class Bound(Handler):
            pass

        Bound.geti = geti
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Bound)
        self.http.daemon_threads = True
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificates.certificate, certificates.key)
        self.http.socket = context.wrap_socket(self.http.socket, server_side=True, do_handshake_on_connect=False)
        self.url = f"https://localhost:{self.http.server_address[1]}"
        self.thread = threading.Thread(target=self.http.serve_forever, daemon=True)

    def __enter__(self) -> "Geti":
        self.thread.start()
        return self

    def __exit__(self, *_exception) -> None:
        self.http.shutdown()
        self.http.server_close()

    def on(self, pattern: str, answer: Callable[["Handler"], None], times: float = float("inf")) -> None:
        """Answers requests whose method and path fit otherwise, for so many times."""
        self.rules.append(Rule(re.compile(pattern), answer, times))

    def settings(self) -> dict[str, str]:
        """The settings of a Modelport that imports from here."""
        token = {} if self.version.startswith("3") else {"MODELPORT__GETI__TOKEN": self.token}
        return {"MODELPORT__GETI__URL": self.url, "MODELPORT__GETI__CA_FILE": str(self.ca), **token}

    def project(self, name: str) -> dict:
        return next(each for each in self.projects if each["name"] == name)

    def models(self, name: str) -> list[dict]:
        """The models of a project that can be imported."""
        found = []
        for group in self.project(name)["groups"]:
            for base in group["bases"]:
                if not base["purged"]:
                    ready = [each for each in base["optimized"] if each["model_status"] == "SUCCESS"]
                    found += [each for each in ready if each["model_format"].lower() == "openvino"]
        return found

    def id(self, identifier: str) -> str:
        """An id as this release writes it."""
        return uuid_of(identifier) if self.version.startswith("3") else identifier

    def asked(self, pattern: str) -> list[Request]:
        return [each for each in self.log if re.search(pattern, each.line)]

    def package(self, identifier: str) -> bytes:
        """The archive of a model."""
        return archive(identifier, self.version)


class Stream(io.RawIOBase):
    """A chunked body that an archive is written to as it is made."""

    def __init__(self, handler: "Handler"):
        self.handler = handler

    def writable(self) -> bool:
        return True

    def write(self, data) -> int:
        self.handler.chunk(bytes(data))
        return len(data)


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    geti: Geti
    protocol_version = "HTTP/1.1"
    timeout = 60

    def log_message(self, *_arguments) -> None:
        pass

    def handle(self) -> None:
        # A client that does not trust the certificate, or goes away, is no failure of the test.
        with contextlib.suppress(OSError):
            super().handle()

    def do_GET(self) -> None:
        self.take()

    def do_POST(self) -> None:
        self.take()

    def take(self) -> None:
        url = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.asked = Request(self.command, url.path, url.query, headers, body, time.monotonic())
        self.geti.log.append(self.asked)
        for rule in self.geti.rules:
            if rule.times > 0 and rule.fits.search(self.asked.line):
                rule.times -= 1
                rule.answer(self)
                return
        if url.path.startswith("/api/v1/fileservice/"):
            self.file_service()
        elif self.geti.version.startswith("3"):
            self.three(url.path)
        elif self.is_let_in():
            self.two(url.path.removeprefix("/api/v1"), parse_qs(url.query))

    # Answers

    def answer(self, status: int, body: bytes | str, kind: str = "text/plain", **headers: str) -> None:
        body = body.encode() if isinstance(body, str) else body
        self.send_response(status)
        self.send_header("Content-Type", kind)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if status != 204:
            self.wfile.write(body)

    def json(self, value, status: int = 200) -> None:
        self.answer(status, json.dumps(value), "application/json")

    def error(self, status: int, code: str, message) -> None:
        self.json({"error_code": code, "message": message, "http_status": status}, status)

    def unknown(self) -> None:
        self.json({"endpoint_not_found_response": "the requested endpoint does not exist"}, 404)

    def chunk(self, data: bytes) -> None:
        if data:
            self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))

    def file(self, identifier: str) -> None:
        """The package of a model: small and at once, slowly, or large and made while it is sent."""
        if identifier in self.geti.sizes:
            self.send_response(200)
            self.send_header("Content-Type", "application/zip")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            block = bytes(range(256)) * (MIB // 256)
            with zipfile.ZipFile(Stream(self), "w", zipfile.ZIP_STORED) as packed:
                info = zipfile.ZipInfo("deployment/Detection/model/model.bin", (2025, 1, 1, 0, 0, 0))
                with packed.open(info, "w", force_zip64=True) as member:
                    for _ in range(self.geti.sizes[identifier] // MIB):
                        member.write(block)
            self.wfile.write(b"0\r\n\r\n")
            return
        body = self.geti.package(identifier)
        self.send_response(200)
        self.send_header("Content-Type", "application/zip")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Disposition", 'attachment; filename="Deployment.zip"')
        self.end_headers()
        half = len(body) // 2
        self.wfile.write(body[:half])
        self.wfile.flush()
        time.sleep(self.geti.seconds)
        self.wfile.write(body[half:])

    # Geti 2

    def is_let_in(self) -> bool:
        token = self.asked.headers.get("x-api-key", "")
        if not token.startswith("geti_pat") or len(token.split("_")) != 4:
            self.answer(400, "Bad request")
        elif token == self.geti.expired:
            self.answer(401, "Access token is expired")
        elif not has_checksum(token) or token != self.geti.token:
            self.answer(401, "Invalid authorization token")
        else:
            return True
        return False

    def two(self, path: str, query: dict[str, list[str]]) -> None:
        workspace = f"/organizations/{ORGANIZATION}/workspaces"
        if path == "/product_info":
            build = f"{self.geti.version}.0-rc1"
            self.json({"product-version": self.geti.version, "build-version": build, "environment": "on-prem"})
        elif path == "/personal_access_tokens/organization":
            self.json({"organizationId": ORGANIZATION})
        elif path == workspace:
            known = [{"id": each, "name": f"workspace {number}"} for number, each in enumerate(WORKSPACES)]
            known = known[: self.geti.workspaces]
            page = {"skip": 0, "limit": 0}
            counts = {"totalCount": len(known), "totalMatchedCount": len(known), "nextPage": page}
            self.json({"workspaces": known, **counts})
        elif found := re.fullmatch(rf"{workspace}/({'|'.join(WORKSPACES)})(/.*)", path):
            self.workspace(found[2], query)
        elif path.startswith("/organizations/"):
            self.answer(401, "Invalid authorization token")
        else:
            self.unknown()

    def workspace(self, path: str, query: dict[str, list[str]]) -> None:
        if path == "/projects":
            limit, skip = (int(query.get(name, [default])[0]) for name, default in [("limit", 10), ("skip", 0)])
            if not 1 <= limit <= 100:
                self.error(400, "bad_request", {"limit": [f"{limit} is not between 1 and 100"]})
                return
            page = self.geti.projects[skip : skip + limit]
            following = f"/api/v1/projects?limit={limit}&skip={skip + limit}" if page else ""
            counts = {"project_counts": len(self.geti.projects), "project_page_count": len(page)}
            self.json({"projects": [self.shown(each) for each in page], **counts, "next_page": following})
            return
        found = re.fullmatch(r"/projects/([^/]+)(/.*)?", path)
        known = found and [each for each in self.geti.projects if each["id"] == found[1]]
        if not found:
            self.unknown()
        elif not re.fullmatch("[0-9a-f]{24}", found[1]):
            self.error(400, "bad_request", f"project_id `{found[1]}` is not a valid id")
        elif not known:
            self.error(404, "project_not_found", f"The requested project could not be found: {found[1]}")
        else:
            self.in_project(known[0], found[2] or "")

    def shown(self, known: dict) -> dict:
        return {
            "id": known["id"],
            "name": known["name"],
            "creation_time": known["creation_time"],
            "creator_id": "somebody",
            "thumbnail": "/thumbnail",
            "performance": {"score": None, "task_performances": []},
            "storage_info": {},
            "pipeline": {"connections": [], "tasks": known["tasks"]},
        }

    def in_project(self, known: dict, path: str) -> None:
        if path == "":
            self.json({**self.shown(known), "datasets": []})
        elif path == "/model_groups":
            self.json({"model_groups": [self.group(each) for each in known["groups"]]})
        elif found := re.fullmatch(r"/model_groups/(\w+)/models/(\w+)", path):
            bases = [base for group in known["groups"] if group["id"] == found[1] for base in group["bases"]]
            self.detail([base for base in bases if base["id"] == found[2]])
        elif path == "/deployment_package:download" and self.geti.version != "2.9":
            self.deployment_package(known)
        elif path.startswith("/code_deployments") and self.geti.version in ["2.9", "2.11"]:
            self.code_deployments(known, path.removeprefix("/code_deployments"))
        else:
            self.unknown()

    def group(self, known: dict) -> dict:
        models = [
            {
                "id": base["id"],
                "name": base["name"],
                "creation_date": "2025-05-05T10:00:00.000000+00:00",
                "version": base["version"],
                "size": 5000,
                "active_model": base["version"] == 3,
                "performance": base["performance"],
                "purge_info": {"is_purged": base["purged"], "purge_time": None, "user_uid": None},
                "lifecycle_stage": "active",
            }
            for base in known["bases"]
        ]
        shown = {name: known[name] for name in ["id", "name", "model_template_id", "task_id"]}
        return {**shown, "learning_approach": "fully_supervised", "models": models}

    def detail(self, bases: list[dict]) -> None:
        if not bases:
            self.error(404, "model_not_found", "The requested model could not be found.")
            return
        base = bases[0]
        training = {"dataset_storage_id": object_id(7), "dataset_revision_id": object_id(8), "n_samples": 12}
        self.json({
            "id": base["id"],
            "name": base["name"],
            "version": base["version"],
            "architecture": base["name"],
            "creation_date": "2025-05-05T10:00:00.000000+00:00",
            "size": 5000,
            "precision": ["FP32"],
            "performance": base["performance"],
            "target_device": "CPU",
            "target_device_type": None,
            "fps_throughput": 0,
            "latency": 0,
            "total_disk_size": 20000,
            "labels": base["labels"],
            "training_dataset_info": training,
            "training_framework": {"type": "otx", "version": "2.4"},
            "purge_info": {"is_purged": base["purged"], "purge_time": None, "user_uid": None},
            "previous_revision_id": base["previous"],
            "optimized_models": base["optimized"],
        })

    def packable(self, known: dict, models: list[dict]) -> str | None:
        """The id of the one model that is to be packed, or an answer why not."""
        for each in models:
            if len(each.get("model_id", "")) != 24 or len(each.get("model_group_id", "")) != 24:
                self.error(400, "bad_request", "model_id and model_group_id must have 24 characters")
                return None
            groups = [group for group in known["groups"] if group["id"] == each["model_group_id"]]
            bases = [base for group in groups for base in group["bases"]]
            found = [model for base in bases for model in base["optimized"] if model["id"] == each["model_id"]]
            if not found:
                self.error(404, "model_not_found", f"The requested model could not be found: {each['model_id']}")
                return None
            if found[0]["model_format"] != "OpenVINO":
                self.error(400, "incompatible_model_format", "only OpenVINO models can be deployed")
                return None
        return models[0]["model_id"]

    def deployment_package(self, known: dict) -> None:
        body = json.loads(self.asked.body)
        if body.get("package_type") not in ["geti_sdk", "ovms"]:
            self.json({"detail": "invalid package type"}, 422)
        elif set(body) != {"package_type", "models"} or not body["models"]:
            self.error(400, "bad_request", "the request does not match the schema")
        elif identifier := self.packable(known, body["models"]):
            self.file(identifier)

    def code_deployments(self, known: dict, path: str) -> None:
        if path == ":prepare" and self.command == "POST":
            if identifier := self.packable(known, json.loads(self.asked.body)["models"]):
                self.geti.deployments.append(Deployment(known["id"], identifier))
                self.deployment(len(self.geti.deployments) - 1, "NONE", 0)
            return
        found = re.fullmatch(r"/(\w{24})(/download)?", path)
        number = int(found[1], 16) & 0xFFFF if found else len(self.geti.deployments)
        if number >= len(self.geti.deployments):
            self.error(404, "code_deployment_not_found", "The requested code deployment could not be found.")
            return
        deployment = self.geti.deployments[number]
        is_ready = deployment.asked >= self.geti.polls
        if not found[2]:
            deployment.asked += 1
            state = self.geti.state if deployment.asked >= self.geti.polls else "PREPARING"
            self.deployment(number, state, 100 if state == "DONE" else 50)
        elif not is_ready:
            self.error(503, "code_deployment_download_not_ready", "The code deployment is not ready yet.")
        elif self.geti.redirects:
            location = f"{self.geti.url}/api/v1/fileservice/{deployment.model}?signature=valid"
            self.answer(307, "", Location=location)
        else:
            self.file(deployment.model)

    def deployment(self, number: int, state: str, progress: int) -> None:
        self.json({
            "id": object_id(9, number),
            "models": [],
            "progress": progress,
            "state": state,
            "message": "the model optimizer ran out of memory" if state == "FAILED" else "",
            "creator_id": "somebody",
            "creation_time": "2025-05-05T10:00:00.000000+00:00",
        })

    def file_service(self) -> None:
        """What a signed URL leads to: whoever has it may read, and a token has no business here."""
        if "x-api-key" in self.asked.headers or self.asked.query != "signature=valid":
            self.answer(403, "<Error><Code>AccessDenied</Code></Error>", "application/xml")
        else:
            self.file(self.asked.path.rpartition("/")[2])

    # Geti 3

    def three(self, path: str) -> None:
        def shown(known: dict) -> dict:
            tasks = [task for task in known["tasks"] if task["task_type"] not in ["dataset", "crop"]]
            labels = [{**each, "id": uuid_of(each["id"])} for task in tasks for each in task["labels"]]
            task = {"task_type": tasks[0]["task_type"] if tasks else "detection", "labels": labels}
            about = {"id": uuid_of(known["id"]), "name": known["name"], "created_at": known["creation_time"]}
            return {**about, "task": {**task, "exclusive_labels": True}, "active_pipeline": False}

        found = re.fullmatch(r"/api/projects(?:/([^/]+)(?:/models(?:/([^/]+)/variants/([^/]+)/binary)?)?)?", path)
        if not found:
            self.json({"detail": "Not Found"}, 404)
            return
        if found[1] is None:
            self.json([shown(each) for each in self.geti.projects])
            return
        known = [each for each in self.geti.projects if uuid_of(each["id"]) == found[1]]
        if not known:
            self.json({"detail": f"Project with ID {found[1]} not found"}, 404)
        elif path.endswith("/models"):
            bases = [base for group in known[0]["groups"] for base in group["bases"]]
            self.json([self.model(base) for base in bases])
        elif found[3]:
            bases = [base for group in known[0]["groups"] for base in group["bases"]]
            models = [(base, model) for base in bases for model in base["optimized"] if not base["purged"]]
            wanted = [found[2], found[3]]
            ids = [model["id"] for base, model in models if [uuid_of(base["id"]), uuid_of(model["id"])] == wanted]
            if ids:
                self.file(ids[0])
            else:
                self.json({"detail": "Model binary not found"}, 404)
        else:
            self.json(shown(known[0]))

    def model(self, base: dict) -> dict:
        def variant(each: dict) -> dict:
            revision = {"dataset_revision_id": uuid_of("d1")}
            metrics = [{"name": "accuracy", "value": 0.5 + base["version"] / 10}]
            return {
                "id": uuid_of(each["id"]),
                "format": each["model_format"].lower(),
                "precision": (each["precision"] or ["fp32"])[0].lower(),
                "weights_size": each["size"],
                "evaluations": [
                    {"subset": "validation", "metrics": [{"name": "x", "value": 0}], **revision},
                    {"subset": "testing", "metrics": metrics, **revision},
                ],
                "quantization_info": None,
                "files_deleted": base["purged"],
                "optimal_confidence_threshold": None,
            }

        info = {
            "status": "successful",
            "start_time": f"2025-05-0{base['version']}T10:00:00",
            "end_time": f"2025-05-0{base['version']}T11:00:00",
            "dataset_revision_id": uuid_of("d1"),
            "label_schema_revision": {"labels": base["labels"]},
        }
        ready = [each for each in base["optimized"] if each["model_status"] == "SUCCESS"]
        return {
            "id": uuid_of(base["id"]),
            "name": base["name"],
            "architecture": base["name"],
            "parent_revision": base["previous"] and uuid_of(base["previous"]),
            "training_info": info,
            "variants": [variant(each) for each in ready],
            "files_deleted": base["purged"],
            "size": 5000,
        }
