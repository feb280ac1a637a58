"""What an OpenAPI schema of a CRD means, whatever way it is written.

Kubernetes: apiextensions.k8s.io/v1, JSONSchemaProps; only structural schemas are accepted there.
"""

import json
from collections.abc import Iterable
from typing import Any

Schema = dict[str, Any]

PRESERVE = "x-kubernetes-preserve-unknown-fields"
INT_OR_STRING = "x-kubernetes-int-or-string"
EMBEDDED = "x-kubernetes-embedded-resource"
LIST_TYPE = "x-kubernetes-list-type"
LIST_MAP_KEYS = "x-kubernetes-list-map-keys"
MAP_TYPE = "x-kubernetes-map-type"
RULES = "x-kubernetes-validations"

ANYTHING: Schema = {PRESERVE: True}
TYPES = frozenset({"object", "array", "string", "integer", "number", "boolean"})

# Words for people.
_DESCRIPTIVE = frozenset(
    {"description", "title", "example", "externalDocs", "id", "$schema", "deprecated"}
)
# What a keyword says when it is not there.
_ABSENT: dict[str, tuple[Any, ...]] = {
    **dict.fromkeys(("nullable", "uniqueItems", PRESERVE, EMBEDDED, INT_OR_STRING), (False,)),
    **dict.fromkeys(("exclusiveMinimum", "exclusiveMaximum"), (False,)),
    **dict.fromkeys(("minLength", "minItems", "minProperties"), (0,)),
    **dict.fromkeys(("required", "allOf", "anyOf", "oneOf", RULES, LIST_MAP_KEYS), ([],)),
    "properties": ({},),
    "format": ("",),
    "pattern": ("",),
    LIST_TYPE: ("atomic",),
    MAP_TYPE: ("granular",),
}
_UNORDERED = frozenset({"required", "enum", LIST_MAP_KEYS})
_SCHEMA_LISTS = frozenset({"allOf", "anyOf", "oneOf"})
_INTEGER_OR_STRING = frozenset({'{"type": "integer"}', '{"type": "string"}'})


def types(node: Schema) -> frozenset[str]:
    """The types of values that a node takes; an integer is a number as well."""
    if node.get(INT_OR_STRING):
        return frozenset({"integer", "string"})
    named = node.get("type")
    if not named:
        return TYPES
    return frozenset({"number", "integer"}) if named == "number" else frozenset({str(named)})


def type_text(node: Schema) -> str:
    """The types that a node takes, for people."""
    found = types(node)
    if found == TYPES:
        return "anything"
    return either(sorted(found - {"integer"} if "number" in found else found))


def either(words: Iterable[str]) -> str:
    """One of several, for people."""
    listed = list(words)
    return " or ".join([", ".join(listed[:-1]), listed[-1]] if len(listed) > 1 else listed)


def map_values(node: Schema) -> Schema | None:
    """The schema of a map's values; None where there is no map."""
    values = node.get("additionalProperties")
    if values is True:
        return ANYTHING
    return values if isinstance(values, dict) else None


def alternatives(node: Schema, keyword: str) -> dict[str, Schema]:
    """The members of an allOf, anyOf or oneOf by what they mean.

    Without the members that only say again that a value is an integer or a string.
    """
    members = {meaning(member): member for member in node.get(keyword) or ()}
    if node.get(INT_OR_STRING):
        if keyword == "anyOf" and members.keys() == _INTEGER_OR_STRING:
            return {}
        if keyword == "allOf":
            return {
                text: member
                for text, member in members.items()
                if member.keys() != {"anyOf"}
                or {meaning(inner) for inner in member["anyOf"]} != _INTEGER_OR_STRING
            }
    return members


def meaning(schema: Schema) -> str:
    """A text that is the same for schemas that differ only in how they are written."""
    return json.dumps(_plain_schema(schema), sort_keys=True)


def value_text(value: Any) -> str:
    """A text that is the same for equal JSON values: 1 and 1.0, but not 1 and true."""
    return json.dumps(_plain(value), sort_keys=True)


def short(value: Any, limit: int = 60) -> str:
    """A value as people read it in a line."""
    text = value if isinstance(value, str) and value else json.dumps(_plain(value))
    text = " ".join(str(text).split())
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _plain_schema(schema: Schema) -> Any:
    plain: dict[str, Any] = {}
    for keyword, value in schema.items():
        if keyword in _DESCRIPTIVE or value is None or value in _ABSENT.get(keyword, ()):
            continue
        if keyword == "properties":
            value = {name: _plain_schema(inner) for name, inner in value.items()}
        elif keyword in _SCHEMA_LISTS:
            value = sorted(meaning(member) for member in value)
        elif keyword in ("items", "not", "additionalProperties") and isinstance(value, dict):
            value = _plain_schema(value)
        elif keyword in _UNORDERED:
            value = sorted(value_text(item) for item in value)
        else:
            value = _plain(value)
        plain[keyword] = value
    return plain


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value
