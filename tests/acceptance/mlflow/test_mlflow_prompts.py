"""Prompts, which are registered models with a tag, and are hidden among them."""

import mlflow
import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.genai import load_prompt, register_prompt, search_prompts, set_prompt_alias


def test_prompts_are_registered_loaded_and_found(client: MlflowClient, name: str) -> None:
    first = register_prompt(name, "Say {{what}} in {{language}}.", commit_message="first", tags={"team": "risk"})
    second = register_prompt(name, [{"role": "user", "content": "Say {{what}}!"}], commit_message="second")
    assert (first.version, second.version) == (1, 2)
    loaded = load_prompt(f"prompts:/{name}/1")
    assert (loaded.template, loaded.variables) == ("Say {{what}} in {{language}}.", {"what", "language"})
    assert (loaded.commit_message, loaded.tags) == ("first", {"team": "risk"})
    assert loaded.format(what="hello", language="German") == "Say hello in German."
    assert load_prompt(name, version=2).template == [{"role": "user", "content": "Say {{what}}!"}]
    set_prompt_alias(name, "production", 1)
    assert load_prompt(f"prompts:/{name}@production").version == 1
    set_prompt_alias(name, "production", 2)
    assert load_prompt(f"prompts:/{name}@production").version == 2
    assert load_prompt(f"prompts:/{name}@latest").version == 2
    client.set_prompt_tag(name, "owner", "ada")
    client.set_prompt_version_tag(name, "1", "seen", "yes")
    assert client.get_prompt(name).tags["owner"] == "ada"
    assert load_prompt(name, version=1).tags == {"team": "risk", "seen": "yes"}
    assert [each.name for each in search_prompts(f"name = '{name}'")] == [name]
    assert [each.name for each in search_prompts(f"name LIKE '{name}%' AND tags.owner = 'ada'")] == [name]
    assert search_prompts(f"name LIKE '{name}%' AND tags.owner = 'nobody'") == []
    found = client.search_prompt_versions(name, max_results=1)
    assert [each.version for each in found] == [2] and found.token
    assert load_prompt(f"prompts:/{name}/3", allow_missing=True) is None
    client.delete_prompt_alias(name, "production")
    client.delete_prompt_version(name, "2")
    assert load_prompt(f"prompts:/{name}@latest").version == 1
    client.delete_prompt_version(name, "1")
    client.delete_prompt(name)
    assert client.get_prompt(name) is None


def test_prompts_are_no_models(client: MlflowClient, name: str) -> None:
    register_prompt(name, "Hello")
    client.create_registered_model(f"{name}-m")
    client.set_registered_model_tag(f"{name}-m", "mlflow.prompt.is_prompt", "false")
    client.create_registered_model(f"{name}-n")
    client.create_model_version(f"{name}-n", "s3://lake/x")
    mine = f"name LIKE '{name}%'"

    def found(clause: str) -> list[str]:
        return [each.name for each in client.search_registered_models(f"{mine}{clause}")]

    assert found("") == [f"{name}-m", f"{name}-n"]
    assert found(" AND tags.`mlflow.prompt.is_prompt` = 'true'") == [name]
    assert found(" AND tags.`mlflow.prompt.is_prompt` != 'true'") == [f"{name}-m", f"{name}-n"]
    assert found(" AND tags.`mlflow.prompt.is_prompt` = 'false'") == [f"{name}-m", f"{name}-n"]
    assert [each.name for each in client.search_model_versions(mine)] == [f"{name}-n"]
    # One name is one thing.
    with pytest.raises(MlflowException, match="(?i)prompt") as error:
        client.create_registered_model(name)
    assert error.value.error_code == "RESOURCE_ALREADY_EXISTS"
    with pytest.raises(MlflowException):
        register_prompt(f"{name}-n", "Hello")


def test_a_run_says_which_prompt_it_used(client: MlflowClient, experiment: str, name: str) -> None:
    register_prompt(name, "Hello")
    with mlflow.start_run() as active:
        used = load_prompt(f"prompts:/{name}/1")
    assert used.version == 1
    assert f"{name}" in client.get_run(active.info.run_id).data.tags.get("mlflow.linkedPrompts", name)
