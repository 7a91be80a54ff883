"""Archives as clients make and read them."""

import gzip
import hashlib
import io
import tarfile
import warnings
import zipfile

MEDIA_TYPES = {"zip": "application/zip", "tar": "application/x-tar", "gzip": "application/gzip"}
Members = list[tuple[str, bytes]]


def packed(members: Members, form: str) -> bytes:
    """An archive of these files, in this order."""
    buffer = io.BytesIO()
    if form == "zip":
        with warnings.catch_warnings(), zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as zipped:
            # A name that comes twice is meant.
            warnings.simplefilter("ignore")
            for path, content in members:
                zipped.writestr(zipfile.ZipInfo(path), content)
        return buffer.getvalue()
    with tarfile.open(fileobj=buffer, mode="w") as tarred:
        for path, content in members:
            member = tarfile.TarInfo(path)
            member.size = len(content)
            tarred.addfile(member, io.BytesIO(content))
    return gzip.compress(buffer.getvalue()) if form == "gzip" else buffer.getvalue()


def digests(archive: bytes, form: str) -> list[tuple[str, str]]:
    """The files of an archive and their digests, in its order."""
    if form == "zip":
        with zipfile.ZipFile(io.BytesIO(archive)) as zipped:
            members = [(member.filename, zipped.read(member)) for member in zipped.infolist()]
    else:
        with tarfile.open(fileobj=io.BytesIO(archive)) as tarred:
            members = [(member.name, tarred.extractfile(member).read()) for member in tarred.getmembers()]
    return [(path, hashlib.sha256(content).hexdigest()) for path, content in members]
