"""Two snapshots compared: everything that a person who judges a rebase wants to see."""

from collections.abc import Iterable
from dataclasses import dataclass

from rebase.compare.crds import CrdChange, CrdSize, compare_crds, crd_sizes
from rebase.compare.fields import FieldChange, field_changes
from rebase.compare.images import ImageChange, compare_images
from rebase.compare.rights import RightsChange, compare_rights
from rebase.compare.runtimes import KIND as RUNTIME
from rebase.compare.runtimes import TOLD as RUNTIME_TOLD
from rebase.compare.runtimes import RuntimeChange, compare_runtimes
from rebase.compare.settings import ConfigMapChange, compare_settings
from rebase.compare.snapshot import PARTS, Snapshot
from rebase.compare.webhooks import CONFIGURATIONS, WebhookChange, compare_webhooks
from rebase.model import LeftOut, ObjectName
from rebase.objects import CRD, KubeObject, sort_key
from rebase.reference import is_pinned

# kind → what of it is compared by what it means; as fields it would be told a second time.
TOLD_ELSEWHERE = {
    CRD: ("spec",),
    **dict.fromkeys(("Role", "ClusterRole"), ("rules",)),
    **dict.fromkeys(("RoleBinding", "ClusterRoleBinding"), ("roleRef", "subjects")),
    "ConfigMap": ("data",),
    RUNTIME: ("spec",),
    **dict.fromkeys(CONFIGURATIONS, ("webhooks",)),
}


@dataclass(frozen=True)
class Placed:
    """An object and the part that it ships in."""

    part: str
    name: ObjectName


@dataclass(frozen=True)
class Moved:
    """An object that ships in another part now."""

    name: ObjectName
    old: str
    new: str


@dataclass(frozen=True)
class ObjectChange:
    """An object on both sides whose content differs.

    Attributes:
        changes: its fields; none where another section tells what the change means, or where
            only images changed.
    """

    part: str
    name: ObjectName
    changes: tuple[FieldChange, ...]


@dataclass(frozen=True)
class Objects:
    """What came, went, moved and changed."""

    added: tuple[Placed, ...]
    removed: tuple[Placed, ...]
    moved: tuple[Moved, ...]
    changed: tuple[ObjectChange, ...]


@dataclass(frozen=True)
class Comparison:
    """All that is different.

    Attributes:
        parts: the ones that both sides can have, and that were compared.
        facts: of the rebases: where the manifests were, with which tools, what upstream had.
        deleted: what MicroShift is to delete from now on.
        no_longer_deleted: what it was to delete before.
    """

    old: Snapshot
    new: Snapshot
    parts: tuple[str, ...]
    facts: tuple[FieldChange, ...]
    crds: tuple[CrdChange, ...]
    old_crd_sizes: tuple[CrdSize, ...]
    new_crd_sizes: tuple[CrdSize, ...]
    rights: tuple[RightsChange, ...]
    images: tuple[ImageChange, ...]
    objects: Objects
    webhooks: tuple[WebhookChange, ...]
    settings: tuple[ConfigMapChange, ...]
    runtimes: tuple[RuntimeChange, ...]
    deleted: tuple[ObjectName, ...]
    no_longer_deleted: tuple[ObjectName, ...]
    left_out: tuple[LeftOut, ...]
    no_longer_left_out: tuple[LeftOut, ...]
    warnings: tuple[str, ...]

    @property
    def same(self) -> bool:
        """Do both sides ship the same? Where they come from does not count."""
        objects = self.objects
        return not (
            self.images
            or objects.added
            or objects.removed
            or objects.moved
            or objects.changed
            or self.deleted
            or self.no_longer_deleted
        )


