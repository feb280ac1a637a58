"""Params files as kustomize reads them, and the markers that stand for their images."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rebase.errors import TreeError
from rebase.params import MARKER, Markers, Param, marked_value, parse_env, render_env
from unit.helpers import HEX, hex64, pinned

KEYS = st.from_regex(r"[A-Za-z_][A-Za-z0-9_.-]{0,10}", fullmatch=True)
VALUES = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z"))).map(str.strip)


@pytest.mark.parametrize(
    ("data", "values"),
    [
        (b"", {}),
        (b"a=b\n", {"a": "b"}),
        (b"a=b", {"a": "b"}),
        (b"a=b\r\nc=d\r\n", {"a": "b", "c": "d"}),
        (b"\xef\xbb\xbfa=b\n", {"a": "b"}),
        (b"# comment=1\n\n  \n   # more\na=b\n", {"a": "b"}),
        (b"a=b#c\n", {"a": "b#c"}),
        (b"a=b=c\n", {"a": "b=c"}),
        (b"a=\n", {"a": ""}),
        (b"  a=b  \n", {"a": "b"}),
        (b"a= b\n", {"a": " b"}),
        ("a=ü\n".encode(), {"a": "ü"}),
    ],
)
def test_parse_env(data: bytes, values: dict[str, str]) -> None:
    assert parse_env(data, "params.env") == values


def test_every_broken_line_is_told() -> None:
    with pytest.raises(TreeError, match=r"params.env: broken params file") as caught:
        parse_env(b"a=1\nno value\n\n=x\nb=1\na=2\nkey =x\n", "params.env")
    assert [line.partition(":")[0] for line in caught.value.details] == [
        "line 2",
        "line 4",
        "line 6",
        "line 7",
    ]
    assert "'no value' is not KEY=VALUE" in caught.value.details[0]
    assert "a is there twice" in caught.value.details[2]


def test_what_is_no_text_is_told() -> None:
    with pytest.raises(TreeError, match=r"params.env: not UTF-8"):
        parse_env(b"a=\xff\n", "params.env")


@given(st.dictionaries(KEYS, VALUES))
def test_what_is_written_is_read(values: dict[str, str]) -> None:
    assert parse_env(render_env(values), "params.env") == values


def param(key: str, value: str = "", file: str = "params.env") -> Param:
    return Param("kserve", file, key, value, overwritten=True)


def test_each_param_has_a_marker_of_its_own() -> None:
    params = [param(k, file=f) for k in ("a", "b", "ab") for f in ("x.env", "y.env", "bx.env")]
    markers = {one.marker for one in params}
    assert len(markers) == len(params)
    assert all(re.fullmatch("[0-9a-f]{64}", marker) for marker in markers)


@pytest.mark.parametrize(
    ("value", "before"),
    [
        ("quay.io/example/a:latest", "quay.io/example/a"),
        (pinned("a"), "registry.example.com/test/a"),
        ("registry.example.com:5000/a:1", "registry.example.com:5000/a"),
    ],
)
def test_an_image_is_marked(value: str, before: str) -> None:
    key = param("a")
    assert marked_value(key, value) == f"{before}@sha256:{key.marker}"


@pytest.mark.parametrize("value", ["", "managed", "true", "1.2.3"])
def test_words_are_not_marked(value: str) -> None:
    assert marked_value(param("a"), value) == value


PARAMS = [param(key) for key in ("one", "two", "three")]
DIGESTS = {PARAMS[0]: hex64("1"), PARAMS[1]: hex64("2")}
MARKERS = Markers(PARAMS, DIGESTS)
FRAGMENTS = st.one_of(
    st.text(max_size=20),
    st.sampled_from(["sha256:", "@sha256:" + hex64("foreign"), "image: "]),
    st.sampled_from([f"quay.io/example/x@sha256:{one.marker}" for one in PARAMS]),
    st.sampled_from([one.marker for one in PARAMS]),
    st.text(HEX, min_size=64, max_size=64).map("sha256:".__add__),
)


@given(st.lists(FRAGMENTS, max_size=12).map("".join))
def test_filling_changes_markers_digits_and_nothing_else(text: str) -> None:
    filled = MARKERS.fill(text)
    assert len(filled) == len(text)
    known = {one.marker: DIGESTS[one] for one in PARAMS[:2]}
    at = {match.start(): match[0] for match in MARKER.finditer(text) if match[0] in known}
    position = 0
    for start, marker in at.items():
        assert filled[position:start] == text[position:start]
        assert filled[start : start + 64] == known[marker]
        position = start + 64
    assert filled[position:] == text[position:]


@given(st.lists(FRAGMENTS, max_size=8).map("".join))
def test_filling_twice_is_filling_once(text: str) -> None:
    assert MARKERS.fill(MARKERS.fill(text)) == MARKERS.fill(text)


def test_markers_tell_which_params_a_text_holds() -> None:
    text = " ".join(f"quay.io/example/x@sha256:{one.marker}" for one in PARAMS[1:])
    assert MARKERS.in_text(text) == set(PARAMS[1:])
    assert MARKERS.in_text(pinned("other")) == set()
    assert MARKERS.in_text(MARKERS.fill(text)) == {PARAMS[2]}, "the unresolved one stays"
