"""Which layers of an image to read, and in which order.

An image's history says which instruction made which layer. A COPY to /manager cannot
hold /opt/manifests; a RUN can have done anything; a squashed image has many instructions
and one layer. So each layer is LIKELY (something was copied to where manifests live),
POSSIBLE (no telling) or UNLIKELY (everything in it was copied elsewhere). Layers are read
newest first, likely and possible ones before the rest; whoever reads stops when the tree
is whole. What an UNLIKELY layer holds cannot change a tree found in the others.
"""

import re
import shlex
from dataclasses import dataclass
from enum import Enum
from typing import Any

MANIFESTS_PARENT = "/opt"  # every operator image so far has its manifests at /opt/<something>


class Likelihood(Enum):
    LIKELY = "likely"
    POSSIBLE = "possible"
    UNLIKELY = "unlikely"


@dataclass(frozen=True)
class PlannedLayer:
    """A layer (0 is the oldest), how likely it holds manifests, and what says so."""

    index: int
    likelihood: Likelihood
    reason: str


def plan(history: list[dict[str, Any]], layer_count: int) -> list[PlannedLayer]:
    """The layers in the order in which to read them.

    Args:
        history: the image configuration's `history`; may be empty or not fit the layers.
    """
    groups = _instructions_by_layer(history, layer_count)
    planned = [
        PlannedLayer(index, *_judge(instructions)) for index, instructions in enumerate(groups)
    ]
    newest_first = planned[::-1]
    return [layer for layer in newest_first if layer.likelihood is not Likelihood.UNLIKELY] + [
        layer for layer in newest_first if layer.likelihood is Likelihood.UNLIKELY
    ]


def _instructions_by_layer(history: list[dict[str, Any]], layer_count: int) -> list[list[str]]:
    """For each layer the instructions that made it; entries without a layer belong to the next."""
    groups: list[list[str]] = []
    pending: list[str] = []
    for entry in history:
        pending.append(str(entry.get("created_by") or entry.get("comment") or ""))
        if not entry.get("empty_layer"):
            groups.append(pending)
            pending = []
    if len(groups) != layer_count:
        return [[] for _ in range(layer_count)]
    return groups


def _judge(instructions: list[str]) -> tuple[Likelihood, str]:
    destinations: list[str] = []
    unknown = not instructions
    for instruction in instructions:
        destination = copy_destination(instruction)
        if destination is not None:
            destinations.append(destination)
        elif not _changes_no_files(instruction):
            unknown = True
    for destination in destinations:
        if _related(destination, MANIFESTS_PARENT) and destination.rstrip("/"):
            return Likelihood.LIKELY, f"copies to {destination}"
    if unknown:
        return Likelihood.POSSIBLE, "the image's history does not say what it holds"
    if any(not destination.rstrip("/") for destination in destinations):
        return Likelihood.POSSIBLE, "copies to /"
    if not destinations:
        return Likelihood.POSSIBLE, "no instruction of the history explains it"
    return Likelihood.UNLIKELY, "copies to " + ", ".join(sorted(set(destinations)))


def copy_destination(instruction: str) -> str | None:
    """The absolute destination of a COPY or ADD, or None for anything else.

    Forms: `COPY dir:… in /opt/manifests/` (classic), `COPY a b /opt/ # buildkit`,
    `/bin/sh -c #(nop) COPY …` (both prefixes occur). A relative one depends on WORKDIR.
    """
    text = re.sub(r"\s*# buildkit$", "", _without_shell(instruction)).strip()
    if not re.match(r"(COPY|ADD)\s", text):
        return None
    classic = re.search(r"\sin\s+(/\S*)\s*$", text)
    if classic:
        return classic[1]
    try:
        last = shlex.split(text.rstrip("]").replace('",', '" '))[-1]
    except (ValueError, IndexError):
        return None
    return last if last.startswith("/") else None


def _changes_no_files(instruction: str) -> bool:
    text = _without_shell(instruction)
    words = (
        "LABEL",
        "ENV",
        "USER",
        "WORKDIR",
        "ENTRYPOINT",
        "CMD",
        "EXPOSE",
        "ARG",
        "STOPSIGNAL",
        "HEALTHCHECK",
        "MAINTAINER",
        "ONBUILD",
        "SHELL",
        "VOLUME",
    )
    return not text or text.split(maxsplit=1)[0].upper() in words


def _without_shell(instruction: str) -> str:
    return re.sub(r"^/bin/sh -c (#\(nop\) )?", "", instruction.strip()).strip()


def _related(one: str, other: str) -> bool:
    """Is one path the other, above it or below it?"""
    a, b = one.rstrip("/") + "/", other.rstrip("/") + "/"
    return a.startswith(b) or b.startswith(a)
