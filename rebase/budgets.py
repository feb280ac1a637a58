"""Budgets: how large what ships may be, and what rendering it may cost a device.

The defaults hold for all RHOAI versions that were measured (2.16 to 3.5, with kustomize 5.8.1 and
Go's default garbage collection), with room above the largest; what upstream's own overlays
need (5.8 MB, 5.4 to 8 s, 330 MB for 3.4) is over those of the core.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from rebase import assets
from rebase.findings import Finding
from rebase.release import RECORD, Before
from rebase.tools.process import Measured

CORE = "core"
LLM_D = "llm-d"
MB = 1_000_000


@dataclass(frozen=True)
class Budget:
    """The limits of a package; None is no limit.

    Attributes:
        rendered_mb: the render of its directories together.
        render_seconds: CPU time of kustomize, user and system.
        render_memory_mb: kustomize's peak.
        image_mb: each image, compressed; of the core, each of KServe's, which every device has.
        images_mb: those together, on one architecture.
        runtime_image_mb: each image of a serving runtime.
    """

    rendered_mb: float | None
    render_seconds: float | None
    render_memory_mb: float | None
    image_mb: float | None = None
    images_mb: float | None = None
    runtime_image_mb: float | None = None


# Measured: the core 1.3 to 3.2 MB, 0.8 to 2.1 s, 102 to 198 MB; llm-d up to 5.3 MB, 3.4 s and,
# as the garbage collector happens to run, 282 to 356 MB.
# The images were not: controllers and agents are far below 1 GB compressed, runtimes are 2 to
# 10 GiB, so these limits only catch an image that is under the wrong key.
DEFAULTS: Mapping[str, Budget] = {
    CORE: Budget(4, 4, 250, image_mb=1000, images_mb=2500, runtime_image_mb=12_000),
    LLM_D: Budget(6, 7, 450, image_mb=12_000),
}


@dataclass(frozen=True)
class Cost:
    """What rendering a package takes.

    Attributes:
        seconds: of CPU.
        peak_bytes: of the largest of its directories; they are rendered one after the other.
    """

    rendered_bytes: int
    seconds: float
    peak_bytes: int

    @classmethod
    def of(cls, measured: list[Measured]) -> "Cost":
        return cls(
            sum(len(one.output) for one in measured),
            round(sum(one.seconds for one in measured), 3),
            max(one.peak_bytes for one in measured),
        )


def check_cost(package: str, cost: Cost, budget: Budget) -> Iterator[Finding]:
    """What of a render is over its budget."""
    for check_id, found, limit, unit in (
        ("rendered-size", cost.rendered_bytes / MB, budget.rendered_mb, "MB rendered"),
        ("render-time", cost.seconds, budget.render_seconds, "s of CPU"),
        ("render-memory", cost.peak_bytes / MB, budget.render_memory_mb, "MB at the peak"),
    ):
        if limit is not None and found > limit:
            yield Finding(check_id, package, f"{found:.1f} {unit}; the budget is {limit:g}")


def check_images(before: Before, budgets: Mapping[str, Budget]) -> Iterator[Finding]:
    """Which images are over their budgets, by the sizes that the record has."""
    core, llm_d = budgets[CORE], budgets[LLM_D]
    for architecture in before.architectures:
        sizes = image_sizes(before, architecture)
        for directory, limit in (
            (assets.KSERVE, core.image_mb),
            (assets.RUNTIMES, core.runtime_image_mb),
            (assets.LLM_D, llm_d.image_mb),
        ):
            for key, size in sizes.get(directory, {}).items():
                if limit is not None and size / MB > limit:
                    where = f"{RECORD}: {key} on {architecture}"
                    message = f"{size / MB:.0f} MB compressed; the budget is {limit:g}"
                    yield Finding("image-size", where, message)
        for package, directories, limit in (
            (CORE, (assets.KSERVE,), core.images_mb),
            (LLM_D, (assets.LLM_D,), llm_d.images_mb),
        ):
            total = sum(sum(sizes.get(directory, {}).values()) for directory in directories)
            if limit is not None and total / MB > limit:
                message = f"{total / MB:.0f} MB compressed together; the budget is {limit:g}"
                yield Finding("image-size", f"{package} on {architecture}", message)


def image_sizes(before: Before, architecture: str) -> dict[str, dict[str, int]]:
    """Directory → key → compressed bytes, on one architecture.

    An image that KServe and a runtime use is KServe's: every device has it.
    """
    found: dict[str, dict[str, int]] = {}
    for key, sizes in sorted(before.sizes.items()):
        users = {path.rpartition("/")[0] for path in before.used_by[key]}
        for directory in (assets.KSERVE, assets.RUNTIMES, assets.LLM_D):
            if directory in users and architecture in sizes:
                found.setdefault(directory, {})[key] = sizes[architecture]
                break
    return found
