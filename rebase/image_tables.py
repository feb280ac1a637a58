"""The operators' tables: which RELATED_IMAGE_* overwrites which params key at run time.

One JSON file in rebase/image_maps for each version that changed them (component → key →
env); it holds until the next one. Source: the operator's Go code, `imageParamMap`.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib import resources

from rebase.errors import BundleError

KSERVE = "kserve"
MODEL_CONTROLLER = "modelcontroller"

Minor = tuple[int, int]


@dataclass(frozen=True)
class ImageTable:
    """The table of a version.

    Attributes:
        version: since when it holds, such as (2, 25).
        envs: component → params key → env.
        older: for a version newer than all tables, which of them fits is not known: the
            others, newest first.
        warning: what is not certain about the choice, or "".
    """

    version: Minor
    envs: Mapping[str, Mapping[str, str]]
    older: tuple["ImageTable", ...] = ()
    warning: str = ""

    @property
    def name(self) -> str:
        return "{}.{}".format(*self.version)

    def env_for(self, component: str, key: str) -> str | None:
        """The variable that overwrites a key at run time."""
        return self.envs.get(component, {}).get(key)


def minor_of(version: str) -> Minor:
    """`2.25.11` → (2, 25).

    Raises:
        BundleError: it does not begin with two numbers.
    """
    found = re.match(r"v?(\d+)\.(\d+)(?:\.|-|\+|$)", version)
    if not found:
        raise BundleError(f"the CSV's spec.version {version!r} is not a version")
    return int(found[1]), int(found[2])


def known_versions() -> list[Minor]:
    """The versions that have a table of their own, oldest first."""
    files = resources.files("rebase.image_maps").iterdir()
    names = (file.name for file in files if file.name.endswith(".json"))
    return sorted(minor_of(name.removesuffix(".json")) for name in names)


def table_for(version: str) -> ImageTable:
    """The table of an RHOAI version: the newest one that is not newer than it.

    Raises:
        BundleError: it is not a version.
    """
    minor, known = minor_of(version), known_versions()
    table = _read(max((v for v in known if v <= minor), default=known[0]))
    if minor > known[-1]:
        warning = f"RHOAI {version} is newer than the newest image table; {table.name} is used"
        older = tuple(_read(v) for v in reversed(known[:-1]))
        return replace(table, older=older, warning=warning)
    if minor < known[0]:
        warning = f"RHOAI {version} is older than the oldest image table; {table.name} is used"
        return replace(table, warning=warning)
    return table


def _read(version: Minor) -> ImageTable:
    file = resources.files("rebase.image_maps").joinpath("{}.{}.json".format(*version))
    return ImageTable(version, json.loads(file.read_text()))
