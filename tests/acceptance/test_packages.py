"""The wheel and the container image, as somebody would use them who has neither this repository nor a compiler."""

import json
import os
import subprocess
import tarfile
import tomllib
import venv
from pathlib import Path

import pytest
from harness import ROOT, Port, eventually

USER = 65532
VERSION = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]["version"]


@pytest.fixture(scope="module")
def binary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The binary without what only a debugger reads, as releases are."""
    stripped = tmp_path_factory.mktemp("stripped") / "modelport"
    subprocess.check_call(["strip", "-o", stripped, os.environ["MODELPORT_BIN"]])
    return stripped


def pack(script: str, binary: Path, folder: Path) -> Path:
    return Path(subprocess.check_output([ROOT / "scripts" / script, binary, folder], text=True).strip())


def test_a_wheel_installs_the_binary(binary: Path, tmp_path: Path) -> None:
    wheel = pack("wheel", binary, tmp_path)
    assert wheel.name.startswith(f"modelport-{VERSION}-py3-none-manylinux_")
    venv.create(tmp_path / "empty", with_pip=True)
    python, program = tmp_path / "empty/bin/python", tmp_path / "empty/bin/modelport"
    subprocess.check_call([python, "-m", "pip", "install", "--quiet", "--no-index", wheel])
    version = subprocess.check_output([program, "--version"], text=True).split()[1]
    listed = json.loads(subprocess.check_output([python, "-m", "pip", "list", "--format", "json"]))
    assert {"name": "modelport", "version": version} in listed and version == VERSION
    subprocess.check_call([python, "-m", "pip", "uninstall", "--quiet", "--yes", "modelport"])
    assert not program.exists()


def unpack(image: Path, folder: Path) -> tuple[Path, dict[str, object]]:
    """The files of an image and its configuration, read as the OCI image layout says."""
    with tarfile.open(image) as archive:

        def blob(described: dict[str, str]) -> bytes:
            return archive.extractfile("blobs/" + described["digest"].replace(":", "/")).read()

        index = json.load(archive.extractfile("index.json"))
        assert index["manifests"][0]["annotations"]["org.opencontainers.image.ref.name"] == VERSION
        manifest = json.loads(blob(index["manifests"][0]))
        config = json.loads(blob(manifest["config"]))
        packed = folder / "layer.tar.gz"
        packed.write_bytes(blob(manifest["layers"][0]))
    root = folder / "root"
    with tarfile.open(packed) as layer:
        layer.extractall(root)
    assert config["config"]["Labels"]["org.opencontainers.image.version"] == VERSION
    return root, config["config"]


def test_an_image_runs_without_anything_else(binary: Path, tmp_path: Path) -> None:
    image = pack("image", binary, tmp_path)
    assert pack("image", binary, tmp_path / "again").read_bytes() == image.read_bytes()
    root, config = unpack(image, tmp_path)
    assert config["User"] == f"{USER}:{USER}"
    assert not [path for path in root.rglob("*sh") if path.is_file() and os.access(path, os.X_OK)], "a shell"
    ports = {name: Port() for name in ("LISTEN", "GRPC_LISTEN", "EDGE_LISTEN")}
    settings = {f"MODELPORT__SERVER__{name}": f"0.0.0.0:{port.number}" for name, port in ports.items()}
    environment = dict(setting.split("=", 1) for setting in config["Env"]) | settings
    assert {name for name in settings} <= {setting.split("=")[0] for setting in config["Env"]}
    as_root = [] if os.geteuid() == 0 else ["sudo", "--preserve-env"]
    enter = [*as_root, "/usr/sbin/chroot", f"--userspec={config['User']}", root, *config["Entrypoint"]]
    refused = subprocess.run([*enter, *config["Cmd"]], env=environment, stderr=subprocess.PIPE, text=True)
    assert refused.returncode == 1 and "auth.allow_anybody" in refused.stderr
    environment["MODELPORT__AUTH__ALLOW_ANYBODY"] = "true"
    with subprocess.Popen([*enter, *config["Cmd"]], env=environment) as server:
        try:
            healthy = lambda: subprocess.run([*enter, "healthcheck"], env=environment, stderr=subprocess.DEVNULL)  # noqa: E731
            eventually(lambda: healthy().returncode == 0, "a healthy server")
            assert (root / "data/modelport.db").stat().st_uid == USER
        finally:
            server.terminate()
    assert server.returncode == 0
