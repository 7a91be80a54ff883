"""What leads where: the edges of lineage, and how far they lead."""

from .registry import Node, Registry

READS = {"INPUT", "DECLARED_INPUT", "INTERNAL_INPUT"}
RESULTS = {"kf.ModelArtifact", "kf.DocArtifact", "kf.Metric", "kf.Parameter"}
# Where it comes from, where it leads, and what it is called.
Edge = tuple[int, int, str]


def is_made(registry: Registry, node: Node) -> bool:
    """Whether an execution wrote an artifact, or a run has it that it was attached to or made."""
    written = any(artifact == node.id and kind not in READS for artifact, _, kind in registry.events)
    return written or any(
        node.home == run.id or node.id in run.members for run in registry.of("kf.ExperimentRun")
    )


def edges(registry: Registry) -> set[Edge]:
    """Every edge."""
    found: set[Edge] = set()
    for context in [node for node in registry.nodes.values() if node.kind == "context"]:
        for member in registry.members(context.id):
            is_own = member.home == context.id
            if member.kind != "artifact":
                found.add((context.id, member.id, "owns" if is_own else "contains"))
            elif member.type == "kf.DataSet":
                found.add((member.id, context.id, "usedBy"))
            elif is_own:
                found.add((context.id, member.id, "owns"))
                if context.type == "kf.ModelVersion" and is_made(registry, member):
                    found.add((member.id, context.id, "usedBy"))
            elif context.type == "kf.ExperimentRun" and member.type in RESULTS:
                found.add((context.id, member.id, "output"))
            else:
                found.add((member.id, context.id, "usedBy"))
    for artifact, execution, kind in registry.events:
        found.add((artifact, execution, "input") if kind in READS else (execution, artifact, "output"))
    return found | serving(registry)


def serving(registry: Registry) -> set[Edge]:
    """From models and versions to what serves them."""
    found: set[Edge] = set()

    def refer(node: Node, name: str, to: int) -> None:
        _, target = node.properties.get(name, ("int", 0))
        if target in registry.nodes:
            found.add((target, to, "servedBy"))

    for service in registry.of("kf.InferenceService"):
        for name in ["registered_model_id", "model_version_id"]:
            refer(service, name, service.id)
        _, model = service.properties.get("registered_model_id", ("int", 0))
        if "model_version_id" not in service.properties and model in registry.nodes:
            # One that names no version follows its model.
            versions = [version.id for version in registry.versions(registry.nodes[model])]
            found |= {(max(versions), service.id, "servedBy")} if versions else set()
    for deployment in registry.of("kf.ServeModel"):
        refer(deployment, "model_version_id", deployment.id)
        refer(deployment, "model_version_id", deployment.home or 0)
    return found


def reach(registry: Registry, start: Node, downstream: bool, hops: int) -> set[int]:
    """The nodes that one comes to. That two versions have the same artifact makes neither of the other."""
    known = [(edge if downstream else (edge[1], edge[0], edge[2])) for edge in edges(registry)]
    is_version = {node.id for node in registry.of("kf.ModelVersion")}
    artifacts = {node.id for node in registry.nodes.values() if node.kind == "artifact"}
    into_artifact, into_version = ("owns", "usedBy") if downstream else ("usedBy", "owns")
    seen, frontier = {(start.id, False)}, {(start.id, False)}
    for _ in range(hops):
        found = set()
        for near, is_held in frontier:
            for origin, far, name in known:
                if origin == near and not (is_held and far in is_version and name == into_version):
                    found.add((far, near in is_version and far in artifacts and name == into_artifact))
        frontier = found - seen
        seen |= frontier
    return {node for node, _ in seen}

