"""Serving runtimes compared: their versions, what models they take, and how they are started."""

from collections.abc import Iterable
from dataclasses import dataclass

from rebase.compare.fields import FieldChange, field_changes
from rebase.objects import KubeObject, dict_at
from rebase.reference import is_pinned

KIND = "ServingRuntime"
VERSION = "opendatahub.io/runtime-version"
DISPLAY_NAME = "openshift.io/display-name"


@dataclass(frozen=True)
class Runtime:
    """What people choose a runtime by.

    Attributes:
        version: of the model server in it; "" when it does not say.
        formats: of models, such as `onnx 1`; in order.
    """

    name: str
    title: str
    version: str
    formats: tuple[str, ...]


@dataclass(frozen=True)
class RuntimeChange:
    """A runtime that came, went or changed.

    Attributes:
        changes: of everything but version, formats and image.
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
    formats = {
        f"{one.get('name')} {one.get('version') or ''}".strip(): None
        for one in dict_at(obj.data, "spec").get("supportedModelFormats") or ()
    }
    return Runtime(
        obj.name,
        str(obj.annotations.get(DISPLAY_NAME) or obj.name),
        str(obj.annotations.get(VERSION) or ""),
        tuple(formats),
    )


def _other_changes(old: KubeObject, new: KubeObject) -> tuple[FieldChange, ...]:
    told = (f"metadata.annotations[{VERSION}]", f"metadata.annotations[{DISPLAY_NAME}]")
    return tuple(
        change
        for change in field_changes(old.data, new.data)
        if change.path not in told
        and not change.path.startswith("spec.supportedModelFormats")
        and not (is_pinned(change.old or "") and is_pinned(change.new or ""))
    )
