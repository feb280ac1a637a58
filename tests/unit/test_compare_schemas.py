"""Each change of a schema is found, once, where it is; nothing is where schemas mean the same."""

from itertools import pairwise
from typing import Any

import pytest

from rebase.compare.levels import Level, worst
from rebase.compare.meaning import Schema
from rebase.compare.schema_change import field, parent_of, phrase, segments
from rebase.compare.schemas import compare_schemas, described_fields

BREAKS, WARNS, FINE = Level.BREAKS, Level.WARNS, Level.FINE
PRESERVE = "x-kubernetes-preserve-unknown-fields"
INT_OR_STRING: Schema = {
    "x-kubernetes-int-or-string": True,
    "anyOf": [{"type": "integer"}, {"type": "string"}],
}
STRING: Schema = {"type": "string"}
INTEGER: Schema = {"type": "integer"}


def obj(required: tuple[str, ...] = (), **fields: Schema) -> Schema:
    made: Schema = {"type": "object", "properties": fields}
    return {**made, "required": list(required)} if required else made


def root(spec: Schema) -> Schema:
    return obj(apiVersion=STRING, kind=STRING, metadata={"type": "object"}, spec=spec)


def found(old: Schema, new: Schema) -> list[tuple[str, str, Level]]:
    """What is found between two schemas of the field spec.x."""
    return [
        (change.id, change.path, change.level)
        for change in compare_schemas(root(obj(x=old)), root(obj(x=new)))
    ]


def array(items: Schema, **keywords: Any) -> Schema:
    return {"type": "array", "items": items, **keywords}


def rule(text: str, **more: Any) -> Schema:
    return {"type": "object", "x-kubernetes-validations": [{"rule": text, **more}]}


def key(name: str) -> Schema:
    return {
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": [name],
        "type": "array",
        "items": obj(("a", "b"), a=STRING, b=STRING),
    }


MAP: Schema = {"type": "object", "additionalProperties": STRING}
KEEPS: Schema = {"type": "object", PRESERVE: True}
LISTED: Schema = array(obj(("a", "b"), a=STRING, b=STRING))
EITHER: Schema = {"anyOf": [{"required": ["a"]}, {"required": ["b"]}]}

