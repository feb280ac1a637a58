"""Random schemas: equal ones have no change, and nothing that gets refused goes untold.

The oracle for the second is jsonschema, which knows nothing of how we compare.
"""

import random
from collections.abc import Callable
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from rebase import yamlfile
from rebase.compare.levels import Level, worst
from rebase.compare.meaning import Schema, meaning
from rebase.compare.schema_change import SchemaChange
from rebase.compare.schemas import compare_schemas
from unit.test_compare_schemas import INT_OR_STRING, PRESERVE, found, obj, root

BREAKS, FINE = Level.BREAKS, Level.FINE

NAMES = st.sampled_from(["a", "b", "description", "x.y/z"])


def _optional(**keywords: st.SearchStrategy[Any]) -> st.SearchStrategy[Schema]:
    return st.fixed_dictionaries({}, optional=keywords)


def _typed(kind: str, **keywords: st.SearchStrategy[Any]) -> st.SearchStrategy[Schema]:
    return _optional(nullable=st.booleans(), **keywords).map(lambda more: {"type": kind, **more})


SMALL = st.integers(0, 4)
LEAVES = st.one_of(
    _typed(
        "string",
        enum=st.lists(st.sampled_from(["", "a", "aa", "b"]), min_size=1, unique=True),
        minLength=SMALL,
        maxLength=SMALL,
        pattern=st.sampled_from(["^a", "b$"]),
    ),
    _typed("integer", minimum=SMALL, maximum=SMALL, exclusiveMaximum=st.booleans()),
    _typed("number", minimum=SMALL, maximum=SMALL, multipleOf=st.sampled_from([1, 2, 4])),
    _typed("boolean"),
    st.just(INT_OR_STRING),
    st.just({PRESERVE: True}),
)


def _objects(inner: st.SearchStrategy[Schema]) -> st.SearchStrategy[Schema]:
    @st.composite
    def made(draw: st.DrawFn) -> Schema:
        fields = draw(st.dictionaries(NAMES, inner, max_size=3))
        schema: Schema = {"type": "object", "properties": fields}
        schema |= draw(_optional(**{PRESERVE: st.booleans(), "maxProperties": SMALL}))
        if fields:
            schema["required"] = draw(st.lists(st.sampled_from(sorted(fields)), unique=True))
        return schema

    return made()


def _nested(inner: st.SearchStrategy[Schema]) -> st.SearchStrategy[Schema]:
    lists = _typed("array", minItems=SMALL, maxItems=SMALL)
    return st.one_of(
        _objects(inner),
        st.builds(lambda one, more: {**more, "items": one}, inner, lists),
        inner.map(lambda one: {"type": "object", "additionalProperties": one}),
    )


SCHEMAS = st.recursive(LEAVES, _nested, max_leaves=6)
SHUFFLED = {"required", "enum", "anyOf", "allOf", "oneOf"}


def rewritten(value: Any, shuffle: Callable[[list[Any]], None], *, named: bool = False) -> Any:
    """The same schema, its keys and sets in another order, and said what goes without saying."""
    if not isinstance(value, dict):
        return value
    keys = list(value)
    shuffle(keys)
    made = {}
    for keyword in keys:
        inner = value[keyword]
        if keyword in SHUFFLED and not named:
            inner = [rewritten(one, shuffle) for one in inner]
            shuffle(inner)
        elif isinstance(inner, dict):
            inner = rewritten(inner, shuffle, named=keyword == "properties" and not named)
        elif isinstance(inner, int) and not isinstance(inner, bool):
            inner = float(inner)
        made[keyword] = inner
    if named:
        return made
    unsaid = {"nullable": False, PRESERVE: False, "minLength": 0, "description": "text"}
    for keyword, absent in unsaid.items():
        if keyword not in made:
            made[keyword] = absent
        elif made[keyword] == absent:
            del made[keyword]
    return made


@settings(deadline=None)
@given(SCHEMAS, st.randoms(use_true_random=False), st.booleans())
def test_a_schema_written_differently_is_the_same(
    schema: Schema, source: random.Random, flow: bool
) -> None:
    written = rewritten(schema, source.shuffle)
    style = '"' if flow else None
    text = yaml.safe_dump(written, default_flow_style=flow, default_style=style, width=20)
    other = yamlfile.load(text, "text")
    assert found(schema, other) == []
    assert found(other, schema) == []
    assert meaning(schema) == meaning(other)


@settings(deadline=None)
@given(SCHEMAS, SCHEMAS)
def test_an_added_field_is_fine(one: Schema, field_schema: Schema) -> None:
    old = root(obj(x=one))
    new = root(obj(x=one, added=field_schema))
    (change,) = compare_schemas(old, new)
    assert change == SchemaChange("field-added", "spec.added", FINE, change.message)
    (change,) = compare_schemas(new, old)
    assert (change.id, change.path, change.level) == ("field-removed", "spec.added", BREAKS)


