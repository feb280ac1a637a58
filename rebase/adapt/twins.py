"""The same object again under a longer name, for an image that may one day be newer.

RHOAI 3.5 has each accelerator's LLMInferenceServiceConfig three times: as it is, as
`-fast-1` and as `-fast-2`, which differ in the image's params key. As long as the keys
have the same image they are one choice, and a device is spared the copies.
"""

import json
import re

from rebase.adapt.context import Context
from rebase.objects import KubeObject
from rebase.params import MARKER


def leave_out_twins(objects: list[KubeObject], context: Context) -> None:
    """Drop a custom object whose spec is that of another one whose name it extends."""
    first: dict[tuple[str, str, str], list[KubeObject]] = {}
    for obj in sorted(objects, key=lambda obj: (len(obj.name), obj.name)):
        if "." not in obj.group or "spec" not in obj.data or obj.group.endswith(".k8s.io"):
            continue
        spec = MARKER.sub(
            lambda match: context.images.get(match[0], match[0]), json.dumps(obj.data["spec"])
        )
        alike = first.setdefault((obj.group, obj.kind, re.sub(r"\s+", " ", spec)), [])
        stable = next((one for one in alike if obj.name.startswith(one.name + "-")), None)
        if stable:
            objects.remove(obj)
            context.leave_out(obj, f"twin: the same image as {stable.name}")
        else:
            alike.append(obj)