CHANGES: list[tuple[str, Schema, Schema, str, str, Level]] = [
    ("field gone", obj(a=STRING), obj(), "field-removed", "spec.x.a", BREAKS),
    ("tree gone", obj(a=obj(b=STRING)), obj(), "field-removed", "spec.x.a", BREAKS),
    ("field gone, kept", {**obj(a=STRING), **KEEPS}, KEEPS, "field-removed", "spec.x.a", WARNS),
    ("field came", obj(), obj(a=STRING), "field-added", "spec.x.a", FINE),
    (
        *("required in a new tree", obj(), obj(a=obj(("b",), b=STRING))),
        *("field-added", "spec.x.a", FINE),
    ),
    ("field came, was kept", KEEPS, {**obj(a=STRING), **KEEPS}, "field-added", "spec.x.a", WARNS),
    ("required", obj(a=STRING), obj(("a",), a=STRING), "required-added", "spec.x.a", BREAKS),
    ("new and required", obj(), obj(("a",), a=STRING), "required-added", "spec.x.a", BREAKS),
    (
        *("required with a default", obj(), obj(("a",), a={**STRING, "default": "b"})),
        *("required-added", "spec.x.a", FINE),
    ),
    (
        *("required, its default gone", obj(a={**STRING, "default": "b"}), obj(("a",), a=STRING)),
        *("required-added", "spec.x.a", BREAKS),
    ),
    ("not required", obj(("a",), a=STRING), obj(a=STRING), "required-removed", "spec.x.a", FINE),
    ("another type", STRING, INTEGER, "type-changed", "spec.x", BREAKS),
    ("list to its items", array(STRING), STRING, "type-changed", "spec.x", BREAKS),
    ("more numbers", INTEGER, {"type": "number"}, "type-widened", "spec.x", FINE),
    ("fewer numbers", {"type": "number"}, INTEGER, "type-narrowed", "spec.x", BREAKS),
    ("int to both", INTEGER, INT_OR_STRING, "type-widened", "spec.x", FINE),
    ("string to both", STRING, INT_OR_STRING, "type-widened", "spec.x", FINE),
    ("both to int", INT_OR_STRING, INTEGER, "type-narrowed", "spec.x", BREAKS),
    ("anything", STRING, {PRESERVE: True}, "type-widened", "spec.x", FINE),
    ("no longer anything", {PRESERVE: True}, STRING, "type-narrowed", "spec.x", BREAKS),
    ("null", {**STRING, "nullable": True}, STRING, "nullable-removed", "spec.x", BREAKS),
    ("no null", STRING, {**STRING, "nullable": True}, "nullable-added", "spec.x", FINE),
    ("enum", STRING, {**STRING, "enum": ["a"]}, "enum-narrowed", "spec.x", BREAKS),
    (
        *("shorter enum", {**STRING, "enum": ["a", "b"]}, {**STRING, "enum": ["b"]}),
        *("enum-narrowed", "spec.x", BREAKS),
    ),
    (
        *("another enum", {**STRING, "enum": ["a", "b"]}, {**STRING, "enum": ["b", "c"]}),
        *("enum-narrowed", "spec.x", BREAKS),
    ),
    (
        *("longer enum", {**STRING, "enum": ["a"]}, {**STRING, "enum": ["b", "a"]}),
        *("enum-widened", "spec.x", FINE),
    ),
    ("no enum", {**STRING, "enum": ["a"]}, STRING, "enum-widened", "spec.x", FINE),
    ("multiple", INTEGER, {**INTEGER, "multipleOf": 2}, "bound-narrowed", "spec.x", BREAKS),
    (
        *("other multiple", {**INTEGER, "multipleOf": 2}, {**INTEGER, "multipleOf": 3}),
        *("bound-narrowed", "spec.x", BREAKS),
    ),
    (
        *("fewer multiples", {**INTEGER, "multipleOf": 4}, {**INTEGER, "multipleOf": 2}),
        *("bound-widened", "spec.x", FINE),
    ),
    (
        *("excluded", {"type": "number", "maximum": 5}),
        {"type": "number", "maximum": 5, "exclusiveMaximum": True},
        *("bound-narrowed", "spec.x", BREAKS),
    ),
    ("pattern", STRING, {**STRING, "pattern": "^a$"}, "pattern-added", "spec.x", BREAKS),
    (
        *("other pattern", {**STRING, "pattern": "^b$"}, {**STRING, "pattern": "^a$"}),
        *("pattern-changed", "spec.x", WARNS),
    ),
    ("no pattern", {**STRING, "pattern": "^a$"}, STRING, "pattern-removed", "spec.x", FINE),
    ("32 bits", INTEGER, {**INTEGER, "format": "int32"}, "format-changed", "spec.x", WARNS),
    (
        *("64 bits", {**INTEGER, "format": "int32"}, {**INTEGER, "format": "int64"}),
        *("format-changed", "spec.x", FINE),
    ),
    ("a date", STRING, {**STRING, "format": "date-time"}, "format-changed", "spec.x", WARNS),
    ("unchecked", STRING, {**STRING, "format": "quantity"}, "format-changed", "spec.x", FINE),
    ("default", STRING, {**STRING, "default": "a"}, "default-added", "spec.x", WARNS),
    (
        *("other default", {**STRING, "default": "a"}, {**STRING, "default": "b"}),
        *("default-changed", "spec.x", WARNS),
    ),
    ("no default", {**STRING, "default": "a"}, STRING, "default-removed", "spec.x", WARNS),
    (
        *("no default, required", obj(("a",), a={**STRING, "default": "a"}), obj(("a",), a=STRING)),
        *("default-removed", "spec.x.a", BREAKS),
    ),
    (
        *("default where it is required", obj(("a",), a=STRING)),
        obj(("a",), a={**STRING, "default": "a"}),
        *("default-added", "spec.x.a", FINE),
    ),
    ("pruned", KEEPS, {"type": "object"}, "pruned", "spec.x", BREAKS),
    ("kept", {"type": "object"}, KEEPS, "unknown-kept", "spec.x", FINE),
    ("no map", MAP, {"type": "object"}, "pruned", "spec.x", BREAKS),
    ("a map", {"type": "object"}, MAP, "field-added", "spec.x[*]", FINE),
    ("a map, was kept", KEEPS, MAP, "field-added", "spec.x[*]", WARNS),
    ("map, now kept", MAP, KEEPS, "field-removed", "spec.x[*]", WARNS),
    ("struct of a map", MAP, obj(a=STRING), "pruned", "spec.x", BREAKS),
    (
        *("values of a map", MAP, {"type": "object", "additionalProperties": INTEGER}),
        *("type-changed", "spec.x[*]", BREAKS),
    ),
    ("items", array(STRING), array(INTEGER), "type-changed", "spec.x[]", BREAKS),
    (
        *("lists in lists", array(array(obj(a=STRING))), array(array(obj()))),
        *("field-removed", "spec.x[][].a", BREAKS),
    ),
    ("rule", {"type": "object"}, rule("self.a > 0"), "rule-added", "spec.x", WARNS),
    ("no rule", rule("self.a > 0"), {"type": "object"}, "rule-removed", "spec.x", FINE),
    ("other rule", rule("self.a > 0"), rule("self.a > 1"), "rule-changed", "spec.x", WARNS),
    (
        *("rule of updates", rule("self.a == oldSelf.a")),
        rule("self.a == oldSelf.a", optionalOldSelf=True),
        *("rule-changed", "spec.x", WARNS),
    ),
    ("list as a map", LISTED, key("a"), "list-type-changed", "spec.x", WARNS),
    ("other key", key("a"), key("b"), "list-type-changed", "spec.x", WARNS),
    (
        *("set", array(STRING), array(STRING, **{"x-kubernetes-list-type": "set"})),
        *("list-type-changed", "spec.x", WARNS),
    ),
    (
        *("atomic map", MAP, {**MAP, "x-kubernetes-map-type": "atomic"}),
        *("map-type-changed", "spec.x", WARNS),
    ),
    (
        *("whole object", KEEPS, {**KEEPS, "x-kubernetes-embedded-resource": True}),
        *("embedded-resource", "spec.x", BREAKS),
    ),
    (
        *("no whole object", {**KEEPS, "x-kubernetes-embedded-resource": True}, KEEPS),
        *("embedded-resource", "spec.x", FINE),
    ),
    (
        "anyOf",
        {"type": "object"},
        {"type": "object", **EITHER},
        "combination-narrowed",
        "spec.x",
        BREAKS,
    ),
    (
        "no anyOf",
        {"type": "object", **EITHER},
        {"type": "object"},
        "combination-widened",
        "spec.x",
        FINE,
    ),
    (
        *("one less of anyOf", {"anyOf": [{"minLength": 3}, {"pattern": "^a"}], **STRING}),
        {"anyOf": [{"pattern": "^a"}], **STRING},
        *("combination-narrowed", "spec.x", BREAKS),
    ),
    (
        *("one more of oneOf", {"oneOf": [{"minLength": 3}], **STRING}),
        {"oneOf": [{"pattern": "^a"}, {"minLength": 3}], **STRING},
        *("combination-changed", "spec.x", WARNS),
    ),
    ("not", STRING, {"not": {"enum": ["a"]}, **STRING}, "combination-narrowed", "spec.x", BREAKS),
    (
        *("other not", {"not": {"enum": ["b"]}, **STRING}, {"not": {"enum": ["a"]}, **STRING}),
        *("combination-changed", "spec.x", WARNS),
    ),
    (
        *("allOf", obj(a=STRING), {**obj(a=STRING), "allOf": [{"not": {"required": ["a"]}}]}),
        *("combination-narrowed", "spec.x", BREAKS),
    ),
    (
        *("a limit in allOf", STRING, {**STRING, "allOf": [{"maxLength": 5}]}),
        *("bound-narrowed", "spec.x", BREAKS),
    ),
]


