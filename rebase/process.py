"""The second half of the road: staged manifests → MicroShift's own, checked and in place."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from rebase import checks, compose, publish, release
from rebase.changes import Changes, compare
from rebase.compare.comparison import Comparison
from rebase.compare.comparison import compare as compare_snapshots
from rebase.compare.snapshot import Snapshot, read_snapshot, ships
from rebase.compose import DIRECTORIES, Composed
from rebase.errors import CheckError, TreeError
from rebase.findings import Waiver
from rebase.image_tables import table_for
from rebase.images import decide
from rebase.kustomization import DirectoryFiles
from rebase.model import LeftOut, ResolvedImage, Staged
from rebase.options import Options
from rebase.product import make_product
from rebase.render import read_source, render
from rebase.reporter import Reporter
from rebase.retired import Retired
from rebase.runtimes import refuse_empty_templates
from rebase.tools.kustomize import Build, Kustomize


@dataclass(frozen=True)
class Outcome:
    """What a rebase did, or would do.

    Attributes:
        comparison: with what was there, when it was asked for.
        retired: what earlier rebases shipped and this one does not.
        sizes: architecture → reference → compressed bytes, when they were asked for.
    """

    changes: Changes
    images: tuple[ResolvedImage, ...]
    left_out: tuple[LeftOut, ...]
    retired: tuple[Retired, ...]
    warnings: tuple[str, ...]
    sizes: Mapping[str, Mapping[str, int]]
    written: bool
    comparison: Comparison | None = None


def process(staged: Staged, options: Options, kustomize: Kustomize, reporter: Reporter) -> Outcome:
    """Turn what is staged into assets/ and release/ of a tree, whole or not at all.

    Raises:
        TreeError: the manifests are broken.
        UnpinnedImageError: an image has no digest.
        AdaptError: something to change is not there.
        UsageError: hand-kept files are in the way, or the last record cannot be read.
        CheckError: the result is not fit to ship.
    """
    before = release.read_before(options.root)
    files = DirectoryFiles(staged.manifests)
    source = read_source(files, staged.roots)
    refuse_empty_templates(files, source.reached)
    table = table_for(staged.csv.version)
    decisions = decide(source.params, staged.csv, table, options.overrides)

    reporter.step(f"Rendering with kustomize {kustomize.version}")
    values = {param: decision.value for param, decision in decisions.items()}
    rendered = render(staged.manifests, source, values, kustomize)

    reporter.step("Adapting to MicroShift")
    on_devices = before.on_devices(staged.csv.version)
    product = make_product(rendered, staged, source, table, decisions, options, on_devices)
    composed = compose.compose(product, staged, table, kustomize, options, on_devices)

    reporter.step("Checking")
    build = cache(kustomize.build)  # what is checked is compared as well
    with publish.staged(options.root, composed.tree) as new:
        composed = _check(new, composed, build, options.waivers)
        changes = compare(options.root, before, composed.tree, DIRECTORIES)
        comparison = None
        if options.compared:
            reporter.step("Comparing with what is there")
            comparison = _comparison(options, new, staged, composed, kustomize, build, reporter)
        written = bool(changes.files) and not options.dry_run
        if written:
            publish.swap(options.root, new, DIRECTORIES)
    return Outcome(
        changes,
        product.images,
        product.left_out,
        composed.retired,
        composed.record.warnings,
        product.sizes,
        written,
        comparison,
    )


def _comparison(
    options: Options,
    new: Path,
    staged: Staged,
    composed: Composed,
    kustomize: Kustomize,
    build: Build,
    reporter: Reporter,
) -> Comparison:
    """What a rebase changes, in the words of the objects."""
    known = dict(composed.known)
    bundle = next(image for image in staged.images if image.role == "bundle")

    def snapshot(root: Path, name: str) -> Snapshot:
        return read_snapshot(root, name, kustomize, known, measured=options.measured, build=build)

    old = Snapshot("nothing")
    if ships(options.root):
        try:
            old = snapshot(options.root, "the tree before")
        except (CheckError, TreeError) as error:  # perhaps what this rebase is to mend
            reporter.warning(f"compared with nothing: {error.message}")
    return compare_snapshots(old, snapshot(new, bundle.reference))


def _check(new: Path, composed: Composed, build: Build, waivers: tuple[Waiver, ...]) -> Composed:
    """Refuse what is not fit to ship; what is waived becomes a warning in the record."""
    found = checks.check_tree(new, composed.parts, build, composed.known).findings
    waived = checks.refuse(found, waivers).waived
    if not waived:
        return composed
    warned = composed.with_warnings(
        f"waived ({waiver.reason}): {finding}" for finding, waiver in waived
    )
    (new / release.RECORD).write_bytes(warned.tree[release.RECORD])
    return warned
