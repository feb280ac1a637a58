"""A comparison for scripts: everything, nothing cut."""

from dataclasses import asdict
from typing import Any

from rebase.compare.comparison import Comparison
from rebase.compare.snapshot import Snapshot
from rebase.model import ObjectName
from rebase.release import object_name_as_json


def as_json(comparison: Comparison) -> dict[str, Any]:
    """The comparison; keys are an interface (docs/release-engineers.md)."""
    objects = comparison.objects
    return {
        "same": comparison.same,
        "parts": list(comparison.parts),
        "old": _side(comparison.old),
        "new": _side(comparison.new),
        "crds": [asdict(change) for change in comparison.crds],
        "crd_sizes": {
            "old": [asdict(size) for size in comparison.old_crd_sizes],
            "new": [asdict(size) for size in comparison.new_crd_sizes],
        },
        "rights": [asdict(change) for change in comparison.rights],
        "images": [
            {
                "key": change.key,
                "old": asdict(change.old) if change.old else None,
                "new": asdict(change.new) if change.new else None,
                "repository_changed": change.repository_changed,
            }
            for change in comparison.images
        ],
        "objects": {
            "added": [{"part": one.part, **_name(one.name)} for one in objects.added],
            "removed": [{"part": one.part, **_name(one.name)} for one in objects.removed],
            "moved": [{"from": one.old, "to": one.new, **_name(one.name)} for one in objects.moved],
            "changed": [
                {
                    "part": one.part,
                    **_name(one.name),
                    "changes": [asdict(change) for change in one.changes],
                }
                for one in objects.changed
            ],
        },
        "webhooks": [asdict(change) for change in comparison.webhooks],
        "configuration": [asdict(change) for change in comparison.settings],
        "runtimes": [{"name": change.name, **asdict(change)} for change in comparison.runtimes],
        "deleted": [_name(name) for name in comparison.deleted],
        "no_longer_deleted": [_name(name) for name in comparison.no_longer_deleted],
        "left_out": [asdict(one) for one in comparison.left_out],
        "no_longer_left_out": [asdict(one) for one in comparison.no_longer_left_out],
        "warnings": list(comparison.warnings),
        "facts": [asdict(change) for change in comparison.facts],
    }


def _side(side: Snapshot) -> dict[str, Any]:
    return {
        "name": side.name,
        "version": side.version,
        "objects": len(side.objects),
        "images": {key: asdict(image) for key, image in sorted(side.images.items())},
        "costs": {part: asdict(cost) for part, cost in sorted(side.costs.items())},
        "edited": list(side.edited),
    }


def _name(name: ObjectName) -> dict[str, str]:
    return object_name_as_json(name)
