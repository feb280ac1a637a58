"""Serving runtimes compared: their versions, what models they take, and how they are started."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from rebase.compare.fields import FieldChange, field_changes
from rebase.objects import KubeObject, dict_at
from rebase.reference import is_pinned

KIND = "ServingRuntime"
VERSION = "opendatahub.io/runtime-version"
DISPLAY_NAME = "openshift.io/display-name"
FORMATS = "supportedModelFormats"
# Where, in a runtime's metadata, stands what is told of it.
TOLD = frozenset(f"metadata.annotations[{name}]" for name in (VERSION, DISPLAY_NAME))


@dataclass(frozen=True)
class Runtime:
    """What people choose a runtime by.

    Attributes:
        version: of the model server in it; "" when it does not say.
        formats: of models, such as `onnx 1`; sorted.
    """

    name: str
    title: str
    version: str
    formats: tuple[str, ...]


@dataclass(frozen=True)
class RuntimeChange:
    """A runtime that came, went or changed.

    Attributes:
        changes: of the spec, but for images and for which formats there are.
    """

    old: Runtime | None
    new: Runtime | None
    changes: tuple[FieldChange, ...] = ()

    @property
    def name(self) -> str:
        runtime = self.new or self.old
        assert runtime is not None
        return runtime.name


def compare_runtimes(old: Iterable[KubeObject], new: Iterable[KubeObject]) -> list[RuntimeChange]:
    """The changes, by name."""
    before = {obj.name: obj for obj in old if obj.kind == KIND}
    after = {obj.name: obj for obj in new if obj.kind == KIND}
    found = []
    for name in sorted(before.keys() | after.keys()):
        was, is_ = (_runtime(side[name]) if name in side else None for side in (before, after))
        changes = (
            _other_changes(before[name], after[name]) if name in before and name in after else ()
        )
        if was != is_ or changes:
            found.append(RuntimeChange(was, is_, changes))
    return found


def _runtime(obj: KubeObject) -> Runtime:
    return Runtime(
        obj.name,
        str(obj.annotations.get(DISPLAY_NAME) or obj.name),
        str(obj.annotations.get(VERSION) or ""),
        tuple(sorted(_formats(obj))),
    )


def _formats(obj: KubeObject) -> dict[str, dict[str, Any]]:
    """The formats as people call them: their names alone are not unique."""
    return {
        f"{one.get('name')} {one.get('version') or ''}".strip(): one
        for one in dict_at(obj.data, "spec").get(FORMATS) or ()
    }


def _other_changes(old: KubeObject, new: KubeObject) -> tuple[FieldChange, ...]:
    both = _formats(old).keys() & _formats(new).keys()

    def spec(side: KubeObject) -> dict[str, Any]:
        formats = [
            {**one, "name": name, "version": None}
            for name, one in _formats(side).items()
            if name in both
        ]
        return {"spec": {**dict_at(side.data, "spec"), FORMATS: formats}}

    return tuple(
        change
        for change in field_changes(spec(old), spec(new))
        if not (is_pinned(change.old or "") and is_pinned(change.new or ""))
    )
