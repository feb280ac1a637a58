"""What must be true of a tree before it may ship; every finding is told, not the first one."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from rebase import release, retired, yamlfile
from rebase.adapt import apis, certificates
from rebase.adapt.context import FOREIGN_NAMESPACES
from rebase.adapt.namespaces import CLUSTER_SCOPED, cluster_scoped_by_crd, referenced_services
from rebase.errors import CheckError, ToolError
from rebase.model import NAMESPACE, Identity
from rebase.objects import KubeObject, deep_strings, images, parse_render
from rebase.reference import is_pinned
from rebase.tools.kustomize import Kustomize

VARIABLE = re.compile(r"\$\([\w.-]+\)")
# Where Kubernetes itself expands $(NAME), and scripts hold shell of their own.
EXPANDED_BY_KUBERNETES = re.compile(r"(?:^|\.)(?:args|command|env)\[\d+\](?:\.value)?$")


@dataclass(frozen=True)
class Finding:
    """Something that is wrong: a stable id, where, and what."""

    id: str
    where: str
    message: str

    def __str__(self) -> str:
        return f"{self.id}: {self.where}: {self.message}"


@dataclass(frozen=True)
class RenderedDirectory:
    """A directory as a device will see it."""

    directory: str
    objects: tuple[KubeObject, ...]


def render_directories(
    root: Path, directories: Iterable[str], kustomize: Kustomize, known: Mapping[str, KubeObject]
) -> list[RenderedDirectory]:
    """Render directories as MicroShift does at its start.

    Args:
        known: objects by their exact text, which need no second parse.

    Raises:
        CheckError: one does not render.
    """
    names = list(directories)

    def build(directory: str) -> RenderedDirectory:
        text = _build(root, directory, kustomize)
        return RenderedDirectory(directory, tuple(parse_render(text, directory, known)))

    with ThreadPoolExecutor(max_workers=max(1, len(names))) as pool:
        return list(pool.map(build, names))


def _build(root: Path, directory: str, kustomize: Kustomize) -> str:
    try:
        return kustomize.build(root / directory)
    except ToolError as error:
        finding = Finding("render", directory, "kustomize cannot render it")
        details = [line.replace(f"{root}/", "") for line in error.details]
        raise CheckError("the result does not render", details=[str(finding), *details]) from None


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
    directories = list(rendered)
    own = [obj for directory in directories for obj in directory.objects]
    cluster = Cluster([*own, *(obj for directory in needed for obj in directory.objects)])
    findings: list[Finding] = []
    for directory in directories:
        for obj in directory.objects:
            for check_id, path, message in _problems(obj, cluster):
                where = f"{directory.directory}: {obj}" + (f": {path}" if path else "")
                findings.append(Finding(check_id, where, message))
    findings += _duplicates(cluster.objects)
    findings += _release_info(own, infos)
    return findings


def check_deletions(
    root: Path, directory: str, kustomize: Kustomize, shipped: Iterable[RenderedDirectory]
) -> list[Finding]:
    """Every finding about the list of what MicroShift deletes at every start, before it applies.

    People may add to it; this holds for them as well.

    Raises:
        CheckError: it does not render.
    """
    identities = {obj.identity for rendered in shipped for obj in rendered.objects}
    findings: list[Finding] = []
    for document in yamlfile.load_all(_build(root, directory, kustomize), directory):
        name = release.parse_object_name(document | document["metadata"])
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


def refuse(findings: Iterable[Finding]) -> None:
    """Raises: CheckError: naming every finding, when there is one."""
    found = [str(finding) for finding in findings]
    if found:
        raise CheckError(
            f"the result is not fit to ship: {len(found)} findings; nothing was written",
            details=found,
        )


Problem = tuple[str, str, str]  # id, path in the object, message


def _problems(obj: KubeObject, cluster: Cluster) -> Iterator[Problem]:
    yield from _image_problems(obj)
    yield from _variable_problems(obj)
    yield from _namespace_problems(obj, cluster)
    yield from _api_problems(obj, cluster)
    yield from _certificate_problems(obj, cluster)


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


def _release_info(objects: list[KubeObject], infos: Mapping[str, bytes]) -> Iterator[Finding]:
    """The infos together name exactly the images that are used."""
    used = {text for obj in objects for _, text in deep_strings(obj) if is_pinned(text)}
    listed: set[str] = set()
    for name, data in sorted(infos.items()):
        named = set(json.loads(data)["images"].values())
        listed |= named
        for reference in sorted(named - used):
            yield Finding("release-info", f"{release.DIRECTORY}/{name}", f"{reference} is not used")
    for reference in sorted(used - listed):
        yield Finding("release-info", release.DIRECTORY, f"{reference} is used but not listed")
