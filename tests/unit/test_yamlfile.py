"""YAML in and out: nothing changes its type or its value on the way."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rebase import yamlfile
from rebase.errors import TreeError
from rebase.objects import parse_render

TEXT = st.text(
    st.one_of(
        st.sampled_from(" \n\t:#-'\"{}[]&*!|>%@,=~yn0123456789.eE+_"),
        st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Cn", "Co", "Zl", "Zp")),
    ),
    max_size=30,
)
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**53), 2**53), TEXT),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(TEXT.filter(bool), inner, max_size=4)
    ),
    max_leaves=10,
)


@given(st.dictionaries(TEXT.filter(bool), JSON, max_size=4))
def test_what_is_written_is_read(data: dict[str, object]) -> None:
    assert yamlfile.load(yamlfile.dump(data), "x") == data
    assert yamlfile.load(yamlfile.dump_readable(data), "x") == data


@pytest.mark.parametrize(
    "text",
    [
        *("1e3", "12e45", "1E+10", "-1.5e3", "0o17", "0x1F", "1_000", "017", "1.5", ".5", "+1"),
        *("0b1", ".inf", ".nan", "y", "n", "Y", "N", "yes", "no", "on", "off", "true", "null"),
        *("~", "2024-01-01", "1:30", ""),
    ],
)
def test_a_string_is_a_string_to_every_reader(text: str) -> None:
    """Kubernetes reads YAML in Go, which takes more words for numbers and booleans than PyYAML."""
    for written in (yamlfile.dump({"a": text}), yamlfile.dump_readable({"a": text})):
        assert re.fullmatch(r"a: ('.*'|\".*\")\n", written), written


@pytest.mark.parametrize("text", ["abc", "v1.2", "1.2.3", "e3", "yes-no", "8080m", "1Gi", "10s"])
def test_plain_words_stay_plain(text: str) -> None:
    assert yamlfile.dump({"a": text}) == f"a: {text}\n"


@pytest.mark.parametrize(
    ("text", "value"),
    [("2024-01-01", "2024-01-01"), ("=", "="), ("1", 1), ("true", True), ("'1'", "1")],
)
def test_what_kubernetes_reads(text: str, value: object) -> None:
    assert yamlfile.load(f"a: {text}", "x") == {"a": value}


def test_lines_are_blocks_and_never_folded() -> None:
    data = {"data": {"a": '{\n  "b": 1\n}', "long": "word " * 100 + "end"}}
    for text in (yamlfile.dump(data), yamlfile.dump_readable(data)):
        assert "  a: |-\n    {\n" in text
        assert "word " * 100 + "end\n" in text


def test_a_readable_block_even_where_lines_end_in_spaces() -> None:
    text = yamlfile.dump_readable({"data": {"a": '{ \n  "b": 1\n}\n'}})
    assert '  a: |\n    { \n      "b": 1\n    }\n' in text


def test_keys_keep_their_order() -> None:
    assert yamlfile.dump({"b": 1, "a": {"z": 1, "c": 2}}) == "b: 1\na:\n  z: 1\n  c: 2\n"


@pytest.mark.parametrize("text", ["a: [", "a: b: c", "\tx", "a: 1\n---\nb: 2\n", "!!python/x {}"])
def test_what_is_not_one_document(text: str) -> None:
    with pytest.raises(TreeError, match=r"params\.yaml: not valid YAML: .+"):
        yamlfile.load(text, "params.yaml")


def test_a_problem_has_its_line() -> None:
    with pytest.raises(TreeError, match=r"\(line 3\)"):
        yamlfile.load("a: 1\nb: 2\nc: d: e\n", "x")


def test_streams_without_empty_documents() -> None:
    assert yamlfile.load_all("---\na: 1\n---\n---\nb: 2\n", "x") == [{"a": 1}, {"b": 2}]
    with pytest.raises(TreeError):
        yamlfile.load_all("a: 1\n---\nb: [", "x")


VALUES = st.text("ab \n-#:", max_size=12)


@given(st.lists(VALUES, min_size=1, max_size=4))
def test_a_render_comes_apart_where_its_documents_end(values: list[str]) -> None:
    data = [
        {"kind": "A", "apiVersion": "v1", "metadata": {"name": "a"}, "value": value}
        for value in values
    ]
    stream = "---\n".join(yamlfile.dump(one) for one in data)
    assert [obj.data for obj in parse_render(stream, "x")] == data
    assert [obj.data for obj in parse_render("---\n" + stream, "x")] == data


def test_newlines_at_the_end_of_a_document_belong_to_it() -> None:
    """Go's writers end a document in a text's own newlines, with `|+`."""
    head = "apiVersion: v1\nkind: A\nmetadata: {name: a}\n"
    stream = head + "z: |+\n  x\n\n\n---\n" + head + "z: |+\n  y\n\n"
    assert [obj.data["z"] for obj in parse_render(stream, "x")] == ["x\n\n\n", "y\n\n"]


def test_lines_of_dashes_in_texts_are_no_separators() -> None:
    data = {"kind": "A", "apiVersion": "v1", "metadata": {"name": "a"}, "b": "x\n---\ny\n"}
    (obj,) = parse_render(yamlfile.dump(data), "x")
    assert obj.data == data


def test_nothing_renders_to_nothing() -> None:
    assert list(yamlfile.split_documents("")) == []
    assert list(yamlfile.split_documents("\n---\n\n")) == []
