"""Two structural OpenAPI schemas of one API version: what the second does to the first's objects.

Levels: what the API server refuses, or drops without a word, though it took it before, breaks; what
it may refuse, or objects that nobody touched and that behave differently, warns; the rest is fine.
"""

from collections.abc import Iterator

from rebase.compare.bounds import folded
from rebase.compare.keywords import compare_defaults, compare_keywords, compare_types
from rebase.compare.levels import Level
from rebase.compare.meaning import (
    ANYTHING,
    EMBEDDED,
    PRESERVE,
    Schema,
    map_values,
    short,
    type_text,
    types,
)
from rebase.compare.schema_change import SchemaChange, field, items, values

BREAKS, WARNS, FINE = Level.BREAKS, Level.WARNS, Level.FINE

# What the API server knows of every object, whatever its schema says.
_METADATA: Schema = {"type": "object", PRESERVE: True}
_OF_OBJECTS: dict[str, Schema] = {
    "apiVersion": {"type": "string"},
    "kind": {"type": "string"},
    "metadata": _METADATA,
}


def compare_schemas(old: Schema, new: Schema) -> list[SchemaChange]:
    """Every change between the schemas of an API version, in the order of their fields."""
    if old == new:
        return []
    return list(_node(_whole_object(old), _whole_object(new), ""))


def described_fields(schema: Schema) -> int:
    """How many fields, items and map values a schema describes."""
    count = 0
    for inner in _inner(schema):
        count += 1 + described_fields(inner)
    return count


def _inner(schema: Schema) -> Iterator[Schema]:
    yield from (schema.get("properties") or {}).values()
    for keyword in ("items", "additionalProperties"):
        if isinstance(schema.get(keyword), dict):
            yield schema[keyword]


def _node(old: Schema, new: Schema, path: str) -> Iterator[SchemaChange]:
    """The changes at a node and below it."""
    if old == new:
        return
    old, new = folded(old), folded(new)
    yield from compare_types(old, new, path)
    both = types(old) & types(new)
    if not both:
        return
    yield from compare_keywords(old, new, path)
    if "array" in both and ("items" in old or "items" in new):
        yield from _node(old.get("items", ANYTHING), new.get("items", ANYTHING), items(path))
    if "object" in both:
        if old.get(EMBEDDED) and new.get(EMBEDDED):
            old, new = _whole_object(old), _whole_object(new)
        yield from _unknown_fields(old, new, path)
        yield from _fields(old, new, path)


def _whole_object(node: Schema) -> Schema:
    """A node of a Kubernetes object with the fields that all of them have."""
    fields = node.get("properties") or {}
    known = {**fields, **_OF_OBJECTS}
    known["metadata"] = {**fields.get("metadata", {}), **_METADATA}
    always = [name for name in node.get("required") or () if name not in _OF_OBJECTS]
    return {**node, "type": "object", "properties": known, "required": always}


def _unknown_fields(old: Schema, new: Schema, path: str) -> Iterator[SchemaChange]:
    """What becomes of fields that no property describes: maps, and what is kept as it is."""
    before, after = map_values(old), map_values(new)
    kept, keeps = bool(old.get(PRESERVE)), bool(new.get(PRESERVE))
    if before is not None and after is not None:
        yield from _node(before, after, values(path))
    elif after is not None and kept:
        message = f"was kept as it is, has to be {_summary(after)}"
        yield SchemaChange("field-added", values(path), WARNS, message, "that set {path}")
    elif after is not None:
        message = f"new: any key, {_summary(after)}"
        yield SchemaChange("field-added", values(path), FINE, message)
    elif before is not None and keeps:
        yield SchemaChange("field-removed", values(path), WARNS, _UNDESCRIBED, "that set {path}")
    elif before is not None or (kept and not keeps):
        hits = "with fields in {path} that the schema does not describe"
        yield SchemaChange("pruned", path, BREAKS, "fields that it does not describe go", hits)
    if keeps and not kept and before is None:
        message = "fields that it does not describe are kept"
        yield SchemaChange("unknown-kept", path, FINE, message)


_UNDESCRIBED = "no longer described: kept as it is, neither checked nor defaulted"


def _fields(old: Schema, new: Schema, path: str) -> Iterator[SchemaChange]:
    before: dict[str, Schema] = old.get("properties") or {}
    after: dict[str, Schema] = new.get("properties") or {}
    needed, needs = set(old.get("required") or ()), set(new.get("required") or ())
    if before == after and needed == needs:
        return
    covers = bool(old.get(PRESERVE)) or map_values(old) is not None
    for name, was in before.items():
        if name not in after:
            yield from _gone(was, new, field(path, name))
    for name, now in after.items():
        here = field(path, name)
        if name in before:
            was = before[name]
            if was != now:
                yield from _node(was, now, here)
                yield from _default(was, now, here, name in needed, name in needs)
        elif name not in needs or covers:
            yield from _come(now, old, here)
    for name in sorted(needs - needed):
        yield _required(before.get(name), after.get(name, ANYTHING), field(path, name))
    for name in sorted(needed - needs):
        if name in after or name not in before:
            yield SchemaChange("required-removed", field(path, name), FINE, "no longer required")


def _gone(was: Schema, new: Schema, path: str) -> Iterator[SchemaChange]:
    """A field that is not described any more."""
    hits = "that set {path}"
    covering = map_values(new)
    if covering is not None:
        message = "no longer described by name: one of a map's keys"
        yield SchemaChange("field-removed", path, WARNS, message, hits)
        yield from _node(was, covering, path)
    elif new.get(PRESERVE):
        yield SchemaChange("field-removed", path, WARNS, _UNDESCRIBED, hits)
    else:
        message = "gone: the API server drops it, kubectl apply refuses it"
        yield SchemaChange("field-removed", path, BREAKS, message, hits)


def _come(now: Schema, old: Schema, path: str) -> Iterator[SchemaChange]:
    """A field that was not described."""
    covering = map_values(old)
    if covering is not None:
        yield from _node(covering, now, path)
        yield from compare_defaults(covering, now, path, required=False)
    elif old.get(PRESERVE):
        message = f"was kept as it is, has to be {_summary(now)}"
        yield SchemaChange("field-added", path, WARNS, message, "that set {path}")
    else:
        yield SchemaChange("field-added", path, FINE, f"new: {_summary(now)}")


def _default(
    was: Schema, now: Schema, path: str, needed: bool, needs: bool
) -> Iterator[SchemaChange]:
    if not types(was) & types(now):
        return  # one of another type says nothing
    lost = was.get("default") is not None and now.get("default") is None
    if not (lost and needs and not needed):  # which is told with the requirement
        yield from compare_defaults(was, now, path, required=needed and needs)


def _required(was: Schema | None, now: Schema, path: str) -> SchemaChange:
    """A field that need not be there before."""
    said = "new and required" if was is None else "required"
    if now.get("default") is not None:
        message = f"{said}; the default {short(now['default'])} fills it in"
        return SchemaChange("required-added", path, FINE, message)
    if was and was.get("default") is not None:
        said += f", and the default {short(was['default'])} is gone"
    hits = "with {parent} but without {path}"
    return SchemaChange("required-added", path, BREAKS, said, hits)


def _summary(node: Schema) -> str:
    """What a field takes, in a word or two."""
    named = type_text(node)
    if node.get("default") is not None:
        named += f", default {short(node['default'])}"
    return named
