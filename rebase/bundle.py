"""The operator bundle: finding its ClusterServiceVersion and reading what it says.

Formats: operator-framework's registry+v1 bundle; operators.coreos.com/v1alpha1 CSV.
"""

import posixpath
import re
from collections.abc import Mapping
from typing import Any

from rebase import yamlfile
from rebase.errors import BundleError, TreeError
from rebase.model import Csv

MANIFESTS = "manifests"
METADATA = "metadata"
KIND = "ClusterServiceVersion"
# Bundles hold megabytes of CRDs; only a file that says this at its top level is parsed.
SAYS_KIND = re.compile(
    rb"^[\"']?kind[\"']?:\s*[\"']?ClusterServiceVersion\b|"
    rb"\"kind\"\s*:\s*\"ClusterServiceVersion\"",
    re.MULTILINE,
)
HINT = "a bundle image is needed, such as registry.redhat.io/rhoai/odh-operator-bundle:v2.25"


def wanted(path: str) -> bool:
    """The files of a bundle image that matter."""
    return path.startswith((MANIFESTS + "/", METADATA + "/"))


def read_csv(files: Mapping[str, bytes], subject: str) -> Csv:
    """The bundle's one CSV.

    Args:
        files: the bundle's files by path, such as `manifests/x.yaml`.
        subject: the bundle's reference, for messages.

    Raises:
        BundleError: there is none, or more than one, or it lacks what is needed.
    """
    found: dict[str, dict[str, Any]] = {}
    for path in sorted(files):
        if not path.startswith(MANIFESTS + "/") or not SAYS_KIND.search(files[path]):
            continue
        try:
            document = yamlfile.load(files[path], f"{subject}: /{path}")
        except TreeError as error:
            raise BundleError(error.message) from None
        if isinstance(document, dict) and document.get("kind") == KIND:
            found[path] = document
    if not found:
        seen = (
            ", ".join("/" + path for path in sorted(files)[:5])
            or "neither /manifests nor /metadata"
        )
        raise BundleError(
            f"{subject} is not an operator bundle: no {KIND} in /{MANIFESTS} (it has {seen})",
            hint=HINT,
        )
    if len(found) > 1:
        raise BundleError(
            f"{subject} holds {len(found)} {KIND}s; a bundle has one",
            details=["/" + path for path in found],
        )
    ((path, document),) = found.items()
    return _parse(document, posixpath.basename(path), f"{subject}: /{path}")


def _parse(document: dict[str, Any], file: str, where: str) -> Csv:
    spec = document.get("spec")
    spec = spec if isinstance(spec, dict) else {}
    version = spec.get("version")
    if not isinstance(version, str) or not version:
        raise BundleError(f"{where}: spec.version is missing")
    container = _operator_container(spec, where)
    image = container.get("image")
    if not isinstance(image, str) or not image:
        raise BundleError(f"{where}: the operator's container has no image")
    env = {
        str(entry["name"]): str(entry["value"])
        for entry in container.get("env") or ()
        if isinstance(entry, dict) and entry.get("name") and entry.get("value") is not None
    }
    name = (document.get("metadata") or {}).get("name") or file
    return Csv(str(name), version, image, env, file)


def _operator_container(spec: dict[str, Any], where: str) -> dict[str, Any]:
    """The container that runs the operator: the one that is told the RELATED_IMAGE_*."""
    try:
        deployments = spec["install"]["spec"]["deployments"] or []
        containers = [
            container
            for deployment in deployments
            for container in deployment["spec"]["template"]["spec"]["containers"]
        ]
    except (KeyError, TypeError):
        containers = []
    if not containers:
        raise BundleError(
            f"{where}: no operator Deployment under spec.install.spec.deployments", hint=HINT
        )
    if len(containers) == 1:
        return dict(containers[0])
    told = [
        container
        for container in containers
        if any(
            str(entry.get("name", "")).startswith("RELATED_IMAGE_")
            for entry in container.get("env") or ()
        )
    ]
    if len(told) != 1:
        names = ", ".join(str(container.get("name")) for container in containers)
        raise BundleError(
            f"{where}: cannot tell which container is the operator's: {names}",
            hint="just one container is expected to have RELATED_IMAGE_* variables",
        )
    return dict(told[0])
