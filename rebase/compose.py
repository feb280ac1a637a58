"""The product as the files of a tree: assets/, release/, and what people keep there."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import rebase
from rebase import assets, release, runtimes
from rebase.assets import AssetFile
from rebase.errors import UsageError
from rebase.image_tables import ImageTable
from rebase.model import Staged
from rebase.objects import KubeObject
from rebase.options import Options
from rebase.product import Part, Product
from rebase.publish import Tree
from rebase.render import refuse_unset
from rebase.tools.kustomize import Kustomize

CORE_DIRECTORIES = (assets.KSERVE, assets.RUNTIMES)
DIRECTORIES = (*CORE_DIRECTORIES, assets.LLM_D, release.DIRECTORY)


@dataclass(frozen=True)
class Composed:
    """A new tree.

    Attributes:
        tree: every file of the output directories.
        parts: the directories that ship together, with their release infos, by file name.
        known: objects by their text, where kustomize will give that very text back.
    """

    tree: Tree
    parts: Mapping[tuple[str, ...], Mapping[str, bytes]]
    known: Mapping[str, KubeObject]


def compose(
    product: Product,
    staged: Staged,
    table: ImageTable,
    kustomize: Kustomize,
    options: Options,
) -> Composed:
    """Make the files of a new tree, hand-kept ones of the old tree carried over.

    Raises:
        UsageError: hand-kept files are in the way.
        TreeError: two images, or two runtimes, have the same name.
    """
    version, core, llm_d = staged.csv.version, product.core, product.llm_d
    root, architectures = options.root, options.architectures
    files = {
        assets.KSERVE: _object_files(core, product),
        assets.RUNTIMES: [
            AssetFile(name, str(runtime), runtime.to_yaml())
            for name, runtime in runtimes.name_files(core.runtimes).items()
        ],
        assets.LLM_D: _object_files(llm_d, product),
    }
    refuse_unset((file.title, file.text) for part in files.values() for file in part)
    parts: dict[tuple[str, ...], dict[str, bytes]] = {
        CORE_DIRECTORIES: {
            release.info_name(arch): release.release_info(version, core.images_for(arch))
            for arch in architectures
        }
    }
    if llm_d.objects:
        parts[(assets.LLM_D,)] = {
            release.info_name(arch, "llm-d-"): release.release_info(version, llm_d.images_for(arch))
            for arch in architectures
        }
    record = release.Record(
        version=version,
        csv=staged.csv.name,
        tool=rebase.__version__,
        kustomize=kustomize.version,
        architectures=architectures,
        overrides=options.overrides,
        image_table=table.name,
        entries=tuple(f"/{entry}" for entry in (*staged.roots.kserve, staged.roots.runtimes)),
        images_read=staged.images,
        images=product.images,
        sizes=product.sizes,
        left_out=product.left_out,
        warnings=product.warnings,
        files={
            f"{directory}/{file.name}": (file.title, release.sha256(file.content))
            for directory in files
            for file in files[directory]
        },
    )
    tree = {
        **_directory(root, assets.KSERVE, files[assets.KSERVE], assets.KSERVE_KUSTOMIZATION),
        **_directory(
            root,
            assets.RUNTIMES,
            files[assets.RUNTIMES],
            assets.RUNTIMES_KUSTOMIZATION,
            product.fills,
        ),
        **_directory(root, assets.LLM_D, files[assets.LLM_D], assets.LLM_D_KUSTOMIZATION),
        **_kept_in_release(root),
        **{
            f"{release.DIRECTORY}/{name}": data
            for infos in parts.values()
            for name, data in infos.items()
        },
        f"{release.DIRECTORY}/{release.RECORD}": record.to_bytes(),
    }
    objects = (*core.objects, *llm_d.objects)
    known = {text: obj for obj in objects if (text := obj.unchanged_text)}
    return Composed(tree, parts, known)


def _object_files(part: Part, product: Product) -> list[AssetFile]:
    return [
        AssetFile(file.name, file.title, product.markers.fill(file.text))
        for file in assets.object_files(part.objects)
    ]


def _directory(
    root: Path,
    directory: str,
    files: list[AssetFile],
    template: str,
    fills: Mapping[str, str] | None = None,
) -> Tree:
    """A directory of assets: generated files, the kustomization, and what people keep there.

    A directory with neither is not there: llm-d's, in a version without llm-d.
    """
    kept = assets.kept_files(root / directory)
    if not files and not kept:
        return {}
    generated = {file.name: file.content for file in files}
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
    """Files in release/ that are not ours; infos of architectures no longer built go."""
    directory = root / release.DIRECTORY
    return {
        f"{release.DIRECTORY}/{file.relative_to(directory).as_posix()}": file.read_bytes()
        for file in sorted(directory.rglob("*"))
        if file.is_file() and not release.is_info(file.name)
    }
