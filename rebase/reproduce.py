"""The staged bundle processed once more: does it give what the tree has?"""

import json
import tempfile
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

import rebase
from rebase import release, staging
from rebase.compose import DIRECTORIES
from rebase.errors import RebaseError, UnpinnedImageError, UsageError
from rebase.findings import Finding, Note, Waiver
from rebase.model import ARCHITECTURES, ImageSource, Override, Staged
from rebase.options import Options
from rebase.process import process
from rebase.project import FILE, Project
from rebase.publish import read_files, write_files
from rebase.release import RECORD, Before, Info
from rebase.reporter import Reporter
from rebase.tools.kustomize import Kustomize
from rebase.workflow import STAGING

REPRODUCES = "not-reproducible"
IMAGES = "wrong-image"


def reproduce(
    root: Path,
    before: Before,
    waivers: tuple[Waiver, ...],
    kustomize: Kustomize,
    reporter: Reporter,
    told: Collection[str],
) -> list[Finding | Note]:
    """Every output file that the staged bundle does not give byte for byte.

    Args:
        told: paths whose difference is known already.
    """
    staged = _staged(root, before, REPRODUCES)
    if isinstance(staged, Note):
        return [staged]
    if ImageSource.PINNED in before.sources.values() or before.sizes:
        why = "the record was made with --pin or --verify-images, which need a registry"
        return [Note("reproducibility", why, (REPRODUCES,))]
    reporter.step(f"Processing the staged RHOAI {staged.csv.version} once more")
    overrides = {
        key: Override(reference, FILE) if key in before.configured else Override(reference)
        for key, reference in before.overrides.items()
    }
    old = read_files(root, DIRECTORIES)
    with tempfile.TemporaryDirectory(prefix="rhoai-rebase-") as temporary:
        there = Path(temporary).resolve()
        write_files(there, old)
        options = Options(there, before.architectures, overrides, waivers)
        try:
            process(staged, options, kustomize, Quiet())
        except RebaseError as error:
            message = f"processing it fails: {error.message}".replace(f"{there}/", "")
            return [Finding(REPRODUCES, str(STAGING), message)]
        new = read_files(there, DIRECTORIES)
    found: list[Finding | Note] = []
    tools = {"rhoai-rebase": rebase.__version__, "kustomize": kustomize.version}
    if before.tools != tools:
        made = " and ".join(f"{name} {version}" for name, version in before.tools.items())
        why = f"the record was made with {made}; what it says of them is not compared"
        found.append(Note("the tools' versions", why))
        old, new = _without_tools(old), _without_tools(new)
    for path in sorted(old.keys() | new.keys()):
        if old.get(path) != new.get(path) and path not in told:
            says = "other bytes" if path in old and path in new else "no such file"
            message = f"the staged bundle gives {says}" if path in old else "it is missing"
            found.append(Finding(REPRODUCES, path, message))
    return found


def check_images(
    root: Path,
    infos: Mapping[str, Info],
    project: Project,
    kustomize: Kustomize,
    reporter: Reporter,
) -> list[Finding | Note]:
    """The images of a tree without a record against those that the staged bundle gives.

    Args:
        infos: the release infos of the tree, by file name.
    """
    versions = {info.version for info in infos.values()}
    by_architecture: dict[str, dict[str, Info]] = {}
    for name, info in infos.items():
        architecture = next((one for one in ARCHITECTURES if name.endswith(f"-{one}.json")), None)
        if architecture:
            by_architecture.setdefault(architecture, {})[name] = info
    if not by_architecture:
        return [Note("images", "the tree has no release info that can be read", (IMAGES,))]
    staged = _staged(root, versions, IMAGES)
    if isinstance(staged, Note):
        return [staged]
    reporter.step(f"Processing the staged RHOAI {staged.csv.version}")
    with tempfile.TemporaryDirectory(prefix="rhoai-rebase-") as temporary:
        options = Options(Path(temporary), tuple(by_architecture), project.images, project.waivers)
        try:
            process(staged, options, kustomize, Quiet())
        except RebaseError as error:
            details = f": {'; '.join(error.details)}" if error.details else ""
            hint = (
                f"; [images] of {FILE} names images"
                if isinstance(error, UnpinnedImageError)
                else ""
            )
            why = f"processing the staged bundle fails: {error.message}{details}{hint}"
            return [Note("images", why, (IMAGES,))]
        return [
            finding
            for architecture, own in by_architecture.items()
            for finding in _wrong_images(own, _images_for(Path(temporary), architecture))
        ]


def _wrong_images(own: Mapping[str, Info], right: Mapping[str, str]) -> Iterator[Finding]:
    listed: set[str] = set()
    for name, info in own.items():
        listed |= info.images.keys()
        for key, value in info.images.items():
            where = f"{release.DIRECTORY}/{name}: {key}"
            if key not in right:
                message = f"{value}: nothing that ships uses it"
                yield Finding(IMAGES, where, message)
            elif value != right[key]:
                message = f"{value}; a rebase of the staged bundle gives {right[key]}"
                yield Finding(IMAGES, where, message)
    for key in sorted(right.keys() - listed):
        message = f"it is missing; a rebase of the staged bundle gives {right[key]}"
        yield Finding(IMAGES, f"{release.DIRECTORY}/{min(own)}: {key}", message)


def _images_for(root: Path, architecture: str) -> dict[str, str]:
    """key → reference of all parts."""
    return {
        key: reference
        for file in (root / release.DIRECTORY).glob(f"*-{architecture}.json")
        if release.is_info(file.name)
        for key, reference in release.parse_info(file.read_bytes()).images.items()
    }


def _staged(root: Path, wanted: Before | set[str], check_id: str) -> Staged | Note:
    """What is staged, if it is of the bundle of the record, or of the version of the infos."""
    what = "reproducibility" if check_id == REPRODUCES else "images"
    bundle = wanted.bundle if isinstance(wanted, Before) and wanted.bundle else "BUNDLE"
    fetch = f"`rhoai-rebase download {bundle}` fetches it"
    try:
        staged = staging.read(root / STAGING)
    except UsageError as error:
        nothing = not (root / STAGING / staging.RECORD).is_file()
        why = f"{STAGING} has no bundle" if nothing else error.message.replace(f"{root}/", "")
        return Note(what, f"{why}; {fetch}", (check_id,))
    digests = {image.digest for image in staged.images if image.role == "bundle"}
    same = wanted.digest in digests if isinstance(wanted, Before) else staged.csv.version in wanted
    if not same:
        return Note(
            what,
            f"{STAGING} has another bundle, of RHOAI {staged.csv.version}; {fetch}",
            (check_id,),
        )
    return staged


def _without_tools(files: Mapping[str, bytes]) -> dict[str, bytes]:
    if RECORD not in files:
        return dict(files)
    record = json.loads(files[RECORD])
    return {**files, RECORD: release.to_json({**record, "tools": {}})}


class Quiet:
    """A reporter for a rebase inside a check, which tells nothing."""

    def step(self, text: str) -> None: ...

    def bytes_read(self, subject: str, done: int, total: int) -> None: ...

    def warning(self, text: str) -> None: ...
