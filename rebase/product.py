"""What ships, before it becomes files: adapted objects, chosen runtimes, resolved images."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from rebase import images, runtimes, usage
from rebase.adapt.context import Context
from rebase.adapt.parameters import keep_used_parameters
from rebase.adapt.steps import adapt
from rebase.architectures import leave_out_lacking
from rebase.image_tables import ImageTable
from rebase.images import Decisions
from rebase.kustomization import DirectoryFiles
from rebase.model import ImageSource, LeftOut, ResolvedImage, Staged, Upstream
from rebase.objects import CRD, KubeObject, parse_render
from rebase.options import Options
from rebase.params import Markers, Param
from rebase.partition import partition
from rebase.registry import ABSENT, Looked
from rebase.release import Before
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
        sizes: architecture → reference → compressed bytes; empty unless they were asked for.
        labels: reference → the version in the image's own labels; as `sizes`.
        upstream: what all this was made of.
    """

    core: Part
    llm_d: Part
    markers: Markers
    fills: Mapping[str, str]
    sizes: Mapping[str, Mapping[str, int]]
    labels: Mapping[str, str]
    left_out: tuple[LeftOut, ...]
    warnings: tuple[str, ...]
    upstream: Upstream

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
    options: Options,
    before: Before,
) -> Product:
    """Adapt what kustomize rendered, choose the runtimes, and pin every image.

    Raises:
        TreeError: a Template is broken.
        AdaptError: something to change is not there.
        UnpinnedImageError: an image that ships has no digest.
        ImageNotFoundError: `verify` found an image lacking that the core needs.
    """
    chosen, left_out = _choose_runtimes(rendered, staged, decisions, options.architectures)
    context = Context(
        shipped_elsewhere=frozenset((runtime.group, runtimes.KIND) for runtime in chosen),
        parameters=source.generated,
        images={param.marker: decision.value for param, decision in decisions.items()},
        selectors=before.selectors,
        left_out=left_out + _unlisted_templates(staged, source),
    )
    found = [obj for text in rendered.kserve for obj in parse_render(text, "the render")]
    crds = sum(obj.kind == CRD for obj in found)
    objects = adapt(found, context)
    uses = _uses(objects, chosen, decisions, source)
    if options.pin and options.registry:
        tags = usage.unpinned_tags(uses, decisions)
        decisions = images.pin(decisions, options.registry.pin(tags) if tags else {})
    resolved = usage.resolve(uses, decisions, staged.csv, options.overrides)
    looked = _look(resolved.values(), options)
    sizes = {arch: {ref: one.size for ref, one in of.items()} for arch, of in looked.items()}
    if sizes:
        leave_out_lacking(objects, chosen, resolved, sizes, context)

    parts = partition(objects)
    keep_used_parameters(parts.core, context)
    placeholders = runtimes.settle_placeholders(chosen)
    by_image = {use.image: image for use, image in resolved.items()}

    def part(some: list[KubeObject], with_runtimes: list[Runtime]) -> Part:
        uses = _uses(some, with_runtimes, decisions, source)
        return Part(some, with_runtimes, _available(uses, by_image, sizes))

    return Product(
        core=part(parts.core, chosen),
        llm_d=part(parts.llm_d, []),
        markers=images.markers_of(decisions),
        fills={word: by_image[image].reference for word, image in placeholders.items()},
        sizes={
            arch: {ref: size for ref, size in of.items() if size != ABSENT}
            for arch, of in sizes.items()
        },
        labels={
            ref: one.version for of in looked.values() for ref, one in of.items() if one.version
        },
        left_out=tuple(context.left_out),
        warnings=(*staged.warnings, *_image_warnings(table, decisions, resolved, options)),
        upstream=Upstream(
            rendered_bytes=sum(len(text.encode()) for text in rendered.kserve),
            crds=crds,
            settings=dict(sorted(context.settings.items())),
            kustomize=source.fields,
        ),
    )


def _uses(
    objects: Iterable[KubeObject],
    shipped: Iterable[Runtime],
    decisions: Decisions,
    source: Source,
) -> list[Use]:
    markers = images.markers_of(decisions)
    return [
        *usage.uses_of_objects(objects, markers, source.generated),
        *usage.uses_of_runtimes(shipped),
    ]


def _look(found: Iterable[ResolvedImage], options: Options) -> dict[str, dict[str, Looked]]:
    """architecture → reference → what the registry tells; nothing unless it is asked for."""
    if not options.verify or not options.registry:
        return {}
    references = {image.reference for image in found}
    return {arch: options.registry.look(references, arch) for arch in options.architectures}


def _available(
    uses: Iterable[Use],
    by_image: Mapping[Param | str, ResolvedImage],
    sizes: Mapping[str, Mapping[str, int]],
) -> dict[Use, ResolvedImage]:
    """Every use with its image, on the architectures that have the image, if that is known."""
    found: dict[Use, ResolvedImage] = {}
    for use in uses:
        image = by_image[use.image]
        there = frozenset(arch for arch, of in sizes.items() if of[image.reference] != ABSENT)
        known = replace(use, architectures=there & (use.architectures or there))
        found[known if sizes else use] = image
    return found


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
    options: Options,
) -> Iterator[str]:
    if table.warning:
        yield table.warning
    used = {use.image for use in resolved}
    for param, decision in sorted(decisions.items(), key=lambda item: item[0].key):
        if param in used:
            yield from decision.warnings
    yield from _unknown_to_table(table, decisions, used)
    for key in sorted(options.overrides.keys() - {image.key for image in resolved.values()}):
        yield f"{options.overrides[key].origin} {key}=…: nothing that ships uses this key"


def _unknown_to_table(
    table: ImageTable, decisions: Decisions, used: set[Param | str]
) -> Iterator[str]:
    """Keys that a table lacks, where it has most: up to 2.23 the tables have next to none."""
    images_of: dict[str, list[Param]] = {}
    for param, decision in decisions.items():
        if param in used and param.overwritten and decision.image:
            images_of.setdefault(param.component, []).append(param)
    for component, params in sorted(images_of.items()):
        unknown = [param for param in params if not table.env_for(component, param.key)]
        standing = sorted(
            param.key
            for param in unknown
            if (image := decisions[param].image) and image.source is ImageSource.PARAMS
        )
        if standing and 2 * len(unknown) < len(params):
            keys = ", ".join(standing)
            yield f"no image table knows {keys} ({component}): the params value stands"