@pytest.mark.parametrize(
    ("old", "new", "change", "path", "level"),
    [row[1:] for row in CHANGES],
    ids=[row[0].replace(" ", "-") for row in CHANGES],
)
def test_each_change_is_found_once(
    old: Schema, new: Schema, change: str, path: str, level: Level
) -> None:
    assert found(old, new) == [(change, path, level)]


def test_fields_that_become_keys_of_a_map() -> None:
    changes = found(obj(a=STRING, b=INTEGER), MAP)
    assert ("field-removed", "spec.x.a", WARNS) in changes
    assert ("type-changed", "spec.x.b", BREAKS) in changes


LIMITS = [
    ("minimum", "integer", 3, 2),
    ("maximum", "integer", 2, 3),
    ("minLength", "string", 3, 2),
    ("maxLength", "string", 2, 3),
    ("minItems", "array", 3, 2),
    ("maxItems", "array", 2, 3),
    ("minProperties", "object", 3, 2),
    ("maxProperties", "object", 2, 3),
]


@pytest.mark.parametrize(("keyword", "kind", "tight", "wide"), LIMITS)
def test_limits_narrow_and_widen(keyword: str, kind: str, tight: int, wide: int) -> None:
    plain: Schema = {"type": kind}
    steps = [plain, {**plain, keyword: wide}, {**plain, keyword: tight}]
    for one, other in pairwise(steps):
        assert found(one, other) == [("bound-narrowed", "spec.x", BREAKS)]
        assert found(other, one) == [("bound-widened", "spec.x", FINE)]


