"""What ships, before it becomes files: adapted objects, chosen runtimes, resolved images."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from rebase import images, runtimes, usage
from rebase.adapt.context import Context
from rebase.adapt.parameters import keep_used_parameters
from rebase.adapt.steps import adapt
from rebase.image_tables import ImageTable
from rebase.images import Decisions
from rebase.kustomization import DirectoryFiles
from rebase.model import LeftOut, ResolvedImage, Staged
from rebase.objects import KubeObject, parse_render
from rebase.params import Markers
from rebase.partition import partition
from rebase.render import Rendered, Source
from rebase.runtimes import Runtime
from rebase.usage import Use


@dataclass(frozen=True)
class Part:
    """What ships together: the core with the runtimes, or llm-d.

    Attributes:
        objects: with marked images, which `Product.markers` fills in.
        runtimes: with placeholders for images, which `Product.fills` fills in.
        images: the image of every use.
    """

    objects: list[KubeObject]
    runtimes: list[Runtime]
    images: Mapping[Use, ResolvedImage]

    def images_for(self, architecture: str) -> list[ResolvedImage]:
        """The images that ship on an architecture."""
        return sorted_images(
            image
            for use, image in self.images.items()
            if not use.architectures or architecture in use.architectures
        )


@dataclass(frozen=True)
class Product:
    """Everything that ships, and what does not.

    Attributes:
        llm_d: without objects in versions that have no llm-d.
    """

    core: Part
    llm_d: Part
    markers: Markers
    fills: Mapping[str, str]
    left_out: tuple[LeftOut, ...]
    warnings: tuple[str, ...]

    @property
    def images(self) -> tuple[ResolvedImage, ...]:
        """Every image that ships, by key."""
        return tuple(sorted_images([*self.core.images.values(), *self.llm_d.images.values()]))


def sorted_images(found: Iterable[ResolvedImage]) -> list[ResolvedImage]:
    """Each image once, by key."""
    return sorted(set(found), key=lambda image: (image.key, image.reference, image.origin))


def make_product(
    rendered: Rendered,
    staged: Staged,
    source: Source,
    table: ImageTable,
    decisions: Decisions,
    architectures: tuple[str, ...],
    overrides: Mapping[str, str],
) -> Product:
    """Adapt what kustomize rendered, choose the runtimes, and pin every image.

    Raises:
        TreeError: a Template is broken.
        AdaptError: something to change is not there.
        UnpinnedImageError: an image that ships has no digest.
    """
    markers = images.markers_of(decisions)
    chosen, left_out = _choose_runtimes(rendered, staged, decisions, architectures)
    context = Context(
        shipped_elsewhere=frozenset((runtime.group, runtimes.KIND) for runtime in chosen),
        parameters=source.generated,
        images={param.marker: decision.value for param, decision in decisions.items()},
        left_out=left_out + _unlisted_templates(staged, source),
    )
    adapted = adapt(
        [obj for text in rendered.kserve for obj in parse_render(text, "the render")], context
    )
    objects = partition(adapted)
    keep_used_parameters(objects.core, context)
    placeholders = runtimes.settle_placeholders(chosen)
    core_uses = [
        *usage.uses_of_objects(objects.core, markers, source.generated),
        *usage.uses_of_runtimes(chosen),
    ]
    llm_d_uses = [*usage.uses_of_objects(objects.llm_d, markers, source.generated)]
    resolved = usage.resolve([*core_uses, *llm_d_uses], decisions, staged.csv, overrides)
    references = {use.image: image.reference for use, image in resolved.items()}
    return Product(
        core=Part(objects.core, chosen, {use: resolved[use] for use in core_uses}),
        llm_d=Part(objects.llm_d, [], {use: resolved[use] for use in llm_d_uses}),
        markers=markers,
        fills={word: references[image] for word, image in placeholders.items()},
        left_out=tuple(context.left_out),
        warnings=(
            *staged.warnings,
            *_image_warnings(table, decisions, resolved, overrides),
        ),
    )


def _choose_runtimes(
    rendered: Rendered, staged: Staged, decisions: Decisions, architectures: tuple[str, ...]
) -> tuple[list[Runtime], list[LeftOut]]:
    found = runtimes.read_runtimes(parse_render(rendered.runtimes, "the render"), rendered.wrapper)
    params = {param.marker: param for param in decisions}
    files = DirectoryFiles(staged.manifests)
    for runtime in found:
        runtime.place_holders(files, params)
    return runtimes.choose(found, architectures, lambda param: decisions[param].value)


def _unlisted_templates(staged: Staged, source: Source) -> list[LeftOut]:
    """Templates that lie beside the others and that no kustomization names."""
    directory = staged.manifests / staged.roots.runtimes_directory
    return [
        LeftOut(f"/{name}", "no kustomization lists it")
        for file in sorted(directory.rglob("*"))
        if (name := file.relative_to(staged.manifests).as_posix()) not in source.reached
        and file.is_file()
        and b"kind: Template" in file.read_bytes()
    ]


def _image_warnings(
    table: ImageTable,
    decisions: Decisions,
    resolved: Mapping[Use, ResolvedImage],
    overrides: Mapping[str, str],
) -> Iterator[str]:
    if table.warning:
        yield table.warning
    used = {use.image for use in resolved}
    for param, decision in sorted(decisions.items(), key=lambda item: item[0].key):
        if param in used:
            yield from decision.warnings
    for key in sorted(overrides.keys() - {image.key for image in resolved.values()}):
        yield f"--image {key}=…: nothing that ships uses this key"
