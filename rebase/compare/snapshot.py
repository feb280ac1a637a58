"""One side of a comparison: what a directory ships, whoever made it.

The directory is a tree of ours (assets/, release/), or the root of a device or an unpacked
package (usr/lib/microshift/manifests.d).
"""

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

from rebase import assets, kustomization, release, retired, sbom, yamlfile
from rebase.changes import edited
from rebase.compare.images import ImageFacts
from rebase.errors import CheckError, ToolError, TreeError, UsageError
from rebase.kustomization import DirectoryFiles
from rebase.model import PACKAGE, Identity, ObjectName
from rebase.objects import KubeObject, images
from rebase.release import Before, Info
from rebase.tools.kustomize import Build, Kustomize

KSERVE, RUNTIMES, LLM_D = PARTS = ("kserve", "runtimes", "llm-d")
TREE = {KSERVE: assets.KSERVE, RUNTIMES: assets.RUNTIMES, LLM_D: assets.LLM_D}
MANIFESTS_D = "usr/lib/microshift/manifests.d"
RELEASE_D = "usr/share/microshift/release"
SBOM_D = "usr/share"

Cache = dict[str, KubeObject]  # objects by their exact text: sides have most of theirs in common


@dataclass(frozen=True)
class Cost:
    """What rendering a part takes.

    Attributes:
        seconds: of CPU; None when it was not measured.
        peak_bytes: of memory; as `seconds`.
    """

    rendered_bytes: int
    seconds: float | None = None
    peak_bytes: int | None = None


@dataclass(frozen=True)
class Snapshot:
    """What one side ships.

    Attributes:
        name: as the user named it.
        parts: the ones that it has or could have: a package of the core has no llm-d to compare.
        objects: each with the part that it ships in.
        images: by key.
        costs: of rendering each part.
        record: of the rebase, where the side has one.
        deleted: what MicroShift is to delete at its start.
        edited: generated files that people have changed since the rebase.
    """

    name: str
    version: str = ""
    parts: frozenset[str] = frozenset(PARTS)
    objects: Mapping[Identity, tuple[str, KubeObject]] = field(default_factory=dict)
    images: Mapping[str, ImageFacts] = field(default_factory=dict)
    costs: Mapping[str, Cost] = field(default_factory=dict)
    record: Before = release.NOTHING
    deleted: frozenset[ObjectName] = frozenset()
    edited: tuple[str, ...] = ()

    def all_objects(self) -> list[KubeObject]:
        return [obj for _, obj in self.objects.values()]

    def only(self, parts: frozenset[str]) -> "Snapshot":
        """The same without the other parts, and without what only those have."""
        if parts >= self.parts:
            return self
        objects = {
            identity: (part, obj) for identity, (part, obj) in self.objects.items() if part in parts
        }
        used = {value for _, obj in objects.values() for _, value in images(obj)}
        directories = tuple(f"{TREE[part]}/" for part in parts)

        def is_used(key: str, image: ImageFacts) -> bool:
            if key in self.record.used_by:
                return any(path.startswith(directories) for path in self.record.used_by[key])
            return image.reference in used

        return replace(
            self,
            parts=self.parts & parts,
            objects=objects,
            images={key: image for key, image in self.images.items() if is_used(key, image)},
            costs={part: cost for part, cost in self.costs.items() if part in parts},
            deleted=self.deleted if KSERVE in parts else frozenset(),  # the core's package has it
            edited=tuple(path for path in self.edited if path.startswith(directories)),
        )


@dataclass(frozen=True)
class Rendered:
    """A side as kustomize has it.

    Attributes:
        directories: part → directory below the root.
        deletions: the directory with what is to be deleted.
        parts: what each renders, and what that takes.
    """

    root: Path
    name: str
    directories: Mapping[str, str]
    deletions: str
    parts: Mapping[str, tuple[str, Cost]]


def read_snapshot(
    root: Path,
    name: str,
    kustomize: Kustomize,
    cache: Cache,
    *,
    measured: bool = False,
    build: Build | None = None,
) -> Snapshot:
    """What a directory ships: rendered, then read.

    Args:
        build: renders in place of kustomize, where nothing is measured.

    Raises:
        UsageError, CheckError, TreeError: as these do.
    """
    return read(render(root, name, kustomize, measured=measured, build=build), cache)


def render(
    root: Path,
    name: str,
    kustomize: Kustomize,
    *,
    measured: bool = False,
    build: Build | None = None,
) -> Rendered:
    """What kustomize makes of a directory's parts.

    Args:
        build: as for `read_snapshot`.
        measured: tell what rendering costs, rendering one part after the other.

    Raises:
        UsageError: it ships nothing of ours.
        CheckError: a part does not render.
    """
    directories, deletions = _directories(root)
    if not directories:
        raise UsageError(
            f"{name} ships nothing of ours: no {assets.KSERVE}, no {MANIFESTS_D}/*-{PACKAGE}-*",
            hint="name a rebased tree, a package with manifests, or where one is installed",
        )

    def costing(directory: Path) -> tuple[str, Cost]:
        if measured:
            found = kustomize.measure(directory)
            cost = Cost(len(found.output), found.seconds, found.peak_bytes)
            return found.output.decode(), cost
        text = (build or kustomize.build)(directory)
        return text, Cost(len(text.encode()))

    def rendered(part: str) -> tuple[str, Cost]:
        try:
            return costing(root / directories[part])
        except ToolError as error:
            said = error.details or (error.message,)
            raise CheckError(
                f"{name}: {directories[part]} does not render",
                details=[line.replace(f"{root}/", "") for line in said],
            ) from None

    with ThreadPoolExecutor(max_workers=1 if measured else len(directories)) as pool:
        parts = dict(zip(directories, pool.map(rendered, directories), strict=True))
    return Rendered(root, name, directories, deletions, parts)


