"""Params files (kustomize env files), and markers that show where their values end up.

Which object gets which image is decided by the kustomizations: by vars, replacements,
even replacements into JSON strings. Nothing here reads those. Instead each image value is
given a digest of its own, a *marker*, before the tree is rendered; wherever kustomize
puts the value, the marker tells the key. Afterwards each marker is replaced by the real
digest, which has the same length, so that the text does not change otherwise.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from rebase.errors import TreeError
from rebase.reference import looks_like_image, repository_of

UNSET = "set-by-the-operator-at-run-time."
MARKER = re.compile(r"(?<=sha256:)[0-9a-f]{64}")


@dataclass(frozen=True)
class Param:
    """A line of a params file.

    Attributes:
        component: whose file it is, as the operator's tables call it.
        file: the file's path in the image.
        overwritten: does the operator overwrite this file at run time?
    """

    component: str
    file: str
    key: str
    value: str
    overwritten: bool

    @property
    def marker(self) -> str:
        """64 hex digits that stand for this param alone."""
        return hashlib.sha256(f"{self.file}\0{self.key}".encode()).hexdigest()


def parse_env(data: bytes, where: str) -> dict[str, str]:
    """The lines of an env file, as kustomize reads it.

    Raises:
        TreeError: lines without `=`, or with a key that is there twice; all of them at once.
    """
    values: dict[str, str] = {}
    bad: list[str] = []
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise TreeError(f"{where}: not UTF-8 text: {error.reason}") from None
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.lstrip()
        if not line or line.startswith("#"):
            continue
        key, equals, value = line.partition("=")
        if not equals or not key or key != key.strip():
            bad.append(f"line {number}: {raw.strip()!r} is not KEY=VALUE")
        elif key in values:
            bad.append(f"line {number}: {key} is there twice")
        values[key] = value.rstrip()
    if bad:
        raise TreeError(f"{where}: broken params file", details=bad)
    return values


def render_env(values: Mapping[str, str]) -> bytes:
    """An env file with these values."""
    return "".join(f"{key}={value}\n" for key, value in values.items()).encode()


def marked_value(param: Param, effective: str) -> str:
    """What to render in place of a param's value."""
    if not looks_like_image(effective):
        return effective
    return f"{repository_of(effective)}@sha256:{param.marker}"


class Markers:
    """All markers of a rebase: which param each one stands for, and what replaces it."""

    def __init__(self, params: Iterable[Param], digests: Mapping[Param, str]) -> None:
        """Args: digests: the hex digits of each param that is resolved."""
        self._params = {param.marker: param for param in params}
        self._digests = {param.marker: digits for param, digits in digests.items()}

    def in_text(self, text: str) -> set[Param]:
        """The params whose values a text holds."""
        found = (self._params.get(digits) for digits in MARKER.findall(text))
        return {param for param in found if param is not None}

    def fill(self, text: str) -> str:
        """The text with the real digests; unresolved markers stay."""
        return MARKER.sub(lambda match: self._digests.get(match[0], match[0]), text)
