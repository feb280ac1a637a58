"""kustomize: finding one that is new enough, and rendering a directory with it."""

import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from packaging.version import InvalidVersion, Version

from rebase.errors import ToolError
from rebase.tools import process

# Replacements into JSON strings, which RHOAI 3.4's manifests use, came with 5.8.
MINIMUM = Version("5.8.1")
HINT = f"`make setup` installs kustomize {MINIMUM}; --kustomize FILE names another one"
# A render makes megabytes of short-lived garbage: with a lazier collector it takes
# 30 % less time and, at 600 MB for the largest tree, still fits any build machine.
ENVIRONMENT = {"GOGC": "400"}
# As MicroShift has it, and whatever the environment says.
ON_DEVICES = {"GOGC": "100", "GOMEMLIMIT": "off"}


Build = Callable[[Path], str]  # renders a directory; raises ToolError


@dataclass(frozen=True)
class Kustomize:
    """A kustomize binary and its version, such as `v5.8.1`."""

    path: Path
    version: str

    def build(self, directory: Path) -> str:
        """Render a kustomization.

        Raises:
            ToolError: in kustomize's words.
        """
        return process.run([self.path, "build", directory], env=ENVIRONMENT).decode()

    def measure(self, directory: Path) -> process.Measured:
        """Render a kustomization as a device does, and measure it.

        Raises:
            ToolError: in kustomize's words.
        """
        return process.measure([self.path.absolute(), "build", directory], env=ON_DEVICES)


def locate(named: Path | None = None, minimum: Version = MINIMUM) -> Kustomize:
    """The kustomize to use: the one named, else the one beside Python (.venv/bin), else PATH's.

    Raises:
        ToolError: there is none, or it is too old.
    """
    beside = Path(sys.executable).parent / "kustomize"
    path = named or (beside if beside.is_file() else process.find("kustomize"))
    if path is None:
        raise ToolError("kustomize is not installed", hint=HINT)
    try:
        said = process.run([path, "version"], timeout=30).decode().strip()
    except ToolError as error:
        raise ToolError(f"{path}: {error.message}", hint=HINT, details=error.details) from None
    found = re.search(r"v?(\d+\.\d+\.\d+\S*)", said)
    try:
        version = Version(found[1]) if found else None
    except InvalidVersion:
        version = None
    if version is None:
        raise ToolError(f"{path}: cannot tell its version from {said!r}", hint=HINT)
    if version < minimum:
        raise ToolError(f"{path} is version {version}; {minimum} or later is needed", hint=HINT)
    return Kustomize(path, f"v{version}")
