"""The ConfigMap of the params file: a source of kustomize's, rendered along.

Nothing in the cluster reads it; people do, to see which images are in use. It keeps the
images that the objects beside it use and loses the rest, which need not even be pinned.
It comes after the steps of steps.py, when llm-d's objects are apart.
"""

from rebase.adapt.context import Context
from rebase.objects import CRD, KubeObject, dict_at, strings
from rebase.params import MARKER


def keep_used_parameters(objects: list[KubeObject], context: Context) -> None:
    """Drop the images that no other object has."""
    sources = [o for o in objects if o.kind == "ConfigMap" and o.name in context.parameters]
    used = {
        marker
        for obj in objects
        if obj not in sources and obj.kind != CRD
        for _, text in strings(obj.data)
        for marker in MARKER.findall(text)
    }
    for source in sources:
        data = dict_at(source.data, "data")
        unused = [
            key
            for key in sorted(data)
            if (markers := MARKER.findall(str(data[key]))) and not used.intersection(markers)
        ]
        for key in unused:
            del data[key]
        if unused:
            context.leave_out(f"{source}: {', '.join(unused)}", "no object beside it uses them")
