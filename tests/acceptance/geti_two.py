"""Releases 2.9, 2.11 and 2.13 of Geti: tokens, workspaces, projects, model groups, and either way to download a model."""

import json
import re
from dataclasses import dataclass

from geti_answers import Answers
from geti_seed import ORGANIZATION, WORKSPACES, has_checksum, object_id


@dataclass
class Deployment:
    project: str
    model: str
    asked: int = 0


class GetiTwo(Answers):
    """A connection to one of them."""

    def is_let_in(self) -> bool:
        token = self.asked.headers.get("x-api-key", "")
        if not token.startswith("geti_pat") or len(token.split("_")) != 4:
            self.answer(400, "Bad request")
        elif token == self.geti.expired:
            self.answer(401, "Access token is expired")
        elif not has_checksum(token) or token != self.geti.token:
            self.answer(401, "Invalid authorization token")
        else:
            return True
        return False

    def two(self, path: str, query: dict[str, list[str]]) -> None:
        workspace = f"/organizations/{ORGANIZATION}/workspaces"
        if path == "/product_info":
            build = f"{self.geti.version}.0-rc1"
            self.json({"product-version": self.geti.version, "build-version": build, "environment": "on-prem"})
        elif path == "/personal_access_tokens/organization":
            self.json({"organizationId": ORGANIZATION})
        elif path == workspace:
            known = [{"id": each, "name": f"workspace {number}"} for number, each in enumerate(WORKSPACES)]
            known = known[: self.geti.workspaces]
            page = {"skip": 0, "limit": 0}
            counts = {"totalCount": len(known), "totalMatchedCount": len(known), "nextPage": page}
            self.json({"workspaces": known, **counts})
        elif found := re.fullmatch(rf"{workspace}/({'|'.join(WORKSPACES)})(/.*)", path):
            self.workspace(found[2], query)
        elif path.startswith("/organizations/"):
            self.answer(401, "Invalid authorization token")
        else:
            self.unknown()

    def workspace(self, path: str, query: dict[str, list[str]]) -> None:
        if path == "/projects":
            limit, skip = (int(query.get(name, [default])[0]) for name, default in [("limit", 10), ("skip", 0)])
            if not 1 <= limit <= 100:
                self.error(400, "bad_request", {"limit": [f"{limit} is not between 1 and 100"]})
                return
            page = self.geti.projects[skip : skip + limit]
            following = f"/api/v1/projects?limit={limit}&skip={skip + limit}" if page else ""
            counts = {"project_counts": len(self.geti.projects), "project_page_count": len(page)}
            self.json({"projects": [self.shown(each) for each in page], **counts, "next_page": following})
            return
        found = re.fullmatch(r"/projects/([^/]+)(/.*)?", path)
        known = found and [each for each in self.geti.projects if each["id"] == found[1]]
        if not found:
            self.unknown()
        elif not re.fullmatch("[0-9a-f]{24}", found[1]):
            self.error(400, "bad_request", f"project_id `{found[1]}` is not a valid id")
        elif not known:
            self.error(404, "project_not_found", f"The requested project could not be found: {found[1]}")
        else:
            self.in_project(known[0], found[2] or "")

    def shown(self, known: dict) -> dict:
        return {
            "id": known["id"],
            "name": known["name"],
            "creation_time": known["creation_time"],
            "creator_id": "somebody",
            "thumbnail": "/thumbnail",
            "performance": {"score": None, "task_performances": []},
            "storage_info": {},
            "pipeline": {"connections": [], "tasks": known["tasks"]},
        }

    def in_project(self, known: dict, path: str) -> None:
        if path == "":
            self.json({**self.shown(known), "datasets": []})
        elif path == "/model_groups":
            self.json({"model_groups": [self.group(each) for each in known["groups"]]})
        elif found := re.fullmatch(r"/model_groups/(\w+)/models/(\w+)", path):
            bases = [base for group in known["groups"] if group["id"] == found[1] for base in group["bases"]]
            self.detail([base for base in bases if base["id"] == found[2]])
        elif path == "/deployment_package:download" and self.geti.version != "2.9":
            self.deployment_package(known)
        elif path.startswith("/code_deployments") and self.geti.version in ["2.9", "2.11"]:
            self.code_deployments(known, path.removeprefix("/code_deployments"))
        else:
            self.unknown()

    def group(self, known: dict) -> dict:
        models = [
            {
                "id": base["id"],
                "name": base["name"],
                "creation_date": "2025-05-05T10:00:00.000000+00:00",
                "version": base["version"],
                "size": 5000,
                "active_model": base["version"] == 3,
                "performance": base["performance"],
                "purge_info": {"is_purged": base["purged"], "purge_time": None, "user_uid": None},
                "lifecycle_stage": "active",
            }
            for base in known["bases"]
        ]
        shown = {name: known[name] for name in ["id", "name", "model_template_id", "task_id"]}
        return {**shown, "learning_approach": "fully_supervised", "models": models}

    def detail(self, bases: list[dict]) -> None:
        if not bases:
            self.error(404, "model_not_found", "The requested model could not be found.")
            return
        base = bases[0]
        training = {"dataset_storage_id": object_id(7), "dataset_revision_id": object_id(8), "n_samples": 12}
        self.json({
            "id": base["id"],
            "name": base["name"],
            "version": base["version"],
            "architecture": base["name"],
            "creation_date": "2025-05-05T10:00:00.000000+00:00",
            "size": 5000,
            "precision": ["FP32"],
            "performance": base["performance"],
            "target_device": "CPU",
            "target_device_type": None,
            "fps_throughput": 0,
            "latency": 0,
            "total_disk_size": 20000,
            "labels": base["labels"],
            "training_dataset_info": training,
            "training_framework": {"type": "otx", "version": "2.4"},
            "purge_info": {"is_purged": base["purged"], "purge_time": None, "user_uid": None},
            "previous_revision_id": base["previous"],
            "optimized_models": base["optimized"],
        })

    def packable(self, known: dict, models: list[dict]) -> str | None:
        """The id of the one model that is to be packed, or an answer why not."""
        for each in models:
            if len(each.get("model_id", "")) != 24 or len(each.get("model_group_id", "")) != 24:
                self.error(400, "bad_request", "model_id and model_group_id must have 24 characters")
                return None
            groups = [group for group in known["groups"] if group["id"] == each["model_group_id"]]
            bases = [base for group in groups for base in group["bases"]]
            found = [model for base in bases for model in base["optimized"] if model["id"] == each["model_id"]]
            if not found:
                self.error(404, "model_not_found", f"The requested model could not be found: {each['model_id']}")
                return None
            if found[0]["model_format"] != "OpenVINO":
                self.error(400, "incompatible_model_format", "only OpenVINO models can be deployed")
                return None
        return models[0]["model_id"]

    def deployment_package(self, known: dict) -> None:
        body = json.loads(self.asked.body)
        if body.get("package_type") not in ["geti_sdk", "ovms"]:
            self.json({"detail": "invalid package type"}, 422)
        elif set(body) != {"package_type", "models"} or not body["models"]:
            self.error(400, "bad_request", "the request does not match the schema")
        elif identifier := self.packable(known, body["models"]):
            self.file(identifier)

    def code_deployments(self, known: dict, path: str) -> None:
        if path == ":prepare" and self.command == "POST":
            if identifier := self.packable(known, json.loads(self.asked.body)["models"]):
                self.geti.deployments.append(Deployment(known["id"], identifier))
                self.deployment(len(self.geti.deployments) - 1, "NONE", 0)
            return
        found = re.fullmatch(r"/(\w{24})(/download)?", path)
        number = int(found[1], 16) & 0xFFFF if found else len(self.geti.deployments)
        if number >= len(self.geti.deployments):
            self.error(404, "code_deployment_not_found", "The requested code deployment could not be found.")
            return
        deployment = self.geti.deployments[number]
        is_ready = deployment.asked >= self.geti.polls
        if not found[2]:
            deployment.asked += 1
            state = self.geti.state if deployment.asked >= self.geti.polls else "PREPARING"
            self.deployment(number, state, 100 if state == "DONE" else 50)
        elif not is_ready:
            self.error(503, "code_deployment_download_not_ready", "The code deployment is not ready yet.")
        elif self.geti.redirects:
            location = f"{self.geti.url}/api/v1/fileservice/{deployment.model}?signature=valid"
            self.answer(307, "", Location=location)
        else:
            self.file(deployment.model)

    def deployment(self, number: int, state: str, progress: int) -> None:
        self.json({
            "id": object_id(9, number),
            "models": [],
            "progress": progress,
            "state": state,
            "message": "the model optimizer ran out of memory" if state == "FAILED" else "",
            "creator_id": "somebody",
            "creation_time": "2025-05-05T10:00:00.000000+00:00",
        })

    def file_service(self) -> None:
        """What a signed URL leads to: whoever has it may read, and a token has no business here."""
        if "x-api-key" in self.asked.headers or self.asked.query != "signature=valid":
            self.answer(403, "<Error><Code>AccessDenied</Code></Error>", "application/xml")
        else:
            self.file(self.asked.path.rpartition("/")[2])
