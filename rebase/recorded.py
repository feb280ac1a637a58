"""A tree against its own record: what people edited, what is gone, what nobody knows."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from posixpath import normpath

from rebase import assets, kustomization, release, retired, yamlfile
from rebase.checks import RenderedDirectory
from rebase.errors import TreeError
from rebase.findings import Finding
from rebase.kustomization import DirectoryFiles
from rebase.objects import strings
from rebase.project import FILE, Project
from rebase.reference import digest_of, repository_of
from rebase.release import Before
from rebase.sbom import is_sbom, read_keys, sbom_name

IDS = (
    *("edited", "missing-file", "unrecorded-file", "not-listed", "image-differs"),
    *("release-info-differs", "sbom", "override"),
)
# Infix of the files in release/ → the directories that they are about.
PARTS = {"": assets.CORE_DIRECTORIES, "llm-d-": (assets.LLM_D,)}
ASSETS = (*assets.CORE_DIRECTORIES, assets.LLM_D, retired.DIRECTORY)


def check_files(root: Path, before: Before) -> Iterator[Finding]:
    """Generated files against the record's list of them."""
    for path, file in sorted(before.files.items()):
        try:
            data = (root / path).read_bytes()
        except FileNotFoundError:
            yield Finding("missing-file", path, f"the record has it, with {file.holds}")
            continue
        if release.sha256(data) != file.sha256:
            ours = assets.is_generated(data)
            lost = (
                "the next rebase replaces it" if ours else "its header is gone: rebases will stop"
            )
            yield Finding("edited", path, f"it is not what the rebase wrote; {lost}")
    lists = f"{retired.DIRECTORY}/{retired.LIST}"
    for directory in ASSETS:
        for found in sorted((root / directory).rglob("*")):
            path = found.relative_to(root).as_posix()
            if path in before.files or path == lists or not found.is_file():
                continue
            if assets.is_generated(found.read_bytes()):
                yield Finding("unrecorded-file", path, "it is generated, but not by this rebase")
    yield from _unlisted(root, before)


def _unlisted(root: Path, before: Before) -> Iterator[Finding]:
    files = DirectoryFiles(root)
    for directory in ASSETS:
        path = kustomization.find(files, directory)
        if path is None:
            continue
        try:
            content = yamlfile.load(files.read(path) or b"", path)
        except TreeError:  # kustomize says so too
            continue
        resources = content.get("resources") if isinstance(content, dict) else None
        listed = {
            normpath(f"{directory}/{item}")
            for item in (resources if isinstance(resources, list) else ())
        }
        for file in sorted(before.files):
            if file.startswith(f"{directory}/") and file not in listed and (root / file).is_file():
                yield Finding("not-listed", file, f"{path} does not list it, so it does not ship")


def check_release(root: Path, before: Before) -> Iterator[Finding]:
    """Release infos, SBOMs and the lists of what is deleted: all of them follow from the record."""
    expected: set[str] = set()
    for infix, directories in PARTS.items():
        if not any(path.startswith(f"{one}/") for path in before.files for one in directories):
            continue
        for architecture in before.architectures:
            images = images_of(before, directories, architecture)
            for name, check in (
                (release.info_name(architecture, infix), _info),
                (sbom_name(architecture, infix), _sbom),
            ):
                path = f"{release.DIRECTORY}/{name}"
                expected.add(path)
                if (root / path).is_file():
                    yield from check(path, (root / path).read_bytes(), before, images)
                else:
                    yield Finding("missing-file", path, f"it belongs to RHOAI {before.version}")
    for file in sorted((root / release.DIRECTORY).glob("*")):
        path = file.relative_to(root).as_posix()
        if (release.is_info(file.name) or is_sbom(file.name)) and path not in expected:
            yield Finding("unrecorded-file", path, "the record has no such part or architecture")


