"""Types: how they come to be, change, and are read."""

from scenarios.making import KINDS, put_type
from twins import Twin, mlmd, service

INT, DOUBLE, STRING, UNKNOWN = mlmd.INT, mlmd.DOUBLE, mlmd.STRING, mlmd.UNKNOWN
SYSTEM = {
    "Artifact": ["mlmd.Dataset", "mlmd.Model", "mlmd.Metrics", "mlmd.Statistics"],
    "Execution": ["mlmd.Train", "mlmd.Transform", "mlmd.Process", "mlmd.Evaluate", "mlmd.Deploy"],
}


def asks_an_empty_store(twin: Twin) -> None:
    for kind in KINDS:
        twin(f"Get{kind}Types")
        twin(f"Get{kind}s")
        twin(f"Get{kind}s", options=mlmd.ListOperationOptions())
        twin(f"Get{kind}sByID")
        twin(f"Get{kind}sByID", **{f"{kind.lower()}_ids": [10**6]})
        twin(f"Get{kind}TypesByID", type_ids=[])
        twin(f"Get{kind}TypesByID", type_ids=[10**6, -1, 0])


def asks_for_system_types(twin: Twin) -> None:
    for kind, names in SYSTEM.items():
        for name in names:
            found = twin(f"Get{kind}Type", type_name=name)
            [(_, type)] = found.ListFields() or [(None, None)]
            twin(f"Get{kind}TypesByID", type_ids=[type.id])
    twin("GetArtifactType", type_name="mlmd.Train")
    twin("GetExecutionType", type_name="mlmd.Model")
    twin("GetContextType", type_name="mlmd.Model")
    # They may grow, as any other.
    grown = mlmd.ArtifactType(name="mlmd.Statistics", properties={"grown": INT})
    twin("PutArtifactType", artifact_type=grown)
    twin("PutArtifactType", artifact_type=grown, can_add_fields=True)
    twin("GetArtifactType", type_name="mlmd.Statistics")
    twin("GetArtifactTypes")


def asks_how_types_grow(twin: Twin) -> None:
    for kind in KINDS:
        name = f"grows-{kind}"

        def again(properties: dict, kind=kind, name=name, **options) -> None:
            put_type(twin, kind, name, properties, **options)
            twin(f"Get{kind}Type", type_name=name)

        again({"a": INT, "b": STRING})
        again({"a": INT, "b": STRING})
        again({"a": INT, "b": STRING, "c": DOUBLE})
        again({"a": INT, "b": STRING, "c": DOUBLE}, can_add_fields=True)
        again({"a": INT})
        again({"a": INT}, can_add_fields=True)
        again({"a": INT}, can_omit_fields=True)
        again({}, can_omit_fields=True)
        again({"a": INT, "e": INT}, can_add_fields=True)
        again({"a": INT, "e": INT}, can_omit_fields=True)
        again({"a": INT, "e": INT}, can_add_fields=True, can_omit_fields=True)
        again({"a": STRING}, can_add_fields=True, can_omit_fields=True)
        again({"f": UNKNOWN}, can_add_fields=True, can_omit_fields=True)
        again({"a": UNKNOWN}, can_add_fields=True, can_omit_fields=True, differs="UNKNOWN", ours="INVALID_ARGUMENT")
        again({"a": INT}, can_omit_fields=True, can_delete_fields=True)
        again({"a": INT}, can_omit_fields=True, all_fields_match=False)
        again({"a": INT}, can_omit_fields=True, description="later")


def asks_for_types_that_cannot_be(twin: Twin) -> None:
    for kind in KINDS:
        twin(f"Put{kind}Type")
        put_type(twin, kind, "")
        put_type(twin, kind, f"unknown-{kind}", {"p": UNKNOWN})
        twin(f"Get{kind}Type")
        twin(f"Get{kind}Type", type_name="")
        twin(f"Get{kind}Type", type_name=f"unknown-{kind}")
        put_type(twin, kind, f"all-{kind}", {"p": INT}, all_fields_match=False)
        twin(f"Get{kind}Type", type_name=f"all-{kind}")


def asks_for_versions(twin: Twin) -> None:
    for kind in KINDS:
        for version in (None, "", "v1", "v2", "v1"):
            fields = {} if version is None else {"version": version}
            put_type(twin, kind, "versioned", {"p": INT}, description=f"of {version}", **fields)
        for asked in ({}, {"type_version": ""}, {"type_version": "v1"}, {"type_version": "v3"}):
            twin(f"Get{kind}Type", type_name="versioned", **asked)
        put_type(twin, kind, "only versioned", {"p": INT}, version="v9")
        twin(f"Get{kind}Type", type_name="only versioned")
        put_type(twin, kind, "versioned", {"p": STRING}, version="v3")
        put_type(twin, kind, "versioned", {"p": STRING}, version="v2")


