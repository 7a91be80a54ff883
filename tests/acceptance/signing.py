"""Keys of issuers of tokens, and what they sign: to make the tokens that no provider would."""

import base64
import hashlib
import hmac
import json
import re
import secrets
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self


def encoded(data: bytes | dict) -> str:
    if isinstance(data, dict):
        data = json.dumps(data).encode()
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def parts(token: str) -> list[dict]:
    """What the header and the claims of a token say."""
    return [json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))) for part in token.split(".")[:2]]


class Key:
    """An RSA key with a name of its own."""

    def __init__(self, folder: Path):
        self.id = secrets.token_hex(8)
        self.file = folder / f"{self.id}.pem"
        self.openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", str(self.file))

    @staticmethod
    def openssl(*arguments: str, data: bytes = b"") -> bytes:
        return subprocess.run(["openssl", *arguments], input=data, check=True, capture_output=True).stdout

    def jwk(self, private: bool = False) -> dict:
        """The key as issuers publish it, or as they keep it (RFC 7518 §6.3)."""
        text = self.openssl("pkey", "-in", str(self.file), "-noout", "-text").decode()
        numbers = {
            name: bytes.fromhex(re.sub(r"[:\s]", "", digits)).lstrip(b"\0")
            for name, digits in re.findall(r"^(\w+):\n((?:    .*\n)+)", text, re.MULTILINE)
        }
        parts = {"n": "modulus"}
        if private:
            parts |= {"d": "privateExponent", "p": "prime1", "q": "prime2"}
            parts |= {"dp": "exponent1", "dq": "exponent2", "qi": "coefficient"}
        known = {"kty": "RSA", "kid": self.id, "use": "sig", "alg": "RS256", "e": "AQAB"}
        return known | {member: encoded(numbers[name]) for member, name in parts.items()}

    def sign(self, claims: dict, **header: str) -> str:
        """A token with these claims, and with these members of its header instead of its own."""
        header = {"alg": "RS256", "kid": self.id, "typ": "JWT"} | header
        message = f"{encoded(header)}.{encoded(claims)}"
        match header["alg"]:
            case "none":
                return f"{message}."
            case "HS256":
                # What somebody tries who takes the public key for a secret.
                public = self.openssl("pkey", "-in", str(self.file), "-pubout")
                signature = hmac.digest(public, message.encode(), hashlib.sha256)
            case algorithm:
                digest = f"-sha{algorithm[2:]}"
                signature = self.openssl("dgst", digest, "-sign", str(self.file), data=message.encode())
        return f"{message}.{encoded(signature)}"


def claims(issuer: str, subject: str, **other) -> dict:
    """What a token of that issuer says which holds for five minutes; members that are None are left out."""
    now = int(time.time())
    usual = {"iss": issuer, "sub": subject, "aud": "modelport", "iat": now, "exp": now + 300}
    return {name: value for name, value in (usual | other).items() if value is not None}


class Cluster:
    """As much of a Kubernetes cluster as issues and reviews the tokens of its service accounts."""

    ISSUER = "https://kubernetes.default.svc.cluster.local"

    def __init__(self, folder: Path):
        self.key = Key(folder)
        self.asked: list[tuple[str, dict | None, str | None]] = []
        # Tokens that the cluster knows no more, and whether it answers.
        self.gone: set[str] = set()
        # What its rules permit, as `(namespace/name, verb)`.
        self.permitted: set[tuple[str, str]] = set()
        self.is_down = False
        cluster = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.answer(None, {"keys": [cluster.key.jwk()]} if self.path == "/openid/v1/jwks" else None)

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                self.answer(body, {**body, "status": cluster.review(body)})

            def answer(self, body: dict | None, content: dict | None) -> None:
                cluster.asked.append((self.path, body, self.headers["Authorization"]))
                text = json.dumps(content or {}).encode()
                self.send_response(503 if cluster.is_down else 200 if content else 404)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_arguments) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_details) -> None:
        self.server.shutdown()
        self.server.server_close()

    def review(self, body: dict) -> dict:
        if body["kind"] == "SubjectAccessReview":
            account = body["spec"]["user"].removeprefix("system:serviceaccount:").replace(":", "/")
            return {"allowed": (account, body["spec"]["resourceAttributes"]["verb"]) in self.permitted}
        token = body["spec"]["token"]
        if token in self.gone:
            return {"authenticated": False, "error": "the pod is gone"}
        said = parts(token)[1]
        return {"authenticated": True, "audiences": [said["aud"]], "user": {"username": said["sub"]}}

    def token(self, account: str, **other) -> str:
        """That of the service account `NAMESPACE/NAME`."""
        subject = f"system:serviceaccount:{account.replace('/', ':')}"
        return self.key.sign(claims(self.ISSUER, subject, **other))

    def settings(self, own_token: Path | None = None) -> dict[str, str]:
        """A registry that accepts them."""
        settings = {
            "ISSUERS__K8S__KIND": "kubernetes",
            "ISSUERS__K8S__URL": self.ISSUER,
            "ISSUERS__K8S__AUDIENCES": "modelport",
            "KUBERNETES__API_SERVER": self.url,
            "KUBERNETES__CA_FILE": "",
            "KUBERNETES__TOKEN_FILE": str(own_token or ""),
        }
        return {f"MODELPORT__AUTH__{name}": value for name, value in settings.items()}
