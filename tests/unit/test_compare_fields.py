"""Fields compared by paths: what moved within a list is no change, all else is told once."""

import copy
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rebase.compare.fields import FieldChange, field_changes

NONE: list[FieldChange] = []


def told(old: Any, new: Any) -> list[tuple[str, str | None, str | None]]:
    """As `field_changes`; and the other way round it is the same with its sides swapped."""
    there = [(one.path, one.old, one.new) for one in field_changes(old, new)]
    back = [(one.path, one.new, one.old) for one in field_changes(new, old)]
    assert sorted(map(repr, there)) == sorted(map(repr, back))
    return there


def test_fields_come_go_and_change() -> None:
    old = {"spec": {"gone": "x", "kept": 1, "changed": True}}
    new = {"spec": {"kept": 1, "changed": False, "came": None}}
    assert told(old, new) == [
        ("spec.came", None, "null"),
        ("spec.changed", "true", "false"),
        ("spec.gone", "x", None),
    ]


def test_a_key_with_dots_or_slashes_is_in_brackets() -> None:
    old = {"metadata": {"labels": {"app.kubernetes.io/part-of": "a", "plain": "a"}}}
    new = {"metadata": {"labels": {"app.kubernetes.io/part-of": "b", "plain": "b"}}}
    assert [path for path, _, _ in told(old, new)] == [
        "metadata.labels.plain",
        "metadata.labels[app.kubernetes.io/part-of]",
    ]
    assert told({"a.b": 1}, {"a.b": 2}) == [("[a.b]", "1", "2")]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({"a": {"b": 1}}, {"a.b": 1}),
        ({"a": {"b[c]": 1}}, {"a": {"b": [{"name": "c", "x": 1}]}}),
        ({"": 1}, {}),
        ({"a": {"": 1}}, {"a": {}}),
    ],
)
def test_keys_are_not_mixed_up(old: Any, new: Any) -> None:
    assert told(old, new)


# Lists


@pytest.mark.parametrize(
    "key", ["name", "key", "mountPath", "containerPort", "port", "type", "kind"]
)
def test_items_are_told_by_what_names_them(key: str) -> None:
    old = {"items": [{key: "a", "v": 1}, {key: "b", "v": 1}]}
    new = {"items": [{key: "b", "v": 2}, {key: "a", "v": 1}]}
    assert told(old, new) == [("items[b].v", "1", "2")]


