"""What an independent server is easily caught out on by clients of the Kubeflow API."""

from harness import KUBEFLOW, Server


def create(server: Server, path: str, **body) -> dict:
    answer = server.kubeflow("POST", path, json=body)
    assert answer.status_code == 201, answer.text
    assert answer.headers["content-type"].lower().startswith("application/json")
    return answer.json()


def test_both_paths_of_the_api_show_the_same(server: Server) -> None:
    model = create(server, "registered_models", name="m")
    newer = server.http.get(f"/api/model_registry/v1/registered_models/{model['id']}")
    assert newer.json() == model


def test_the_root_is_not_there_for_a_program(server: Server) -> None:
    assert server.http.get("/").status_code == 404


BAD_REQUESTS = [
    ("POST", "registered_models", {"name": "m", "ext_id": "1"}, 400, 'json: unknown field "ext_id"'),
    ("POST", "registered_models", {"description": "no name"}, 422, "required field 'name' is zero value."),
    ("POST", "registered_models", {"name": 7}, 400, None),
    ("POST", "model_versions", {"name": "v", "registeredModelId": "999999"}, 404, "not found"),
    ("POST", "model_versions", {"name": "v"}, 422, "required field 'registeredModelId' is zero value."),
    ("POST", "model_artifacts", {"name": "a", "shape": "round"}, 400, 'json: unknown field "shape"'),
    ("GET", "registered_models/999999", None, 404, "not found"),
    ("GET", "registered_models/one", None, 400, None),
    ("GET", "registered_models/99999999999999999999", None, 400, None),
    ("GET", "registered_model?name=nobody", None, 404, "not found"),
    ("GET", "registered_model", None, 400, None),
    ("GET", "model_version?name=only", None, 400, None),
    ("GET", "registered_models/999999/versions", None, 404, "not found"),
    ("GET", "model_versions/999999/artifacts", None, 404, "not found"),
    ("GET", "registered_models?nextPageToken=broken", None, 400, None),
    ("GET", "registered_models?pageSize=many", None, 400, None),
    ("GET", "registered_models?filterQuery=name='m", None, 400, None),
    ("GET", "registered_model?name=a%00b", None, 400, None),
    ("GET", "registered_mdoels", None, 404, "not found"),
]


def test_errors_have_the_shape_that_clients_read(server: Server) -> None:
    codes = {400: "Bad Request", 404: "Not Found", 422: "Bad Request"}
    for method, path, body, status, message in BAD_REQUESTS:
        answer = server.kubeflow(method, path, json=body)
        case = f"{method} {path} {body}: {answer.status_code} {answer.text}"
        assert answer.status_code == status, case
        error = answer.json()
        assert (set(error), error["code"]) == ({"code", "message"}, codes[status]), case
        if message:
            # "… not found" is looked for at the end.
            assert error["message"].endswith(message), case


def test_names_and_external_ids_conflict(server: Server) -> None:
    model = create(server, "registered_models", name="m", externalId="e")
    for body in ({"name": "m"}, {"name": "other", "externalId": "e"}):
        answer = server.kubeflow("POST", "registered_models", json=body)
        assert (answer.status_code, answer.json()["code"]) == (409, "Conflict"), answer.text
    found = server.kubeflow("GET", "registered_model", params={"externalId": "e"})
    assert found.json() == model


def test_a_page_says_what_it_holds(server: Server) -> None:
    for number in range(21):
        create(server, "registered_models", name=f"model {number}")
    first = server.kubeflow("GET", "registered_models", params={"pageSize": "10"}).json()
    assert (first["pageSize"], first["size"], len(first["items"])) == (10, 10, 10)
    again = server.kubeflow("GET", "registered_models", params={"pageSize": "10", "nextPageToken": ""}).json()
    assert again == first
    every = server.kubeflow("GET", "registered_models").json()
    assert (every["size"], every["nextPageToken"]) == (21, "")


def test_an_update_moves_to_the_end_of_the_update_order(server: Server) -> None:
    models = [create(server, "registered_models", name=name) for name in "abc"]
    server.kubeflow("PATCH", f"registered_models/{models[0]['id']}", json={"description": "touched"})
    order = {"orderBy": "LAST_UPDATE_TIME", "sortOrder": "DESC"}
    assert server.kubeflow("GET", "registered_models", params=order).json()["items"][0]["name"] == "a"


def test_a_patch_keeps_what_it_does_not_name(server: Server) -> None:
    text = {"metadataType": "MetadataStringValue", "string_value": ""}
    model = create(server, "registered_models", name="m", description="d", customProperties={"a": text, "b": text})

    def patch(**body) -> dict:
        answer = server.kubeflow("PATCH", f"registered_models/{model['id']}", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    assert patch(owner="o") | {"lastUpdateTimeSinceEpoch": 0} == model | {"owner": "o", "lastUpdateTimeSinceEpoch": 0}
    assert patch(customProperties={"b": text})["customProperties"] == {"b": text}
    assert patch(description="")["description"] == ""
    assert patch(customProperties={}).get("customProperties", {}) == {}


def test_an_artifact_keeps_its_type_and_has_a_state(server: Server) -> None:
    artifact = create(server, "model_artifacts", name="a", uri="s3://x/y")
    assert (artifact["artifactType"], artifact["state"]) == ("model-artifact", "UNKNOWN")
    answer = server.kubeflow("PATCH", f"model_artifacts/{artifact['id']}", json={"artifactType": "doc-artifact"})
    assert answer.status_code == 400
    assert "model-artifact" in answer.json()["message"]


def test_an_integer_property_is_an_integer(server: Server) -> None:
    for value in ("9223372036854775808", "1.5", "one", ""):
        properties = {"p": {"metadataType": "MetadataIntValue", "int_value": value}}
        answer = server.kubeflow("POST", "registered_models", json={"name": "m", "customProperties": properties})
        assert answer.status_code == 400, f"{value}: {answer.text}"


def test_a_broken_body_and_a_wrong_method_have_the_same_shape(server: Server) -> None:
    broken = server.http.post(
        f"{KUBEFLOW}/registered_models", content=b'{"name": ', headers={"content-type": "application/json"}
    )
    assert (broken.status_code, broken.json()["code"]) == (400, "Bad Request")
    wrong = server.kubeflow("DELETE", "registered_models")
    assert (wrong.status_code, wrong.json()["code"]) == (405, "Method Not Allowed")
