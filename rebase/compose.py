"""The product as the files of a tree: assets/, release/, and what people keep there."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import rebase
from rebase import assets, project, release, retired, runtimes
from rebase.assets import AssetFile
from rebase.errors import UsageError
from rebase.image_tables import ImageTable
from rebase.model import LLM_D_PACKAGE, NAMESPACE, PACKAGE, ObjectName, Staged
from rebase.objects import KubeObject
from rebase.options import Options
from rebase.product import Part, Product
from rebase.publish import Tree
from rebase.release import Before, ShippedFile
from rebase.render import refuse_unset
from rebase.retired import Retired
from rebase.sbom import is_sbom, sbom, sbom_name
from rebase.tools.kustomize import Kustomize

CORE_DIRECTORIES = assets.CORE_DIRECTORIES
DIRECTORIES = (*CORE_DIRECTORIES, assets.LLM_D, retired.DIRECTORY, release.DIRECTORY)


@dataclass(frozen=True)
class Composed:
    """A new tree.

    Attributes:
        tree: every file of the output directories.
        parts: the directories that ship together, with their release infos, by file name.
        known: objects by their text, where kustomize will give that very text back.
        retired: what earlier rebases shipped and this one does not.
        record: of the rebase, which is in the tree as well.
    """

    tree: Tree
    parts: Mapping[tuple[str, ...], Mapping[str, bytes]]
    known: Mapping[str, KubeObject]
    retired: tuple[Retired, ...]
    record: release.Record

    def with_warnings(self, warnings: Iterable[str]) -> "Composed":
        """The same with more warnings in the record."""
        record = replace(self.record, warnings=(*self.record.warnings, *warnings))
        return replace(self, record=record, tree={**self.tree, release.RECORD: record.to_bytes()})


def compose(
    product: Product,
    staged: Staged,
    table: ImageTable,
    kustomize: Kustomize,
    options: Options,
    before: Before,
) -> Composed:
    """Make the files of a new tree, hand-kept ones of the old tree carried over.

    Raises:
        UsageError: hand-kept files are in the way, or the history cannot be read.
        TreeError: two images, or two runtimes, have the same name.
    """
    version, core, llm_d = staged.csv.version, product.core, product.llm_d
    root, architectures = options.root, options.architectures
    files = {
        assets.KSERVE: _object_files(core, product),
        assets.RUNTIMES: [
            AssetFile(
                name,
                ObjectName(runtimes.KIND, runtime.name, NAMESPACE, runtime.data["apiVersion"]),
                runtime.to_yaml(),
                runtime.architectures,
            )
            for name, runtime in runtimes.name_files(core.runtimes).items()
        ],
        assets.LLM_D: _object_files(llm_d, product),
    }
    refuse_unset((str(file.holds), file.text) for part in files.values() for file in part)
    shipped = {
        f"{directory}/{file.name}": ShippedFile(
            file.holds,
            release.sha256(file.content),
            tuple(sorted(file.architectures)),
            file.selector,
        )
        for directory in files
        for file in files[directory]
    }
    gone = retired.retire(
        before, retired.read_history(root), [file.holds for file in shipped.values()], version
    )
    parts: dict[tuple[str, ...], dict[str, bytes]] = {}
    sboms: dict[str, bytes] = {}
    for infix, package, directories, part in (
        ("", PACKAGE, CORE_DIRECTORIES, core),
        ("llm-d-", LLM_D_PACKAGE, (assets.LLM_D,), llm_d),
    ):
        if part.objects:
            of = {arch: part.images_for(arch) for arch in architectures}
            parts[directories] = {
                release.info_name(arch, infix): release.release_info(version, of[arch])
                for arch in architectures
            }
            sboms |= {
                sbom_name(arch, infix): sbom(package, version, of[arch], staged.images)
                for arch in architectures
            }
    record = release.Record(
        version=version,
        csv=staged.csv.name,
        tool=rebase.__version__,
        kustomize=kustomize.version,
        architectures=architectures,
        overrides={key: one.reference for key, one in options.overrides.items()},
        image_table=table.name,
        entries=tuple(f"/{entry}" for entry in (*staged.roots.kserve, staged.roots.runtimes)),
        images_read=staged.images,
        images=product.images,
        used_by=_users(product, shipped),
        sizes=product.sizes,
        labels=product.labels,
        left_out=product.left_out,
        warnings=product.warnings,
        upstream=product.upstream,
        files=shipped,
        configured=tuple(
            key for key, one in options.overrides.items() if one.origin == project.FILE
        ),
    )
    contents = {
        directory: {file.name: file.content for file in some} for directory, some in files.items()
    }
    deletions = retired.deletions(gone)
    custom_deletions = retired.custom_deletions(gone)
    tree = {
        **_directory(root, assets.KSERVE, contents[assets.KSERVE], assets.KSERVE_KUSTOMIZATION),
        **_directory(
            root,
            assets.RUNTIMES,
            contents[assets.RUNTIMES],
            assets.RUNTIMES_KUSTOMIZATION,
            product.fills,
        ),
        **_directory(root, assets.LLM_D, contents[assets.LLM_D], assets.LLM_D_KUSTOMIZATION),
        **_directory(
            root,
            retired.DIRECTORY,
            {retired.LIST: deletions} if deletions else {},
            retired.KUSTOMIZATION,
        ),
        **_kept_in_release(root),
        **{
            f"{release.DIRECTORY}/{name}": data
            for infos in (*parts.values(), sboms)
            for name, data in infos.items()
        },
        release.RECORD: record.to_bytes(),
        **({retired.HISTORY: retired.history_bytes(gone)} if gone else {}),
        **({retired.CUSTOM_LIST: custom_deletions} if custom_deletions else {}),
    }
    objects = (*core.objects, *llm_d.objects)
    known = {text: obj for obj in objects if (text := obj.unchanged_text)}
    return Composed(tree, parts, known, tuple(gone), record)


def _object_files(part: Part, product: Product) -> list[AssetFile]:
    return [
        replace(file, text=product.markers.fill(file.text))
        for file in assets.object_files(part.objects)
    ]


def _users(product: Product, shipped: Mapping[str, ShippedFile]) -> dict[str, tuple[str, ...]]:
    """key of an image → paths of the files whose objects use it."""
    paths: dict[str, list[str]] = {}
    for path, file in shipped.items():
        paths.setdefault(str(file.holds), []).append(path)
    users: dict[str, set[str]] = {}
    for part in (product.core, product.llm_d):
        for use, image in part.images.items():
            users.setdefault(image.key, set()).update(paths[use.holder])
    return {key: tuple(sorted(found)) for key, found in users.items()}


def _directory(
    root: Path,
    directory: str,
    generated: Mapping[str, bytes],
    template: str,
    fills: Mapping[str, str] | None = None,
) -> Tree:
    """A directory of assets: generated files, the kustomization, and what people keep there.

    A directory with neither is not there: llm-d's, in a version without llm-d.
    """
    kept = assets.kept_files(root / directory)
    if not generated and not kept:
        return {}
    clashes = sorted(kept.keys() & generated.keys())
    if clashes:
        raise UsageError(
            f"{directory} has files that were not generated and that a rebase would replace",
            details=[f"{directory}/{name}" for name in clashes],
            hint="rename or remove them; `git rm` keeps them in the history",
        )
    old = root / directory / assets.KUSTOMIZATION
    kustomization = assets.update_kustomization(
        old.read_bytes() if old.is_file() else None,
        template,
        list(generated),
        kept,
        fills,
        f"{directory}/{assets.KUSTOMIZATION}",
    )
    contents = {**kept, **generated, assets.KUSTOMIZATION: kustomization}
    return {f"{directory}/{name}": data for name, data in contents.items()}


def _kept_in_release(root: Path) -> Tree:
    """Files in release/ that are not ours; what is of architectures no longer built goes."""
    kept: dict[str, bytes] = {}
    for file in sorted((root / release.DIRECTORY).rglob("*")):
        path = file.relative_to(root).as_posix()
        ours = release.is_info(file.name) or is_sbom(file.name)
        ours = ours or path in (retired.HISTORY, retired.CUSTOM_LIST)
        if file.is_file() and not ours:
            kept[path] = file.read_bytes()
    return kept
