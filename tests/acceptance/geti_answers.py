"""How the Geti server for tests answers, whichever release it is."""

import io
import json
import time
import zipfile
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler

from geti_seed import MIB


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


class Stream(io.RawIOBase):
    """A chunked body that an archive is written to as it is made."""

    def __init__(self, handler: "Answers"):
        self.handler = handler

    def writable(self) -> bool:
        return True

    def write(self, data) -> int:
        self.handler.chunk(bytes(data))
        return len(data)


class Answers(BaseHTTPRequestHandler):
    """A connection whose request, `asked`, is answered with texts, JSON, errors and archives."""

    asked: Request

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
