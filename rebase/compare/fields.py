"""The fields of two objects compared, by paths that people recognise.

A path is `spec.template.spec.containers[manager].image`: items of a list that have names are
told by them, so an item that moved is no change.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

# What tells the items of a list of mappings apart; the first that all of them have, on both sides.
ITEM_KEYS = ("name", "key", "mountPath", "containerPort", "port", "type", "kind")
ABSENT = object()  # where a side has no such field; null is a value


@dataclass(frozen=True)
class FieldChange:
    """A field that came, went or changed; None stands for no such field.

    Attributes:
        path: an item of a list of values has the list's, with `[]` behind it.
        old, new: values as JSON, texts as they are; JSON as well where they would look alike.
    """

    path: str
    old: str | None
    new: str | None


def field_changes(old: Any, new: Any) -> list[FieldChange]:
    """What is different, by path."""
    return sorted(_changes(old, new, ""), key=lambda change: change.path)


def _changes(old: Any, new: Any, path: str) -> Iterator[FieldChange]:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in dict.fromkeys((*old, *new)):
            yield from _changes(old.get(key, ABSENT), new.get(key, ABSENT), _below(path, key))
    elif isinstance(old, list) and isinstance(new, list):
        if _has_fields([*old, *new]):
            yield from _changed_items(old, new, path)
        else:
            yield from _changed_values(old, new, path)
    elif _has_fields(old) or _has_fields(new):  # which come and go one by one
        if old is not ABSENT:
            yield from _changes(old, _emptied(old), path)
        if new is not ABSENT:
            yield from _changes(_emptied(new), new, path)
    else:
        yield from _changed(old, new, path)


def _has_fields(value: Any) -> bool:
    """Has it anything below it that has a path of its own?"""
    if isinstance(value, list):
        return any(isinstance(item, Mapping | list) for item in value)
    return isinstance(value, Mapping) and bool(value)


def _emptied(value: Any) -> Any:
    """What a value is without the fields below it."""
    if not _has_fields(value):
        return ABSENT
    return [] if isinstance(value, list) else {}


def _below(path: str, key: Any) -> str:
    if "." in str(key) or "/" in str(key):
        return f"{path}[{key}]"
    return f"{path}.{key}" if path else str(key)


def _changed_items(old: list[Any], new: list[Any], path: str) -> Iterator[FieldChange]:
    key = _key(old, new)
    before, after = (
        {str(item[key] if key else place): item for place, item in enumerate(side)}
        for side in (old, new)
    )
    for name in dict.fromkeys((*before, *after)):
        was, is_ = before.get(name, ABSENT), after.get(name, ABSENT)
        if key and (was is ABSENT or is_ is ABSENT):  # the path says its name
            was, is_ = _nameless(was, key), _nameless(is_, key)
        yield from _changes(was, is_, f"{path}[{name}]")


def _key(old: list[Any], new: list[Any]) -> str:
    """The key that tells items apart; "" where only their places do."""
    for key in ITEM_KEYS:
        if all(
            isinstance(item, Mapping) and isinstance(item.get(key), str | int)
            for item in (*old, *new)
        ) and all(len({str(item[key]) for item in side}) == len(side) for side in (old, new)):
            return key
    return ""


def _nameless(item: Any, key: str) -> Any:
    """An item without its name, if it has anything else."""
    if item is ABSENT or len(item) == 1:
        return item
    return {name: value for name, value in item.items() if name != key}


def _changed_values(old: list[Any], new: list[Any], path: str) -> Iterator[FieldChange]:
    gone, came = Counter(map(_json, old)), Counter(map(_json, new))
    if gone == came:
        yield from _changed(old, new, path)
        return
    gone, came = gone - came, came - gone
    alike = {_text(json.loads(item)) for item in gone} & {_text(json.loads(item)) for item in came}

    def shown(items: Iterable[str]) -> list[str]:
        texts = ((item, _text(json.loads(item))) for item in items)
        return sorted(item if text in alike else text for item, text in texts)

    yield from (FieldChange(f"{path}[]", item, None) for item in shown(gone.elements()))
    yield from (FieldChange(f"{path}[]", None, item) for item in shown(came.elements()))


def _changed(old: Any, new: Any, path: str) -> Iterator[FieldChange]:
    """Two values that are told as a whole; one may be absent."""
    if old is ABSENT or new is ABSENT:
        yield FieldChange(path, *(None if one is ABSENT else _text(one) for one in (old, new)))
    elif _json(old) != _json(new):
        alike = _text(old) == _text(new)
        yield FieldChange(path, *((_json if alike else _text)(one) for one in (old, new)))


def _text(value: Any) -> str:
    if isinstance(value, list) and value:
        return ", ".join(map(_text, value))
    return value if isinstance(value, str) else _json(value)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
