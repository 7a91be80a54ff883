"""Nodes put one way and another, and read."""

import math

from google.protobuf import any_pb2
from scenarios.making import DECLARED, KINDS, artifact, context, execution, get, mask, node, put, put_type
from twins import Twin, mlmd

ALL = {
    "i": 1, "d": 0.5, "s": "text", "st": {"a": [1, None, {"b": True}]}, "p": any_pb2.Any(type_url="type.x/y", value=b"\x00\xff"),
    "b": True,
}  # fmt: skip
LIVE, PENDING = mlmd.Artifact.LIVE, mlmd.Artifact.PENDING


def asks_for_new_nodes(twin: Twin) -> None:
    for kind in KINDS:
        of = put_type(twin, kind, "new")
        other = put_type(twin, KINDS[KINDS.index(kind) - 1], f"other than {kind}")
        put_empty = twin(f"Put{kind}s")
        assert not put_empty.ListFields()
        ids = put(
            twin,
            node(kind, ALL, ALL, type_id=of, name="all", external_id=f"{kind}: all"),
            node(kind, type_id=of, name="bare"),
            node(kind, {}, {"i": "a text", "own": 2}, type_id=of, name="custom"),
        )
        get(twin, kind, *ids, ids[0], 10**6)
        get(twin, kind, ids[2], ids[0])
        wrong = [
            {},
            {"name": "untyped"},
            {"type_id": 10**6, "name": "no such type"},
            {"type_id": other, "name": "of another kind"},
            {"type_id": of, "name": "all"},
            {"type_id": of, "name": "same external id", "external_id": f"{kind}: all"},
        ]
        for fields in wrong:
            put(twin, node(kind, **fields))
        for properties in ({"none": 1}, {"i": "text"}, {"i": 0.5}, {"d": 1}, {"s": 1}, {"b": 1}, {"st": "x"}, {"i": mlmd.Value()}):
            put(twin, node(kind, properties, type_id=of, name=f"wrong {list(properties)}"))
        # All or nothing.
        put(twin, node(kind, type_id=of, name="with a wrong one"), node(kind, type_id=of, name="all"))
        put(twin, node(kind, type_id=of, name="twice"), node(kind, type_id=of, name="twice"))
        twin(f"Get{kind}sByType", type_name="new")
        twin(f"Get{kind}ByTypeAndName", **{"type_name": "new", f"{kind.lower()}_name": "with a wrong one"})


def asks_for_nodes_without_names(twin: Twin) -> None:
    of = {kind: put_type(twin, kind, "nameless") for kind in KINDS}
    put(twin, artifact(type_id=of["Artifact"]), artifact(type_id=of["Artifact"]))
    put(twin, execution(type_id=of["Execution"]), execution(type_id=of["Execution"]))
    put(twin, context(type_id=of["Context"]))
    put(twin, context(type_id=of["Context"], name=""))
    for kind in KINDS:
        twin(f"Get{kind}sByType", type_name="nameless")
        twin(f"Get{kind}ByTypeAndName", type_name="nameless")
    # An empty name is a name.
    put(twin, artifact(type_id=of["Artifact"], name=""))
    put(twin, artifact(type_id=of["Artifact"], name=""))
    twin("GetArtifactByTypeAndName", type_name="nameless", artifact_name="")


def asks_for_states(twin: Twin) -> None:
    of = put_type(twin, "Artifact", "states")
    ids = put(twin, *(artifact(type_id=of, state=state) for state in mlmd.Artifact.State.values()))
    get(twin, "Artifact", *ids)
    of = put_type(twin, "Execution", "states")
    ids = put(twin, *(execution(type_id=of, last_known_state=state) for state in mlmd.Execution.State.values()))
    get(twin, "Execution", *ids)


def asks_what_clients_cannot_set(twin: Twin) -> None:
    of = put_type(twin, "Artifact", "output only")
    fields = {"type": "another", "create_time_since_epoch": 5, "last_update_time_since_epoch": 6}
    [id] = put(twin, artifact(type_id=of, **fields, system_metadata=any_pb2.Any(type_url="x/y")))
    get(twin, "Artifact", id)
    put(twin, artifact(id=id, **fields))
    get(twin, "Artifact", id)


