"""A deployment of Intel's edge model registry 1.0.3 as it was left behind: MLflow's tables, of which it used two, and a
bucket. The rows are what its release wrote, JSON where a model was registered and Python where it was changed."""

import io
import os
import subprocess
import uuid
import zipfile
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from harness import Services

TABLES = """
CREATE TABLE registered_models (
    name VARCHAR(256) NOT NULL PRIMARY KEY,
    creation_time BIGINT,
    last_updated_time BIGINT,
    description VARCHAR(5000)
);
CREATE TABLE registered_model_tags (
    key VARCHAR(250) NOT NULL,
    value VARCHAR(5000),
    name VARCHAR(256) NOT NULL REFERENCES registered_models (name) ON UPDATE CASCADE,
    PRIMARY KEY (key, name)
);
CREATE TABLE model_versions (name VARCHAR(256) NOT NULL, version INTEGER NOT NULL, PRIMARY KEY (name, version));
"""
CREATED = 1_700_000_000_123
UPDATED = 1_710_000_000_456


def zipped(*names: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in names:
            archive.writestr(name, f"content of {name}")
    return buffer.getvalue()


def weights(mebibytes: int) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("model/model.bin", os.urandom(mebibytes << 20))
    return buffer.getvalue()


def quoted(value: object) -> str:
    return "'" + str(value).replace("'", "''") + "'"


@dataclass
class Old:
    """A record: its tags, and the object that it says it has. Without content there is no object."""

    id: str
    tags: dict[str, str]
    content: bytes | None
    file: str = "model.zip"

    @property
    def object(self) -> str:
        return f"{self.id}/{self.file}"


@dataclass
class OldDeployment:
    """A database and a bucket of their own, which go when the services go."""

    services: Services
    database: str = field(default_factory=lambda: f"old_{uuid.uuid4().hex}")
    records: list[Old] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.bucket = self.services.create_bucket()
        self.s3 = self.services.s3_client()
        self.services.sql(f"CREATE DATABASE {self.database}")
        self.run(TABLES)

    @property
    def url(self) -> str:
        """As MLFLOW_TRACKING_URI had it."""
        url = urlsplit(self.services.postgres)._replace(path=f"/{self.database}", scheme="postgresql+psycopg2")
        return url.geturl()

    def run(self, script: str) -> None:
        url = self.url.replace("+psycopg2", "")
        subprocess.run(["psql", url, "-q", "-v", "ON_ERROR_STOP=1"], input=script, text=True, check=True)

    def add(
        self, name: str, content: bytes | None, identity: str | None = None, file: str = "model.zip", **tags: str | None
    ) -> Old:
        """Registers a model as the old service did: the object first, and then a tag for whatever is not blank."""
        record = Old(identity or str(uuid.uuid4()), {}, content, file)
        usual = {
            "id": record.id,
            "name": name,
            "version": "1",
            "precision": "['fp32']",
            "target_device": "CPU",
            "score": "0.0",
            "size": str(len(content or b"")),
            "file_url": f"minio://{self.bucket}/{record.object}",
            "overview": "{}",
            "optimization_capabilities": "{}",
            "labels": "[]",
        }
        record.tags = {key: value for key, value in (usual | tags).items() if value}
        if content is not None:
            self.s3.put_object(Bucket=self.bucket, Key=record.object, Body=content)
        rows = [f"({quoted(key)}, {quoted(value)}, {quoted(record.id)})" for key, value in record.tags.items()]
        self.run(
            f"INSERT INTO registered_models VALUES ({quoted(record.id)}, {CREATED}, {UPDATED}, NULL);\n"
            f"INSERT INTO registered_model_tags (key, value, name) VALUES {', '.join(rows)};"
        )
        self.records.append(record)
        return record
