"""Offline devices have the images embedded: pulling is for those that are not there."""

from rebase.adapt.context import Context
from rebase.objects import KubeObject, containers, dict_at

WORKLOADS = ("Deployment", "DaemonSet", "StatefulSet", "Job")


def pull_images_only_if_absent(objects: list[KubeObject], context: Context) -> None:
    """imagePullPolicy IfNotPresent; upstream's Always needs a registry at every start."""
    for obj in objects:
        if obj.kind in WORKLOADS:
            for container in containers(dict_at(obj.data, "spec", "template", "spec")):
                container["imagePullPolicy"] = "IfNotPresent"