def images_of(before: Before, directories: tuple[str, ...], architecture: str) -> dict[str, str]:
    """key → reference of what files in directories use, on an architecture, by the record."""
    found: dict[str, str] = {}
    for key, reference in before.images.items():
        there = key not in before.sizes or architecture in before.sizes[key]
        for path in before.used_by[key]:
            only = before.files[path].architectures if path in before.files else ()
            for_it = not only or architecture in only
            if there and for_it and path.rpartition("/")[0] in directories:
                found[key] = reference
    return found


def _info(path: str, data: bytes, before: Before, images: Mapping[str, str]) -> Iterator[Finding]:
    try:
        info = release.parse_info(data)
    except ValueError:  # the check of release infos says so too
        return
    if info.version != before.version:
        message = f"release.base is {info.version}; the record has {before.version}"
        yield Finding("release-info-differs", path, message)
    for key in sorted(info.images.keys() | images.keys()):
        found, expected = info.images.get(key), images.get(key)
        if found != expected:
            message = (
                f"it is missing; the record has {expected}"
                if found is None
                else f"{found}; the record has {expected or 'no such key here'}"
            )
            yield Finding("release-info-differs", f"{path}: {key}", message)


def _sbom(path: str, data: bytes, _: Before, images: Mapping[str, str]) -> Iterator[Finding]:
    expected: dict[str, set[str]] = {}
    for key, reference in images.items():
        name = f"{repository_of(reference)}@{digest_of(reference)}"
        expected.setdefault(name, set()).add(key)
    try:
        found = read_keys(json.loads(data)["components"])
    except (AttributeError, KeyError, TypeError, ValueError):
        yield Finding("sbom", path, "it cannot be read")
        return
    for name in sorted(found.keys() | expected.keys()):
        if found.get(name) != expected.get(name):
            what = "lacks" if name not in found else "has" if name not in expected else "misnames"
            yield Finding("sbom", path, f"it {what} {name}")


def check_deletions(root: Path) -> Iterator[Finding]:
    """The lists of what is deleted against the history that they are made from.

    Raises:
        UsageError: the history cannot be read.
    """
    history = retired.read_history(root)
    for path, expected in (
        (f"{retired.DIRECTORY}/{retired.LIST}", retired.deletions(history)),
        (retired.CUSTOM_LIST, retired.custom_deletions(history)),
    ):
        file = root / path
        if (file.read_bytes() if file.is_file() else None) != expected:
            wanted = "something else" if file.is_file() and expected else "it"
            verb = "does not ask for" if expected is None else "asks for"
            yield Finding("deletions-differ", path, f"{retired.HISTORY} {verb} {wanted}")


def check_images(before: Before, rendered: Mapping[str, RenderedDirectory]) -> Iterator[Finding]:
    """Objects that use another image than the record has for them, though one that ships."""
    texts = {
        f"{directory}: {obj}": "\n".join(text for _, text in strings(obj.data))
        for directory, one in rendered.items()
        for obj in one.objects
    }
    everything = "\n".join(texts.values())
    for key, reference in before.images.items():
        if reference not in everything:
            continue  # then the release info names what nothing uses, which is told
        users: dict[str, list[str]] = {}  # by the name that the record knows a user by
        for path in before.used_by[key]:
            if path in before.files:
                users.setdefault(str(before.files[path].holds), []).append(path)
        for name, paths in users.items():
            places = [f"{path.rpartition('/')[0]}: {name}" for path in paths]
            if not any(reference in texts.get(place, reference) for place in places):
                message = f"it does not use {reference}, which the record has for {key}"
                yield Finding("image-differs", paths[0], message)


def check_overrides(before: Before, project: Project) -> Iterator[Finding]:
    """What people chose in rhoai-rebase.toml against what the record was made with."""
    for key, override in project.images.items():
        used = before.overrides.get(key)
        if used != override.reference:
            message = f"{override.reference}; the record was made with {used or 'none'}"
            yield Finding("override", f"{FILE}: images.{key}", message)
    for key in before.configured:
        if key not in project.images:
            message = "it is gone; the record was made with it"
            yield Finding("override", f"{FILE}: images.{key}", message)
