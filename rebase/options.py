"""How to process what is staged."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from rebase.findings import Waiver
from rebase.model import Override
from rebase.registry import Registry


@dataclass(frozen=True)
class Options:
    """How to process.

    Attributes:
        root: the tree that is written.
        architectures: rpm's names.
        overrides: params key → pinned image.
        waivers: what the checks find and may ship nevertheless.
        pin: ask the registry for the digests of images that ship and have only a tag.
        verify: ask the registry for every image that ships, on every architecture.
        compared: tell what changes in the objects, for a report.
        measured: and what rendering costs.
        registry: whom to ask; needed for `pin` and `verify` only.
    """

    root: Path
    architectures: tuple[str, ...] = ("x86_64",)
    overrides: Mapping[str, Override] = field(default_factory=dict)
    waivers: tuple[Waiver, ...] = ()
    dry_run: bool = False
    pin: bool = False
    verify: bool = False
    compared: bool = False
    measured: bool = False
    registry: Registry | None = None
