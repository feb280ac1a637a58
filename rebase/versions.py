"""The versions of a bundle at its registry, and which of them are newer than the tree's.

Tags are versions as in `v2.25.11`, with the number of a build as in `v2.25.11-1738000000`, and
early ones as in `v3.4.0-rc1` and `v3.4.0-ea.1`. One of two numbers, `v2.25`, moves.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from itertools import groupby

from packaging.version import InvalidVersion, Version

from rebase.errors import UsageError
from rebase.image_reader import retrying
from rebase.model import RegistryOptions
from rebase.reference import ImageName, repository_of
from rebase.release import Before, is_demo
from rebase.reporter import Reporter
from rebase.tools.skopeo import ImageProxy, list_tags, opened

# Early access, which Python's versions know as alpha.
EARLY_ACCESS = re.compile(r"-ea(?=[-._]?[0-9]|$)")


class Stream(StrEnum):
    """How far from the tree's version another one is; each stream holds those before it."""

    Z = "z"  # the same major and minor
    Y = "y"  # the same major
    ALL = "all"


STREAMS = tuple(Stream)


def parse(text: str) -> Version | None:
    """A tag or a CSV's version as one that can be compared; None when it is none.

    A single number is a build or a day, and none either.
    """
    try:
        version = Version(EARLY_ACCESS.sub("-a", text))
    except InvalidVersion:
        return None
    return version if len(version.release) > 1 else None


@dataclass(frozen=True)
class Tag:
    """A tag that is a version; its `post` is the number of a build."""

    name: str
    version: Version


@dataclass(frozen=True)
class Release:
    """A version at the registry.

    Attributes:
        version: without the number of a build.
        tags: of it and its builds, oldest first.
    """

    version: Version
    tags: tuple[Tag, ...]

    @property
    def tag(self) -> Tag:
        """The tag to rebase to: the version's own, else its newest build's."""
        own = [tag for tag in self.tags if tag.version.post is None]
        return (own or list(self.tags))[-1]

    @property
    def moving(self) -> bool:
        """Is it a name for the newest of a stream?"""
        return len(self.version.release) == 2 and self.tag.version.post is None

    def has(self, name: str) -> bool:
        return any(tag.name == name for tag in self.tags)


@dataclass(frozen=True)
class Here:
    """What the last rebase read.

    Attributes:
        text: its version, as the CSV has it.
        version: None when it is on no stream, as the demo's.
        tag: by which it read it in this repository; "" when by none.
        moved: the tag is another image now.
    """

    text: str
    version: Version | None
    tag: str = ""
    moved: bool = False

    @property
    def build(self) -> int | None:
        """The number of the build, where the tag says it."""
        tag = parse(self.tag)
        if tag is None or self.version is None or _without_build(tag) != self.version:
            return None
        return tag.post

    def stream_of(self, version: Version | None) -> Stream:
        """The narrowest stream that a version is on."""
        if self.version is None or version is None or version.major != self.version.major:
            return Stream.ALL
        return Stream.Z if version.minor == self.version.minor else Stream.Y


NOWHERE = Here("", None)


@dataclass(frozen=True)
class Newer:
    """A version that is newer than here, or its tag's new image.

    Attributes:
        stream: the narrowest that it is on.
    """

    version: str
    tag: str
    stream: Stream


@dataclass(frozen=True)
class Versions:
    """What a repository has.

    Attributes:
        releases: oldest first.
        others: tags that are no versions.
        early: pre-releases count as newer.
    """

    repository: str
    releases: tuple[Release, ...]
    others: tuple[str, ...]
    here: Here = NOWHERE
    early: bool = False

    @cached_property
    def newer(self) -> tuple[Newer, ...]:
        """What is newer than here, on whatever stream, oldest first."""
        here, found = self.here, list[Newer]()
        if here.moved:
            found.append(Newer(here.text, here.tag, here.stream_of(here.version)))
        for release in self.releases:
            version, tag = release.version, release.tag
            if here.version == version and here.build is not None:
                tag = release.tags[-1]
                is_newer = (tag.version.post or 0) > here.build
            else:
                is_newer = here.version is None or version > here.version
            if is_newer and (self.early or not version.is_prerelease or version == here.version):
                found.append(Newer(str(version), tag.name, here.stream_of(version)))
        return tuple(found)

    def newest(self, stream: Stream) -> Newer | None:
        """The newest that is newer than here on a stream, and on those that it holds."""
        held = STREAMS[: STREAMS.index(stream) + 1]
        return next((one for one in reversed(self.newer) if one.stream in held), None)

    def newest_only_on(self, stream: Stream) -> Newer | None:
        """The same, but not on the streams that it holds."""
        return next((one for one in reversed(self.newer) if one.stream is stream), None)

    def has(self, tag: str) -> bool:
        return tag in self.others or any(release.has(tag) for release in self.releases)

    def reference(self, newer: Newer) -> str:
        """What to rebase to."""
        return f"{self.repository}:{newer.tag}"


