"""`rhoai-rebase diff`: two sides, laid out as directories, read and compared."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from rebase.compare.comparison import Comparison, compare
from rebase.compare.images import ImageFacts
from rebase.compare.snapshot import Cache, Rendered, Snapshot, in_tree, read, render
from rebase.errors import UsageError
from rebase.registry import ABSENT, Looked
from rebase.sides import Side, Workshop, told_of
from rebase.tools.kustomize import Kustomize


def compare_sides(
    old: Side, new: Side, workshop: Workshop, *, measured: bool = False, asked: bool = False
) -> Comparison:
    """What is different.

    Args:
        measured: measure what rendering costs.
        asked: ask the registries for sizes and versions of images that no record tells.

    Raises:
        RebaseError: a side cannot be had, does not render, or ships nothing of ours; or
            they have no part in common.
    """
    before = workshop.lay_out(old, "old")
    after = workshop.lay_out(new, "new", before if in_tree(before) else None)
    workshop.reporter.step("Comparing")
    was, now = _snapshots(
        ((before, old.name), (after, new.name)), workshop.kustomize, measured=measured
    )
    if not was.parts & now.parts:
        has = (f"{side.name} has {', '.join(sorted(side.parts))}" for side in (was, now))
        raise UsageError(f"nothing can be compared: {'; '.join(has)}")
    registry = workshop.options.registry
    if asked and registry:
        images = (*was.images.values(), *now.images.values())
        unknown = {image.reference for image in images if not image.sizes}
        looked = {
            arch: registry.glance(unknown, arch)
            for arch in workshop.options.architectures
            if unknown
        }
        was, now = (replace(side, images=_told(side.images, looked)) for side in (was, now))
    return compare(was, now)


def _snapshots(
    sides: Sequence[tuple[Path, str]], kustomize: Kustomize, *, measured: bool
) -> list[Snapshot]:
    """The sides by their directories and names; one is rendered while the one before is read."""
    cache: Cache = {}

    def rendered(side: tuple[Path, str]) -> Rendered:
        root, name = side
        with told_of(name):
            return render(root, name, kustomize, measured=measured)

    found = []
    with ThreadPoolExecutor(max_workers=1) as pool:
        # What is measured is not to be disturbed by what is read meanwhile.
        results = list(map(rendered, sides)) if measured else pool.map(rendered, sides)
        for side, (_, name) in zip(results, sides, strict=True):
            with told_of(name):
                found.append(read(side, cache))
    return found


def _told(
    images: Mapping[str, ImageFacts], looked: Mapping[str, Mapping[str, Looked]]
) -> dict[str, ImageFacts]:
    """The images with what the registries tell, by architecture and reference."""

    def told(image: ImageFacts) -> ImageFacts:
        found = {
            arch: of[image.reference]
            for arch, of in looked.items()
            if image.reference in of and of[image.reference].size != ABSENT
        }
        if image.sizes or not found:
            return image
        versions = (one.version for one in found.values() if one.version)
        sizes = {arch: one.size for arch, one in found.items()}
        return replace(image, sizes=sizes, label=next(versions, image.label))

    return {key: told(image) for key, image in images.items()}
