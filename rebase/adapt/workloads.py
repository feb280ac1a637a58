"""What Deployments and their like must be to run, and to be upgraded, on a device."""

from collections.abc import Mapping
from types import MappingProxyType

from rebase.adapt.context import Context
from rebase.errors import AdaptError
from rebase.model import NAMESPACE, Identity
from rebase.objects import KubeObject, containers, dict_at

WORKLOADS = ("Deployment", "DaemonSet", "StatefulSet", "Job")

# What devices have of 2.x, whoever packaged it; a tree's record may not go back to that.
SELECTORS: Mapping[Identity, Mapping[str, str]] = MappingProxyType(
    {
        ("apps", "Deployment", NAMESPACE, "kserve-controller-manager"): {
            "app.kubernetes.io/part-of": "kserve",
            "control-plane": "kserve-controller-manager",
            "controller-tools.k8s.io": "1.0",
        }
    }
)


def keep_selectors(objects: list[KubeObject], context: Context) -> None:
    """A workload's selector never changes: the API server refuses that, and each start with it.

    3.4 dropped a label from KServe's. The one that devices have stays, and the pods keep what it
    asks for; what selects them by the new labels still does.

    Raises:
        AdaptError: the new pods cannot have the labels of the old selector.
    """
    for obj in objects:
        kept = context.selectors.get(obj.identity) or SELECTORS.get(obj.identity)
        if not kept or not obj.selector:
            continue
        labels = dict_at(obj.data, "spec", "template", "metadata", "labels", create=True)
        other = {key: labels[key] for key in kept if labels.get(key, kept[key]) != kept[key]}
        if other:
            raise AdaptError(
                f"{obj}: devices have the selector {_told(kept)}, which cannot change, and its"
                f" pods are {_told(other)} now",
                hint="it has to be deleted on each device before the upgrade; what devices have"
                " is in release/rebase.json",
            )
        labels.update(kept)
        dict_at(obj.data, "spec")["selector"] = {"matchLabels": dict(kept)}


def _told(labels: Mapping[str, str]) -> str:
    return ",".join(f"{key}={value}" for key, value in sorted(labels.items()))


def pull_images_only_if_absent(objects: list[KubeObject], context: Context) -> None:
    """imagePullPolicy IfNotPresent; upstream's Always needs a registry at every start.

    Offline devices have the images embedded: pulling is for those that are not there.
    """
    for obj in objects:
        if obj.kind in WORKLOADS:
            for container in containers(dict_at(obj.data, "spec", "template", "spec")):
                container["imagePullPolicy"] = "IfNotPresent"