@pytest.mark.parametrize(
    "row", [row for row in CHANGES if row[3].endswith("-narrowed")], ids=lambda row: row[0]
)
def test_what_narrows_widens_the_other_way(
    row: tuple[str, Schema, Schema, str, str, Level],
) -> None:
    old, new, change, path = row[1:5]
    back = found(new, old)
    if row[0].startswith(("another", "other")):  # values went, and others came
        assert back == [(change, path, BREAKS)]
    else:
        assert back == [(change.replace("narrowed", "widened"), path, FINE)]


SAME: list[tuple[str, Schema, Schema]] = [
    ("descriptions", {**STRING, "description": "a", "title": "b"}, {**STRING, "example": "c"}),
    ("a field named description", obj(description=STRING), obj(description={**STRING})),
    ("order of required", obj(("a", "b"), a=STRING, b=STRING), obj(("b", "a"), a=STRING, b=STRING)),
    ("nothing required", {"type": "object", "required": []}, {"type": "object"}),
    ("order of an enum", {**STRING, "enum": ["a", "b"]}, {**STRING, "enum": ["b", "a"]}),
    (
        "numbers",
        {**INTEGER, "maximum": 5, "default": 1},
        {**INTEGER, "maximum": 5.0, "default": 1.0},
    ),
    (
        "what is so anyway",
        STRING,
        {**STRING, "nullable": False, "minLength": 0, "uniqueItems": False},
    ),
    ("not kept", {"type": "object"}, {"type": "object", PRESERVE: False}),
    ("atomic lists", array(STRING), array(STRING, **{"x-kubernetes-list-type": "atomic"})),
    ("granular maps", MAP, {**MAP, "x-kubernetes-map-type": "granular"}),
    (
        "order of keys",
        {**key("a"), "x-kubernetes-list-map-keys": ["a", "b"]},
        {**key("a"), "x-kubernetes-list-map-keys": ["b", "a"]},
    ),
    ("int or string", INT_OR_STRING, {"x-kubernetes-int-or-string": True}),
    (
        "int or string in allOf",
        {**INT_OR_STRING, "pattern": "a"},
        {
            "x-kubernetes-int-or-string": True,
            "allOf": [{"anyOf": INT_OR_STRING["anyOf"]}, {"pattern": "a"}],
        },
    ),
    ("what a rule tells", rule("a  ==\n b", message="1"), rule("a == b", message="2", reason="x")),
    (
        "an excluded whole number",
        {**INTEGER, "minimum": 0, "exclusiveMinimum": True},
        {**INTEGER, "minimum": 1},
    ),
    (
        "a limit twice",
        {**INTEGER, "maximum": 5},
        {**INTEGER, "allOf": [{"maximum": 9}, {"maximum": 5}]},
    ),
    ("every multiple of 1", INTEGER, {**INTEGER, "multipleOf": 1}),
    (
        "order of alternatives",
        {"type": "object", **EITHER},
        {"type": "object", "anyOf": [{"required": ["b"]}, {"required": ["a"]}]},
    ),
    ("limits of other types", STRING, {**STRING, "maxItems": 3, "maximum": 3}),
]


