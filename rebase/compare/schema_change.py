"""One change between two schemas, and where in an object it is.

Paths are written as Kubernetes people write them: `spec.predictor.containers[].image` is in each
item of a list, `metadata.annotations[*]` is each value of a map, a name that holds a dot or a
slash is `limits['nvidia.com/gpu']`, and "" is the object itself.
"""

import re
from dataclasses import dataclass

from rebase.compare.levels import Level

_SEGMENT = re.compile(r"(?:[^.\[]|\[[^\]]*\])+")
_PLAIN_NAME = re.compile(r"[\w$-]+")


@dataclass(frozen=True)
class SchemaChange:
    """What changed at one place.

    Attributes:
        id: a stable word, such as `field-removed`.
        message: what changed, without the place, so that equal changes have equal messages.
        concerns: which objects are hit, to be read after their kind: "that set {path}"; {path} and
            {parent} stand for places. "" where no object is.
    """

    id: str
    path: str
    level: Level
    message: str
    concerns: str = ""

    @property
    def hits(self) -> str:
        """Which objects are hit: "that set spec.model"."""
        return phrase(self.concerns, self.path)


def phrase(concerns: str, path: str) -> str:
    """Which objects are hit, at a path."""
    parent = parent_of(path)
    if parent in ("", "…"):
        concerns = concerns.replace("with {parent} but ", "")
    return concerns.replace("{parent}", parent).replace("{path}", path or "the top level")


def field(path: str, name: str) -> str:
    """The path of a field."""
    if not _PLAIN_NAME.fullmatch(name):
        return f"{path}['{name}']"
    return f"{path}.{name}" if path else name


def items(path: str) -> str:
    """The path of the items of a list."""
    return f"{path}[]"


def values(path: str) -> str:
    """The path of the values of a map."""
    return f"{path}[*]"


def segments(path: str) -> list[str]:
    """The named steps of a path, each with its brackets."""
    return _SEGMENT.findall(path)


def parent_of(path: str) -> str:
    """The path without its last step."""
    return re.sub(r"(\[[^\]]*\]|(?:^|\.)[^.\[\]]+)$", "", path)
