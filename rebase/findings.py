"""Findings of checks, and the waivers that let some of them pass."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from rebase.catalogue import CATALOGUE, Entry


@dataclass(frozen=True)
class Finding:
    """Something that is wrong: a stable id, where, and what."""

    id: str
    where: str
    message: str

    @property
    def entry(self) -> Entry:
        """What there is to know about its id."""
        return CATALOGUE[self.id]

    def __str__(self) -> str:
        return f"{self.id}: {self.where}: {self.message}"


@dataclass(frozen=True)
class Waiver:
    """A finding that may be: which, where, and why.

    Attributes:
        where: the finding's, or a pattern for it, fnmatch(3).
        place: of the waiver in its file.
    """

    id: str
    reason: str
    where: str = "*"
    place: str = ""

    def matches(self, finding: Finding) -> bool:
        # The place itself counts too: `containers[0]` is not what it says as a pattern.
        same_place = finding.where == self.where or fnmatchcase(finding.where, self.where)
        return finding.id == self.id and same_place


@dataclass(frozen=True)
class Sifted:
    """Findings, those apart that a waiver lets pass.

    Attributes:
        unused: waivers that match nothing.
    """

    open: tuple[Finding, ...]
    waived: tuple[tuple[Finding, Waiver], ...]
    unused: tuple[Waiver, ...]


def sift(findings: Iterable[Finding], waivers: Sequence[Waiver]) -> Sifted:
    """Set aside what is waived, by the first waiver that matches."""
    still_open: list[Finding] = []
    waived: list[tuple[Finding, Waiver]] = []
    used: set[Waiver] = set()
    for finding in findings:
        matching = [waiver for waiver in waivers if waiver.matches(finding)]
        used.update(matching)
        if matching:
            waived.append((finding, matching[0]))
        else:
            still_open.append(finding)
    unused = tuple(waiver for waiver in waivers if waiver not in used)
    return Sifted(tuple(still_open), tuple(waived), unused)


@dataclass(frozen=True)
class Note:
    """Something that could not be checked: what, why, and which findings it could have given."""

    what: str
    why: str
    ids: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.what}: {self.why}"
