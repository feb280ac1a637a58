"""Tags as versions: how they sort, which are newer than here, and on which stream."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rebase.errors import UsageError
from rebase.reference import ImageName
from rebase.release import NOTHING, Before
from rebase.version_list import as_json, lines
from rebase.versions import Here, Stream, Versions, parse, repository_for, sort

REPOSITORY = "registry.example.com/rhoai/bundle"
TAGS = (
    *("latest", "sha256-ab12.sig", "v2.25.11-1738000000-source", "1738000000"),
    *("v2.24.0", "v2.25", "v2.25.9", "v2.25.10", "v2.25.11", "v2.25.11-1738000000"),
    *("v2.25.11-1739000000", "v2.25.12", "v2.25.13", "v2.26.0", "v2.26.1", "v2.27.0-rc1"),
    *("v3.4.0-ea.1", "v3.4.0", "v3.5", "v3.5.0"),
)


def before(version: str | None = "2.25.11", bundle: str = f"{REPOSITORY}:v2.25.11") -> Before:
    return dataclasses.replace(NOTHING, version=version, bundle=bundle, digest="sha256:b")


def here(version: str, tag: str = "", *, moved: bool = False) -> Here:
    return Here(version, parse(version), tag, moved)


def versions(*tags: str, at: Here, early: bool = False) -> Versions:
    return Versions(REPOSITORY, *sort(tags), at, early)


def newer(found: Versions) -> list[str]:
    return [f"{one.stream.value} {one.tag}" for one in found.newer]


# Order


def test_tags_sort_as_versions_and_builds_belong_to_theirs() -> None:
    releases, others = sort(TAGS)
    assert [(str(one.version), [tag.name for tag in one.tags]) for one in releases] == [
        ("2.24.0", ["v2.24.0"]),
        ("2.25", ["v2.25"]),
        ("2.25.9", ["v2.25.9"]),
        ("2.25.10", ["v2.25.10"]),
        ("2.25.11", ["v2.25.11", "v2.25.11-1738000000", "v2.25.11-1739000000"]),
        ("2.25.12", ["v2.25.12"]),
        ("2.25.13", ["v2.25.13"]),
        ("2.26.0", ["v2.26.0"]),
        ("2.26.1", ["v2.26.1"]),
        ("2.27.0rc1", ["v2.27.0-rc1"]),
        ("3.4.0a1", ["v3.4.0-ea.1"]),
        ("3.4.0", ["v3.4.0"]),
        ("3.5", ["v3.5"]),
        ("3.5.0", ["v3.5.0"]),
    ]
    assert others == ("1738000000", "latest", "sha256-ab12.sig", "v2.25.11-1738000000-source")
    assert [str(one.version) for one in releases if one.moving] == ["2.25", "3.5"]


@pytest.mark.parametrize(
    ("tags", "tag"),
    [
        (["v3.4.0", "v3.4.0-1", "v3.4.0-2"], "v3.4.0"),
        (["v3.4.0-9", "v3.4.0-10"], "v3.4.0-10"),
        (["3.4.0"], "3.4.0"),
    ],
)
def test_the_tag_of_a_version_is_its_own_else_that_of_its_newest_build(
    tags: list[str], tag: str
) -> None:
    ((release,), _) = sort(tags)
    assert release.tag.name == tag
    assert not release.moving


def test_a_build_of_two_numbers_does_not_move() -> None:
    ((release,), _) = sort(["v2.26-1738000000"])
    assert not release.moving


@pytest.mark.parametrize(
    "text",
    ["", "latest", "v3", "20250101", "sha256-ab12.sig", "v3.4.0-source", "3.4.0-demo", "v3.4.x"],
)
def test_what_is_no_version(text: str) -> None:
    assert parse(text) is None


@pytest.mark.parametrize(
    "in_order",
    [
        ["2.9.0", "2.16.0", "v2.25.9", "v2.25.10", "v3.0.0"],
        ["v3.4.0-ea1", "v3.4.0-ea.2", "v3.4.0-rc1", "v3.4.0-rc.2", "v3.4.0", "v3.4.0-1738"],
        ["2.25.11", "2.25.11.1", "2.25.12"],
    ],
)
def test_order(in_order: list[str]) -> None:
    releases, others = sort(reversed(in_order))
    assert [tag.name for release in releases for tag in release.tags] == in_order
    assert not others


NUMBERS = st.lists(st.integers(0, 30), min_size=2, max_size=4)
VERSION = st.builds(
    lambda v, numbers, rest: v + ".".join(map(str, numbers)) + rest,
    st.sampled_from(["", "v"]),
    NUMBERS,
    st.sampled_from(["", "", "-1738000000", "-rc1", "-ea.2", "-rc1-7", "-source", ".sig"]),
)
ANY_TAGS = st.lists(st.one_of(VERSION, st.from_regex(r"\A[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}\Z")))


@given(ANY_TAGS)
def test_every_tag_is_somewhere_once_whatever_the_order(tags: list[str]) -> None:
    releases, others = sort(tags)
    told = [tag.name for release in releases for tag in release.tags] + list(others)
    assert sorted(told) == sorted(set(tags))
    assert sort(reversed(tags)) == (releases, others)
    order = [release.version for release in releases]
    assert order == sorted(order)
    assert len(set(map(str, order))) == len(order)


@given(st.lists(NUMBERS), NUMBERS)
def test_newer_is_a_greater_version_on_the_stream(
    all_numbers: list[list[int]], at: list[int]
) -> None:
    def text(numbers: list[int]) -> str:
        return ".".join(map(str, numbers))

    def padded(numbers: list[int]) -> list[int]:
        return numbers + [0] * (4 - len(numbers))

    found = versions(*map(text, all_numbers), at=here(text(at)))
    later = [one for one in all_numbers if padded(one) > padded(at)]
    for stream, same in ((Stream.Z, 2), (Stream.Y, 1), (Stream.ALL, 0)):
        on_stream = [padded(one) for one in later if one[:same] == at[:same]]
        newest = found.newest(stream)
        assert (newest is None) == (not on_stream)
        if newest:
            assert padded([int(n) for n in newest.tag.split(".")]) == max(on_stream)


# What is newer


def test_streams() -> None:
    found = versions(*TAGS, at=here("2.25.11", "v2.25.11"))
    assert newer(found) == [
        *("z v2.25.12", "z v2.25.13", "y v2.26.0", "y v2.26.1"),
        *("all v3.4.0", "all v3.5", "all v3.5.0"),
    ]
    newest = {stream: found.newest(stream) for stream in Stream}
    assert {stream.value: one and one.tag for stream, one in newest.items()} == {
        "z": "v2.25.13",
        "y": "v2.26.1",
        "all": "v3.5.0",
    }


def test_pre_releases_are_newer_on_demand() -> None:
    tags = ("v3.4.0", "v3.5.0-ea.1", "v3.5.0-rc1")
    assert newer(versions(*tags, at=here("3.4.0"))) == []
    assert newer(versions(*tags, at=here("3.4.0"), early=True)) == [
        *("y v3.5.0-ea.1", "y v3.5.0-rc1"),
    ]
    assert newer(versions("v3.5.0-ea.1", "v3.5.0", at=here("3.5.0-ea.1"))) == ["z v3.5.0"]


def test_a_build_is_newer_than_the_build_that_was_read() -> None:
    tags = ("v2.25.11", "v2.25.11-5", "v2.25.11-7")
    assert newer(versions(*tags, at=here("2.25.11", "v2.25.11-5"))) == ["z v2.25.11-7"]
    assert newer(versions(*tags, at=here("2.25.11", "v2.25.11-7"))) == []
    assert newer(versions(*tags, at=here("2.25.11", "v2.25.11"))) == []
    assert newer(versions(*tags, at=here("2.25.11"))) == []


def test_a_tag_that_moved_is_newer_than_nothing_else() -> None:
    at = here("2.25.11", "v2.25", moved=True)
    found = versions("v2.25", at=at)
    assert newer(found) == ["z v2.25"]
    assert newer(versions("v2.25", "v2.25.12", at=at)) == ["z v2.25", "z v2.25.12"]
    text = list(lines(found, Stream.Z))
    assert "v2.25, which the last rebase read, is another image now" in text
    assert "newer on 2.25.z: v2.25 again" in text
    assert text[-1] == f"next: rhoai-rebase {REPOSITORY}:v2.25"


def test_without_a_rebase_everything_is_newer_on_no_stream() -> None:
    for at in (Here("", None), Here("3.4.0-demo", None)):
        found = versions("v2.25", "v3.5.0", at=at)
        assert newer(found) == ["all v2.25", "all v3.5.0"]
        assert found.newest(Stream.Y) is None
        assert found.newest(Stream.ALL) is not None


# Words


def test_the_list_is_what_matters_here() -> None:
    found = versions(*TAGS, at=here("2.25.11", "v2.25"))
    assert list(lines(found, Stream.Y)) == [
        "  2.25     v2.25                moves, v2.25 was read",
        "  2.25.11  v2.25.11 and 2 more  here",
        "  2.25.12  v2.25.12             newer on 2.25.z",
        "  2.25.13  v2.25.13             newer on 2.25.z",
        "  2.26.1   v2.26.1              newer on 2.y",
        "  3.4.0    v3.4.0               newer elsewhere",
        "  3.5.0    v3.5.0               newer elsewhere",
        "not shown (--all does): other versions, 7; tags that are none, 4",
        "here: 2.25.11, from v2.25",
        "newer on 2.25.z: 2.25.13",
        "newer on 2.y: 2.26.1",
        "newer elsewhere: 3.5.0",
        f"next: rhoai-rebase {REPOSITORY}:v2.26.1",
    ]


def test_the_whole_list_has_every_tag() -> None:
    text = "\n".join(lines(versions(*TAGS, at=here("2.25.11")), Stream.Y, everything=True))
    assert all(tag in text for tag in TAGS)
    assert "not shown" not in text


@pytest.mark.parametrize(
    ("at", "said"),
    [
        (Here("", None), ["here: no rebase yet", "newest: 3.5.0"]),
        (Here("3.4.0-demo", None), ["here: 3.4.0-demo, which is on no stream", "newest: 3.5.0"]),
        (
            here("3.5.0", "v3.5.0-gone"),
            [
                "here: 3.5.0, from v3.5.0-gone",
                "v3.5.0-gone, which the last rebase read, is not there any more",
                *("newer on 3.5.z: none", "newer on 3.y: none", "newer elsewhere: none"),
            ],
        ),
    ],
)
def test_what_is_said_of_here(at: Here, said: list[str]) -> None:
    text = list(lines(versions(*TAGS, at=at), Stream.Y))
    assert text[-len(said) :] == said


def test_a_repository_without_a_version() -> None:
    assert list(lines(versions("latest", at=here("2.25.11")), Stream.ALL)) == [
        "not shown (--all does): other versions, 0; tags that are none, 1",
        *("here: 2.25.11", "newer on 2.25.z: none", "newer on 2.y: none", "newer elsewhere: none"),
    ]


def test_json_has_everything() -> None:
    found = as_json(versions(*TAGS, at=here("2.25.11", "v2.25")), Stream.Z)
    assert found["here"] == {"version": "2.25.11", "tag": "v2.25", "moved": False}
    assert found["newest"] == {
        "version": "2.25.13",
        "tag": "v2.25.13",
        "stream": "z",
        "reference": f"{REPOSITORY}:v2.25.13",
    }
    told = [tag for release in found["versions"] for tag in release["tags"]] + found["others"]
    assert sorted(told) == sorted(TAGS)
    assert [one["version"] for one in found["versions"] if one["pre_release"]] == [
        *("2.27.0rc1", "3.4.0a1"),
    ]
    nothing = as_json(versions(at=Here("", None)), Stream.Y)
    assert (nothing["here"], nothing["newest"], nothing["versions"]) == (None, None, [])


# Which repository


@pytest.mark.parametrize(
    "bundle",
    [
        f"{REPOSITORY}:v2.25",
        f"{REPOSITORY}@sha256:{'0' * 64}",
        f"{REPOSITORY}:v2.25@sha256:{'0' * 64}",
        REPOSITORY,
    ],
)
def test_the_repository_of_the_last_rebase(bundle: str) -> None:
    assert repository_for(None, before(bundle=bundle)) == ImageName("docker", REPOSITORY)


@pytest.mark.parametrize(
    "named", ["localhost:5000/a/b", "docker://localhost:5000/a/b", "docker:localhost:5000/a/b"]
)
def test_a_repository_that_is_named(named: str) -> None:
    assert repository_for(named, NOTHING).short == "localhost:5000/a/b"


@pytest.mark.parametrize(
    ("named", "last", "told"),
    [
        (None, NOTHING, "which repository. no rebase yet"),
        (
            None,
            before(bundle="oci:bundle:image"),
            "the last rebase read oci:bundle:image",
        ),
        (None, before(bundle="containers-storage:a/b:1"), "read containers-storage:a/b:1"),
        ("oci:bundle:image", NOTHING, "not in a registry"),
        (f"{REPOSITORY}:v2.25", NOTHING, "is an image; its repository is needed"),
        (f"docker://{REPOSITORY}@sha256:{'0' * 64}", NOTHING, "its repository is needed"),
    ],
)
def test_what_is_no_repository(named: str | None, last: Before, told: str) -> None:
    with pytest.raises(UsageError, match=told) as caught:
        repository_for(named, last)
    assert caught.value.hint