def read(rendered: Rendered, cache: Cache) -> Snapshot:
    """What a side ships, by what it renders and by the files beside that.

    Args:
        cache: grows; the same one for both sides saves parsing what they have in common.

    Raises:
        UsageError: its record cannot be read.
        TreeError: a part holds something that is no object.
    """
    root, name = rendered.root, rendered.name
    record = release.read_before(root)
    objects: dict[Identity, tuple[str, KubeObject]] = {}
    for part, (text, _) in rendered.parts.items():
        for obj in _parse(text, f"{name}: {rendered.directories[part]}", cache):
            objects[obj.identity] = (part, obj)
    version, found = _version_and_images(root, record)
    return Snapshot(
        name=name,
        version=version,
        parts=frozenset(PARTS if in_tree(root) else rendered.directories),
        objects=objects,
        images=found or _images_by_place(objects.values()),
        costs={part: cost for part, (_, cost) in rendered.parts.items()},
        record=record,
        deleted=_deleted(root, rendered.deletions),
        edited=edited(root, record),
    )


def ships(root: Path) -> bool:
    """Is anything of ours there to be read?"""
    return bool(_directories(root)[0])


def in_tree(root: Path) -> bool:
    """Is it a tree of ours, where every part can be, and not a device or a package?"""
    return not (root / MANIFESTS_D).is_dir()


def _directories(root: Path) -> tuple[dict[str, str], str]:
    """part → directory below the root; and the one with what is to be deleted."""
    if not in_tree(root):
        mark = f"-{PACKAGE}-"
        there = {
            directory.name.partition(mark)[2]: directory.relative_to(root).as_posix()
            for directory in sorted((root / MANIFESTS_D).glob(f"*{mark}*"))
            if directory.is_dir()
        }
        found = {part: there[part] for part in PARTS if part in there}  # others are the user's own
        return found, f"{MANIFESTS_D}/delete/010-{PACKAGE}"
    files = DirectoryFiles(root)
    found = {part: path for part, path in TREE.items() if kustomization.find(files, path)}
    return found, retired.DIRECTORY


def _parse(text: str, where: str, cache: Cache) -> Iterable[KubeObject]:
    for part in yamlfile.split_documents(text):
        if part not in cache:
            cache[part] = KubeObject.parse(part, where)
        yield cache[part]


def _version_and_images(root: Path, record: Before) -> tuple[str, dict[str, ImageFacts]]:
    """By the record; else by the release infos; else by the SBOMs, which packages have."""
    if record.version is not None:
        return record.version, {
            key: ImageFacts(
                reference,
                record.sources[key],
                record.labels.get(key, ""),
                record.sizes.get(key, {}),
            )
            for key, reference in record.images.items()
        }
    infos = [
        _read(file, root, release.parse_info, "release info")
        for directory in (release.DIRECTORY, RELEASE_D)
        for file in sorted((root / directory).glob("*.json"))
        if release.is_info(file.name)
    ]
    if not any(info.images for info in infos):
        infos += [
            _read(file, root, sbom.parse_sbom, "SBOM")
            for file in sorted((root / SBOM_D).glob(f"{PACKAGE}*/sbom.cdx.json"))
        ]
    version = next((info.version for info in infos if info.version), "")
    found = {key: ImageFacts(info.images[key]) for info in reversed(infos) for key in info.images}
    return version, found


def _read(file: Path, root: Path, parse: Callable[[bytes], Info], what: str) -> Info:
    try:
        return parse(file.read_bytes())
    except ValueError as error:
        raise TreeError(f"{file.relative_to(root)} is no {what}: {error}") from None


def _images_by_place(objects: Iterable[tuple[str, KubeObject]]) -> dict[str, ImageFacts]:
    """Where nothing tells the keys, an image is told by the place that uses it."""
    return {
        f"{obj}: {path}": ImageFacts(value) for _, obj in objects for path, value in images(obj)
    }


def _deleted(root: Path, directory: str) -> frozenset[ObjectName]:
    file = root / directory / retired.LIST
    if not file.is_file():
        return frozenset()
    where = f"{directory}/{retired.LIST}"
    documents = yamlfile.load_all(file.read_bytes(), where)
    try:
        return frozenset(map(release.object_name_of, documents))
    except (KeyError, TypeError):
        raise TreeError(f"{where}: it names something that is no Kubernetes object") from None
