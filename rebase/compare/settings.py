"""ConfigMaps compared by their keys, those inside JSON strings included."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from rebase.compare.fields import FieldChange, field_changes
from rebase.objects import DOCUMENTATION, KubeObject, dict_at
from rebase.reference import is_pinned


@dataclass(frozen=True)
class ConfigMapChange:
    """A ConfigMap on both sides whose keys differ.

    Attributes:
        changes: of all but pinned images, which are told by their keys.
    """

    name: str
    changes: tuple[FieldChange, ...]


def compare_settings(old: Iterable[KubeObject], new: Iterable[KubeObject]) -> list[ConfigMapChange]:
    """The changes, by ConfigMap. What came or went as a whole is told among the objects."""
    before, after = _config_maps(old), _config_maps(new)
    found = []
    for name in sorted(before.keys() & after.keys()):
        changes = [
            change
            for change in field_changes(before[name], after[name])
            if not (is_pinned(change.old or "") and is_pinned(change.new or ""))
        ]
        if changes:
            found.append(ConfigMapChange(name, tuple(changes)))
    return found


def _config_maps(objects: Iterable[KubeObject]) -> dict[str, dict[str, Any]]:
    return {
        obj.name: {
            key: _parsed(text)
            for key, text in dict_at(obj.data, "data").items()
            if key not in DOCUMENTATION
        }
        for obj in objects
        if obj.kind == "ConfigMap"
    }


def _parsed(text: Any) -> Any:
    """A section of KServe's configuration as what its JSON says; other texts as they are."""
    if isinstance(text, str) and text.lstrip()[:1] in ("{", "["):
        try:
            said = json.loads(text)
            json.dumps(said, ensure_ascii=False).encode()  # half a character cannot be told
        except (ValueError, RecursionError):
            return text
        return said
    return text
