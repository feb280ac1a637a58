"""Which images the shipped objects use, where, and by which key: what the release info lists."""

import posixpath
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from rebase.errors import UnpinnedImageError
from rebase.images import OVERRIDE_HINT, Decisions, env_by_name
from rebase.model import Csv, ImageSource, Override, ResolvedImage
from rebase.objects import CRD, KubeObject, deep_strings, strings
from rebase.params import Markers, Param
from rebase.reference import is_pinned, repository_of
from rebase.runtimes import PLACEHOLDER, Runtime


@dataclass(frozen=True)
class Use:
    """An image in a shipped object.

    Attributes:
        image: the param that fills it in; or the text that stands there, when none does.
        architectures: the ones it ships for; empty for all.
    """

    where: str
    image: Param | str
    architectures: frozenset[str] = frozenset()

    @property
    def holder(self) -> str:
        """The object: its kind and name."""
        return self.where.partition(": ")[0]


def uses_of_objects(
    objects: Iterable[KubeObject], markers: Markers, generated: frozenset[str]
) -> Iterator[Use]:
    """The images of rendered objects; `generated` ConfigMaps only repeat what others use."""
    for obj in objects:
        if obj.kind == CRD or (obj.kind == "ConfigMap" and obj.name in generated):
            continue
        for path, text in strings(obj.data):
            for param in markers.in_text(text):
                yield Use(f"{obj}: {path}", param)
        for path, text in deep_strings(obj):
            if is_pinned(text) and not markers.in_text(text):
                yield Use(f"{obj}: {path}", text)


def uses_of_runtimes(runtimes: Iterable[Runtime]) -> Iterator[Use]:
    """The images of serving runtimes, whose placeholders are in place."""
    for runtime in runtimes:
        for place, container in runtime.containers():
            image = str(container.get("image") or "")
            if image in runtime.images:
                yield Use(f"{runtime}: {place}", runtime.images[image], runtime.architectures)
            elif is_pinned(image):
                yield Use(f"{runtime}: {place}", image, runtime.architectures)


def unpinned_tags(uses: Iterable[Use], decisions: Decisions) -> set[str]:
    """The references that `--pin` must find digests for: used, and with nothing but a tag."""
    params = {use.image for use in uses if isinstance(use.image, Param)}
    return {decisions[param].value for param in params if decisions[param].image is None}


def resolve(
    uses: Iterable[Use], decisions: Decisions, csv: Csv, overrides: Mapping[str, Override]
) -> dict[Use, ResolvedImage]:
    """The pinned image of every use.

    Raises:
        UnpinnedImageError: some have none; all of them at once, with value and places.
    """
    resolved: dict[Use, ResolvedImage] = {}
    unpinned: dict[tuple[str, str], list[str]] = {}
    for use in uses:
        if isinstance(use.image, Param):
            image = decisions[use.image].image
            key, value = use.image.key, decisions[use.image].value
        else:
            placeholder = PLACEHOLDER.fullmatch(use.image)
            key = placeholder[1] if placeholder else ""
            value, image = use.image, _without_param(use, key, csv, overrides)
        if image:
            resolved[use] = image
        else:
            unpinned.setdefault((key, value), []).append(use.where)
    if unpinned:
        count = f"{len(unpinned)} images have" if len(unpinned) > 1 else "an image has"
        raise UnpinnedImageError(
            f"{count} no digest: not by the operator's table, not in the params, not in the CSV",
            details=[
                f"{key} = {value}, used by {', '.join(sorted(set(places)))}"
                for (key, value), places in sorted(unpinned.items())
            ],
            hint=OVERRIDE_HINT,
        )
    return resolved


def _without_param(
    use: Use, key: str, csv: Csv, overrides: Mapping[str, Override]
) -> ResolvedImage | None:
    """An image that no params file fills in: written out, or a placeholder left as it was."""
    text = str(use.image)
    if is_pinned(text):
        name = posixpath.basename(repository_of(text))
        return ResolvedImage(name, text, ImageSource.MANIFEST, use.where)
    if key in overrides:
        chosen = overrides[key]
        return ResolvedImage(key, chosen.reference, ImageSource.OVERRIDE, chosen.origin)
    env = env_by_name(key, csv.env)
    if env and is_pinned(csv.env[env]):
        return ResolvedImage(key, csv.env[env], ImageSource.BY_NAME, env)
    return None
