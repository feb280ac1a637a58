"""rhoai-rebase.toml, which people keep at a tree's root: images, budgets, waivers."""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from rebase.budgets import DEFAULTS, Budget
from rebase.catalogue import CATALOGUE
from rebase.errors import UsageError
from rebase.findings import Waiver
from rebase.model import Override
from rebase.reference import is_pinned

FILE = "rhoai-rebase.toml"
NOT_TO_BE_WAIVED = "unused-waiver"


@dataclass(frozen=True)
class Project:
    """What people have decided for a tree.

    Attributes:
        images: params key → image; the command line wins.
        budgets: by package.
    """

    images: Mapping[str, Override] = field(default_factory=dict)
    budgets: Mapping[str, Budget] = field(default_factory=lambda: DEFAULTS)
    waivers: tuple[Waiver, ...] = ()


def read(root: Path) -> Project:
    """The file of a tree; where there is none, the defaults.

    Raises:
        UsageError: it has mistakes; all of them at once, each with its key.
    """
    try:
        data = tomllib.loads((root / FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Project()
    except (OSError, ValueError) as error:
        raise UsageError(f"{FILE} cannot be read: {error}") from None
    problems: list[str] = []
    tables = {"images": dict, "budgets": dict, "waivers": list}
    problems += _unknown("", data, tables)
    for name, kind in tables.items():
        if not isinstance(data.get(name, kind()), kind):
            wanted = "a table" if kind is dict else "an array of tables, [[waivers]]"
            problems.append(f"{name}: {wanted} is expected")
            del data[name]
    project = Project(
        _images(data.get("images", {}), problems),
        _budgets(data.get("budgets", {}), problems),
        _waivers(data.get("waivers", []), problems),
    )
    if problems:
        raise UsageError(
            f"{FILE} has mistakes",
            details=problems,
            hint='docs/release-engineers.md, "Checking a tree", has an example',
        )
    return project


def _unknown(place: str, data: Mapping[str, Any], known: Mapping[str, Any]) -> Iterator[str]:
    for key in sorted(data.keys() - known.keys()):
        yield f"{place}{key}: unknown; one of {', '.join(known)} is expected"


def _images(data: Mapping[str, Any], problems: list[str]) -> dict[str, Override]:
    found: dict[str, Override] = {}
    for key, value in data.items():
        if isinstance(value, str) and is_pinned(value):
            found[key] = Override(value, FILE)
        else:
            problems.append(f"images.{key}: {value!r} is not registry/repository@sha256:…")
    return found


def _budgets(data: Mapping[str, Any], problems: list[str]) -> dict[str, Budget]:
    problems += _unknown("budgets.", data, DEFAULTS)
    found = dict(DEFAULTS)
    names = {one.name.replace("_", "-"): one.name for one in fields(Budget)}
    for package in DEFAULTS.keys() & data.keys():
        limits = data[package]
        if not isinstance(limits, dict):
            problems.append(f"budgets.{package}: a table is expected")
            continue
        problems += _unknown(f"budgets.{package}.", limits, names)
        for key in names.keys() & limits.keys():
            value = limits[key]
            if isinstance(value, int | float) and not isinstance(value, bool) and value > 0:
                found[package] = replace(found[package], **{names[key]: value})
            else:
                problems.append(f"budgets.{package}.{key}: {value!r} is not a positive number")
    return found


def _waivers(data: list[Any], problems: list[str]) -> tuple[Waiver, ...]:
    known = ("id", "where", "reason")
    found: list[Waiver] = []
    for number, entry in enumerate(data, 1):
        place = f"waivers[{number}]"
        if not isinstance(entry, dict):
            problems.append(f"{place}: a table is expected")
            continue
        problems += _unknown(f"{place}.", entry, dict.fromkeys(known))
        before = len(problems)
        for key in known:
            value = entry.get(key, "*" if key == "where" else None)
            if not isinstance(value, str) or not value.strip():
                problems.append(f"{place}.{key}: a text that is not empty is expected")
        check_id = entry.get("id")
        if isinstance(check_id, str) and check_id.strip():
            if check_id not in CATALOGUE:
                problems.append(
                    f"{place}.id: there is no finding {check_id}; "
                    "`rhoai-rebase check --list` has them all"
                )
            elif check_id == NOT_TO_BE_WAIVED:
                problems.append(f"{place}.id: {check_id} cannot be waived; remove the other waiver")
        if len(problems) == before:
            found.append(Waiver(check_id or "", entry["reason"], entry.get("where", "*"), place))
    return tuple(found)
