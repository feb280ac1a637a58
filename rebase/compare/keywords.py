"""What one node of a schema says about its value: types, enums, patterns, rules, merging."""

from collections.abc import Iterator

from rebase.compare.bounds import compare_bounds
from rebase.compare.levels import Level
from rebase.compare.meaning import (
    EMBEDDED,
    LIST_MAP_KEYS,
    LIST_TYPE,
    MAP_TYPE,
    PRESERVE,
    RULES,
    Schema,
    alternatives,
    either,
    meaning,
    short,
    type_text,
    types,
    value_text,
)
from rebase.compare.schema_change import SchemaChange

BREAKS, WARNS, FINE = Level.BREAKS, Level.WARNS, Level.FINE


def compare_types(old: Schema, new: Schema, path: str) -> Iterator[SchemaChange]:
    before, after = types(old), types(new)
    if before == after:
        return
    message = f"{type_text(new)}, was {type_text(old)}"
    lost = before - after
    if not lost:
        yield SchemaChange("type-widened", path, FINE, message)
    elif before & after:
        hits = "that set {path} to " + either(sorted(_TYPE_NAMES[name] for name in lost))
        yield SchemaChange("type-narrowed", path, BREAKS, message, hits)
    else:
        yield SchemaChange("type-changed", path, BREAKS, message, "that set {path}")


def compare_keywords(old: Schema, new: Schema, path: str) -> Iterator[SchemaChange]:
    """Everything about the value itself but its type, its default and what is below it."""
    yield from _nullable(old, new, path)
    yield from _enum(old, new, path)
    yield from compare_bounds(old, new, path)
    if "string" in types(old) & types(new):
        yield from _pattern(old, new, path)
    yield from _format(old, new, path)
    yield from _merging(old, new, path)
    yield from _embedded(old, new, path)
    if old.get(RULES) != new.get(RULES):
        yield from _rules(old, new, path)
    yield from _combinations(old, new, path)


def compare_defaults(old: Schema, new: Schema, path: str, required: bool) -> Iterator[SchemaChange]:
    """Args: required: the field is, in both schemas."""
    before, after = old.get("default"), new.get("default")
    if value_text(before) == value_text(after):
        return
    without = "with {parent} but without {path}"
    if before is None:
        message = f"default {short(after)}, had none"
        if required:
            yield SchemaChange("default-added", path, FINE, message)
        else:
            yield SchemaChange("default-added", path, WARNS, message, without)
    elif after is not None:
        message = f"default {short(after)}, was {short(before)}"
        yield SchemaChange("default-changed", path, WARNS, message, without)
    elif required:
        message = f"no default, was {short(before)}, and the field is required"
        yield SchemaChange("default-removed", path, BREAKS, message, without)
    else:
        message = f"no default, was {short(before)}"
        yield SchemaChange("default-removed", path, WARNS, message, without)


def _nullable(old: Schema, new: Schema, path: str) -> Iterator[SchemaChange]:
    before, after = bool(old.get("nullable")), bool(new.get("nullable"))
    if before and not after:
        message = "null is no longer kept: dropped, or refused in a list"
        yield SchemaChange("nullable-removed", path, BREAKS, message, "that set {path} to null")
    elif after and not before:
        yield SchemaChange("nullable-added", path, FINE, "may be null")


def _enum(old: Schema, new: Schema, path: str) -> Iterator[SchemaChange]:
    before = {value_text(value): value for value in old.get("enum") or ()}
    after = {value_text(value): value for value in new.get("enum") or ()}
    lost = either(short(before[text]) for text in sorted(before.keys() - after.keys()))
    won = either(short(after[text]) for text in sorted(after.keys() - before.keys()))
    if before.keys() == after.keys():
        return
    if not after:
        yield SchemaChange("enum-widened", path, FINE, "any value, was one of a list")
    elif not before:
        hits = f"whose {{path}} is not {won}"
        yield SchemaChange("enum-narrowed", path, BREAKS, f"only {won}, was any value", hits)
    elif lost:
        message = f"no longer {lost}" + (f"; now also {won}" if won else "")
        yield SchemaChange("enum-narrowed", path, BREAKS, message, f"whose {{path}} is {lost}")
    else:
        yield SchemaChange("enum-widened", path, FINE, f"now also {won}")


def _pattern(old: Schema, new: Schema, path: str) -> Iterator[SchemaChange]:
    before, after = old.get("pattern") or "", new.get("pattern") or ""
    hits = f"whose {{path}} does not match {short(after, 200)}"
    if before == after:
        return
    if not before:
        message = f"has to match {short(after, 200)}"
        yield SchemaChange("pattern-added", path, BREAKS, message, hits)
    elif not after:
        message = f"no longer has to match {short(before, 200)}"
        yield SchemaChange("pattern-removed", path, FINE, message)
    else:
        message = f"has to match {short(after, 200)}, was {short(before, 200)}"
        yield SchemaChange("pattern-changed", path, WARNS, message, hits)


# What the API server checks (apiextensions-apiserver 0.34, validation/formats.go); it passes over
# the others, also over those of numbers.
_CHECKED = frozenset(
    (
        *("bsonobjectid", "uri", "email", "hostname", "ipv4", "ipv6", "cidr", "mac", "uuid"),
        *("uuid3", "uuid4", "uuid5", "isbn", "isbn10", "isbn13", "creditcard", "ssn", "hexcolor"),
        *("rgbcolor", "byte", "date", "duration", "datetime"),
    )
)