def compare(old: Snapshot, new: Snapshot) -> Comparison:
    """Compare what both sides can have; what only one of them is about is left out."""
    parts = old.parts & new.parts
    old, new = old.only(parts), new.only(parts)
    before, after = old.all_objects(), new.all_objects()
    # What came about in unknown ways, as a package, cannot be told from what came about otherwise.
    recorded = all(side.record.version or not side.objects for side in (old, new))
    return Comparison(
        old=old,
        new=new,
        parts=tuple(part for part in PARTS if part in parts),
        facts=tuple(field_changes(_facts(old), _facts(new))) if recorded else (),
        crds=tuple(compare_crds(before, after)),
        old_crd_sizes=tuple(crd_sizes(before)),
        new_crd_sizes=tuple(crd_sizes(after)),
        rights=tuple(compare_rights(before, after)),
        images=tuple(compare_images(old.images, new.images)),
        objects=_objects(old, new),
        webhooks=tuple(compare_webhooks(before, after)),
        settings=tuple(compare_settings(before, after)),
        runtimes=tuple(compare_runtimes(before, after)),
        deleted=_other_objects(new.deleted, old.deleted),
        no_longer_deleted=_other_objects(old.deleted, new.deleted),
        left_out=_only_in(new.record.left_out, old.record.left_out) if recorded else (),
        no_longer_left_out=_only_in(old.record.left_out, new.record.left_out) if recorded else (),
        warnings=tuple(
            warning for warning in new.record.warnings if warning not in old.record.warnings
        ),
    )


def _other_objects(
    some: Iterable[ObjectName], others: Iterable[ObjectName]
) -> tuple[ObjectName, ...]:
    """Those that others have not, in whatever API version."""
    known = {name.identity for name in others}
    return tuple(sorted(name for name in some if name.identity not in known))


def _only_in(some: Iterable[LeftOut], others: Iterable[LeftOut]) -> tuple[LeftOut, ...]:
    known = set(others)
    return tuple(sorted((one for one in some if one not in known), key=lambda one: one.what))


def _objects(old: Snapshot, new: Snapshot) -> Objects:
    before, after = old.objects, new.objects

    def placed(side: Snapshot, other: Snapshot) -> tuple[Placed, ...]:
        return tuple(
            Placed(part, obj.full_name)
            for identity in sorted(side.objects.keys() - other.objects.keys(), key=sort_key)
            for part, obj in [side.objects[identity]]
        )

    moved, changed = [], []
    for identity in sorted(before.keys() & after.keys(), key=sort_key):
        (was_in, was), (is_in, is_) = before[identity], after[identity]
        if was_in != is_in:
            moved.append(Moved(is_.full_name, was_in, is_in))
        if was is not is_ and was.data != is_.data:
            changed.append(ObjectChange(is_in, is_.full_name, _changes(was, is_)))
    return Objects(placed(new, old), placed(old, new), tuple(moved), tuple(changed))


def _changes(old: KubeObject, new: KubeObject) -> tuple[FieldChange, ...]:
    told = TOLD_ELSEWHERE.get(old.kind, ())
    before, after = (
        {key: value for key, value in side.data.items() if key not in told} for side in (old, new)
    )
    return tuple(
        change
        for change in field_changes(before, after)
        if not (is_pinned(change.old or "") and is_pinned(change.new or ""))
        and not (old.kind == RUNTIME and change.path in RUNTIME_TOLD)
    )


def _facts(side: Snapshot) -> dict[str, object]:
    """What is known of how a side came about, by words that people read."""
    record = side.record
    facts: dict[str, object] = {}
    if side.version:
        facts["RHOAI version"] = side.version
    if record.version is not None:
        facts |= {
            "bundle": record.bundle,
            "bundle digest": record.digest,
            "architectures": list(record.architectures),
            "manifests found at": list(record.entries),
            "image table": record.image_table,
            "overrides": dict(record.overrides),
            **{f"version of {tool}": version for tool, version in record.tools.items()},
        }
    if record.upstream:
        facts |= {
            "upstream renders": f"{record.upstream.rendered_bytes / 1e6:.1f} MB",
            "upstream has CRDs": record.upstream.crds,
            "upstream's use of kustomize": list(record.upstream.kustomize),
            "upstream's defaults": dict(record.upstream.settings),
        }
    return facts
