"""The images of chosen parts of what ships: the core, with some runtimes, with llm-d."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from rebase import assets, release
from rebase.errors import UsageError
from rebase.model import LLM_D_PACKAGE, PACKAGE
from rebase.runtimes import KIND


@dataclass(frozen=True)
class Wanted:
    """What a device is to have besides the core.

    Attributes:
        runtimes: names of ServingRuntimes, or of their files.
        everything: every runtime, and llm-d where the version has it.
    """

    runtimes: tuple[str, ...] = ()
    llm_d: bool = False
    everything: bool = False


@dataclass(frozen=True)
class Selection:
    """Chosen parts, for one architecture.

    Attributes:
        version: the RHOAI version.
        architecture: rpm's name.
        packages: the RPMs that bring them.
        runtimes: names of the ServingRuntimes.
        images: key → registry/repository@sha256:…, sorted.
    """

    version: str
    architecture: str
    packages: tuple[str, ...]
    runtimes: tuple[str, ...]
    images: Mapping[str, str]

    @property
    def references(self) -> list[str]:
        """Each image once, sorted."""
        return sorted(set(self.images.values()))


def select(root: Path, architecture: str, wanted: Wanted) -> Selection:
    """Choose among what the last rebase shipped.

    Raises:
        UsageError: there was none; it is not built for the architecture; or it has no such part.
    """
    before = release.read_before(root)
    if before.version is None:
        raise UsageError(f"{root} has no {release.RECORD}", hint="rebase to a bundle first")
    version, built = before.version, before.architectures
    if architecture not in built:
        raise UsageError(
            f"the last rebase is not for {architecture}, but for {', '.join(built)}",
            hint=f"rebase with --arch {architecture} too",
        )
    files = {
        path: file.holds.name
        for path, file in before.files.items()
        if not file.architectures or architecture in file.architectures
    }
    runtimes = _below(assets.RUNTIMES, files)
    if not wanted.everything:
        runtimes = _named(wanted.runtimes, runtimes, f"RHOAI {version} on {architecture}")
    llm_d = _below(assets.LLM_D, files)
    if wanted.llm_d and not llm_d:
        raise UsageError(f"RHOAI {version} has no llm-d")
    if not wanted.llm_d and not wanted.everything:
        llm_d = {}
    chosen = {*_below(assets.KSERVE, files), *runtimes, *llm_d}
    return Selection(
        version,
        architecture,
        (PACKAGE, LLM_D_PACKAGE) if llm_d else (PACKAGE,),
        tuple(sorted(runtimes.values())),
        {
            key: reference
            for key, reference in sorted(before.images.items())
            if not chosen.isdisjoint(before.used_by[key])
        },
    )


def _below(directory: str, files: Mapping[str, str]) -> dict[str, str]:
    return {path: name for path, name in files.items() if path.startswith(f"{directory}/")}


def _named(words: Iterable[str], runtimes: Mapping[str, str], what: str) -> dict[str, str]:
    """path → name of the runtimes that are meant by these words."""
    by_word = {PurePosixPath(path).stem: path for path in runtimes}
    by_word |= {name: path for path, name in runtimes.items()}
    unknown = sorted(set(words) - by_word.keys())
    if unknown:
        raise UsageError(
            f"{what} has no {KIND} {', '.join(unknown)}",
            details=[f"{name} ({path})" for path, name in sorted(runtimes.items())],
            hint="name one of these",
        )
    return {by_word[word]: runtimes[by_word[word]] for word in words}