def asks_how_nodes_are_replaced(twin: Twin) -> None:
    for kind in KINDS:
        of = put_type(twin, kind, "replaced")
        state = {"Artifact": {"state": LIVE, "uri": "u"}, "Execution": {"last_known_state": 2}, "Context": {}}[kind]
        [id] = put(twin, node(kind, ALL, ALL, type_id=of, name="n", external_id=f"{kind}: replaced", **state))
        [read] = get(twin, kind, id) or [node(kind)]
        # As it was read: nothing changes, not the time either.
        put(twin, read)
        get(twin, kind, id)
        for fields in [
            {"id": id, "type_id": of, "name": "n"},
            {"id": id, "name": "n"},
            {"id": id, "name": "n"},
            {"id": id, "name": "renamed", "external_id": f"{kind}: again"},
            {"id": id, "name": "n", **state},
        ]:
            put(twin, node(kind, **fields))
            get(twin, kind, id)
        put(twin, node(kind, {"i": 7, "s": "x"}, {"c": 1}, id=id, name="n"))
        get(twin, kind, id)
        put(twin, node(kind, {"i": 7}, {"c": "another kind", "d": 2}, id=id, name="n"))
        get(twin, kind, id)
        wrong = [{"id": 0}, {"id": 10**6}, {"id": -1}, {"id": id, "type_id": of + 1}, {"id": 10**6, "type_id": of}]
        for fields in wrong:
            put(twin, node(kind, name="n", **fields))
        put(twin, node(kind, {"none": 1}, id=id, name="n"))
        put(twin, node(kind, {"i": "text"}, id=id, name="n"))
        # One after the other.
        put(twin, node(kind, {"i": 1}, id=id, name="n"), node(kind, {"i": 2}, id=id, name="n"))
        put(twin, node(kind, {"i": 3}, id=id, name="n"), node(kind, {"none": 2}, id=id, name="n"))
        get(twin, kind, id)
    put(twin, context(id=id))
    put(twin, context(id=id, name=""))
    get(twin, "Context", id)


def asks_for_taken_names_on_a_change(twin: Twin) -> None:
    for kind in KINDS:
        of = put_type(twin, kind, "taken")
        first, second = put(
            twin,
            node(kind, type_id=of, name="first", external_id=f"{kind}: first"),
            node(kind, type_id=of, name="second", external_id=f"{kind}: second"),
        )
        put(twin, node(kind, id=second, name="second", external_id=f"{kind}: first"), differs="D14", ours="ALREADY_EXISTS")
        renamed = {"differs": "D14", "ours": "ALREADY_EXISTS"} if kind == "Context" else {}
        put(twin, node(kind, id=second, name="first", external_id=f"{kind}: second"), **renamed)
        get(twin, kind, first, second)


def asks_how_masks_work(twin: Twin) -> None:
    for kind in KINDS:
        of = put_type(twin, kind, "masked")
        state = {"Artifact": {"state": LIVE, "uri": "u"}, "Execution": {"last_known_state": 2}, "Context": {}}[kind]
        start = {"type_id": of, "external_id": f"{kind}: masked", **state}
        [id] = put(twin, node(kind, {"i": 1, "s": "x"}, {"c": 1, "k": "y"}, name="n", **start))

        def change(*paths: str, properties=None, custom=None, kind=kind, id=id, **fields) -> None:
            put(twin, node(kind, properties, custom, id=id, **fields), update_mask=mask(*paths))
            get(twin, kind, id)

        change("properties.i", properties={"i": 2, "s": "not masked"})
        change("properties.s", properties={})
        change("properties.s", properties={"s": "back", "none": 1})
        change("properties.i", properties={"i": "of another kind"})
        change("properties.none", properties={"none": 1})
        change("properties.absent")
        change("custom_properties.c", "properties.d", properties={"d": 0.25}, custom={"c": "another kind", "z": 1})
        change("custom_properties.c")
        change("custom_properties", custom={"all": 1, "new": 2})
        change("properties", properties={"b": True})
        change("properties", "properties.b", properties={"i": 4})
        change("properties", properties={"none": 4})
        change("properties", "custom_properties")
        change("external_id", external_id=f"{kind}: masked too")
        change("external_id")
        change("type_id", type_id=of)
        change("type_id", type_id=of + 1)
        change("name", name="renamed")
        change("", "nonsense", "properties", properties={"i": 5})
        change("")
        change("nonsense")
        change("id")
        change("create_time_since_epoch", "type", "last_update_time_since_epoch")
        if kind == "Artifact":
            change("uri", uri="another", state=PENDING)
            change("uri")
            change("state", state=PENDING)
            change("state")
        if kind == "Execution":
            change("last_known_state", last_known_state=3)
            change("last_known_state")
        # A node that is made is made whole.
        [new] = put(twin, node(kind, {"i": 1, "s": "x"}, type_id=of, name="made"), update_mask=mask("properties.i")) or [0]
        get(twin, kind, new)
        put(twin, node(kind, {"none": 1}, type_id=of, name="made wrong"), update_mask=mask("properties.i"))
        both = [node(kind, {"i": 9}, id=new, name="made"), node(kind, {"i": 9}, type_id=of, name="made beside")]
        get(twin, kind, *put(twin, *both, update_mask=mask("properties.i")))
        put(twin, node(kind, {"i": 1}, id=10**6, name="none"), update_mask=mask("properties.i"))


