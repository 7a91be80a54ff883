"""The 3.x of Geti: an application without tokens, whose ids are UUIDs."""

import re

from geti_answers import Answers
from geti_seed import uuid_of


class GetiThree(Answers):
    """A connection to it."""

    def three(self, path: str) -> None:
        def shown(known: dict) -> dict:
            tasks = [task for task in known["tasks"] if task["task_type"] not in ["dataset", "crop"]]
            labels = [{**each, "id": uuid_of(each["id"])} for task in tasks for each in task["labels"]]
            task = {"task_type": tasks[0]["task_type"] if tasks else "detection", "labels": labels}
            about = {"id": uuid_of(known["id"]), "name": known["name"], "created_at": known["creation_time"]}
            return {**about, "task": {**task, "exclusive_labels": True}, "active_pipeline": False}

        found = re.fullmatch(r"/api/projects(?:/([^/]+)(?:/models(?:/([^/]+)/variants/([^/]+)/binary)?)?)?", path)
        if not found:
            self.json({"detail": "Not Found"}, 404)
            return
        if found[1] is None:
            self.json([shown(each) for each in self.geti.projects])
            return
        known = [each for each in self.geti.projects if uuid_of(each["id"]) == found[1]]
        if not known:
            self.json({"detail": f"Project with ID {found[1]} not found"}, 404)
        elif path.endswith("/models"):
            bases = [base for group in known[0]["groups"] for base in group["bases"]]
            self.json([self.model(base) for base in bases])
        elif found[3]:
            bases = [base for group in known[0]["groups"] for base in group["bases"]]
            models = [(base, model) for base in bases for model in base["optimized"] if not base["purged"]]
            wanted = [found[2], found[3]]
            ids = [model["id"] for base, model in models if [uuid_of(base["id"]), uuid_of(model["id"])] == wanted]
            if ids:
                self.file(ids[0])
            else:
                self.json({"detail": "Model binary not found"}, 404)
        else:
            self.json(shown(known[0]))

    def model(self, base: dict) -> dict:
        def variant(each: dict) -> dict:
            revision = {"dataset_revision_id": uuid_of("d1")}
            metrics = [{"name": "accuracy", "value": 0.5 + base["version"] / 10}]
            return {
                "id": uuid_of(each["id"]),
                "format": each["model_format"].lower(),
                "precision": (each["precision"] or ["fp32"])[0].lower(),
                "weights_size": each["size"],
                "evaluations": [
                    {"subset": "validation", "metrics": [{"name": "x", "value": 0}], **revision},
                    {"subset": "testing", "metrics": metrics, **revision},
                ],
                "quantization_info": None,
                "files_deleted": base["purged"],
                "optimal_confidence_threshold": None,
            }

        info = {
            "status": "successful",
            "start_time": f"2025-05-0{base['version']}T10:00:00",
            "end_time": f"2025-05-0{base['version']}T11:00:00",
            "dataset_revision_id": uuid_of("d1"),
            "label_schema_revision": {"labels": base["labels"]},
        }
        ready = [each for each in base["optimized"] if each["model_status"] == "SUCCESS"]
        return {
            "id": uuid_of(base["id"]),
            "name": base["name"],
            "architecture": base["name"],
            "parent_revision": base["previous"] and uuid_of(base["previous"]),
            "training_info": info,
            "variants": [variant(each) for each in ready],
            "files_deleted": base["purged"],
            "size": 5000,
        }