@pytest.mark.parametrize(
    ("one", "other"), [row[1:] for row in SAME], ids=[row[0].replace(" ", "-") for row in SAME]
)
def test_equal_meaning_is_no_change(one: Schema, other: Schema) -> None:
    assert found(one, other) == []
    assert found(other, one) == []


def test_what_every_object_has_is_no_field_of_the_schema() -> None:
    bare = {"type": "object", "properties": {"spec": obj()}}
    assert compare_schemas(root(obj()), bare) == []
    assert compare_schemas(bare, {**root(obj()), "required": ["apiVersion", "kind"]}) == []
    whole: Schema = {"type": "object", "x-kubernetes-embedded-resource": True}
    assert found({**whole, "properties": {"kind": STRING}}, {**whole, "properties": {}}) == []


def test_names_of_objects_can_be_limited() -> None:
    named = root(obj())
    short = {"type": "object", "properties": {"name": {**STRING, "maxLength": 20}}}
    limited = {**named, "properties": {**named["properties"], "metadata": short}}
    (change,) = compare_schemas(named, limited)
    assert (change.path, change.level) == ("metadata.name", WARNS)


HITS: list[tuple[Schema, Schema, str]] = [
    (obj(a=STRING), obj(), "that set spec.x.a"),
    (obj(a=STRING), obj(("a",), a=STRING), "with spec.x but without spec.x.a"),
    (INTEGER, {**INTEGER, "maximum": 5}, "whose spec.x is more than 5"),
    (INTEGER, {**INTEGER, "minimum": 5}, "whose spec.x is less than 5"),
    (array(STRING), array(STRING, minItems=1), "whose spec.x is empty"),
    (array(STRING), array(STRING, maxItems=3), "with more than 3 items in spec.x"),
    ({**STRING, "enum": ["a", "b", "c"]}, {**STRING, "enum": ["b"]}, "whose spec.x is a or c"),
    (INT_OR_STRING, INTEGER, "that set spec.x to a string"),
    (STRING, {**STRING, "default": "a"}, "with spec but without spec.x"),
    (rule("self == oldSelf"), {"type": "object"}, ""),
    (
        {"type": "object"},
        rule("self == oldSelf"),
        "that are updated so that spec.x breaks the rule",
    ),
    (obj(), obj(a=STRING), ""),
]


@pytest.mark.parametrize(("old", "new", "hits"), HITS)
def test_hits_tell_which_objects(old: Schema, new: Schema, hits: str) -> None:
    (change,) = compare_schemas(root(obj(x=old)), root(obj(x=new)))
    assert change.hits == hits


def test_messages_have_no_paths() -> None:
    """So that the same change at several places has the same message."""
    for _, old, new, _, path, _ in CHANGES:
        for change in compare_schemas(root(obj(x=old)), root(obj(x=new))):
            assert change.message
            assert path not in change.message


def test_paths() -> None:
    assert field("", "spec") == "spec"
    assert field("spec.limits", "nvidia.com/gpu") == "spec.limits['nvidia.com/gpu']"
    assert segments("a.b[].c['d.e/f'].g[*]") == ["a", "b[]", "c['d.e/f']", "g[*]"]
    assert [parent_of(p) for p in ("a.b", "a", "a.b[]", "a['b.c']", "a[*].b")] == [
        *("a", "", "a.b", "a", "a[*]")
    ]
    assert phrase("with {parent} but without {path}", "spec") == "without spec"


def test_described_fields_are_counted() -> None:
    assert described_fields(obj(a=array(obj(b=STRING)), c=MAP)) == 5


def test_the_worst_level() -> None:
    assert worst([]) is FINE
    assert worst([FINE, WARNS]) is WARNS
    assert worst([WARNS, BREAKS, FINE]) is BREAKS
