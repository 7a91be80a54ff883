"""Uploads over many requests, which outlive servers and rounds: no byte that was acknowledged is lost."""

import base64
import time

import httpx

from torture.ledger import Broken, Key
from torture.writer import PLAIN, Writer, digest

MIB = 2**20
TUS = {"Tus-Resumable": "1.0.0"}


class Upload:
    """One that has begun: where it is, and how much of it the server has acknowledged."""

    def __init__(self, key: Key, data: bytes, url: str):
        self.key = key
        self.data = data
        self.url = url
        self.offset = 0
        # Whether an earlier request may still be at work.
        self.doubtful = False


def resumable(writer: Writer) -> None:
    """Begins one."""
    large = writer.random.random() < 0.1
    size = writer.random.randint(8 * MIB, 18 * MIB) if large else writer.random.randint(1, MIB)
    data = PLAIN + writer.random.randbytes(size)
    key = ("file", "shared", "resumed", f"{writer.name}/{writer.number()}")
    named = {"model": key[1], "version": key[2], "path": key[3]}
    metadata = ",".join(f"{name} {base64.b64encode(value.encode()).decode()}" for name, value in named.items())
    headers = {**TUS, "Upload-Length": str(len(data)), "Upload-Metadata": metadata}
    writer.ledger.operations["tus.create"] += 1
    sent = time.monotonic()
    answer = ask(writer, "POST", "/api/v1/uploads", headers)
    if answer is None or writer.is_refused(sent, answer):
        return
    writer.check_right(sent, answer, is_done=True)
    if answer.status_code != 201:
        raise Broken(f"a resumable upload was answered {answer.status_code} {answer.text}")
    upload = Upload(key, data, answer.url.join(answer.headers["location"]).path)
    writer.pending.append(upload)
    advance(writer, upload)


def resume(writer: Writer) -> None:
    """Resumes one that was left, on whatever server."""
    if writer.pending:
        advance(writer, writer.random.choice(writer.pending))


def ask(writer: Writer, method: str, url: str, headers: dict[str, str], content: bytes = b"") -> httpx.Response | None:
    """The answer, unless it is none or one that passes."""
    doors = writer.doors()
    if doors is None:
        writer.stopped.wait(0.05)
        return None
    try:
        answer = doors.api.request(method, url, headers=headers, content=content)
    except httpx.TransportError:
        return None
    return None if answer.status_code in (423, 503) else answer


def advance(writer: Writer, upload: Upload) -> None:
    """Asks for its offset and sends some pieces. The file is promised with its last byte."""
    if writer.ledger.is_frozen(upload.key):
        return
    sent = time.monotonic()
    where = ask(writer, "HEAD", upload.url, TUS)
    if where is None or writer.is_refused(sent, where):
        return
    if where.status_code in (404, 410) and writer.clocks_jumped:
        writer.pending.remove(upload)
        return
    if where.status_code != 200:
        raise Broken(f"upload {upload.url}, of which {upload.offset} bytes were acknowledged, is {where.status_code}")
    offset = int(where.headers["upload-offset"])
    if offset < upload.offset:
        raise Broken(f"upload {upload.url} has {offset} bytes of {upload.offset} that were acknowledged")
    upload.offset = offset
    change = {upload.key: digest(upload.data)}
    while upload.offset < len(upload.data):
        end = len(upload.data) if writer.random.random() < 0.4 else writer.random.randint(upload.offset, len(upload.data))
        request = f"{writer.name}-{writer.number()}-{writer.token()}"
        headers = {**TUS, "Upload-Offset": str(upload.offset), "Content-Type": "application/offset+octet-stream"}
        headers["X-Request-Id"] = request
        whole = end == len(upload.data)
        before = writer.ledger.intend(change) if whole else {}
        writer.ledger.operations["tus.patch"] += 1
        sent = time.monotonic()
        answer = ask(writer, "PATCH", upload.url, headers, upload.data[upload.offset : end])
        if answer is not None and writer.is_refused(sent, answer):
            # It takes no more bytes, and waits.
            if whole:
                settle = writer.ledger.doubt if upload.doubtful else writer.ledger.refuse
                settle(change, before)
            return
        gone = answer is not None and answer.status_code in (404, 410) and writer.clocks_jumped
        elsewhere = answer is not None and answer.status_code == 409 and upload.doubtful
        if answer is None or gone or elsewhere:
            upload.doubtful = True
            if whole:
                writer.ledger.doubt(change, before)
                # The server continues with what has arrived when the client has disconnected.
                writer.ledger.lasting |= change
            return
        if answer.status_code != 204 or int(answer.headers["upload-offset"]) != end:
            raise Broken(f"{end} bytes of {upload.url} were answered {answer.status_code} {answer.text}, {request}")
        writer.check_right(sent, answer, is_done=not upload.doubtful)
        upload.offset = end
        if whole:
            writer.ledger.acknowledge("tus.patch", request, change, late=False)
    if offset == len(upload.data) and upload.key in writer.ledger.lasting:
        # An earlier request has sent the last byte: as any client of the protocol would, this one takes it for a file.
        writer.ledger.intend(change)
        writer.ledger.possible[upload.key] = set(change.values())
        del writer.ledger.lasting[upload.key]
    writer.pending.remove(upload)