def closed(schema: Schema) -> Schema:
    """A schema for jsonschema that refuses what the API server would drop, and takes no more."""
    made = {key: value for key, value in schema.items() if not key.startswith(("x-", "nullable"))}
    if schema.get("x-kubernetes-int-or-string"):
        return {"type": ["integer", "string"]}
    for keyword in ("exclusiveMaximum", "exclusiveMinimum"):  # booleans in OpenAPI 3.0
        if made.pop(keyword, False) and keyword == "exclusiveMaximum" and "maximum" in made:
            made["exclusiveMaximum"] = made.pop("maximum")
    if "properties" in made:
        made["properties"] = {name: closed(one) for name, one in made["properties"].items()}
    if isinstance(made.get("items"), dict):
        made["items"] = closed(made["items"])
    if isinstance(made.get("additionalProperties"), dict):
        made["additionalProperties"] = closed(made["additionalProperties"])
    elif made.get("type") == "object" and not schema.get(PRESERVE):
        made["additionalProperties"] = False
    if schema.get("nullable"):
        return {"anyOf": [{"type": "null"}, made]}
    return made


def accepts(schema: Schema, value: Any) -> bool:
    return bool(jsonschema.Draft202012Validator(closed(schema)).is_valid(value))


def near(schema: Schema) -> st.SearchStrategy[Any]:
    """Values that a schema may take, so that most of them are worth a look."""
    kind = schema.get("type")
    if kind == "object":
        fields = {name: near(one) for name, one in (schema.get("properties") or {}).items()}
        required = {name: fields.pop(name) for name in schema.get("required") or ()}
        made: st.SearchStrategy[Any] = st.fixed_dictionaries(required, optional=fields)
        if isinstance(schema.get("additionalProperties"), dict):
            made = st.dictionaries(NAMES, near(schema["additionalProperties"]), max_size=3)
        elif schema.get(PRESERVE):
            more = st.dictionaries(NAMES, SCALARS, max_size=2)
            made = st.builds(lambda one, other: {**other, **one}, made, more)
    elif kind == "array":
        made = st.lists(near(schema.get("items", {})), max_size=4)
    elif kind == "string":
        made = st.text("ab", max_size=4)
    elif kind == "integer":
        made = st.integers(-1, 5)
    elif kind == "number":
        made = st.sampled_from([-1, 0, 0.5, 1, 2, 3, 4, 5])
    elif kind == "boolean":
        made = st.booleans()
    else:
        made = SCALARS
    return st.one_of(st.none(), made) if schema.get("nullable") else made


SCALARS = st.one_of(st.integers(-1, 5), st.text("ab", max_size=3), st.booleans())


@settings(deadline=None, max_examples=300)
@given(st.data())
def test_what_is_no_longer_taken_is_told(data: st.DataObject) -> None:
    """No silence: an object that the old schema took and the new one does not has a line."""
    old = data.draw(SCHEMAS, "old")
    changed = st.one_of(SCHEMAS, st.just(old), mutations(old))
    new = data.draw(changed, "new")
    value = data.draw(near(old), "value")
    if accepts(old, value) and not accepts(new, value):
        levels = [level for _, _, level in found(old, new)]
        assert worst(levels) is not FINE, (old, new, value)


@st.composite
def mutations(draw: st.DrawFn, schema: Schema) -> Schema:
    """A schema with one of its keywords, at any depth, taken away or drawn anew."""
    keyword = draw(st.sampled_from(sorted(schema)))
    inner = schema[keyword]
    if keyword == "properties" and inner:
        name = draw(st.sampled_from(sorted(inner)))
        if draw(st.booleans()):
            return {**schema, keyword: {key: inner[key] for key in inner if key != name}}
        return {**schema, keyword: {**inner, name: draw(mutations(inner[name]))}}
    if keyword in ("items", "additionalProperties") and isinstance(inner, dict):
        return {**schema, keyword: draw(mutations(inner))}
    if keyword == "required" and schema["properties"]:
        fields = sorted(schema["properties"])
        return {**schema, keyword: draw(st.lists(st.sampled_from(fields), unique=True))}
    if isinstance(inner, int) and not isinstance(inner, bool):
        return {**schema, keyword: draw(st.integers(1, 4))}
    if keyword in ("type", "anyOf", "properties", "x-kubernetes-int-or-string"):
        return schema
    if keyword == PRESERVE and "type" not in schema:
        return {"type": "string"}
    return {key: value for key, value in schema.items() if key != keyword}
