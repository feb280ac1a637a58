"""A tree as it is, checked against itself, its record and what it was made of; no network."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from rebase import assets, budgets, checks, kustomization, recorded, release, reproduce
from rebase.budgets import CORE, LLM_D, Budget, Cost
from rebase.catalogue import CATALOGUE, Level
from rebase.checks import RenderedDirectory
from rebase.findings import Finding, Note, Waiver, sift
from rebase.kustomization import DirectoryFiles
from rebase.project import FILE, Project
from rebase.release import RECORD, Before, Info
from rebase.reporter import Reporter
from rebase.tools.kustomize import Kustomize
from rebase.tools.process import Measured

PACKAGES = {CORE: assets.CORE_DIRECTORIES, LLM_D: (assets.LLM_D,)}
# What is not checked of a package when one of its directories does not render.
TOGETHER = (
    *("foreign-namespace", "unknown-api", "no-ca", "no-service", "no-certificate", "duplicate"),
    *("release-info", "rendered-size", "render-time", "render-memory"),
)


@dataclass(frozen=True)
class Audit:
    """What was found.

    Attributes:
        version: the RHOAI version by the record, or else by the release infos.
        findings: the ones that nothing waives, in the order of the catalogue.
        notes: what could not be checked.
        costs: of rendering each package.
    """

    version: str
    findings: tuple[Finding, ...]
    waived: tuple[tuple[Finding, Waiver], ...]
    notes: tuple[Note, ...]
    costs: Mapping[str, Cost]
    budgets: Mapping[str, Budget]

    def count(self, level: Level) -> int:
        return sum(finding.entry.level is level for finding in self.findings)

    def fails(self, *, strict: bool) -> bool:
        """Is the tree not fit to ship? Warnings count when one is strict."""
        return bool(self.findings if strict else self.count(Level.ERROR))


def audit(root: Path, kustomize: Kustomize, project: Project, reporter: Reporter) -> Audit:
    """Check a tree.

    Raises:
        UsageError: its record, or its history, cannot be read.
    """
    before = release.read_before(root)
    files = _release_infos(root)
    meter = Meter(kustomize)

    reporter.step(f"Rendering with kustomize {kustomize.version}")
    checked = checks.check_tree(root, _parts(root, before, files), meter.build)
    costs = _costs(root, checked.rendered, meter, project.budgets)
    findings: list[Finding] = list(checked.findings)
    notes = list(_unseen(checked.rendered.values()))

    reporter.step("Checking")
    for package, cost in costs.items():
        findings += budgets.check_cost(package, cost, project.budgets[package])
    infos = _readable(files)
    if before.version is None:
        found = [
            Finding(
                "no-record", RECORD, "it is not there: nobody can tell what the tree was made of"
            )
        ]
        notes.append(Note("edits", "there is no record to tell them by", recorded.IDS))
        more = reproduce.check_images(root, infos, project, kustomize, reporter)
    else:
        found = _against_record(root, before, checked.rendered, project)
        told = {finding.where.partition(": ")[0] for finding in found}
        more = reproduce.reproduce(root, before, project.waivers, kustomize, reporter, told)
        findings += budgets.check_images(before, project.budgets)
    findings += found
    findings += [one for one in more if isinstance(one, Finding)]
    notes += [one for one in more if isinstance(one, Note)]
    if not before.sizes:
        why = "the record has none; `--verify-images` asks the registry for them"
        notes.append(Note("sizes of images", why, ("image-size",)))

    order = list(CATALOGUE)
    sifted = sift(findings, project.waivers)
    still = [*sifted.open, *_unused(sifted.unused, notes)]
    return Audit(
        version=before.version or next((info.version for info in infos.values()), ""),
        findings=tuple(sorted(still, key=lambda one: order.index(one.id))),
        waived=sifted.waived,
        notes=tuple(notes),
        costs=costs,
        budgets=project.budgets,
    )


class Meter:
    """Renders as a device does, and remembers what it took."""

    def __init__(self, kustomize: Kustomize) -> None:
        self._kustomize = kustomize
        self.measured: dict[Path, Measured] = {}

    def build(self, directory: Path) -> str:
        self.measured[directory] = self._kustomize.measure(directory)
        return self.measured[directory].output.decode()

    def again(self, directories: Iterable[Path]) -> list[Measured]:
        """One after the other, with nothing beside; time and memory only ever come down."""
        for directory in directories:
            old, new = self.measured[directory], self._kustomize.measure(directory)
            self.measured[directory] = Measured(
                new.output, min(old.seconds, new.seconds), min(old.peak_bytes, new.peak_bytes)
            )
        return [self.measured[directory] for directory in directories]


def _parts(root: Path, before: Before, infos: Mapping[str, bytes]) -> checks.Parts:
    """The directories that are there, or should be, by package; with their release infos."""
    files = DirectoryFiles(root)
    recorded_in = {path.rpartition("/")[0] for path in before.files}
    parts: dict[tuple[str, ...], dict[str, bytes]] = {}
    for package, directories in PACKAGES.items():
        there = tuple(
            one for one in directories if one in recorded_in or kustomization.find(files, one)
        )
        own = {name: data for name, data in infos.items() if _package_of(name) == package}
        if there or own:
            parts[there] = own
    return parts


def _package_of(info: str) -> str:
    return LLM_D if info.startswith(release.info_name("", "llm-d-").removesuffix(".json")) else CORE


def _release_infos(root: Path) -> dict[str, bytes]:
    directory = root / release.DIRECTORY
    return {
        file.name: file.read_bytes()
        for file in sorted(directory.glob("*"))
        if release.is_info(file.name)
    }


def _readable(infos: Mapping[str, bytes]) -> dict[str, Info]:
    found: dict[str, Info] = {}
    for name, data in infos.items():
        try:
            found[name] = release.parse_info(data)
        except ValueError:  # the check of release infos has told it
            continue
    return found


def _costs(
    root: Path,
    rendered: Mapping[str, RenderedDirectory],
    meter: Meter,
    limits: Mapping[str, Budget],
) -> dict[str, Cost]:
    """What rendering each package takes. What seems too much is measured a second time."""
    costs: dict[str, Cost] = {}
    for package, directories in PACKAGES.items():
        places = [root / one for one in directories if one in rendered]
        if places and all(place in meter.measured for place in places):
            cost = Cost.of([meter.measured[place] for place in places])
            over = {finding.id for finding in budgets.check_cost(package, cost, limits[package])}
            if any(CATALOGUE[check_id].measured for check_id in over):
                cost = Cost.of(meter.again(places))
            costs[package] = cost
    return costs


def _unseen(rendered: Iterable[RenderedDirectory]) -> Iterable[Note]:
    for one in rendered:
        if one.problems:
            why = f"{one.directory} does not render whole"
            yield Note("what objects need of one another", why, TOGETHER)


def _against_record(
    root: Path, before: Before, rendered: Mapping[str, RenderedDirectory], project: Project
) -> list[Finding]:
    found = list(recorded.check_files(root, before))
    found += recorded.check_release(root, before)
    found += recorded.check_deletions(root)
    told = {finding.where for finding in found}
    found += [one for one in recorded.check_images(before, rendered) if one.where not in told]
    found += recorded.check_overrides(before, project)
    return found


def _unused(waivers: Iterable[Waiver], notes: Iterable[Note]) -> Iterable[Finding]:
    """Waivers that match nothing, though what they are about was checked."""
    unchecked = {check_id for note in notes for check_id in note.ids}
    for waiver in waivers:
        if waiver.id not in unchecked and not CATALOGUE[waiver.id].measured:
            message = f"nothing is found that is {waiver.id} at {waiver.where}"
            yield Finding("unused-waiver", f"{FILE}: {waiver.place}", message)
