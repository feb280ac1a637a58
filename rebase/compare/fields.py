"""The fields of two objects compared, by paths that people recognise.

A path is `spec.template.spec.containers[manager].image`: items of a list that have names are
told by them, so an item that moved is no change.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

# What tells the items of a list of mappings apart; the first that all of them have.
ITEM_KEYS = ("name", "key", "mountPath", "containerPort", "port", "type", "kind")

Leaf = str | tuple[str, ...]  # a value, or a list of values


@dataclass(frozen=True)
class FieldChange:
    """A field that came, went or changed; None stands for no such field.

    Attributes:
        path: an item of a list of values has the list's, with `[]` behind it.
    """

    path: str
    old: str | None
    new: str | None


def field_changes(old: Any, new: Any) -> list[FieldChange]:
    """What is different, by path."""
    before, after = dict(_leaves(old, "")), dict(_leaves(new, ""))
    found: list[FieldChange] = []
    for path in sorted(before.keys() | after.keys()):
        found += _changed(path, before.get(path), after.get(path))
    return found


def _changed(path: str, old: Leaf | None, new: Leaf | None) -> Iterator[FieldChange]:
    if old == new:
        return
    if isinstance(old, str) or isinstance(new, str):
        yield FieldChange(path, _text(old), _text(new))
        return
    gone, came = Counter(old or ()), Counter(new or ())
    if gone == came:
        yield FieldChange(path, _text(old), _text(new))
        return
    for item in sorted((gone - came).elements()):
        yield FieldChange(f"{path}[]", item, None)
    for item in sorted((came - gone).elements()):
        yield FieldChange(f"{path}[]", None, item)


def _text(leaf: Leaf | None) -> str | None:
    return ", ".join(leaf) if isinstance(leaf, tuple) else leaf


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Leaf]]:
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            name = f"[{key}]" if "." in str(key) or "/" in str(key) else f".{key}"
            yield from _leaves(inner, (path + name).removeprefix("."))
    elif isinstance(value, list) and any(isinstance(item, Mapping | list) for item in value):
        key, names = _names(value)
        for name, item in zip(names, value, strict=True):
            rest = {k: inner for k, inner in item.items() if k != key} if key else item
            yield from _leaves(rest or item, f"{path}[{name}]")
    elif isinstance(value, list) and value:
        yield path, tuple(map(_scalar, value))
    elif path:
        yield path, _scalar(value)


def _names(items: list[Any]) -> tuple[str, list[str]]:
    """The key that tells items apart, and what they have there; or "" and their positions."""
    for key in ITEM_KEYS:
        names = [str(item.get(key)) for item in items if isinstance(item, Mapping) and key in item]
        if len(set(names)) == len(items):
            return key, names
    return "", [str(index) for index in range(len(items))]


def _scalar(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
