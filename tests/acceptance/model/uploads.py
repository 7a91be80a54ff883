"""The door of resumable uploads: requests of the tus protocol, and what an upload in progress is."""

import base64
import hashlib
from dataclasses import dataclass

import httpx
from harness import Server

from .journal import Door
from .registry import Refusal

STATUSES = {
    400: Refusal.INVALID,
    404: Refusal.MISSING,
    409: Refusal.EXISTS,
    412: Refusal.STALE,
    413: Refusal.TOO_LONG,
    415: Refusal.REQUIRED,
    460: Refusal.DAMAGED,
}
# An offset that is not that of the upload is a conflict.
SAYS = {Refusal.UNSERVABLE: Refusal.EXISTS}
VERSION = {"Tus-Resumable": "1.0.0"}
BYTES = {**VERSION, "Content-Type": "application/offset+octet-stream"}


@dataclass
class Upload:
    """An upload that was begun, and what it is to become."""

    model: str
    version: str
    path: str
    content: bytes
    sha256: str | None
    create: bool
    offset: int = 0
    # What it has become, if it has.
    artifact: int | None = None


def checksum(content: bytes, algorithm: str = "sha256") -> str:
    return f"{algorithm} {base64.b64encode(hashlib.new(algorithm, content).digest()).decode()}"


class Uploads(Door):
    """The tus protocol."""

    def __init__(self, server: Server):
        super().__init__(f"{server.url}/api/v1")

    def refusal(self, response: httpx.Response) -> Refusal | None:
        assert response.headers["tus-resumable"] == "1.0.0"
        return STATUSES[response.status_code] if response.status_code >= 400 else None

    def begin(self, upload: Upload, first: bytes | None = None) -> httpx.Response:
        said = {"model": upload.model, "version": upload.version, "path": upload.path}
        said |= {"create": "false"} if not upload.create else {}
        said |= {"sha256": upload.sha256} if upload.sha256 else {}
        coded = [f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in said.items()]
        headers = {"Upload-Length": str(len(upload.content)), "Upload-Metadata": ",".join(coded)}
        return self.ask("POST", "/uploads", content=first, headers={**(VERSION if first is None else BYTES), **headers})

    def add(self, upload: str, offset: int, content: bytes, **headers: str) -> httpx.Response:
        headers = {**BYTES, "Upload-Offset": str(offset), **headers}
        return self.ask("PATCH", f"/uploads/{upload}", content=content, headers=headers)

    def shown(self, upload: str) -> dict | None:
        """How it stands, as the protocol says it and in JSON."""
        response = self.ask("HEAD", f"/uploads/{upload}", headers=VERSION)
        whole = self.ask("GET", f"/uploads/{upload}")
        if response.status_code == 404:
            assert whole.status_code == 404
            return None
        said = whole.json()
        assert response.headers["Upload-Offset"] == whole.headers["Upload-Offset"] == str(said["offset"])
        assert response.headers["Upload-Length"] == str(said["length"])
        return said

    def give_up(self, upload: str) -> Refusal | None:
        return self.refusal(self.ask("DELETE", f"/uploads/{upload}", headers=VERSION))