def asks_for_optimistic_locks(twin: Twin) -> None:
    of = put_type(twin, "Artifact", "locked")
    locked = {"options": {"abort_if_latest_updated_time_changed": True}}
    [id] = put(twin, artifact(type_id=of, name="n"), **locked)
    [read] = get(twin, "Artifact", id) or [artifact()]
    changed = artifact()
    changed.CopyFrom(read)
    changed.properties["i"].int_value = 5
    put(twin, changed, **locked)
    get(twin, "Artifact", id)
    # Somebody was faster.
    put(twin, changed, **locked)
    put(twin, read, **locked)
    put(twin, artifact(id=id), **locked)
    get(twin, "Artifact", id)
    [read] = get(twin, "Artifact", id) or [artifact()]
    put(twin, read, **locked)
    get(twin, "Artifact", id)
    put(twin, artifact(id=10**6, last_update_time_since_epoch=1), **locked)
    put(twin, artifact(id=id, last_update_time_since_epoch=1), update_mask=mask("uri"), **locked)
    put(twin, changed)
    get(twin, "Artifact", id)
    put(twin, changed, artifact(type_id=of, name="not made"), **locked)
    twin("GetArtifactByTypeAndName", type_name="locked", artifact_name="not made")


def asks_for_external_ids(twin: Twin) -> None:
    for kind in KINDS:
        of, many = put_type(twin, kind, "external"), f"{kind.lower()}s"
        put(twin, node(kind, type_id=of, name="a", external_id=f"{kind}: a"), node(kind, type_id=of, name="b", external_id=f"{kind}: b"))
        for ids in ([], [f"{kind}: a"], [f"{kind}: a", f"{kind}: b", f"{kind}: c"], [f"{kind}: c"], [""], [f"{kind}: a", ""]):
            twin(f"Get{kind}sByExternalIds", external_ids=ids)
        # The same in another kind is another.
        put(twin, node(kind, type_id=of, name="shared", external_id="shared by kinds"))
        twin(f"Get{kind}sByExternalIds", external_ids=["shared by kinds"])
        assert many


def asks_for_empty_external_ids(twin: Twin) -> None:
    for kind in KINDS:
        of = put_type(twin, kind, "empty external")
        get(twin, kind, *put(twin, node(kind, type_id=of, name="a", external_id="")), differs="an empty external id")
        put(twin, node(kind, type_id=of, name="b", external_id=""), differs="an empty external id")


def asks_for_doubles(twin: Twin) -> None:
    of = put_type(twin, "Artifact", "doubles")
    for number in (0.0, 0.5, -3.0, 1e15, 123456.125):
        get(twin, "Artifact", *put(twin, artifact({"d": number}, {"d": number}, type_id=of)))
    for number in (1e-9, 1 / 3, 5e-324):
        get(twin, "Artifact", *put(twin, artifact({"d": number}, type_id=of)), differs="D4")
    for number in (math.nan, math.inf, -math.inf):
        put(twin, artifact({"d": number}, type_id=of), differs="D4")


