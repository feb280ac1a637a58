"""What a CRD says outside its schemas: names, versions, storage, conversion, subresources."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from rebase.compare.levels import Level
from rebase.compare.meaning import Schema, either, short
from rebase.compare.schemas import compare_schemas
from rebase.objects import KubeObject, dict_at

BREAKS, WARNS, FINE = Level.BREAKS, Level.WARNS, Level.FINE


@dataclass(frozen=True)
class SpecChange:
    """A change of a CRD as a whole, or of one of its versions; see crds.CrdChange."""

    version: str
    id: str
    level: Level
    message: str
    hits: str = ""


@dataclass(frozen=True)
class CrdSpec:
    """A CRD, read for comparison."""

    crd: KubeObject

    @property
    def spec(self) -> dict[str, Any]:
        return dict_at(self.crd.data, "spec")

    @property
    def names(self) -> dict[str, Any]:
        """With what Kubernetes fills in."""
        names = dict_at(self.spec, "names")
        kind = str(names.get("kind"))
        return {"listKind": f"{kind}List", "singular": kind.lower(), **names}

    @property
    def kind(self) -> str:
        return str(self.names["kind"])

    @property
    def objects(self) -> str:
        """Its objects, for people: there is no better plural than an s."""
        return f"{self.kind}s"

    @property
    def group(self) -> str:
        return str(self.spec.get("group"))

    @property
    def versions(self) -> dict[str, dict[str, Any]]:
        return {str(one["name"]): one for one in self.spec.get("versions") or ()}

    @property
    def stored(self) -> str:
        """The version that objects are stored in."""
        return next((name for name, one in self.versions.items() if one.get("storage")), "")

    @property
    def converts(self) -> bool:
        """Through a webhook?"""
        return dict_at(self.spec, "conversion").get("strategy") == "Webhook"

    def schema(self, version: str) -> Schema:
        return dict_at(self.versions[version], "schema", "openAPIV3Schema")

    def written_as(self, version: str) -> str:
        return f"{self.objects} written as {self.group}/{version}"


def compare_specs(old: CrdSpec, new: CrdSpec) -> Iterator[SpecChange]:
    """Every change outside the schemas."""
    yield from _scope(old, new)
    yield from _names(old, new)
    if old.spec.get("preserveUnknownFields") and not new.spec.get("preserveUnknownFields"):
        message = "fields that no schema describes are dropped"
        hits = f"{old.objects} with fields that the schema does not describe"
        yield SpecChange("", "pruned", BREAKS, message, hits)
    yield from _conversion(old, new)
    yield from _storage(old, new)
    yield from _versions(old, new)
    for version in old.versions.keys() & new.versions.keys():
        yield from _version(old, new, version)


def _scope(old: CrdSpec, new: CrdSpec) -> Iterator[SpecChange]:
    before, after = old.spec.get("scope"), new.spec.get("scope")
    if before != after:
        message = f"{after}, was {before}: the API server refuses this on upgraded devices"
        yield SpecChange("", "scope-changed", BREAKS, message, f"every {old.kind}")


def _names(old: CrdSpec, new: CrdSpec) -> Iterator[SpecChange]:
    for key, level in (
        ("kind", BREAKS),
        ("plural", BREAKS),
        ("listKind", WARNS),
        ("singular", WARNS),
    ):
        before, after = old.names.get(key), new.names.get(key)
        # The others follow the kind, which is told.
        if before != after and (key == "kind" or old.kind == new.kind):
            message = f"{key} {after}, was {before}"
            hits = f"every {old.kind}" if level is BREAKS else f"what asks for {before}"
            yield SpecChange("", "name-changed", level, message, hits)
    for key, what in (("shortNames", "short name"), ("categories", "category")):
        before, after = (set(spec.names.get(key) or ()) for spec in (old, new))
        for name in sorted(before - after):
            hits = f"scripts that say kubectl get {name}"
            yield SpecChange("", "name-removed", WARNS, f"{what} {name} is gone", hits)
        for name in sorted(after - before):
            yield SpecChange("", "name-added", FINE, f"new {what} {name}")


def _conversion(old: CrdSpec, new: CrdSpec) -> Iterator[SpecChange]:
    if new.converts and not old.converts:
        message = (
            "versions are converted by a webhook: objects can be read and written in another"
            " version than the stored one only while its controller runs"
        )
        hits = f"every {new.kind}"
        yield SpecChange("", "conversion-changed", WARNS, message, hits)
    elif old.converts and not new.converts:
        message = "no webhook converts versions any more: fields that only one version has are lost"
        hits = f"{old.objects} written in another version than the stored one"
        yield SpecChange("", "conversion-changed", WARNS, message, hits)


def _storage(old: CrdSpec, new: CrdSpec) -> Iterator[SpecChange]:
    before, after = old.stored, new.stored
    if not before or not after or before == after or before not in new.versions:
        return  # a version that is gone is told as that
    how = "through the conversion webhook" if new.converts else "by its apiVersion alone"
    message = (
        f"stored as {after}, was {before}: what is stored stays {before} until it is written again"
        f" and is converted {how} at each read; {before} has to stay until all of it is rewritten"
    )
    yield SpecChange("", "storage-moved", WARNS, message, f"every {new.kind}")


def _versions(old: CrdSpec, new: CrdSpec) -> Iterator[SpecChange]:
    added = [name for name in new.versions if name not in old.versions]
    for name, was in old.versions.items():
        if name in new.versions:
            continue
        twin = next((one for one in added if _same(old.schema(name), new.schema(one))), None)
        if twin is None:
            change, message = "version-removed", "the version is gone"
        else:
            change, message = "version-renamed", f"renamed to {twin}, its schema is the same"
            added.remove(twin)
        hits = old.written_as(name)
        if was.get("storage"):
            message += (
                "; objects are stored in it, and the API server refuses a CRD without a version"
                " that is in status.storedVersions"
            )
            hits = f"every {old.kind}"
        served = was.get("served") or was.get("storage")
        if not served:
            message += "; it was not served"
        yield SpecChange(name, change, BREAKS if served else WARNS, message, hits)
    for name in added:
        served = (
            "a new version" if new.versions[name].get("served") else "a new version, not served"
        )
        yield SpecChange(name, "version-added", FINE, served)


def _same(one: Schema, other: Schema) -> bool:
    return not compare_schemas(one, other) and not compare_schemas(other, one)


def _version(old: CrdSpec, new: CrdSpec, name: str) -> Iterator[SpecChange]:
    """A version that both have."""
    was, now = old.versions[name], new.versions[name]
    hits = old.written_as(name)
    if was.get("served") and not now.get("served"):
        yield SpecChange(name, "version-unserved", BREAKS, "the version is not served", hits)
    elif now.get("served") and not was.get("served"):
        yield SpecChange(name, "version-served", FINE, "the version is served")
    if now.get("deprecated") and not was.get("deprecated"):
        text = now.get("deprecationWarning")
        message = "deprecated" + (f": {short(text, 200)}" if text else "")
        yield SpecChange(name, "version-deprecated", WARNS, message, hits)
    elif was.get("deprecated") and not now.get("deprecated"):
        yield SpecChange(name, "version-undeprecated", FINE, "no longer deprecated")
    yield from _subresources(old, new, name)
    yield from _selectable(old, was, now)
    if (was.get("additionalPrinterColumns") or []) != (now.get("additionalPrinterColumns") or []):
        yield SpecChange(name, "columns-changed", FINE, "kubectl get shows other columns")


def _subresources(old: CrdSpec, new: CrdSpec, name: str) -> Iterator[SpecChange]:
    was, now = (dict_at(spec.versions[name], "subresources") for spec in (old, new))
    if "status" in was and "status" not in now:
        message = "/status is gone: a controller that writes there is refused"
        hits = f"what writes the status of {old.objects}"
        yield SpecChange(name, "subresource-removed", BREAKS, message, hits)
    elif "status" in now and "status" not in was:
        if "status" in dict_at(old.schema(name), "properties"):
            message = "/status is new: a status that is written with the object is ignored"
            hits = f"what writes the status of {old.objects}"
            yield SpecChange(name, "subresource-added", WARNS, message, hits)
        else:
            yield SpecChange(name, "subresource-added", FINE, "/status is new")
    if "scale" in was and "scale" not in now:
        hits = f"what scales {old.objects}: kubectl scale, autoscalers"
        yield SpecChange(name, "subresource-removed", BREAKS, "/scale is gone", hits)
    elif "scale" in now and "scale" not in was:
        yield SpecChange(name, "subresource-added", FINE, "/scale is new")
    elif was.get("scale") != now.get("scale"):
        hits = f"what scales {old.objects}: kubectl scale, autoscalers"
        message = "/scale reads and writes other fields"
        yield SpecChange(name, "subresource-changed", WARNS, message, hits)


def _selectable(old: CrdSpec, was: dict[str, Any], now: dict[str, Any]) -> Iterator[SpecChange]:
    before, after = (
        {str(one.get("jsonPath")) for one in version.get("selectableFields") or ()}
        for version in (was, now)
    )
    name = str(was["name"])
    if before - after:
        lost = either(sorted(before - after))
        hits = f"queries for {old.objects} by {lost}"
        yield SpecChange(name, "selectable-removed", WARNS, f"no field selector {lost}", hits)
    if after - before:
        won = either(sorted(after - before))
        yield SpecChange(name, "selectable-added", FINE, f"new field selector {won}")