def sort(names: Iterable[str]) -> tuple[tuple[Release, ...], tuple[str, ...]]:
    """The versions among tags, oldest first, and the tags that are none."""
    tags: list[Tag] = []
    others: list[str] = []
    for name in sorted(set(names)):
        version = parse(name)
        if version is None:
            others.append(name)
        else:
            tags.append(Tag(name, version))

    def release_of(tag: Tag) -> tuple[Version, str]:
        # v2.25 and v2.25.0 are equal, but the first is another one later on.
        version = _without_build(tag.version)
        return version, str(version)

    tags.sort(key=lambda tag: (*release_of(tag), tag.version, tag.name))
    releases = (Release(version, tuple(group)) for (version, _), group in groupby(tags, release_of))
    return tuple(releases), tuple(others)


def repository_for(named: str | None, before: Before) -> ImageName:
    """The repository that somebody named, else the one of the last rebase's bundle.

    Raises:
        UsageError: it is none of a registry.
    """
    if named is None:
        last = ImageName.parse(before.bundle)
        if before.version is not None and last.transport == "docker":
            return ImageName("docker", repository_of(last.rest))
        raise UsageError(
            "which repository? "
            + (f"the last rebase read {before.bundle}" if before.bundle else "no rebase yet"),
            hint="rhoai-rebase versions registry.redhat.io/rhoai/odh-operator-bundle, for instance",
        )
    name = ImageName.parse(named)
    if name.transport != "docker":
        raise UsageError(
            f"{named} is not in a registry; only a registry has tags", hint="name a repository"
        )
    repository = repository_of(name.rest)
    if repository != name.rest:
        raise UsageError(
            f"{named} is an image; its repository is needed",
            hint=f"leave out what comes after {repository}",
        )
    return name


def ask(
    repository: ImageName,
    before: Before,
    options: RegistryOptions,
    reporter: Reporter,
    *,
    early: bool = False,
) -> Versions:
    """What a repository has, and what of it is newer than the last rebase.

    Raises:
        ImageNotFoundError, RegistryAuthError, RegistryError: in skopeo's words.
        ToolError: skopeo is missing.
    """
    reporter.step(f"Asking for the tags of {repository.short}")
    tags = retrying(lambda: list_tags(repository, options))
    releases, others = sort(tags)
    here = _here(repository, before)
    if here.tag in tags:
        image = f"{repository.short}:{here.tag}"
        reporter.step(f"Asking for the digest of {image}")
        moved = _digest(ImageName("docker", image), options) != before.digest
        here = Here(here.text, here.version, here.tag, moved)
    return Versions(repository.short, releases, others, here, early)


def _here(repository: ImageName, before: Before) -> Here:
    if before.version is None:
        return NOWHERE
    version = None if is_demo(before.version) else parse(before.version)
    name = ImageName.parse(before.bundle)
    same = name.transport == "docker" and repository_of(name.rest) == repository.rest
    tag = "" if not same or "@" in name.rest else name.rest[len(repository.rest) + 1 :] or "latest"
    return Here(before.version, version and _without_build(version), tag)


def _digest(name: ImageName, options: RegistryOptions) -> str:
    """As a rebase would record it."""

    def ask() -> str:
        with ImageProxy(options) as proxy, opened(proxy, name) as image:
            return image.digest

    return retrying(ask)


def _without_build(version: Version) -> Version:
    early = "".join(map(str, version.pre or ()))
    dev = "" if version.dev is None else f".dev{version.dev}"
    return Version(".".join(map(str, version.release)) + early + dev)