def asks_for_integers(twin: Twin) -> None:
    of = put_type(twin, "Artifact", "integers")
    for number in (0, -1, 2**31, -(2**31) - 1, 2**53 + 1, 2**63 - 1, -(2**63) + 1):
        get(twin, "Artifact", *put(twin, artifact({"i": number}, {"i": number}, type_id=of)))


def asks_for_texts(twin: Twin) -> None:
    of = put_type(twin, "Artifact", "texts")
    for text in ("", "it's", '"quoted"', "back\\slash", "äöü 漢字 🐧", "a\nb\tc", "%_", "'; DROP TABLE Artifact; --"):
        get(twin, "Artifact", *put(twin, artifact({"s": text}, {text or "empty": text}, type_id=of, name=f"n{text}", uri=f"t{text}")))
        twin("GetArtifactsByURI", uris=[f"t{text}"])
        twin("GetArtifactByTypeAndName", type_name="texts", artifact_name=f"n{text}")
    get(twin, "Artifact", *put(twin, artifact({"s": "x" * 100_000}, {"c": "y" * 100_000}, type_id=of)))
    for text in ("__MLMD_NULL__", "mlmd-struct::x"):
        get(twin, "Artifact", *put(twin, artifact({}, {"c": text}, type_id=of)), differs="D12")
    put(twin, artifact({}, {"c": "a\0b"}, type_id=of), differs="D9", ours="INVALID_ARGUMENT")


def asks_for_an_any_without_type(twin: Twin) -> None:
    of = put_type(twin, "Artifact", "anything")
    put(twin, artifact({"p": any_pb2.Any()}, type_id=of), differs="D13", ours="INVALID_ARGUMENT")


def asks_for_one_name_twice(twin: Twin) -> None:
    of = put_type(twin, "Artifact", "twice")
    [id] = put(twin, artifact({"i": 1}, {"i": 1}, type_id=of))
    get(twin, "Artifact", id)
    put(twin, artifact({"i": 2}, {"i": 1}, id=id))
    get(twin, "Artifact", id, differs="D7")
    put(twin, artifact({"i": 2}, {}, id=id))
    get(twin, "Artifact", id, differs="D7")


def asks_for_uris(twin: Twin) -> None:
    of = put_type(twin, "Artifact", "uris")
    put(twin, artifact(type_id=of, uri="s3://a"), artifact(type_id=of, uri="s3://a"), artifact(type_id=of, uri="s3://b"))
    for uris in ([], ["s3://a"], ["s3://a", "s3://b", "s3://a"], ["s3://none"], ["s3://none", "s3://b"]):
        twin("GetArtifactsByURI", uris=uris)
    # The field that had the one uri before.
    old = type(twin).request("GetArtifactsByURI", b"\x0a\x06s3://a")
    twin("GetArtifactsByURI", old)
    # By type and name, whatever there is.
    for kind in KINDS:
        twin(f"Get{kind}ByTypeAndName", type_name="no such type", **{f"{kind.lower()}_name": "x"})
        twin(f"Get{kind}sByType", type_name="no such type")
        twin(f"Get{kind}sByType")
    of = put_type(twin, "Artifact", "uris", DECLARED, version="2")
    put(twin, artifact(type_id=of, name="in 2"))
    for version in ({}, {"type_version": ""}, {"type_version": "2"}, {"type_version": "3"}):
        twin("GetArtifactsByType", type_name="uris", **version)
        twin("GetArtifactByTypeAndName", type_name="uris", artifact_name="in 2", **version)


def asks_for_artifacts_with_their_types(twin: Twin) -> None:
    types = [put_type(twin, "Artifact", f"with type {number}", {"p": mlmd.INT}, description="d") for number in (1, 2)]
    based = put_type(twin, "Artifact", "with base", {}, base_type=mlmd.ArtifactType.MODEL, external_id="base of all")
    ids = put(twin, *(artifact(type_id=of) for of in (types[1], types[0], types[1], based)))
    twin("GetArtifactsByID", artifact_ids=ids[:3], populate_artifact_types=True)
    twin("GetArtifactsByID", artifact_ids=ids[3:], populate_artifact_types=True)
    twin("GetArtifactsByID", artifact_ids=[], populate_artifact_types=True)
    twin("GetArtifactsByID", artifact_ids=[10**6], populate_artifact_types=True)
    twin("GetArtifactsByID", artifact_ids=ids, populate_artifact_types=False)
