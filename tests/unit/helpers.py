"""What the unit tests share: small objects, trees in memory, fake executables."""

import hashlib
import textwrap
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rebase.kustomization import Files
from rebase.model import NAMESPACE, Descriptor
from rebase.objects import CRD, KubeObject
from rebase.overlay import File, LayerContent, Overlay

HEX = "0123456789abcdef"


@dataclass(frozen=True)
class Run:
    """A run of the command line that has ended."""

    code: int
    out: str
    err: str


def hex64(seed: str) -> str:
    """64 hex digits, the same ones for the same seed."""
    return hashlib.sha256(seed.encode()).hexdigest()


def pinned(name: str) -> str:
    """registry.example.com/test/<name>@sha256:…"""
    return f"registry.example.com/test/{name}@sha256:{hex64(name)}"


def descriptor(blob: bytes) -> Descriptor:
    """The descriptor that a manifest has for a layer's bytes."""
    return Descriptor("sha256:" + hashlib.sha256(blob).hexdigest(), len(blob))


def tree(files: dict[str, str]) -> Files:
    """Files in memory, dedented."""
    overlay = Overlay()
    overlay.add(0, LayerContent({p: File(textwrap.dedent(t).encode()) for p, t in files.items()}))
    return overlay


def write_tree(root: Path, files: dict[str, str | bytes]) -> Path:
    """Files on disk; text is dedented."""
    for path, content in files.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        data = content if isinstance(content, bytes) else textwrap.dedent(content).encode()
        file.write_bytes(data)
    return root


def read_tree(root: Path) -> dict[str, bytes]:
    """Every file below a directory, by relative path."""
    return {
        file.relative_to(root).as_posix(): file.read_bytes()
        for file in sorted(root.rglob("*"))
        if file.is_file()
    }


def executable(directory: Path, name: str, script: str) -> Path:
    """A program in a directory that a test puts on PATH."""
    directory.mkdir(parents=True, exist_ok=True)
    file = directory / name
    file.write_text(textwrap.dedent(script).lstrip())
    file.chmod(0o755)
    return file


def make(
    kind: str, name: str, *, api: str = "v1", namespace: str = "", **fields: Any
) -> KubeObject:
    """A Kubernetes object; `metadata` among the fields is merged in."""
    metadata: dict[str, Any] = {"name": name, **fields.pop("metadata", {})}
    if namespace:
        metadata["namespace"] = namespace
    return KubeObject({"apiVersion": api, "kind": kind, "metadata": metadata, **fields})


def make_ours(kind: str, name: str, *, api: str = "v1", **fields: Any) -> KubeObject:
    """A Kubernetes object in the namespace where everything ships."""
    return make(kind, name, api=api, namespace=NAMESPACE, **fields)


def make_crd(
    kind: str, group: str, *, scope: str = "Namespaced", service: dict[str, Any] | None = None
) -> KubeObject:
    """A CRD, perhaps with a conversion webhook behind a service."""
    plural = kind.lower() + "s"
    spec: dict[str, Any] = {
        "group": group,
        "names": {"kind": kind, "plural": plural, "singular": kind.lower()},
        "scope": scope,
        "versions": [{"name": "v1", "schema": {"openAPIV3Schema": {"type": "object"}}}],
    }
    if service:
        client = {"caBundle": "Cg==", "service": service}
        spec["conversion"] = {"strategy": "Webhook", "webhook": {"clientConfig": client}}
    return make(CRD, f"{plural}.{group}", api="apiextensions.k8s.io/v1", spec=spec)


def make_webhook(
    name: str,
    *,
    service: str = "webhook-service",
    namespace: str = "kserve",
    group: str = "serving.kserve.io",
    resource: str = "servingruntimes",
    **fields: Any,
) -> KubeObject:
    """A validating webhook configuration with one webhook."""
    hook = {
        "name": f"{name}.example.com",
        "clientConfig": {
            "caBundle": "Cg==",
            "service": {"name": service, "namespace": namespace, "path": "/validate"},
        },
        "rules": [{"apiGroups": [group], "apiVersions": ["v1"], "resources": [resource]}],
        **fields,
    }
    return make(
        "ValidatingWebhookConfiguration",
        name,
        api="admissionregistration.k8s.io/v1",
        webhooks=[hook],
    )


def make_deployment(name: str, *, image: str = "", **pod: Any) -> KubeObject:
    """A Deployment of one container, whose pods have the label app: <name>."""
    container = {"name": "manager", "image": image or pinned(name)}
    template = {
        "metadata": {"labels": {"app": name}},
        "spec": {"containers": [container], **pod},
    }
    return make("Deployment", name, api="apps/v1", spec={"template": template})


def find(objects: Iterable[KubeObject], kind: str, name: str) -> KubeObject:
    """The object of that kind and name; fails the test when there is not exactly one."""
    (found,) = [obj for obj in objects if (obj.kind, obj.name) == (kind, name)]
    return found
