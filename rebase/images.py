"""Which image is the right one for a params key (domain.md §3, in order of precedence)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from rebase.errors import UsageError
from rebase.image_tables import ImageTable
from rebase.model import Csv, ImageSource, Override, ResolvedImage
from rebase.params import Markers, Param
from rebase.reference import PINNED, is_pinned, looks_like_image

OVERRIDE_HINT = (
    "name the image: --image KEY=registry/repository@sha256:<64 hex digits>,\n"
    "or in [images] of rhoai-rebase.toml,\n"
    "or let --pin ask the registry for the digests of tags"
)


@dataclass(frozen=True)
class Decision:
    """What a params key will be.

    Attributes:
        value: what the cluster would see; for an image perhaps still without a digest.
        image: the pinned image, or None: not an image, or not resolved.
    """

    value: str
    image: ResolvedImage | None
    warnings: tuple[str, ...] = ()


Decisions = Mapping[Param, Decision]


def parse_override(text: str) -> tuple[str, Override]:
    """`KEY=REF` of the command line.

    Raises:
        UsageError: it is not that, or REF has no digest.
    """
    key, equals, reference = text.partition("=")
    if not equals or not key:
        raise UsageError(f"--image {text}: KEY=REF is expected", hint=OVERRIDE_HINT)
    if not is_pinned(reference):
        raise UsageError(f"--image {text}: {reference} has no digest", hint=OVERRIDE_HINT)
    return key, Override(reference)


def decide(
    params: Iterable[Param], csv: Csv, table: ImageTable, overrides: Mapping[str, Override]
) -> Decisions:
    """Decide on every param, whether or not anything will use it."""
    return {param: _decide(param, csv, table, overrides) for param in params}


def pin(decisions: Decisions, digests: Mapping[str, str]) -> Decisions:
    """The decisions with tags replaced by what they stand for.

    Args:
        digests: reference with a tag → registry/repository@sha256:…
    """
    return {
        param: _pinned(param, digests[decision.value], ImageSource.PINNED, decision.value)
        if decision.image is None and decision.value in digests
        else decision
        for param, decision in decisions.items()
    }


def markers_of(decisions: Decisions) -> Markers:
    """The markers to look for in a render, and the digests to put in their place."""
    return Markers(
        decisions,
        {
            param: split_pinned(decision.image.reference)[1].removeprefix("sha256:")
            for param, decision in decisions.items()
            if decision.image
        },
    )


def _decide(
    param: Param, csv: Csv, table: ImageTable, overrides: Mapping[str, Override]
) -> Decision:
    if param.key in overrides:
        chosen = overrides[param.key]
        return _pinned(param, chosen.reference, ImageSource.OVERRIDE, chosen.origin)
    value, source, origin = param.value, ImageSource.PARAMS, param.file
    env, warnings = _env_of(param, csv, table) if param.overwritten else (None, [])
    if env:
        value, source, origin = csv.env[env], ImageSource.OPERATOR, env
    if is_pinned(value):
        return _pinned(param, value, source, origin, *warnings)
    if not looks_like_image(value):
        return Decision(value, None, tuple(warnings))
    by_name = env_by_name(param.key, csv.env)
    if by_name and is_pinned(csv.env[by_name]):
        warnings.append(f"{param.key}: resolved by name from {by_name}; no table knows it")
        return _pinned(param, csv.env[by_name], ImageSource.BY_NAME, by_name, *warnings)
    return Decision(value, None, tuple(warnings))


def _env_of(param: Param, csv: Csv, table: ImageTable) -> tuple[str | None, list[str]]:
    """The variable of the CSV that overwrites a param at run time; and warnings."""
    env = table.env_for(param.component, param.key)
    if env and csv.env.get(env):  # the operator does not take an empty one
        return env, []
    for older in table.older:
        before = older.env_for(param.component, param.key)
        if before and csv.env.get(before):
            return before, [
                f"{param.key}: taken from {before}, as the table of {older.name} has it; "
                f"the newest one has {env or 'no such key'}"
            ]
    if env and looks_like_image(param.value):
        return None, [
            f"{param.key}: the operator takes it from {env}, which the CSV does not set; "
            f"the params value stands"
        ]
    return None, []


def _pinned(
    param: Param, reference: str, source: ImageSource, origin: str, *warnings: str
) -> Decision:
    image = ResolvedImage(param.key, reference, source, origin)
    return Decision(reference, image, warnings)


def env_by_name(key: str, env: Mapping[str, str]) -> str | None:
    """The CSV env whose name is the key's: mlserver-cuda-image → …_ODH_MLSERVER_CUDA_IMAGE."""
    name = key.upper().replace("-", "_").removesuffix("_IMAGE")
    candidates = (f"RELATED_IMAGE_ODH_{name}_IMAGE", f"RELATED_IMAGE_{name}_IMAGE")
    return next((candidate for candidate in candidates if candidate in env), None)


def split_pinned(reference: str) -> tuple[str, str]:
    """`registry/repository@sha256:…` → (registry/repository, sha256:…)."""
    found = PINNED.fullmatch(reference)
    assert found, reference
    return f"{found['registry']}/{found['path']}", found["digest"]
