"""What may be removed, because it is made for that: of a tree, so that the same may be done to it as to the rest."""

from people import BELIEVED, Tree
from training import Trainer
from world import NATIVE, ROOTS, ZIP, World

# How many roots of each kind are kept ready where they are restricted and bound to some.
KEPT = 28


def spare(world: World, tree: Tree, kind: str) -> dict[str, str]:
    """Values of something of that kind that is new."""
    by, name, values = world.author(tree), world.new(), tree.values
    if kept := tree.spares.get(kind):
        return kept.pop()
    trainer = Trainer(world, tree)
    make = lambda path, **body: world.kubeflow(tree, path, by, name=name, **body)
    native = f"/w/{tree.workspace}{NATIVE}"
    match kind:
        case "model":
            made = world.version(tree, name, "v1")
            return made | {"model_id": world.do("GET", f"{native}/models/{name}", by)["id"]}
        case "experiment" | "environment":
            return {kind: name, f"{kind}_id": make(ROOTS[kind])}
        case "archived_experiment":
            made = spare(world, tree, "experiment")
            trainer.do("POST", "experiments/delete", experiment_id=made["experiment_id"])
            return made
        case "trained_run" | "archived_run":
            run = trainer.run(name)
            if kind == "archived_run":
                trainer.do("POST", "runs/delete", run_id=run)
            return {"trained_run": run}
        case "logged_model":
            return {kind: trainer.logged_model(name)}
        case "number":
            return {kind: trainer.number()}
        case "tag":
            trainer.tag(name)
            return {kind: name}
        case "trace":
            return {kind: trainer.trace(f"tr-{name}")}
        case "trace_tag":
            trainer.do("PATCH", f"traces/{values['trace']}/tags", key=name, value="x")
            return {kind: name}
        case "assessment":
            return {kind: trainer.assess()}
        case "eval_dataset":
            return {kind: trainer.eval_dataset(name)}
        case "run_file" | "logged_file" | "folder_file":
            trainer.put(getattr(trainer, f"{kind}s"), name)
            return {kind: name}
        case "version" | "record":
            return world.version(tree, values["model"], name)
        case "artifact":
            return {
                kind: name,
                "artifact_id": make(f"model_versions/{values['version_id']}/artifacts", artifactType="model-artifact"),
            }
        case "run":
            return {kind: name, "run_id": make("experiment_runs", experimentId=values["experiment_id"])}
        case "service":
            of = {"servingEnvironmentId": values["environment_id"], "registeredModelId": values["model_id"]}
            return {kind: name, "service_id": make("inference_services", **of)}
        case "serve":
            return {
                "serve_id": make(
                    f"inference_services/{values['service_id']}/serves", modelVersionId=values["version_id"]
                )
            }
        case "alias":
            world.do(
                "PUT", f"{native}/models/{values['model']}/aliases/{name}", by, json={"version": values["version"]}
            )
            return {"alias": name}
        case "file":
            world.do("PUT", f"{NATIVE}/artifacts/{values['artifact_id']}/files/{name}", by, body=ZIP)
            return {"file": name}
        case "unused" | "spare_step" | "spare_pipeline":
            return world.loose(tree, kind, name)
        case "upload":
            return {"upload_id": world.upload(tree)}
    raise AssertionError(f"nobody knows how to make a spare {kind}")


def keep(world: World, tree: Tree) -> None:
    """Roots that are as restricted as those of the tree, to the same people."""
    ids = []
    for kind in ROOTS:
        kept = [spare(world, tree, kind) for _ in range(KEPT)]
        tree.spares[kind] = kept
        ids += [each[f"{kind}_id"] for each in kept]
    for who in BELIEVED:
        for binding in who.bindings:
            if binding.tree == tree.name and binding.role in ("writer", "maintainer", "admin"):
                for root in ids:
                    world.bind(who.name, binding.role, root=root)
    world.restrict(*ids)
