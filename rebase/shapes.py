"""What the objects that we change must look like, as far as we look into them.

An object of another shape would be refused by the API server, on a device and over and
over; here it is refused with its name. Source: the Kubernetes API reference.
"""

from collections.abc import Iterator
from typing import Any

STRINGS = "a mapping of strings"
MAPPING = "a mapping"
STRING = "a string"

# kind → path → type. `[]` is each item of a list; the last name of a path that ends in `!`
# must be there wherever what holds it is.
_COMMON = {
    "metadata.namespace": STRING,
    "metadata.labels": STRINGS,
    "metadata.annotations": STRINGS,
}
_ROLE = {
    "rules[]": MAPPING,
    "rules[].apiGroups[]": STRING,
    "rules[].resources[]": STRING,
    "rules[].resourceNames[]": STRING,
    "rules[].verbs[]": STRING,
}
_BINDING = {
    "roleRef!": MAPPING,
    "roleRef.kind!": STRING,
    "roleRef.name!": STRING,
    "subjects[]": MAPPING,
    "subjects[].name!": STRING,
}
_WEBHOOKS = {
    "webhooks[]": MAPPING,
    "webhooks[].name!": STRING,
    "webhooks[].clientConfig!": MAPPING,
    "webhooks[].clientConfig.service": MAPPING,
    "webhooks[].clientConfig.service.name!": STRING,
    "webhooks[].namespaceSelector": MAPPING,
    "webhooks[].namespaceSelector.matchExpressions[]": MAPPING,
    "webhooks[].rules[]": MAPPING,
    "webhooks[].rules[].apiGroups[]": STRING,
    "webhooks[].rules[].resources[]": STRING,
}
_POD = {
    "containers[]": MAPPING,
    "containers[].name!": STRING,
    "containers[].image": STRING,
    "initContainers[]": MAPPING,
    "initContainers[].name!": STRING,
    "initContainers[].image": STRING,
}
_WORKLOAD = {
    "spec.template.metadata.labels": STRINGS,
    "spec!": MAPPING,
    "spec.template!": MAPPING,
    "spec.template.spec!": MAPPING,
    "spec.template.spec.serviceAccountName": STRING,
    "spec.template.spec.volumes[]": MAPPING,
    "spec.template.spec.volumes[].secret": MAPPING,
    **{f"spec.template.spec.{path}": type_ for path, type_ in _POD.items()},
}
SHAPES: dict[str, dict[str, str]] = {
    "ClusterRole": _ROLE,
    "ClusterRoleBinding": _BINDING,
    "ConfigMap": {"data": STRINGS},
    "CustomResourceDefinition": {
        "spec!": MAPPING,
        "spec.names!": MAPPING,
        "spec.group!": STRING,
        "spec.scope!": STRING,
        "spec.names.kind!": STRING,
        "spec.names.plural!": STRING,
        "spec.names.singular": STRING,
        "spec.versions[]": MAPPING,
        "spec.conversion": MAPPING,
        "spec.conversion.webhook": MAPPING,
        "spec.conversion.webhook.clientConfig": MAPPING,
        "spec.conversion.webhook.clientConfig.service": MAPPING,
        "spec.conversion.webhook.clientConfig.service.name!": STRING,
    },
    "Deployment": _WORKLOAD,
    "DaemonSet": _WORKLOAD,
    "Job": _WORKLOAD,
    "MutatingWebhookConfiguration": _WEBHOOKS,
    "NetworkPolicy": {"spec.podSelector": MAPPING, "spec.podSelector.matchLabels": STRINGS},
    "Role": _ROLE,
    "RoleBinding": _BINDING,
    "Service": {"spec.selector": STRINGS},
    "ServingRuntime": {
        "spec!": MAPPING,
        "spec.workerSpec": MAPPING,
        **{f"spec.{path}": type_ for path, type_ in _POD.items()},
        **{f"spec.workerSpec.{path}": type_ for path, type_ in _POD.items()},
    },
    "StatefulSet": _WORKLOAD,
    "Template": {"objects[]": MAPPING},
    "ValidatingWebhookConfiguration": _WEBHOOKS,
}


def misshapen(data: dict[str, Any]) -> Iterator[str]:
    """Where an object is not what it should be, in words."""
    for path, type_ in {**_COMMON, **SHAPES.get(str(data.get("kind")), {})}.items():
        yield from _look(data, path.removesuffix("!").split("."), type_, path.endswith("!"), "")


def _look(value: Any, steps: list[str], type_: str, required: bool, where: str) -> Iterator[str]:
    if not steps:
        if not _is(value, type_):
            yield f"{where} is not {type_}"
        return
    step, rest = steps[0], steps[1:]
    name = step.removesuffix("[]")
    place = f"{where}.{name}" if where else name
    if not isinstance(value, dict):
        yield f"{where} is not a mapping"
    elif value.get(name) is None:
        if required and not rest:
            yield f"{place} is missing"
    elif not step.endswith("[]"):
        yield from _look(value[name], rest, type_, required, place)
    elif not isinstance(value[name], list):
        yield f"{place} is not a list"
    else:
        for index, item in enumerate(value[name]):
            yield from _look(item, rest, type_, required, f"{place}[{index}]")


def _is(value: Any, type_: str) -> bool:
    if type_ == STRING:
        return isinstance(value, str)
    if not isinstance(value, dict):
        return False
    return type_ != STRINGS or all(isinstance(inner, str) for inner in value.values())