def test_items_that_come_and_go() -> None:
    old = {"env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]}
    new = {"env": [{"name": "C", "value": "3"}, {"name": "A", "value": "1"}]}
    assert told(old, new) == [("env[B].value", "2", None), ("env[C].value", None, "3")]


def test_items_in_items() -> None:
    def pod(image: str) -> dict[str, Any]:
        return {"containers": [{"name": "manager", "image": image, "env": [{"name": "A"}]}]}

    assert told(pod("a"), pod("b")) == [("containers[manager].image", "a", "b")]


def test_an_item_that_is_only_a_name() -> None:
    assert told({"env": []}, {"env": [{"name": "A"}]}) == [("env[A].name", None, "A")]
    assert told({"env": [{"name": "A"}]}, {}) == [("env[A].name", "A", None)]


def test_an_item_that_is_no_longer_only_a_name() -> None:
    """Its name is what it was."""
    old = {"env": [{"name": "A"}]}
    assert told(old, {"env": [{"name": "A", "value": "1"}]}) == [("env[A].value", None, "1")]


def test_sides_that_have_other_keys_in_their_items() -> None:
    """The key is one that both sides have: a port that got a name is still that port."""
    old = {"ports": [{"port": 80, "protocol": "TCP"}]}
    new = {"ports": [{"port": 80, "protocol": "TCP", "name": "http"}]}
    assert told(old, new) == [("ports[80].name", None, "http")]


def test_names_that_are_not_unique_on_one_side() -> None:
    """Then they are told by another key, or by their places; nothing gets lost."""
    old = {"ports": [{"name": "a", "port": 1}, {"name": "b", "port": 2}]}
    new = {"ports": [{"name": "a", "port": 1}, {"name": "a", "port": 2}]}
    assert told(old, new) == [("ports[2].name", "b", "a")]
    old = {"rules": [{"name": "a", "v": 1}, {"name": "b", "v": 2}]}
    new = {"rules": [{"name": "a", "v": 1}, {"name": "a", "v": 2}]}
    assert told(old, new) == [("rules[1].name", "b", "a")]


def test_items_without_a_common_key_are_told_by_their_places() -> None:
    old = {"rules": [{"verbs": ["get"]}, {"verbs": ["list"]}]}
    new = {"rules": [{"verbs": ["get"]}, {"verbs": ["watch"]}, {"verbs": ["get"]}]}
    assert told(old, new) == [
        ("rules[1].verbs[]", "list", None),
        ("rules[1].verbs[]", None, "watch"),
        ("rules[2].verbs", None, "get"),
    ]


def test_lists_of_lists_and_mixed_ones() -> None:
    assert told({"a": [[1], [2]]}, {"a": [[1], [3]]}) == [
        ("a[1][]", "2", None),
        ("a[1][]", None, "3"),
    ]
    assert told({"a": [1, {"b": 2}]}, {"a": [1, {"b": 3}]}) == [("a[1].b", "2", "3")]


def test_values_that_come_and_go_in_a_list() -> None:
    old, new = {"args": ["--a", "--b", "--b", "--c"]}, {"args": ["--d", "--b", "--a"]}
    assert told(old, new) == [
        ("args[]", "--b", None),
        ("args[]", "--c", None),
        ("args[]", None, "--d"),
    ]


def test_values_in_another_order_are_told_as_a_whole() -> None:
    assert told({"args": ["--a", "--b"]}, {"args": ["--b", "--a"]}) == [
        ("args", "--a, --b", "--b, --a")
    ]


def test_a_list_of_values_that_came() -> None:
    assert told({}, {"args": ["a", "b"]}) == [("args", None, "a, b")]
    assert told({"args": []}, {"args": ["a"]}) == [("args[]", None, "a")]
    assert told({"args": "a"}, {"args": ["a"]}) == [("args", '"a"', '["a"]')]


# Empty values, and types


def test_empty_values_and_nothing_are_not_the_same() -> None:
    values: list[Any] = [None, "", {}, [], 0, False]
    for old in values:
        assert told({"a": old}, {})
        for new in values:
            assert bool(told({"a": old}, {"a": new})) is (old is not new)


def test_something_in_what_was_empty() -> None:
    """`emptyDir: {}` does not go when it gets a field."""
    assert told({"emptyDir": {}}, {"emptyDir": {"medium": "Memory"}}) == [
        ("emptyDir.medium", None, "Memory")
    ]
    assert told({"a": []}, {"a": [{"name": "b", "c": 1}]}) == [("a[b].c", None, "1")]
    assert told({"volumes": [{"name": "a", "emptyDir": {}}]}, {"volumes": []}) == [
        ("volumes[a].emptyDir", "{}", None)
    ]


@pytest.mark.parametrize(
    ("old", "new", "shown"),
    [
        ("true", True, ('"true"', "true")),
        ("1", 1, ('"1"', "1")),
        ("null", None, ('"null"', "null")),
        (1, True, ("1", "true")),
        (1, 1.0, ("1", "1.0")),
        ("1", 2, ("1", "2")),
        ("{}", {}, ('"{}"', "{}")),
    ],
)
def test_a_value_of_another_type(old: Any, new: Any, shown: tuple[str, str]) -> None:
    """Quotes are there where nothing else would tell."""
    assert told({"a": old}, {"a": new}) == [("a", *shown)]


def test_values_of_other_types_in_a_list() -> None:
    assert told({"a": ["1", "x"]}, {"a": [1, "x"]}) == [("a[]", '"1"', None), ("a[]", None, "1")]
    assert told({"a": ["1", 1]}, {"a": [1, "1"]}) == [("a", '["1", 1]', '[1, "1"]')]
    assert told({"a": ["1"]}, {"a": [2]}) == [("a[]", "1", None), ("a[]", None, "2")]


def test_a_mapping_in_place_of_a_value() -> None:
    assert told({"a": "x"}, {"a": {"b": 1}}) == [("a", "x", None), ("a.b", None, "1")]
    assert told({"a": [1]}, {"a": {"b": 1}}) == [("a", "1", None), ("a.b", None, "1")]
    assert told({"a": [{"name": "b"}]}, {"a": "x"}) == [("a", None, "x"), ("a[b].name", "b", None)]


def test_anything_can_be_compared() -> None:
    assert told("a", "b") == [("", "a", "b")]
    assert told([1], [1, 2]) == [("[]", None, "2")]
    assert told({}, []) == [("", "{}", "[]")]


# Any values

KEYS = st.sampled_from(["a", "b", "name", "x.y/z", "", "[]"])
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(0, 2), st.sampled_from(["", "a", "1", "true", "{}"])
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(KEYS, inner, max_size=3),
        st.lists(
            st.fixed_dictionaries({"name": st.sampled_from("abc"), "v": inner}),
            max_size=3,
            unique_by=lambda item: item["name"],
        ),
    ),
    max_leaves=12,
)


def are_named(items: list[Any]) -> bool:
    named = all(isinstance(one, dict) and isinstance(one.get("name"), str | int) for one in items)
    return named and len({str(item["name"]) for item in items}) == len(items)


def normal(value: Any) -> Any:
    """Equal for values that differ in nothing but the order of keys and of named items."""
    if isinstance(value, dict):
        return {key: normal(inner) for key, inner in value.items()}
    if isinstance(value, list):
        items = sorted(value, key=lambda one: str(one["name"])) if are_named(value) else value
        return [normal(item) for item in items]
    return type(value).__name__, value


def shuffled(value: Any, dice: random.Random) -> Any:
    """Another order of keys and of named items."""
    if isinstance(value, dict):
        pairs = [(key, shuffled(inner, dice)) for key, inner in value.items()]
        dice.shuffle(pairs)
        return dict(pairs)
    if isinstance(value, list):
        items = [shuffled(item, dice) for item in value]
        if are_named(value):
            dice.shuffle(items)
        return items
    return value


@given(VALUES)
def test_equal_values_have_no_changes(value: Any) -> None:
    assert field_changes(value, copy.deepcopy(value)) == NONE


@given(VALUES, st.randoms(use_true_random=False))
def test_nothing_is_invented_for_another_order(value: Any, dice: random.Random) -> None:
    assert field_changes(value, shuffled(value, dice)) == NONE


@given(VALUES, VALUES)
def test_nothing_gets_lost_and_sides_can_be_swapped(old: Any, new: Any) -> None:
    changes = told(old, new)
    if normal(old) != normal(new):
        assert changes
    assert all(was != is_ for _, was, is_ in changes)
