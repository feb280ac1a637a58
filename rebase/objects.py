"""Rendered Kubernetes objects, and walks through what they hold."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from rebase import yamlfile
from rebase.errors import TreeError
from rebase.model import Identity, ObjectName
from rebase.shapes import misshapen

CRD = "CustomResourceDefinition"
# Text for people inside objects: not configuration, whatever it says.
DOCUMENTATION = frozenset({"_example"})


@dataclass
class KubeObject:
    """A Kubernetes object that steps change in place.

    CRDs are megabytes of schema, which is shipped as it is: their text is written out as
    kustomize gave it as long as nothing outside the schemas was changed.
    """

    data: dict[str, Any]
    _text: str = ""
    _fingerprint: str = field(default="", repr=False)

    @classmethod
    def parse(cls, text: str, where: str) -> "KubeObject":
        """Raises: TreeError: it is not an object with a kind and a name."""
        data = yamlfile.load(text, where)
        if not (
            isinstance(data, dict)
            and isinstance(data.get("kind"), str)
            and isinstance(data.get("apiVersion"), str)
            and isinstance(data.get("metadata"), dict)
            and isinstance(data["metadata"].get("name"), str)
        ):
            raise TreeError(f"{where}: the render holds something that is no Kubernetes object")
        problems = sorted(set(misshapen(data)))
        if problems:
            raise TreeError(
                f"{where}: {data['kind']} {data['metadata']['name']} is malformed", details=problems
            )
        parsed = cls(data)
        if parsed.kind == CRD:
            parsed._text, parsed._fingerprint = text, parsed._without_schemas()
        return parsed

    @property
    def kind(self) -> str:
        return str(self.data["kind"])

    @property
    def name(self) -> str:
        return str(self.metadata["name"])

    @property
    def group(self) -> str:
        return self.full_name.group

    @property
    def namespace(self) -> str:
        return str(self.metadata.get("namespace") or "")

    @property
    def metadata(self) -> dict[str, Any]:
        return dict_at(self.data, "metadata")

    @property
    def annotations(self) -> dict[str, Any]:
        """The annotations, to be read."""
        return dict_at(self.metadata, "annotations")

    @property
    def selector(self) -> dict[str, Any]:
        """The labels by which a workload knows its pods; empty for other objects."""
        if self.kind not in ("Deployment", "DaemonSet", "StatefulSet"):
            return {}
        return dict_at(self.data, "spec", "selector", "matchLabels")

    def annotate(self, name: str, value: str) -> None:
        dict_at(self.metadata, "annotations", create=True)[name] = value

    @property
    def full_name(self) -> ObjectName:
        return ObjectName(self.kind, self.name, self.namespace, str(self.data["apiVersion"]))

    @property
    def identity(self) -> Identity:
        """What makes an object the same one in a cluster."""
        return self.full_name.identity

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"

    @property
    def unchanged_text(self) -> str | None:
        """kustomize's own text of a CRD that is still what it was."""
        return self._text if self._text and self._without_schemas() == self._fingerprint else None

    def to_yaml(self) -> str:
        return self.unchanged_text or yamlfile.dump(self.data)

    def _without_schemas(self) -> str:
        spec = dict(self.data.get("spec") or {})
        spec["versions"] = [
            {key: value for key, value in version.items() if key != "schema"}
            for version in spec.get("versions") or ()
        ]
        return json.dumps({**self.data, "spec": spec})


def parse_render(
    text: str, where: str, known: Mapping[str, KubeObject] = MappingProxyType({})
) -> list[KubeObject]:
    """kustomize's output as objects, in its order.

    Args:
        known: objects by their exact text, which are not parsed again.

    Raises:
        TreeError: it holds something else.
    """
    return [
        known.get(part) or KubeObject.parse(part, where) for part in yamlfile.split_documents(text)
    ]


def dict_at(data: dict[str, Any], *path: str, create: bool = False) -> dict[str, Any]:
    """The mapping at a path; an empty one, attached when `create`, where there is none."""
    for key in path:
        inner = data.get(key)
        if not isinstance(inner, dict):
            inner = {}
            if create:
                data[key] = inner
        data = inner
    return data


def strings(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Every string in a value with its path, such as `spec.containers[0].image`."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key not in DOCUMENTATION:
                yield from strings(inner, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from strings(inner, f"{path}[{index}]")
    elif isinstance(value, str):
        yield path, value


def deep_strings(obj: KubeObject) -> Iterator[tuple[str, str]]:
    """As `strings`, schemas left out and the JSON inside ConfigMaps taken apart."""
    data = obj.data
    if obj.kind == CRD:
        data = json.loads(obj._without_schemas())
    for path, text in strings(data):
        if obj.kind == "ConfigMap" and text.lstrip()[:1] in ("{", "["):
            try:
                yield from strings(json.loads(text), path)
                continue
            except ValueError:
                pass
        yield path, text


IMAGE_FIELD = re.compile(r"(?:^|\.)[\w-]*[iI]mage$")


def images(obj: KubeObject) -> Iterator[tuple[str, str]]:
    """Every (path, value) of an object that names an image by its field's name."""
    for path, text in deep_strings(obj):
        if IMAGE_FIELD.search(path) and text:
            yield path, text


def selects(obj: KubeObject, deployment: KubeObject) -> bool:
    """Does a Service, or a NetworkPolicy, select the pods of a Deployment?"""
    spec = dict_at(obj.data, "spec")
    selector = spec.get("selector") or dict_at(spec, "podSelector", "matchLabels")
    labels = dict_at(deployment.data, "spec", "template", "metadata", "labels")
    return bool(selector) and selector.items() <= labels.items()


def containers(pod_spec: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The containers and init containers of a pod's spec."""
    for name in ("initContainers", "containers"):
        for container in pod_spec.get(name) or ():
            if isinstance(container, dict):
                yield container


def sort_key(identity: Identity) -> tuple[int, str, str, str]:
    """The order in which a cluster wants objects; others' kinds come last, after their CRDs."""
    group, kind, namespace, name = identity
    return (_ORDER.get(kind, len(_ORDER)), f"{kind}.{group}", namespace, name)


def in_apply_order(objects: Iterable[KubeObject]) -> list[KubeObject]:
    """Namespaces and CRDs first, webhooks after what answers them, custom objects last."""
    return sorted(objects, key=lambda obj: sort_key(obj.identity))


_ORDER = {
    kind: position
    for position, kind in enumerate(
        (
            "Namespace",
            CRD,
            "ServiceAccount",
            "SecurityContextConstraints",
            "Role",
            "ClusterRole",
            "RoleBinding",
            "ClusterRoleBinding",
            "ConfigMap",
            "Secret",
            "Service",
            "NetworkPolicy",
            "Deployment",
            "MutatingWebhookConfiguration",
            "ValidatingWebhookConfiguration",
        )
    )
}
