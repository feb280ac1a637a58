"""`rhoai-rebase diff`: two sides, laid out as directories, read and compared."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from rebase.compare.comparison import Comparison, compare
from rebase.compare.images import ImageFacts
from rebase.compare.snapshot import Cache, Snapshot, in_tree, read_snapshot
from rebase.errors import UsageError
from rebase.registry import ABSENT, Looked
from rebase.sides import Side, Workshop, told_of


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
    cache: Cache = {}

    def snapshot(root: Path, name: str) -> Snapshot:
        with told_of(name):
            return read_snapshot(root, name, workshop.kustomize, cache, measured=measured)

    was, now = snapshot(before, old.name), snapshot(after, new.name)
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