def asks_for_types_by_id(twin: Twin) -> None:
    ids = {kind: put_type(twin, kind, "by id", {"p": INT}, description="all") for kind in KINDS}
    for kind in KINDS:
        other = put_type(twin, kind, "by id too", {})
        twin(f"Get{kind}TypesByID", type_ids=[other, ids[kind], other, 10**6, ids[kind]])
        twin(f"Get{kind}TypesByID", type_ids=list(ids.values()))


def asks_for_what_types_keep(twin: Twin) -> None:
    """Only properties and external ids change once a type is stored."""
    for kind in KINDS:
        put_type(twin, kind, "kept", {}, description="first", external_id=f"{kind} 1")
        put_type(twin, kind, "kept", {}, description="second")
        twin(f"Get{kind}Type", type_name="kept")
        put_type(twin, kind, "kept", {}, external_id=f"{kind} 2")
        twin(f"Get{kind}Type", type_name="kept")
        for ids in ([], [f"{kind} 1"], [f"{kind} 2"], [f"{kind} 1", f"{kind} 2"], [""], [f"{kind} 2", ""]):
            twin(f"Get{kind}TypesByExternalIds", external_ids=ids)
        put_type(twin, kind, "rival", {}, external_id=f"{kind} 2")
        twin(f"Get{kind}Type", type_name="rival")
    with_id = mlmd.ArtifactType(id=4711, name="named, not numbered")
    twin("PutArtifactType", artifact_type=with_id)
    twin("GetArtifactType", type_name="named, not numbered")


def asks_for_base_types(twin: Twin) -> None:
    one, other, unset = mlmd.ArtifactType.MODEL, mlmd.ArtifactType.DATASET, mlmd.ArtifactType.UNSET
    for base in (None, one, one, other, unset, None):
        put_type(twin, "Artifact", "based", {}, **({} if base is None else {"base_type": base}))
        twin("GetArtifactType", type_name="based")
    for base in mlmd.ArtifactType.SystemDefinedBaseType.values():
        id = put_type(twin, "Artifact", f"based on {base}", {}, base_type=base)
        twin("GetArtifactType", type_name=f"based on {base}")
        twin("GetArtifactTypesByID", type_ids=[id] if id else [])
    for base in mlmd.ExecutionType.SystemDefinedBaseType.values():
        put_type(twin, "Execution", f"based on {base}", {}, base_type=base)
        twin("GetExecutionType", type_name=f"based on {base}")
    put_type(twin, "Context", "based", {}, base_type=mlmd.ContextType.UNSET)


def asks_for_signatures(twin: Twin) -> None:
    simple = mlmd.ArtifactStructType(simple=mlmd.ArtifactType(name="x", properties={"p": INT}))
    nothing = mlmd.ArtifactStructType(none=mlmd.NoneArtifactStructType())
    union = mlmd.ArtifactStructType(union_type=mlmd.UnionArtifactStructType(candidates=[simple, nothing]))
    members = mlmd.DictArtifactStructType(properties={"in": union, "more": simple}, none_type_not_required=True)
    takes = mlmd.ArtifactStructType(dict=members)
    gives = mlmd.ArtifactStructType(list=mlmd.ListArtifactStructType(element=simple))
    many = mlmd.ArtifactStructType(tuple=mlmd.TupleArtifactStructType(elements=[gives, simple]))
    for name, taken, given in [("one", takes, gives), ("two", many, nothing), ("one", gives, takes)]:
        made = mlmd.ExecutionType(name=f"signed {name}", input_type=taken, output_type=given)
        twin("PutExecutionType", execution_type=made)
        found = twin("GetExecutionType", type_name=f"signed {name}")
        twin("GetExecutionTypesByID", type_ids=[found.execution_type.id])


def asks_for_many_types(twin: Twin) -> None:
    def put_all(**fields) -> service.PutTypesResponse:
        return twin("PutTypes", **fields)

    a, e, c = mlmd.ArtifactType, mlmd.ExecutionType, mlmd.ContextType
    put_all()
    put_all(artifact_types=[a(name="m1"), a(name="m2")], execution_types=[e(name="m1")], context_types=[c(name="m1")])
    put_all(artifact_types=[a(name="m2"), a(name="m1"), a(name="m3"), a(name="m3")])
    put_all(artifact_types=[a(name="m4", properties={"p": INT}), a(name="m4", properties={"p": STRING})])
    twin("GetArtifactType", type_name="m4")
    put_all(execution_types=[e(name="m5")], context_types=[c(name="")])
    twin("GetExecutionType", type_name="m5")
    put_all(artifact_types=[a(name="m1", properties={"p": INT})])
    put_all(artifact_types=[a(name="m1", properties={"p": INT})], can_add_fields=True)
    put_all(artifact_types=[a(name="m1")])
    put_all(artifact_types=[a(name="m1")], can_omit_fields=True)
    put_all(artifact_types=[a(name="m6")], all_fields_match=False)
    put_all(context_types=[c(name="m1", version="2"), c(name="m1")])
    for kind in KINDS:
        twin(f"Get{kind}Type", type_name="m1")


def asks_for_all_types(twin: Twin) -> None:
    for kind in KINDS:
        # What has an external id is behind.
        twin(f"Get{kind}Types", differs="D16")
