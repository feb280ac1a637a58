"""`--verify-images`: what has no image for an architecture is left out of it, or fails."""

from collections.abc import Mapping

from rebase.adapt import apis
from rebase.adapt.context import Context
from rebase.errors import ImageNotFoundError
from rebase.model import ResolvedImage
from rebase.objects import KubeObject
from rebase.registry import ABSENT
from rebase.runtimes import Runtime
from rebase.usage import Use


def leave_out_lacking(
    objects: list[KubeObject],
    runtimes: list[Runtime],
    resolved: Mapping[Use, ResolvedImage],
    sizes: Mapping[str, Mapping[str, int]],
    context: Context,
) -> None:
    """Take runtimes off the architectures that lack their images.

    A custom object, such as an LLMInferenceServiceConfig, goes when no architecture has its
    images; anything else (a Deployment, KServe's configuration) must have them on all.

    Args:
        sizes: architecture → reference → compressed bytes, or ABSENT.

    Raises:
        ImageNotFoundError: something that every device needs lacks an image; all at once.
    """
    problems: list[str] = []
    for obj in list(objects):
        lacking = _lacking(str(obj), resolved, sizes)
        if not lacking:
            continue
        if obj.group in apis.MICROSHIFT_GROUPS:
            problems += [f"{obj}: {', '.join(refs)} on {arch}" for arch, refs in lacking.items()]
        elif lacking.keys() == sizes.keys():
            objects.remove(obj)
            context.leave_out(obj, f"no image for {', '.join(lacking)}")
    if problems:
        raise ImageNotFoundError(
            "images that every device needs are not built for every architecture",
            details=sorted(problems),
            hint="build for fewer architectures (--arch)",
        )
    for runtime in list(runtimes):
        lacking = _lacking(str(runtime), resolved, sizes)
        wanted = (runtime.architectures or sizes.keys()) & sizes.keys()
        left = frozenset(wanted - lacking.keys())
        for architecture in sorted(wanted - left):
            context.leave_out(f"{runtime} on {architecture}", f"no image for {architecture}")
        if not left:
            runtimes.remove(runtime)
        elif left != wanted:
            runtime.architectures = left


def _lacking(
    what: str, resolved: Mapping[Use, ResolvedImage], sizes: Mapping[str, Mapping[str, int]]
) -> dict[str, list[str]]:
    """architecture → the references of an object's images that it lacks."""
    references = {image.reference for use, image in resolved.items() if use.holder == what}
    lacking = {
        architecture: sorted(ref for ref in references if of[ref] == ABSENT)
        for architecture, of in sorted(sizes.items())
    }
    return {architecture: refs for architecture, refs in lacking.items() if refs}
