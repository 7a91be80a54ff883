"""The chart: what Helm makes of it, checked against the types of Kubernetes' API, and whether the real binary takes the settings."""

import copy
import os
import subprocess
import tomllib
from functools import cache
from pathlib import Path

import httpx
import pytest
import yaml
from harness import KUBEFLOW, ROOT, Port, eventually

CHART = ROOT / "helm/modelport"
VALUES = sorted((CHART / "ci").glob("*.yaml"))
RELEASE, NAMESPACE = "models", "prod"
NAME = f"{RELEASE}-modelport"
OLDEST, NEWEST = "1.25.0", "1.36.0"

Manifests = dict[str, dict]


@cache
def tool(name: str) -> str:
    return subprocess.check_output([ROOT / "scripts/tools", name], text=True).strip()


def helm(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([tool("helm"), *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def template(*arguments: str | Path, version: str = NEWEST) -> subprocess.CompletedProcess[str]:
    place = ["template", RELEASE, CHART, "--namespace", NAMESPACE, "--kube-version", version]
    return helm(*place, *arguments)


def render(values: Path | None = None, **settings: str) -> Manifests:
    """The manifests by their kind, of which each is there once."""
    arguments = ["--values", values] if values else []
    for name, value in settings.items():
        arguments += ["--set", f"{name.replace('__', '.')}={value}"]
    rendered = template(*arguments)
    assert rendered.returncode == 0, rendered.stdout
    manifests = [manifest for manifest in yaml.safe_load_all(rendered.stdout) if manifest]
    by_kind = {manifest["kind"]: manifest for manifest in manifests}
    assert len(by_kind) == len(manifests), rendered.stdout
    return by_kind


def pod(manifests: Manifests) -> dict:
    return manifests["Deployment"]["spec"]["template"]["spec"]


def environment(manifests: Manifests, folder: Path, secrets: dict[str, dict[str, str]] | None = None) -> dict[str, str]:
    """The variables of the container, and below `folder` the files that its volume of secrets has."""
    [container] = pod(manifests)["containers"]
    if secret := manifests.get("Secret"):
        secrets = {secret["metadata"]["name"]: secret["stringData"], **(secrets or {})}
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    for volume in pod(manifests)["volumes"]:
        for source in volume.get("projected", {}).get("sources", []):
            for item in source["secret"]["items"]:
                path = folder / mounts[volume["name"]].lstrip("/") / item["path"]
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(secrets[source["secret"]["name"]][item["key"]])
    variables = dict(manifests["ConfigMap"]["data"])
    for entry in container.get("env", []):
        is_path = entry["name"].endswith("__FILE")
        variables[entry["name"]] = f"{folder}{entry['value']}" if is_path else entry["value"]
    return variables


def modelport(variables: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """A command of the binary with these variables and no others."""
    binary = os.environ["MODELPORT_BIN"]
    return subprocess.run([binary, *arguments], env=variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def settings(variables: dict[str, str]) -> dict:
    printed = modelport(variables, "config", "print")
    assert printed.returncode == 0, printed.stdout
    return tomllib.loads(printed.stdout)


@pytest.mark.parametrize("values", VALUES, ids=lambda values: values.stem)
def test_helm_takes_the_chart(values: Path) -> None:
    linted = helm("lint", "--strict", "--kube-version", NEWEST, CHART, "--values", values)
    assert linted.returncode == 0, linted.stdout
    for version in (OLDEST, NEWEST):
        rendered = template("--values", values, version=version)
        assert rendered.returncode == 0, rendered.stdout
        shape = [tool("python-kubernetes"), ROOT / "tests/acceptance/chart/shape.py"]
        held = subprocess.run(shape, input=rendered.stdout, stdout=subprocess.PIPE, text=True)
        assert held.returncode == 0, held.stdout


@pytest.mark.parametrize("values", VALUES, ids=lambda values: values.stem)
def test_a_pod_meets_the_restricted_standard_and_is_probed(values: Path) -> None:
    spec = pod(render(values))
    assert spec["securityContext"]["runAsUser"] == spec["securityContext"]["fsGroup"] == 65532
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    # Only who finds the keys of the cluster's service accounts has a token of it.
    assert spec["automountServiceAccountToken"] is (values.stem == "accounts-values")
    [container] = spec["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert container["livenessProbe"]["httpGet"] == {"path": "/health/live", "port": "http"}
    assert container["readinessProbe"]["httpGet"] == {"path": "/health/ready", "port": "http"}
    # Whatever is written goes to a volume.
    mounts = {mount["mountPath"] for mount in container["volumeMounts"] if not mount.get("readOnly")}
    assert mounts == {"/data"}


def test_an_embedded_server_has_a_volume_to_itself() -> None:
    manifests = render()
    spec = manifests["Deployment"]["spec"]
    assert (spec["replicas"], spec["strategy"]) == (1, {"type": "Recreate"})
    claim = manifests["PersistentVolumeClaim"]
    assert claim["spec"]["resources"]["requests"]["storage"] == "10Gi"
    assert claim["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
    [volume] = pod(manifests)["volumes"]
    assert volume == {"name": "data", "persistentVolumeClaim": {"claimName": claim["metadata"]["name"]}}
    assert "Secret" not in manifests
    existing = render(persistence__existingClaim="old")
    assert "PersistentVolumeClaim" not in existing
    assert pod(existing)["volumes"][0]["persistentVolumeClaim"] == {"claimName": "old"}
    # One of the two outside of the pod is not enough.
    for half in ({"database__url": "postgres://u:p@db/m"}, {"artifacts__store": "s3://models"}):
        assert "PersistentVolumeClaim" in render(**half)


def test_servers_over_postgres_and_a_bucket_need_no_volume() -> None:
    manifests = render(CHART / "ci/production-values.yaml")
    assert "PersistentVolumeClaim" not in manifests
    assert manifests["Deployment"]["spec"]["replicas"] == 3
    assert manifests["Deployment"]["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
    assert {"name": "data", "emptyDir": {}} in pod(manifests)["volumes"]


def test_a_service_leads_to_each_listener() -> None:
    manifests = render()
    service = manifests["Service"]
    ports = {port["name"]: (port["port"], port["targetPort"]) for port in service["spec"]["ports"]}
    assert ports == {"http-api": (8080, "http"), "grpc-api": (9090, "grpc"), "http-edge": (8111, "edge")}
    [container] = pod(manifests)["containers"]
    named = {port["name"]: port["containerPort"] for port in container["ports"]}
    data = manifests["ConfigMap"]["data"]
    listeners = {"http": "LISTEN", "grpc": "GRPC_LISTEN", "edge": "EDGE_LISTEN"}
    assert {name: data[f"MODELPORT__SERVER__{key}"] for name, key in listeners.items()} == {
        name: f"0.0.0.0:{port}" for name, port in named.items()
    }
    labels = manifests["Deployment"]["spec"]["template"]["metadata"]["labels"]
    assert service["spec"]["selector"].items() <= labels.items()
    assert service["metadata"]["labels"]["component"] == "model-registry"
    trial = render(CHART / "ci/trial-values.yaml")
    assert [port["name"] for port in trial["Service"]["spec"]["ports"]] == ["http-api"]
    assert trial["ConfigMap"]["data"]["MODELPORT__SERVER__GRPC_LISTEN"] == "none"


def test_the_binary_takes_the_settings(tmp_path: Path) -> None:
    """As a pod has them: secrets as files, everything else as variables."""
    effective = settings(environment(render(CHART / "ci/production-values.yaml"), tmp_path))
    assert effective["database"]["url"] == "postgres://modelport:***@postgres.databases.svc/modelport"
    assert effective["database"]["migrate_on_start"] is True
    assert effective["artifacts"]["access_key"] == "AKIAEXAMPLE" and effective["artifacts"]["secret_key"] == "***"
    assert effective["artifacts"]["store"].startswith("s3://models/production?endpoint=")
    assert effective["artifacts"]["max_file_bytes"] == 2**40
    assert effective["server"]["public_url"] == "https://models.example.org"
    assert effective["server"]["memory_bytes"] == 192 * 2**20
    assert effective["policy"]["allowed_formats"] == "safetensors,onnx"
    assert effective["policy"]["rules"] == {"remote-code": "refuse", "custom-operator": "allow"}
    assert effective["auth"]["allow_anybody"] is True and effective["log"]["format"] == "json"
    assert (tmp_path / "etc/modelport/secrets/secret-key").read_text() == 'a"b\\c: {d}'


def test_secrets_may_be_of_somebody_else(tmp_path: Path) -> None:
    manifests = render(CHART / "ci/secrets-values.yaml")
    assert "Secret" not in manifests
    theirs = {"registry-db-app": {"uri": "postgresql://app:secret@db/app"}}
    variables = environment(manifests, tmp_path, theirs)
    assert variables["TZ"] == "UTC"
    effective = settings(variables)
    assert effective["database"]["url"] == "postgresql://app:***@db/app"
    assert effective["database"]["migrate_on_start"] is False and effective["artifacts"]["access_key"] == ""
    [container] = pod(manifests)["containers"]
    assert {"secretRef": {"name": "aws-credentials"}} in container["envFrom"]


def test_accounts_are_turned_on_by_values(tmp_path: Path) -> None:
    manifests = render(CHART / "ci/accounts-values.yaml")
    theirs = {"modelport-auth": {"bootstrap-token": "b" * 32, "keys": "k" * 40}}
    effective = settings(environment(manifests, tmp_path, theirs))["auth"]
    assert (effective["mode"], effective["allow_anybody"]) == ("on", False)
    assert effective["admins"] == ["group:corp:ml-admins", "k8s:ci/deployer"]
    assert effective["issuers"]["corp"]["audiences"] == ["modelport", "modelport-cli"]
    assert effective["issuers"]["k8s"]["kind"] == "kubernetes"
    assert (effective["bootstrap_token"], effective["keys"]) == ("***", ["***"])
    assert pod(manifests)["serviceAccountName"] == "modelport"
    without = render(auth__mode="on")
    assert settings(environment(without, tmp_path))["auth"]["mode"] == "on"
    assert pod(without)["automountServiceAccountToken"] is False


def test_the_binary_serves_with_what_the_chart_says_by_itself(tmp_path: Path) -> None:
    manifests = render()
    variables = environment(manifests, tmp_path)
    ports = {key: Port() for key in ("LISTEN", "GRPC_LISTEN", "EDGE_LISTEN")}
    variables |= {f"MODELPORT__SERVER__{key}": f"0.0.0.0:{port}" for key, port in ports.items()}
    variables["MODELPORT__DATA__DIR"] = str(tmp_path / "data")
    [container] = pod(manifests)["containers"]
    with subprocess.Popen([os.environ["MODELPORT_BIN"], *container["args"]], env=variables) as server:
        try:
            http = httpx.Client(base_url=f"http://127.0.0.1:{ports['LISTEN']}", trust_env=False)

            def status(path: str, host: str) -> int:
                try:
                    return http.get(path, headers={"Host": host}).status_code
                except httpx.TransportError:
                    return 0

            # A kubelet's probe names the pod's address.
            for probe in ("livenessProbe", "readinessProbe", "startupProbe"):
                path = container[probe]["httpGet"]["path"]
                eventually(lambda: server.poll() is None and status(path, "10.20.0.7:8080") == 200, f"the {probe}")
            for name in (NAME, f"{NAME}.{NAMESPACE}", f"{NAME}.{NAMESPACE}.svc", f"{NAME}.{NAMESPACE}.svc.cluster.local"):
                assert status(f"{KUBEFLOW}/registered_models", f"{name}:8080") == 200, name
            assert status(f"{KUBEFLOW}/registered_models", "evil.example") == 403
        finally:
            server.terminate()
    assert server.returncode == 0


def test_that_anybody_may_do_anything_is_said_in_the_values(tmp_path: Path) -> None:
    values = (CHART / "values.yaml").read_text()
    assert yaml.safe_load(values)["auth"]["allowAnybody"] is True and "WHOEVER REACHES THE SERVICE MAY" in values
    variables = environment(render(auth__allowAnybody="false"), tmp_path)
    refused = modelport(variables | {"MODELPORT__DATA__DIR": str(tmp_path)}, "serve")
    assert refused.returncode == 1 and "auth.allow_anybody" in refused.stdout


def checksums(manifests: Manifests) -> dict[str, str]:
    return manifests["Deployment"]["spec"]["template"]["metadata"]["annotations"]


def test_other_settings_are_other_pods() -> None:
    production = CHART / "ci/production-values.yaml"
    before = render(production)
    assert checksums(render(production, settings__log__level="debug")) != checksums(before)
    assert checksums(render(production, artifacts__secretKey="other")) != checksums(before)
    scaled = copy.deepcopy(render(production, replicas="7"))
    assert scaled["Deployment"]["spec"].pop("replicas") == 7
    before["Deployment"]["spec"].pop("replicas")
    assert scaled == before


REFUSED: list[tuple[list[str], str]] = [
    (["nonsense=1"], "nonsense"),
    (["database.nonsense=1"], "/database"),
    (["replicas=two"], "/replicas"),
    (["replicas=2"], "more than one server needs a PostgreSQL"),
    (["replicas=2", "artifacts.store=s3://models"], "more than one server needs a PostgreSQL"),
    (["database.url=mysql://db/m"], "/database/url"),
    (["database.url=postgres://db/m", "database.existingSecret=mine"], "url and existingSecret are both set"),
    (["artifacts.accessKey=a"], "accessKey and secretKey go together"),
    (["artifacts.existingSecret=mine", "artifacts.accessKey=a", "artifacts.secretKey=b"], "the key is in one place"),
    (["image.digest=latest"], "/image/digest"),
    (["auth.mode=maybe"], "/auth/mode"),
    (["auth.admins={corp:alice}"], "mean nothing without mode"),
    (["auth.mode=on", "auth.admins={alice}"], "/auth/admins"),
    (["auth.mode=on", "auth.issuers.corp.url=https://idp.example.org"], "audiences"),
    (["service.port=0"], "/service/port"),
]


@pytest.mark.parametrize(("values", "says"), REFUSED, ids=lambda each: "-".join(each) if isinstance(each, list) else None)
def test_wrong_values_are_refused_by_name(values: list[str], says: str) -> None:
    refused = template(*(part for value in values for part in ("--set", value)))
    assert refused.returncode != 0 and says in refused.stdout, refused.stdout
