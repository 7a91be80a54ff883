"""Certificates for servers of tests."""

import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass
class Certificates:
    """An authority of its own, and what it signed for a server at localhost."""

    folder: Path

    def __post_init__(self) -> None:
        self.authority = self.folder / "authority.pem"
        self.certificate = self.folder / "server.pem"
        self.key = self.folder / "server.key"
        key = ["-newkey", "rsa:2048", "-nodes", "-keyout"]
        basic = ["-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign"]
        self.openssl("req", "-x509", *key, "ca.key", "-out", "authority.pem", "-subj", "/CN=CA", "-days", "2", *basic)
        self.openssl("req", *key, "server.key", "-out", "server.csr", "-subj", "/CN=localhost")
        extensions = "subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth\n"
        (self.folder / "server.ext").write_text(extensions)
        signed = ["-CA", "authority.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "server.ext"]
        self.openssl("x509", "-req", "-in", "server.csr", "-out", "server.pem", *signed)

    def client(self, name: str, uri: str | None = None) -> tuple[Path, Path]:
        """The certificate and the key of a client."""
        self.openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", "client.key", "-out", "client.csr", "-subj", f"/CN={name}")
        names = f"subjectAltName=URI:{uri}\n" if uri else ""
        (self.folder / "client.ext").write_text(f"{names}extendedKeyUsage=clientAuth\n")
        signed = ["-CA", "authority.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "client.ext"]
        self.openssl("x509", "-req", "-in", "client.csr", "-out", "client.pem", *signed)
        return self.folder / "client.pem", self.folder / "client.key"

    def openssl(self, *arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=self.folder, check=True, capture_output=True)
