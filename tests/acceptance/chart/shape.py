"""Holds manifests against the types of Kubernetes' API: prints every field that the API does not know, that lacks, or that has another
type. Reads YAML from stdin; runs with the interpreter of `scripts/tools python-kubernetes`.
"""

import sys

import yaml
from kubernetes import client
from pydantic import ValidationError

# Where the client finds each group's types.
PREFIXES = {"v1": "V1", "apps/v1": "V1"}


def problems(manifest: dict) -> list[str]:
    place = f"{manifest['kind']} {manifest['metadata']['name']}"
    try:
        getattr(client, PREFIXES[manifest["apiVersion"]] + manifest["kind"]).model_validate(manifest, extra="forbid", by_name=False)
    except ValidationError as error:
        return [f"{place}: {'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()]
    return []


def main() -> int:
    manifests = [manifest for manifest in yaml.safe_load_all(sys.stdin) if manifest]
    found = [problem for manifest in manifests for problem in problems(manifest)]
    print(*found, sep="\n")
    return 1 if found or not manifests else 0


if __name__ == "__main__":
    sys.exit(main())
