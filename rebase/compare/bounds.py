"""Limits of numbers, lengths and counts."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil, floor

from rebase.compare.levels import Level
from rebase.compare.meaning import Schema, short, types, value_text
from rebase.compare.schema_change import SchemaChange


@dataclass(frozen=True)
class _Bound:
    """A keyword that limits values of some types.

    Attributes:
        says: the limit for people.
        concerns: the objects that are beyond it.
        at_limit: the objects that are beyond it when the limit itself is excluded.
    """

    keyword: str
    types: frozenset[str]
    upper: bool
    says: str
    concerns: str
    at_limit: str = ""

    @property
    def exclusive(self) -> str:
        return f"exclusive{self.keyword.capitalize()}"


_NUMBERS = frozenset({"number", "integer"})
_STRINGS = frozenset({"string"})
_LISTS = frozenset({"array"})
_OBJECTS = frozenset({"object"})
_MORE, _LESS = "whose {path} is more than %s", "whose {path} is less than %s"
_BOUNDS = (
    _Bound("maximum", _NUMBERS, True, "at most %s", _MORE, "whose {path} is %s or more"),
    _Bound("minimum", _NUMBERS, False, "at least %s", _LESS, "whose {path} is %s or less"),
    _Bound(
        *("maxLength", _STRINGS, True, "at most %s characters"),
        "whose {path} is longer than %s characters",
    ),
    _Bound(
        *("minLength", _STRINGS, False, "at least %s characters"),
        "whose {path} is shorter than %s characters",
    ),
    _Bound("maxItems", _LISTS, True, "at most %s items", "with more than %s items in {path}"),
    _Bound("minItems", _LISTS, False, "at least %s items", "with fewer than %s items in {path}"),
    _Bound("maxProperties", _OBJECTS, True, "at most %s keys", "with more than %s keys in {path}"),
    _Bound(
        "minProperties", _OBJECTS, False, "at least %s keys", "with fewer than %s keys in {path}"
    ),
)

_NOT_EMPTY, _EMPTY = "not empty", "whose {path} is empty"

Limit = tuple[float, bool]  # the number, and whether it is excluded itself


def compare_bounds(old: Schema, new: Schema, path: str) -> Iterator[SchemaChange]:
    """Limits that came, went or moved, of the types that both take."""
    both = types(old) & types(new)
    for bound in _BOUNDS:
        if not both & bound.types:
            continue
        whole = "number" not in both
        before, after = _limit(old, bound, whole), _limit(new, bound, whole)
        if before == after:
            continue
        message = _move(_say(before, bound), _say(after, bound))
        if after is None or (before is not None and _tighter(before, after, bound)):
            yield SchemaChange("bound-widened", path, Level.FINE, message)
        else:
            concerns = bound.at_limit if after[1] else bound.concerns
            hits = _EMPTY if _is_not_empty(after, bound) else concerns % short(after[0])
            yield SchemaChange("bound-narrowed", path, Level.BREAKS, message, hits)
    if both & _NUMBERS:
        yield from _multiple_of(old, new, path)
    if "array" in both:
        yield from _unique_items(old, new, path)


def _multiple_of(old: Schema, new: Schema, path: str) -> Iterator[SchemaChange]:
    before, after = old.get("multipleOf"), new.get("multipleOf")
    if "number" not in types(old) & types(new):
        before, after = (None if value == 1 else value for value in (before, after))
    if before == after:
        return
    was, now = (value and f"a multiple of {short(value)}" for value in (before, after))
    if after is None or (before is not None and before % after == 0):
        yield SchemaChange("bound-widened", path, Level.FINE, _move(was, now))
    else:
        hits = f"whose {{path}} is no multiple of {short(after)}"
        yield SchemaChange("bound-narrowed", path, Level.BREAKS, _move(was, now), hits)


def _unique_items(old: Schema, new: Schema, path: str) -> Iterator[SchemaChange]:
    before, after = bool(old.get("uniqueItems")), bool(new.get("uniqueItems"))
    if before and not after:
        yield SchemaChange("bound-widened", path, Level.FINE, "items may be equal")
    elif after and not before:
        hits = "with equal items in {path}"
        yield SchemaChange("bound-narrowed", path, Level.BREAKS, "no two items may be equal", hits)


def folded(node: Schema) -> Schema:
    """A node with the plain limits of its allOf taken into it, as generators write either way."""
    members = node.get("allOf")
    if not members:
        return node
    out, rest = {**node}, []
    for member in members:
        if set(member) - _FOLDABLE or (
            "pattern" in member and member["pattern"] != out.get("pattern", member["pattern"])
        ):
            rest.append(member)
            continue
        if "pattern" in member:
            out["pattern"] = member["pattern"]
        if "required" in member:
            out["required"] = [*(out.get("required") or ()), *member["required"]]
        if "enum" in member:
            allowed = {value_text(value) for value in member["enum"]}
            kept = [
                value for value in out.get("enum", member["enum"]) if value_text(value) in allowed
            ]
            out["enum"] = kept
        _tighten(out, member)
    out["allOf"] = rest
    return out


_FOLDABLE = frozenset(
    {bound.keyword for bound in _BOUNDS}
    | {bound.exclusive for bound in _BOUNDS[:2]}
    | {"enum", "pattern", "required", "description"}
)


def _tighten(node: Schema, member: Schema) -> None:
    whole = "number" not in types(node)
    for bound in _BOUNDS:
        mine, theirs = _limit(node, bound, whole), _limit(member, bound, whole)
        if theirs is not None and (mine is None or _tighter(theirs, mine, bound)):
            node[bound.keyword] = theirs[0]
            if bound.types == _NUMBERS:
                node[bound.exclusive] = theirs[1]


def _limit(node: Schema, bound: _Bound, whole: bool) -> Limit | None:
    """A node's limit; one of whole numbers always includes the number itself."""
    value = node.get(bound.keyword)
    if value is None or (bound.types != _NUMBERS and not bound.upper and value <= 0):
        return None
    excluded = bound.types == _NUMBERS and bool(node.get(bound.exclusive))
    if not whole or bound.types != _NUMBERS:
        return value, excluded
    if bound.upper:
        return (ceil(value) - 1 if excluded else floor(value)), False
    return (floor(value) + 1 if excluded else ceil(value)), False


def _tighter(one: Limit, other: Limit, bound: _Bound) -> bool:
    """Does one leave out what the other takes?"""
    if one[0] != other[0]:
        return (one[0] < other[0]) == bound.upper
    return one[1] and not other[1]


def _say(limit: Limit | None, bound: _Bound) -> str | None:
    if limit is None:
        return None
    number, excluded = limit
    if _is_not_empty(limit, bound):
        return _NOT_EMPTY
    says = bound.says % short(number)
    if excluded:
        return says.replace("at most", "less than").replace("at least", "more than")
    return says


def _is_not_empty(limit: Limit, bound: _Bound) -> bool:
    return limit[0] == 1 and not bound.upper and bound.types != _NUMBERS


def _move(was: str | None, now: str | None) -> str:
    if now is None and was == _NOT_EMPTY:
        return "may be empty"
    if was is None and now == _NOT_EMPTY:
        return "may not be empty"
    if now is None:
        return f"no longer limited, was {was}"
    return f"{now}, was {was}" if was else f"{now}, was not limited"
