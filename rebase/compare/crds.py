"""CustomResourceDefinitions of two trees: what the new ones do to the objects that users have."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from rebase.compare.crd_spec import CrdSpec, compare_specs
from rebase.compare.groups import Group, group
from rebase.compare.levels import Level
from rebase.compare.schema_change import SchemaChange, phrase, segments
from rebase.compare.schemas import compare_schemas, described_fields
from rebase.objects import CRD, KubeObject, dict_at

BREAKS, WARNS, FINE = Level.BREAKS, Level.WARNS, Level.FINE


@dataclass(frozen=True)
class CrdChange:
    """A change of a CRD, at one place or, when it is the same change, at several.

    Attributes:
        crd: the CRD's name, such as `inferenceservices.serving.kserve.io`.
        versions: the API versions that it is in; none when it is about the CRD as a whole.
        id: a stable word, such as `field-removed`.
        path: the place, as in schema_change; of several, `….` and the end that they share; "" for
            the CRD, the version or the object itself.
        message: what changed, without the place.
        hits: the users' objects that are concerned, in words; "" where none are.
        objects: what `hits` starts with: all objects of the kind in these versions.
        paths: every place in a schema, sorted.
    """

    crd: str
    versions: tuple[str, ...]
    id: str
    path: str
    level: Level
    message: str
    hits: str = ""
    objects: str = ""
    paths: tuple[str, ...] = ()


@dataclass(frozen=True)
class CrdSize:
    """How big a CRD is.

    Attributes:
        fields: that its schemas describe, over all versions, items and map values included.
        bytes: of its YAML.
    """

    crd: str
    fields: int
    bytes: int


def compare_crds(old: Iterable[KubeObject], new: Iterable[KubeObject]) -> list[CrdChange]:
    """Every change of the CRDs among the objects; what breaks comes first, lost CRDs before all."""
    before, after = _crds(old), _crds(new)
    found: list[CrdChange] = []
    for name in sorted(before.keys() | after.keys()):
        was, now = before.get(name), after.get(name)
        if was is None:
            found.append(CrdChange(name, (), "crd-added", "", FINE, "a new kind"))
        elif now is None:
            others = [one for other, one in after.items() if other not in before]
            found.append(_removed(name, was, others))
        elif was.spec != now.spec:
            found += _changed(name, was, now)
    return sorted(found, key=_order)


def crd_sizes(objects: Iterable[KubeObject]) -> list[CrdSize]:
    """The sizes of the CRDs among the objects, by name."""
    return [
        CrdSize(
            name,
            sum(described_fields(spec.schema(version)) for version in spec.versions),
            len(spec.crd.to_yaml().encode()),
        )
        for name, spec in sorted(_crds(objects).items())
    ]


def _crds(objects: Iterable[KubeObject]) -> dict[str, CrdSpec]:
    return {obj.name: CrdSpec(obj) for obj in objects if obj.kind == CRD}


def _order(change: CrdChange) -> tuple[Any, ...]:
    apart = change.id != "crd-removed", bool(change.versions)
    return (change.level.rank, *apart, change.crd, change.versions, change.path, change.id)


def _removed(name: str, was: CrdSpec, added: list[CrdSpec]) -> CrdChange:
    message = "gone: it stays on upgraded devices, but no controller looks after its objects"
    elsewhere = [one.crd.name for one in added if one.kind == was.kind]
    if elsewhere:
        message += f"; the kind is {', '.join(elsewhere)} now, where objects have to be made anew"
    return CrdChange(name, (), "crd-removed", "", BREAKS, message, f"every {was.kind}")


def _changed(name: str, was: CrdSpec, now: CrdSpec) -> Iterator[CrdChange]:
    for change in compare_specs(was, now):
        versions = (change.version,) if change.version else ()
        yield CrdChange(name, versions, change.id, "", change.level, change.message, change.hits)
    versions_of: dict[Group, list[str]] = {}
    for version in was.versions:
        if version in now.versions:
            changes = compare_schemas(was.schema(version), now.schema(version))
            if "status" in dict_at(now.versions[version], "subresources"):
                changes = [_in_status(change) for change in changes]
            for one in group(changes):
                versions_of.setdefault(one, []).append(version)
    for same, names in versions_of.items():
        yield _of_schema(name, was, same, names)


def _of_schema(name: str, crd: CrdSpec, same: Group, versions: list[str]) -> CrdChange:
    objects = f"{crd.objects} of {crd.group}/{' and '.join(versions)}" if same.concerns else ""
    hits = f"{objects} {phrase(same.concerns, same.path)}".strip()
    place = (name, tuple(versions), same.id, same.path, same.level)
    return CrdChange(*place, same.message, hits, objects, same.paths)


def _in_status(change: SchemaChange) -> SchemaChange:
    """A change of what only controllers write, which come with the schema: one level lower."""
    if segments(change.path)[:1] != ["status"] or change.level is FINE:
        return change
    if change.level is WARNS:
        return replace(change, level=FINE, concerns="")
    return replace(change, level=WARNS, concerns="by their status, which their controller writes")
