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
from rebase.product import Product
from rebase.publish import Tree
from rebase.render import refuse_unset
from rebase.tools.kustomize import Kustomize

DIRECTORIES = (assets.KSERVE, assets.RUNTIMES, release.DIRECTORY)


@dataclass(frozen=True)
class Composed:
    """A new tree.

    Attributes:
        tree: every file of the output directories.
        infos: the release infos in it, by file name.
        known: objects by their text, where kustomize will give that very text back.
    """

    tree: Tree
    infos: Mapping[str, bytes]
    known: Mapping[str, KubeObject]


def compose(
    product: Product,
    staged: Staged,
    table: ImageTable,
    kustomize: Kustomize,
    root: Path,
    architectures: tuple[str, ...],
    overrides: Mapping[str, str],
) -> Composed:
    """Make the files of a new tree.

    Args:
        root: the tree that is there, whose hand-kept files are carried over.

    Raises:
        UsageError: hand-kept files are in the way.
        TreeError: two images, or two runtimes, have the same name.
    """
    kserve = [
        AssetFile(file.name, file.title, product.markers.fill(file.text))
        for file in assets.kserve_files(product.objects)
    ]
    runtime_files = [
        AssetFile(name, str(runtime), runtime.to_yaml())
        for name, runtime in runtimes.name_files(product.runtimes).items()
    ]
    refuse_unset((file.title, file.text) for file in [*kserve, *runtime_files])
    version = staged.csv.version
    infos = {
        release.info_name(arch): release.release_info(version, product.images_for(arch))
        for arch in architectures
    }
    record = release.Record(
        version=version,
        csv=staged.csv.name,
        tool=rebase.__version__,
        kustomize=kustomize.version,
        architectures=architectures,
        overrides=overrides,
        image_table="{}.{}".format(*table.version),
        entries=tuple(f"/{entry}" for entry in (*staged.roots.kserve, staged.roots.runtimes)),
        images_read=staged.images,
        images=tuple(product.all_images),
        left_out=product.left_out,
        warnings=product.warnings,
        files={
            f"{directory}/{file.name}": (file.title, release.sha256(file.content))
            for directory, files in ((assets.KSERVE, kserve), (assets.RUNTIMES, runtime_files))
            for file in files
        },
    )
    tree = {
        **_directory(root, assets.KSERVE, kserve, assets.KSERVE_KUSTOMIZATION),
        **_directory(
            root, assets.RUNTIMES, runtime_files, assets.RUNTIMES_KUSTOMIZATION, product.fills
        ),
        **_kept_in_release(root),
        **{f"{release.DIRECTORY}/{name}": data for name, data in infos.items()},
        f"{release.DIRECTORY}/{release.RECORD}": record.to_bytes(),
    }
    known = {text: obj for obj in product.objects if (text := obj.unchanged_text)}
    return Composed(tree, infos, known)


def _directory(
    root: Path,
    directory: str,
    files: list[AssetFile],
    template: str,
    fills: Mapping[str, str] | None = None,
) -> Tree:
    """A directory of assets: generated files, the kustomization, and what people keep there."""
    kept = assets.kept_files(root / directory)
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
