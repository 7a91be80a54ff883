"""What is in the Geti server of the tests: tokens, projects of every type of task, models, and their packages."""

import io
import json
import zipfile
import zlib

ORGANIZATION = "5b1f89f3-aba5-4a5f-84ab-de9abb8e0633"
WORKSPACES = ["9b21ec14-0a0b-4a5c-8a6e-2f2f2b1a7c01", "9b21ec14-0a0b-4a5c-8a6e-2f2f2b1a7c02"]
BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
TASKS = {
    "classification": ["classification"],
    "detection": ["detection"],
    "segmentation": ["segmentation"],
    "instance segmentation": ["instance_segmentation"],
    "rotated detection": ["rotated_detection"],
    "anomaly": ["anomaly"],
    "anomaly classification": ["anomaly_classification"],
    "keypoint detection": ["keypoint_detection"],
    "chain": ["detection", "classification"],
}
MIB = 2**20


def base62(data: bytes, width: int) -> str:
    number, text = int.from_bytes(data, "big"), ""
    while number:
        number, digit = divmod(number, 62)
        text = BASE62[digit] + text
    return text.rjust(width, BASE62[0])


def make_token(secret: bytes) -> str:
    """A personal access token: 32 bytes and their checksum, both in base 62."""
    checksum = zlib.crc32(secret).to_bytes(4, "little")
    return f"geti_pat_{base62(secret, 43)}_{base62(checksum, 6)}"


def has_checksum(token: str) -> bool:
    _, _, secret, checksum = token.split("_")
    if len(secret) != 43 or len(checksum) != 6 or not set(secret + checksum) <= set(BASE62):
        return False
    number = 0
    for each in secret:
        number = number * 62 + BASE62.index(each)
    return number < 2**256 and make_token(number.to_bytes(32, "big")) == token


def object_id(*numbers: int) -> str:
    return "".join(f"{number:04x}" for number in numbers).rjust(24, "6")


def uuid_of(identifier: str) -> str:
    text = identifier.rjust(32, "0")
    return "-".join([text[:8], text[8:12], text[12:16], text[16:20], text[20:]])


def optimized(base: dict, number: int, kind: str, precision: list[str], **other) -> dict:
    identifier = base["id"][:-4] + f"{number:04x}"
    return {
        "id": identifier,
        "name": f"{base['name']} {kind}",
        "version": 1,
        "creation_date": "2025-05-05T10:10:00.000000+00:00",
        "model_format": "OpenVINO",
        "precision": precision,
        "has_xai_head": "XAI" in kind,
        "optimization_type": "MO",
        "optimization_objectives": {},
        "configurations": [],
        "model_status": "SUCCESS",
        "size": 1000 + number,
        "performance": base["performance"],
        "target_device": "CPU",
        "target_device_type": None,
        "lifecycle_stage": "active",
        "previous_revision_id": None,
        "previous_trained_revision_id": base["id"],
        **other,
    }


def project(number: int, name: str, task_types: list[str]) -> dict:
    tasks = [{"id": object_id(1, number, 0), "title": "Dataset", "task_type": "dataset"}]
    groups = []
    for place, task_type in enumerate(task_types):
        if place:
            tasks.append({"id": object_id(1, number, 2 * place), "title": "Crop", "task_type": "crop"})
        labels = [label(number, place, index) for index in range(2)]
        task = {"id": object_id(1, number, 2 * place + 1), "title": task_type.title(), "task_type": task_type}
        tasks.append({**task, "labels": labels})
        groups.append(model_group(number, place, task, labels))
    return {
        "id": object_id(2, number),
        "name": name,
        "creation_time": "2025-01-02T03:04:05.000000+00:00",
        "tasks": tasks,
        "groups": groups,
    }


def filler(number: int) -> dict:
    name = f"filler {number}"
    return {
        "id": object_id(3, number),
        "name": name,
        "creation_time": "2025-01-02T03:04:05.000000+00:00",
        "tasks": [],
        "groups": [],
    }


def label(number: int, place: int, index: int) -> dict:
    return {
        "id": object_id(4, number, place, index),
        "name": f"label {index}",
        "color": "#00ff00ff",
        "group": "labels",
        "hotkey": "",
        "is_empty": False,
        "is_anomalous": False,
        "parent_id": None,
    }


def model_group(number: int, place: int, task: dict, labels: list[dict]) -> dict:
    anomaly = task["task_type"].startswith("anomaly")
    bases, previous = [], None
    for version in [1, 2, 3]:
        score = {"value": 0.5 + version / 10, "metric_type": "accuracy"}
        # Anomaly models may have two scores in place of one.
        performance = {"local_score": None, "global_score": score} if anomaly else {"score": score}
        base = {
            "id": object_id(5, number, place, version, 0),
            "name": f"Net-{task['task_type']}",
            "version": version,
            "performance": performance,
            "previous": previous,
            "labels": labels,
            # The first one is gone.
            "purged": version == 1,
        }
        base["optimized"] = [
            optimized(base, 1, "OpenVINO FP16", ["FP16"]),
            optimized(base, 2, "OpenVINO FP16 with XAI head", ["FP16"]),
            optimized(base, 3, "OpenVINO INT8", ["INT8"], optimization_type="POT"),
            optimized(base, 4, "ONNX", ["FP32"], model_format="ONNX", optimization_type="ONNX"),
            optimized(base, 5, "OpenVINO INT4", [], model_status="NOT_READY"),
        ]
        bases.append(base)
        previous = base["id"]
    return {
        "id": object_id(6, number, place),
        "name": f"Net-{task['task_type']}",
        "model_template_id": f"template-{task['task_type']}",
        "task_id": task["id"],
        "bases": bases,
    }


def archive(identifier: str, version: str) -> bytes:
    """What Geti packs: the code deployment of 2.x, the flat archive of 3.x; its bytes depend on the model alone."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as packed:

        def add(name: str, text: str) -> None:
            packed.writestr(zipfile.ZipInfo(name, (2025, 1, 1, 0, 0, 0)), text)

        if version.startswith("3"):
            add("model.xml", f"<net name='{identifier}' version='11'></net>")
            add("model.bin", identifier * 10)
            add("README.md", "how to")
        else:
            top = "deployment/Detection"
            add("deployment/project.json", "{}")
            add(f"{top}/model.json", json.dumps({"id": identifier}))
            add(f"{top}/model/model.xml", f"<net name='{identifier}' version='11'></net>")
            add(f"{top}/model/model.bin", identifier * 10)
            add(f"{top}/model/config.json", "{}")
            add(f"{top}/python/requirements.txt", "openvino\n")
            add("example_code/demo.py", "print('demo')\n")
            add("README.md", "how to")
            add("LICENSE", "Apache-2.0")
            add("sample_image.jpg", "image")
    return buffer.getvalue()
