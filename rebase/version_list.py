"""The versions of a repository in words, and as JSON."""

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

from packaging.version import Version

from rebase.versions import Here, Newer, Release, Stream, Versions


def lines(versions: Versions, stream: Stream, *, everything: bool = False) -> Iterator[str]:
    """The versions, oldest first, then what is newer than here; one line each, no markup.

    Args:
        stream: that a rebase is to stay on.
        everything: every version with every tag, not only what comes after here.
    """
    shown = list(versions.releases if everything else _in_question(versions))
    rows = [
        (str(release.version), _tags(release, everything), _mark(release, versions))
        for release in shown
    ]
    widths = [max((len(row[column]) for row in rows), default=0) for column in (0, 1)]
    for version, tags, mark in rows:
        yield f"  {version:<{widths[0]}}  {tags:<{widths[1]}}  {mark}".rstrip()
    if everything and versions.others:
        yield f"no versions: {', '.join(versions.others)}"
    else:
        yield from _unseen(len(versions.releases) - len(shown), len(versions.others))
    yield from _conclusion(versions)
    newest = versions.newest(stream)
    if newest:
        yield f"next: rhoai-rebase {versions.reference(newest)}"


def as_json(versions: Versions, stream: Stream) -> dict[str, Any]:
    """All that is known, for scripts."""
    here = versions.here
    newest = versions.newest(stream)
    return {
        "repository": versions.repository,
        "here": {"version": here.text, "tag": here.tag or None, "moved": here.moved}
        if here.text
        else None,
        "stream": stream.value,
        "newest": _newer_as_json(versions, newest) if newest else None,
        "newer": [_newer_as_json(versions, one) for one in versions.newer],
        "versions": [
            {
                "version": str(release.version),
                "tags": [tag.name for tag in release.tags],
                "moving": release.moving,
                "pre_release": release.version.is_prerelease,
            }
            for release in versions.releases
        ],
        "others": list(versions.others),
    }


def _newer_as_json(versions: Versions, newer: Newer) -> dict[str, str]:
    return {
        "version": newer.version,
        "tag": newer.tag,
        "stream": newer.stream.value,
        "reference": versions.reference(newer),
    }


def _in_question(versions: Versions) -> Iterable[Release]:
    """Here, what is newer on its z-stream, and the newest of every later one."""
    here = versions.here
    newer = {one.tag: one for one in versions.newer}

    def z_stream(release: Release) -> tuple[int, int]:
        return release.version.major, release.version.minor

    for _, group in groupby(versions.releases, z_stream):
        later = []
        for release in group:
            found = next((newer[tag.name] for tag in release.tags if tag.name in newer), None)
            if _is_here(release, here) or (found and found.stream is Stream.Z):
                yield release
            elif found:
                later.append(release)
        yield from later[-1:]


def _is_here(release: Release, here: Here) -> bool:
    return str(release.version) == str(here.version) or release.has(here.tag)


def _tags(release: Release, everything: bool) -> str:
    if everything or len(release.tags) < 3:
        return ", ".join(tag.name for tag in release.tags)
    return f"{release.tag.name} and {len(release.tags) - 1} more"


def _mark(release: Release, versions: Versions) -> str:
    here, marks = versions.here, []
    if str(release.version) == str(here.version):
        marks.append("here")
    if release.moving:
        marks.append("moves")
    if release.has(here.tag):
        marks.append(f"{here.tag} was read" + (", is another image now" if here.moved else ""))
    for newer in versions.newer:
        if here.version and release.has(newer.tag) and newer.tag != here.tag:
            marks.append(f"newer {_on(newer.stream, here.version)}")
    if release.version.is_prerelease:
        marks.append("pre-release")
    return ", ".join(marks)


def _on(stream: Stream, here: Version) -> str:
    major, minor = here.major, here.minor
    return {Stream.Z: f"on {major}.{minor}.z", Stream.Y: f"on {major}.y"}.get(stream, "elsewhere")


def _unseen(versions: int, others: int) -> Iterator[str]:
    if versions or others:
        yield f"not shown (--all does): other versions, {versions}; tags that are none, {others}"


def _conclusion(versions: Versions) -> Iterator[str]:
    here = versions.here
    if here.version is None:
        yield f"here: {here.text}, which is on no stream" if here.text else "here: no rebase yet"
        newest = versions.newest(Stream.ALL)
        yield f"newest: {newest.version}" if newest else "newest: none"
        return
    yield f"here: {here.text}" + (f", from {here.tag}" if here.tag else "")
    if here.moved:
        yield f"{here.tag}, which the last rebase read, is another image now"
    elif here.tag and not versions.has(here.tag):
        yield f"{here.tag}, which the last rebase read, is not there any more"
    for stream in Stream:
        newest = versions.newest_only_on(stream)
        text = "none"
        if newest:
            text = f"{here.tag} again" if newest.tag == here.tag else newest.version
        yield f"newer {_on(stream, here.version)}: {text}"
