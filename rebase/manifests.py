"""Finding KServe's manifests, and the model controller's, among an image's files.

They are found by what they hold, not by where they are: the directory `kserve` with the
entry overlays/odh, and beside it the one whose base fills in Templates of ServingRuntimes.
"""

import posixpath
from collections.abc import Iterable

from rebase import kustomization
from rebase.kustomization import Files, Reached
from rebase.model import Roots

KSERVE_ENTRY = "overlays/odh"
KSERVE_CRDS_ENTRY = "overlays/odh-crds"  # 3.5 and later: the CRDs apart
RUNTIMES_ENTRY = "base"
RUNTIMES_DIRECTORY = "runtimes"
COMPONENTS = ("kserve", "modelcontroller", "odh-model-controller")


def wanted(path: str) -> bool:
    """Keep what is under /opt, and trees of these names wherever they are."""
    return path.startswith("opt/") or any(part in COMPONENTS for part in path.split("/"))


def find_roots(files: Files, paths: Iterable[str]) -> Roots | None:
    """Where the trees are, or None where they are not both there.

    Args:
        paths: every path in `files`.
    """
    everything = list(paths)
    for entry in sorted(_kustomized(everything, f"kserve/{KSERVE_ENTRY}")):
        kserve = entry.removesuffix("/" + KSERVE_ENTRY)
        root = posixpath.dirname(kserve)
        controller = _model_controller(files, everything, root)
        if controller is None:
            continue
        entries = [entry]
        if kustomization.find(files, f"{kserve}/{KSERVE_CRDS_ENTRY}"):
            entries.append(f"{kserve}/{KSERVE_CRDS_ENTRY}")
        return Roots(
            tuple(entries), f"{controller}/{RUNTIMES_ENTRY}", f"{controller}/{RUNTIMES_DIRECTORY}"
        )
    return None


def reach(files: Files, roots: Roots) -> Reached:
    """Everything that the entries reach, and what is missing of it."""
    reached = Reached()
    for entry in (*roots.kserve, roots.runtimes):
        kustomization.walk(files, entry, reached)
    return reached


def describe(paths: Iterable[str]) -> str:
    """What an image holds instead, for a message: its directories that have kustomizations."""
    tops: set[str] = set()
    for path in paths:
        if posixpath.basename(path) in kustomization.NAMES:
            tops.add("/" + "/".join(path.split("/")[:3]))
    return ", ".join(sorted(tops)) or "no kustomization at all"


def _model_controller(files: Files, paths: list[str], root: str) -> str | None:
    """The directory beside kserve/ whose runtimes/ are Templates of ServingRuntimes."""
    for directory in sorted(_kustomized(paths, RUNTIMES_DIRECTORY)):
        controller = posixpath.dirname(directory)
        if posixpath.dirname(controller) != root or posixpath.basename(controller) == "kserve":
            continue
        if not kustomization.find(files, f"{controller}/{RUNTIMES_ENTRY}"):
            continue
        for path in paths:
            if path.startswith(directory + "/"):
                text = files.read(path) or b""
                if b"kind: Template" in text and b"ServingRuntime" in text:
                    return controller
    return None


def _kustomized(paths: list[str], suffix: str) -> list[str]:
    """The directories that end in `suffix` and have a kustomization."""
    return [
        posixpath.dirname(path)
        for path in paths
        if posixpath.basename(path) in kustomization.NAMES
        and ("/" + posixpath.dirname(path)).endswith("/" + suffix)
    ]
