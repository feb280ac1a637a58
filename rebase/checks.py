"""What must be true of a tree before it may ship; every finding is told, not the first one."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from rebase import assets, release, retired, yamlfile
from rebase.adapt import apis, certificates
from rebase.adapt.context import FOREIGN_NAMESPACES
from rebase.adapt.namespaces import CLUSTER_SCOPED, cluster_scoped_by_crd, referenced_services
from rebase.errors import CheckError, ToolError, TreeError
from rebase.findings import Finding, Sifted, Waiver, sift
from rebase.model import NAMESPACE, Identity
from rebase.objects import KubeObject, deep_strings, images, parse_render
from rebase.reference import is_pinned
from rebase.tools.kustomize import Build

VARIABLE = re.compile(r"\$\([\w.-]+\)")
# Where Kubernetes itself expands $(NAME), and scripts hold shell of their own.
EXPANDED_BY_KUBERNETES = re.compile(r"(?:^|\.)(?:args|command|env)\[\d+\](?:\.value)?$")
EXPLAIN_HINT = "`rhoai-rebase check --explain ID` tells what a finding means and what to do"

Parts = Mapping[tuple[str, ...], Mapping[str, bytes]]
"""Directories that ship together → their release infos, by file name."""


@dataclass(frozen=True)
class RenderedDirectory:
    """A directory as a device will see it.

    Attributes:
        problems: why some of it, or all, cannot be seen.
    """

    directory: str
    objects: tuple[KubeObject, ...]
    problems: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class Checked:
    """A tree as devices will see it, and what is wrong with it."""

    rendered: Mapping[str, RenderedDirectory]
    findings: tuple[Finding, ...]


def check_tree(
    root: Path,
    parts: Parts,
    build: Build,
    known: Mapping[str, KubeObject] = MappingProxyType({}),
) -> Checked:
    """Render what ships as a device will, and find everything that is wrong with it.

    The core stands alone; any other part has the core beside it.

    Args:
        known: objects by their exact text, which need no second parse.
    """
    directories = [directory for part in parts for directory in part]
    rendered = {one.directory: one for one in render_directories(root, directories, build, known)}
    core = [rendered[name] for name in assets.CORE_DIRECTORIES if name in rendered]
    findings = [finding for one in rendered.values() for finding in one.problems]
    for part, infos in parts.items():
        own = [rendered[directory] for directory in part]
        findings += check(own, infos, [one for one in core if one not in own])
    if (root / retired.DIRECTORY / assets.KUSTOMIZATION).is_file():
        findings += check_deletions(root, retired.DIRECTORY, build, rendered.values())
    return Checked(rendered, tuple(findings))


def render_directories(
    root: Path, directories: Iterable[str], build: Build, known: Mapping[str, KubeObject]
) -> list[RenderedDirectory]:
    """Render directories as MicroShift does at its start; what does not render says why."""
    names = list(directories)

    def render(directory: str) -> RenderedDirectory:
        try:
            text = build(root / directory)
        except ToolError as error:
            return RenderedDirectory(directory, (), (_cannot_render(root, directory, error),))
        objects, problems = _parse(text, directory, known)
        return RenderedDirectory(directory, objects, problems)

    with ThreadPoolExecutor(max_workers=max(1, len(names))) as pool:
        return list(pool.map(render, names))


def _cannot_render(root: Path, directory: str, error: ToolError) -> Finding:
    details = "; ".join(error.details) or error.message
    message = f"kustomize cannot render it: {details}".replace(f"{root}/", "")
    return Finding("render", directory, message)


def _parse(
    text: str, directory: str, known: Mapping[str, KubeObject]
) -> tuple[tuple[KubeObject, ...], tuple[Finding, ...]]:
    """The objects of a render; where some are none, each with what is wrong with it."""
    try:
        return tuple(parse_render(text, directory, known)), ()
    except TreeError:
        pass
    objects: list[KubeObject] = []
    problems: list[Finding] = []
    for document in yamlfile.split_documents(text):
        try:
            objects += parse_render(document, directory, known)
        except TreeError as error:
            said = error.message.removeprefix(f"{directory}: ")
            message = ": ".join(filter(None, (said, "; ".join(error.details))))
            problems.append(Finding("malformed", directory, message))
    return tuple(objects), tuple(problems)


class Cluster:
    """The objects of every directory together, looked up by what the checks ask for."""

    def __init__(self, objects: Iterable[KubeObject]) -> None:
        self.objects = list(objects)
        self.cluster_scoped = CLUSTER_SCOPED | cluster_scoped_by_crd(self.objects)
        self.groups = apis.MICROSHIFT_GROUPS | apis.defined_groups(self.objects)
        self.services = {obj.name: obj for obj in self.objects if obj.kind == "Service"}


def check(
    rendered: Iterable[RenderedDirectory],
    infos: Mapping[str, bytes],
    needed: Iterable[RenderedDirectory] = (),
) -> list[Finding]:
    """Every finding about directories that ship together.

    Args:
        infos: their release infos, by file name.
        needed: the directories of other parts that are there whenever these are.
    """
    directories, beside = list(rendered), list(needed)
    own = [obj for directory in directories for obj in directory.objects]
    cluster = Cluster([*own, *(obj for directory in beside for obj in directory.objects)])
    whole = not any(directory.problems for directory in (*directories, *beside))
    problems = _problems if whole else _problems_alone
    findings: list[Finding] = []
    for directory in directories:
        for obj in directory.objects:
            for check_id, path, message in problems(obj, cluster):
                where = f"{directory.directory}: {obj}" + (f": {path}" if path else "")
                findings.append(Finding(check_id, where, message))
    findings += _duplicates(cluster.objects)
    findings += _release_info(own if whole else None, infos)
    return findings


def check_deletions(
    root: Path, directory: str, build: Build, shipped: Iterable[RenderedDirectory]
) -> list[Finding]:
    """Every finding about the list of what MicroShift deletes at every start, before it applies.

    People may add to it; this holds for them as well.
    """
    identities = {obj.identity for rendered in shipped for obj in rendered.objects}
    try:
        documents = yamlfile.load_all(build(root / directory), directory)
    except ToolError as error:
        return [_cannot_render(root, directory, error)]
    except TreeError as error:
        return [Finding("malformed", directory, error.message)]
    findings: list[Finding] = []
    for document in documents:
        try:
            name = release.object_name_of(document)
        except (KeyError, TypeError):
            message = "the render holds something that names no object"
            findings.append(Finding("malformed", directory, message))
            continue
        where = f"{directory}: {name}"
        if name.identity in identities:
            findings.append(Finding("deletes-shipped", where, "it ships: each start would lose it"))
        if retired.holds_others(name):
            findings.append(
                Finding("deletes-users", where, "the users' objects would be deleted with it")
            )
        elif retired.is_custom(name):
            message = f"{name.group} may be missing at a first start, which would wait for it"
            findings.append(Finding("deletes-custom", where, message))
    return findings


def refuse(findings: Iterable[Finding], waivers: Sequence[Waiver] = ()) -> Sifted:
    """Raises: CheckError: naming every finding, when there is one that no waiver lets pass."""
    sifted = sift(findings, waivers)
    if sifted.open:
        count = f"{len(sifted.open)} finding{'s' if len(sifted.open) > 1 else ''}"
        raise CheckError(
            f"the result is not fit to ship: {count}; nothing was written",
            details=[str(finding) for finding in sifted.open],
            hint=EXPLAIN_HINT,
        )
    return sifted


Problem = tuple[str, str, str]  # id, path in the object, message


def _problems(obj: KubeObject, cluster: Cluster) -> Iterator[Problem]:
    yield from _problems_alone(obj, cluster)
    yield from _namespace_problems(obj, cluster)
    yield from _api_problems(obj, cluster)
    yield from _certificate_problems(obj, cluster)


def _problems_alone(obj: KubeObject, _: Cluster) -> Iterator[Problem]:
    """What can be told of an object whatever is beside it."""
    yield from _image_problems(obj)
    yield from _variable_problems(obj)


def _image_problems(obj: KubeObject) -> Iterator[Problem]:
    """Every image is registry/repository@sha256:…, and no placeholder is left."""
    for path, value in images(obj):
        if not is_pinned(value):
            yield "image-not-pinned", path, f"{value} is not registry/repository@sha256:…"


def _variable_problems(obj: KubeObject) -> Iterator[Problem]:
    """No `$(…)` is left that only kustomize could have replaced."""
    for path, text in deep_strings(obj):
        found = VARIABLE.search(text)
        if found and not EXPANDED_BY_KUBERNETES.search(path):
            yield "variable-left", path, f"kustomize left {found[0]} in it"


def _namespace_problems(obj: KubeObject, cluster: Cluster) -> Iterator[Problem]:
    """Everything, and everything that is referred to, is in our namespace."""
    own = obj.name if obj.kind == "Namespace" else obj.namespace
    if (obj.kind == "Namespace" or obj.kind not in cluster.cluster_scoped) and own != NAMESPACE:
        yield "foreign-namespace", "", f"is in {own or 'no namespace'}, not in {NAMESPACE}"
    for path, text in deep_strings(obj):
        if path.lower().endswith("namespace") and text in FOREIGN_NAMESPACES:
            yield "foreign-namespace", path, f"says {text}"
    for service in referenced_services(obj):
        if service.get("namespace") not in {NAMESPACE, *FOREIGN_NAMESPACES}:
            yield "foreign-namespace", f"service {service.get('name')}", "is in another namespace"


def _api_problems(obj: KubeObject, cluster: Cluster) -> Iterator[Problem]:
    """Its API is on MicroShift, or defined by a CRD that ships."""
    if obj.group not in cluster.groups:
        yield "unknown-api", "", f"{obj.group} is neither on MicroShift nor defined by a CRD here"


def _certificate_problems(obj: KubeObject, cluster: Cluster) -> Iterator[Problem]:
    """What calls a webhook gets its CA, and the webhook its certificate, from service-ca."""
    services = referenced_services(obj)
    if services and obj.annotations.get(certificates.INJECT_CABUNDLE) != "true":
        yield "no-ca", "", f"no {certificates.INJECT_CABUNDLE}, so nothing fills in its CA"
    for reference in services:
        service = cluster.services.get(str(reference.get("name")))
        if service is None:
            yield "no-service", "", f"calls the Service {reference.get('name')}, which is missing"
        elif not service.annotations.get(certificates.SERVING_CERT):
            yield "no-certificate", "", f"{service} has no {certificates.SERVING_CERT}"


def _duplicates(everything: list[KubeObject]) -> Iterator[Finding]:
    seen: set[Identity] = set()
    for obj in everything:
        if obj.identity in seen:
            yield Finding("duplicate", str(obj), "ships twice")
        seen.add(obj.identity)


def _release_info(
    objects: list[KubeObject] | None, infos: Mapping[str, bytes]
) -> Iterator[Finding]:
    """The infos together name exactly the images that are used, and each by its digest.

    Args:
        objects: None where not all of them are known.
    """
    used = {text for obj in objects or () for _, text in deep_strings(obj) if is_pinned(text)}
    listed: set[str] = set()
    readable = True
    for name, data in sorted(infos.items()):
        where = f"{release.DIRECTORY}/{name}"
        try:
            info = release.parse_info(data)
        except ValueError as error:
            yield Finding("release-info", where, f"it cannot be read: {error}")
            readable = False
            continue
        for key, value in info.images.items():
            if not is_pinned(value):
                message = f"{value} is not registry/repository@sha256:…"
                yield Finding("image-not-pinned", f"{where}: {key}", message)
        named = {value for value in info.images.values() if is_pinned(value)}
        listed |= named
        for reference in sorted(named - used if objects is not None else ()):
            yield Finding("release-info", where, f"{reference} is not used")
    for reference in sorted(used - listed if readable else ()):
        yield Finding("release-info", release.DIRECTORY, f"{reference} is used but not listed")