def _format(old: Schema, new: Schema, path: str) -> Iterator[SchemaChange]:
    before, after = (str(node.get("format") or "") for node in (old, new))
    both = types(old) & types(new)
    if before == after or not both:
        return
    message = f"format {after or 'none'}, was {before or 'none'}"
    if after == "int32" and "integer" in both:
        message += ": the API server takes bigger numbers, a controller does not"
        hits = "whose {path} has more than 32 bits"
        yield SchemaChange("format-changed", path, WARNS, message, hits)
    elif "string" in both and after.replace("-", "") in _CHECKED:
        hits = f"whose {{path}} is no {after}"
        yield SchemaChange("format-changed", path, WARNS, message, hits)
    else:
        yield SchemaChange("format-changed", path, FINE, message)


def _merging(old: Schema, new: Schema, path: str) -> Iterator[SchemaChange]:
    """How server-side apply merges what several managers say of a list or a map."""
    both = types(old) & types(new)
    if "array" in both:
        before, after = _list_type(old), _list_type(new)
        if before != after:
            message = f"merged as {after}, was {before}"
            if after != "atomic":
                message += "; entries that are the same are refused"
            hits = "whose {path} several managers apply"
            yield SchemaChange("list-type-changed", path, WARNS, message, hits)
    if "object" in both:
        before, after = (node.get(MAP_TYPE) or "granular" for node in (old, new))
        if before != after:
            message = f"merged as {after}, was {before}"
            hits = "whose {path} several managers apply"
            yield SchemaChange("map-type-changed", path, WARNS, message, hits)


def _list_type(node: Schema) -> str:
    kind = str(node.get(LIST_TYPE) or "atomic")
    keys = ", ".join(sorted(node.get(LIST_MAP_KEYS) or ()))
    return f"map by {keys}" if kind == "map" and keys else kind


def _embedded(old: Schema, new: Schema, path: str) -> Iterator[SchemaChange]:
    before, after = bool(old.get(EMBEDDED)), bool(new.get(EMBEDDED))
    if after and not before:
        message = "has to be a whole Kubernetes object"
        hits = "whose {path} has no apiVersion, kind or metadata"
        yield SchemaChange("embedded-resource", path, BREAKS, message, hits)
    elif before and not after:
        message = "need not be a Kubernetes object"
        if new.get(PRESERVE):
            yield SchemaChange("embedded-resource", path, FINE, message)
        else:
            message += "; apiVersion, kind and metadata are dropped unless they are described"
            yield SchemaChange("embedded-resource", path, WARNS, message, "that set {path}")


def _rules(old: Schema, new: Schema, path: str) -> Iterator[SchemaChange]:
    """CEL rules, known by their text; one that went and one that came with its message are one."""
    before = {_rule_key(rule): rule for rule in old.get(RULES) or ()}
    after = {_rule_key(rule): rule for rule in new.get(RULES) or ()}
    gone = [rule for key, rule in before.items() if key not in after]
    come = [rule for key, rule in after.items() if key not in before]
    for rule in come:
        hits = "whose {path} breaks the rule"
        if "oldSelf" in rule["rule"]:
            hits = "that are updated so that {path} breaks the rule"
        twin = next((one for one in gone if one.get("message") == rule.get("message")), None)
        if twin is None and len(gone) == len(come) == 1:
            twin = gone[0]
        if twin is None:
            yield SchemaChange("rule-added", path, WARNS, f"new rule: {_rule_text(rule)}", hits)
        else:
            gone.remove(twin)
            message = f"changed rule: {_rule_text(rule)}"
            yield SchemaChange("rule-changed", path, WARNS, message, hits)
    for rule in gone:
        yield SchemaChange("rule-removed", path, FINE, f"rule gone: {_rule_text(rule)}")


def _rule_key(rule: Schema) -> tuple[str, bool]:
    return " ".join(str(rule.get("rule")).split()), bool(rule.get("optionalOldSelf"))


def _rule_text(rule: Schema) -> str:
    return short(rule.get("message") or rule.get("rule"), 120)


def _combinations(old: Schema, new: Schema, path: str) -> Iterator[SchemaChange]:
    """allOf, anyOf, oneOf and not, as a whole; more members widen an anyOf, and narrow an allOf."""
    for keyword in ("allOf", "anyOf", "oneOf", "not"):
        if keyword not in old and keyword not in new:
            continue
        if keyword == "not":
            before, after = ({meaning(n["not"])} if n.get("not") else set() for n in (old, new))
        else:
            before, after = (set(alternatives(n, keyword)) for n in (old, new))
        if before == after:
            continue
        fewer, more = bool(before - after), bool(after - before)
        narrowed, widened = (more, fewer) if keyword == "allOf" else (fewer, more)
        if keyword == "oneOf":  # one alternative more takes values away where two of them fit
            narrowed = widened = True
        if not before or not after:
            narrowed, widened = bool(after), bool(before)
        hits = f"whose {{path}} does not fit its {keyword}"
        if not narrowed:
            message = f"{keyword} takes more than it did" if after else f"no {keyword} any more"
            yield SchemaChange("combination-widened", path, FINE, message)
        elif widened:
            yield SchemaChange("combination-changed", path, WARNS, f"{keyword} is another", hits)
        else:
            message = f"{keyword} takes less than it did" if before else f"{keyword} is new"
            yield SchemaChange("combination-narrowed", path, BREAKS, message, hits)


_TYPE_NAMES = {
    "object": "an object",
    "array": "a list",
    "string": "a string",
    "integer": "a whole number",
    "number": "a fraction",
    "boolean": "a boolean",
}
