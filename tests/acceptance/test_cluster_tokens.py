"""Tokens of the service accounts of a Kubernetes cluster, checked by their signature and by the cluster."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from callers import API, Accounts, Caller
from harness import Installation
from signing import Cluster, Key, claims

PERMISSIONS = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
REVIEWS = "/apis/authentication.k8s.io/v1/tokenreviews"
anywhere = pytest.mark.parametrize("installation", ["embedded"], indirect=True)


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    with Cluster(tmp_path) as cluster:
        yield cluster


def test_a_service_account(installation: Installation, cluster: Cluster) -> None:
    accounts = Accounts.of(installation, cluster.settings())
    trainer = Caller(accounts.server, cluster.token("team-a/trainer"))
    who = trainer.whoami()
    assert (who["principal"]["kind"], who["principal"]["subject"]) == ("kubernetes", "team-a/trainer")
    assert (trainer.models(), trainer.put("digits").status_code) == ([], 403)
    # A binding of all accounts of its namespace, as Kubernetes' own rules name them.
    accounts.bind("writer", group="k8s:system:serviceaccounts:team-a")
    assert trainer.put("digits").status_code == 201
    assert Caller(accounts.server, cluster.token("team-b/trainer")).models() == []
    accounts.server.stop()


def test_it_works_in_the_workspace_of_its_namespace(installation: Installation, cluster: Cluster) -> None:
    accounts = Accounts.of(installation, cluster.settings())
    accounts.bind("writer", workspace=accounts.workspace("team-a"), group="k8s:system:serviceaccounts:team-a")
    trainer = Caller(accounts.server, cluster.token("team-a/trainer"))
    stranger = Caller(accounts.server, cluster.token("team-z/trainer"))
    assert (trainer.whoami()["workspace"], stranger.whoami()["workspace"]) == ("team-a", "default")
    assert trainer.put("digits").status_code == 201
    assert trainer.models() == accounts.admin.models("/w/team-a") == ["digits"]
    assert accounts.admin.models() == stranger.models() == []
    accounts.server.stop()


@anywhere
def test_tokens_that_are_not_the_cluster_s(installation: Installation, cluster: Cluster, tmp_path: Path) -> None:
    accounts = Accounts.of(installation, cluster.settings())
    another = Key(tmp_path)
    subject = "system:serviceaccount:team-a:trainer"
    for token in [
        cluster.token("team-a/trainer", aud="https://kubernetes.default.svc"),
        cluster.token("team-a/trainer", exp=0),
        cluster.token("trainer"),
        cluster.token("a/b/c"),
        cluster.key.sign(claims(cluster.ISSUER, "system:node:worker")),
        another.sign(claims(cluster.ISSUER, subject), kid=cluster.key.id),
    ]:
        assert Caller(accounts.server, token).status("GET", f"{API}/whoami") == 401
    assert not any(path == REVIEWS for path, _, _ in cluster.asked)
    accounts.server.stop()


@anywhere
def test_the_cluster_is_asked(installation: Installation, cluster: Cluster, tmp_path: Path) -> None:
    own = tmp_path / "own-token"
    own.write_text("the-server-s-own\n")
    settings = {"MODELPORT__AUTH__KUBERNETES__REVIEW": "token-review"}
    accounts = Accounts.of(installation, cluster.settings(own) | settings)
    good, gone, new = (cluster.token(f"team-a/{name}") for name in ("trainer", "gone", "new"))
    cluster.gone.add(gone)

    def status(token: str) -> int:
        return Caller(accounts.server, token).status("GET", f"{API}/whoami")

    assert [status(token) for token in (good, good, gone)] == [200, 200, 401]
    reviews = [(body, authorization) for path, body, authorization in cluster.asked if path == REVIEWS]
    # Its answer is kept for a while.
    assert [body["spec"] for body, _ in reviews] == [
        {"token": token, "audiences": ["modelport"]} for token in (good, gone)
    ]
    assert {authorization for _, authorization in reviews} == {"Bearer the-server-s-own"}
    # Nobody knows while it does not answer.
    cluster.is_down = True
    assert status(new) in (502, 503)
    assert status(good) == 200
    accounts.server.stop()


def with_policy(cluster: Cluster, policy: str) -> dict[str, str]:
    said = {"POLICY": policy, "NAMESPACE": "models", "NAME": "registry"}
    return cluster.settings() | {f"MODELPORT__AUTH__KUBERNETES__{name}": value for name, value in said.items()}


def test_the_rules_of_the_cluster_decide(installation: Installation, cluster: Cluster) -> None:
    accounts = Accounts.of(installation, with_policy(cluster, "service-get"))
    accounts.workspace("team-a")
    trainer, other = (Caller(accounts.server, cluster.token(f"team-{team}/trainer")) for team in "ab")
    cluster.permitted.add(("team-a/trainer", "get"))
    # Whoever may use the service writes in the workspace of its namespace, and there alone.
    assert trainer.put("digits").status_code == 201
    assert trainer.models() == accounts.admin.models("/w/team-a") == ["digits"]
    assert trainer.models("/w/default") == []
    # It makes nobody an administrator, whose tasks stay theirs.
    assert trainer.status("GET", f"{API}/audit") == 403
    # Whoever may not is refused whatever is bound to them.
    accounts.bind("reader", group="k8s:system:serviceaccounts:team-b")
    refused = other.ask("GET", f"{API}/whoami")
    assert (refused.status_code, "the rules of the cluster do not permit `get` here" in refused.text) == (403, True)
    registered = other.ask("GET", "/api/model_registry/v1alpha3/registered_models")
    assert (registered.status_code, registered.json()["code"]) == (403, "Forbidden")
    # Nobody else is asked about.
    asked = {body["spec"]["user"] for path, body, _ in cluster.asked if path == PERMISSIONS}
    assert asked == {f"system:serviceaccount:team-{team}:trainer" for team in "ab"}
    accounts.server.stop()


@anywhere
def test_the_rules_of_the_cluster_decide_by_verb(installation: Installation, cluster: Cluster) -> None:
    accounts = Accounts.of(installation, with_policy(cluster, "service-verb"))
    trainer = Caller(accounts.server, cluster.token("team-a/trainer"))
    cluster.permitted |= {("team-a/trainer", "get"), ("team-a/trainer", "update")}
    assert trainer.put("digits").status_code == 201
    model = "/api/model_registry/v1alpha3/registered_models"
    assert trainer.status("GET", model) == 200
    assert trainer.status("POST", model, json={"name": "another"}) == 403
    cluster.is_down = True
    assert trainer.status("GET", model) == 200
    assert trainer.status("DELETE", f"{API}/models/digits") in (502, 503)
    accounts.server.stop()
