"""Sides of comparisons, in memory."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from rebase.compare.comparison import Comparison, compare
from rebase.compare.images import ImageFacts
from rebase.compare.snapshot import KSERVE, Snapshot
from rebase.objects import KubeObject
from rebase.release import Before


def side(
    *objects: KubeObject,
    name: str = "side",
    version: str = "",
    images: Mapping[str, str] | None = None,
    **parts: Any,
) -> Snapshot:
    """What a side ships: objects in kserve; `runtimes=[…]` and `llm_d=[…]` have more."""
    placed = {KSERVE: objects, "runtimes": parts.pop("runtimes", ())}
    placed["llm-d"] = parts.pop("llm_d", ())
    return Snapshot(
        name,
        version,
        objects={obj.identity: (part, obj) for part, some in placed.items() for obj in some},
        images={key: ImageFacts(reference) for key, reference in (images or {}).items()},
        **parts,
    )


def recorded(snapshot: Snapshot, **facts: Any) -> Snapshot:
    """The same with a record of the rebase that made it."""
    before = Before(snapshot.version or "3.4.0", {}, {})
    return replace(snapshot, version=before.version or "", record=replace(before, **facts))


def difference(old: Snapshot | KubeObject, new: Snapshot | KubeObject) -> Comparison:
    """Two sides, or sides of one object, compared."""
    return compare(*(side(one) if isinstance(one, KubeObject) else one for one in (old, new)))
