"""What earlier rebases shipped and this one does not: it stays in clusters unless it is deleted.

MicroShift deletes what a kustomization under manifests.d/delete names, at every start and
before it applies anything. An object of a kind that the API server does not know fails the
whole kustomization, and MicroShift tries again for ten minutes: so only kinds that MicroShift
itself serves are named there. Our CRDs are not there yet at a device's first start; objects of
their kinds are for people to delete, from a list that ships.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from rebase import release, yamlfile
from rebase.adapt.apis import MICROSHIFT_GROUPS
from rebase.assets import HEADER
from rebase.model import ObjectName
from rebase.objects import CRD, sort_key
from rebase.release import Before, is_demo

HISTORY = "release/history.json"
DIRECTORY = "assets/delete"
LIST = "retired-objects.yaml"
CUSTOM_LIST = "release/retired-custom-objects.yaml"
FORMAT = 1

KUSTOMIZATION = """\
# What older packages applied and this one no longer has, for MicroShift to delete.
# rhoai-rebase keeps it up to date, from release/history.json.
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources: []
"""

CUSTOM_HEADER = (
    HEADER
    + """\
# What older packages applied, and what MicroShift cannot be asked to delete: at a first start it
# would wait for the kinds. On a device that had an older package, once:
#   oc delete --ignore-not-found -f THIS_FILE
"""
)


@dataclass(frozen=True)
class Retired:
    """An object that no longer ships, and the last RHOAI version that had it."""

    object: ObjectName
    last: str

    @property
    def stays(self) -> str:
        """Why MicroShift is not asked to delete it; "" when it is."""
        if holds_others(self.object):
            return "the users' objects would go with it"
        if is_custom(self.object):
            return "a first start does not know its kind yet and would wait"
        return ""


def holds_others(name: ObjectName) -> bool:
    """Does deleting it delete the users' objects?"""
    return name.kind in (CRD, "Namespace")


def is_custom(name: ObjectName) -> bool:
    """Is its kind one that MicroShift knows only once a CRD is there?"""
    return name.group not in MICROSHIFT_GROUPS


def retire(
    before: Before, earlier: Iterable[Retired], shipped: Iterable[ObjectName], version: str
) -> list[Retired]:
    """What was retired earlier or was there before, and does not ship now.

    An object that moved to another of our packages ships: it is none of these. And no device
    has had the demo.

    Args:
        version: the RHOAI version that ships now.
    """
    known = {retired.object.identity: retired for retired in earlier}
    for file in before.files.values():
        known[file.holds.identity] = Retired(file.holds, before.version or "")
    known = {key: one for key, one in known.items() if is_demo(one.last) == is_demo(version)}
    for name in shipped:
        known.pop(name.identity, None)
    return [known[identity] for identity in sorted(known, key=sort_key)]


def read_history(root: Path) -> list[Retired]:
    """What earlier rebases retired.

    Raises:
        UsageError: the file cannot be understood.
    """
    try:
        history = json.loads((root / HISTORY).read_text())
        if history["format"] != FORMAT:
            raise release.unreadable(HISTORY, f"format {history['format']}, not {FORMAT}")
        return [
            Retired(release.parse_object_name(entry), str(entry["last"]))
            for entry in history["retired"]
        ]
    except FileNotFoundError:
        return []
    except KeyError as error:
        raise release.unreadable(HISTORY, f"it lacks {error}") from None
    except (OSError, ValueError, TypeError) as error:
        raise release.unreadable(HISTORY, str(error)) from None


def history_bytes(retired: Iterable[Retired]) -> bytes:
    """The history as a file, which people may shorten."""
    return release.to_json(
        {
            "format": FORMAT,
            "retired": [
                {**release.object_name_as_json(one.object), "last": one.last} for one in retired
            ],
        }
    )


def deletions(retired: Iterable[Retired]) -> bytes | None:
    """The list that MicroShift deletes; None when nothing is on it."""
    return _listed((one.object for one in retired if not one.stays), HEADER)


def custom_deletions(retired: Iterable[Retired]) -> bytes | None:
    """The list for people to delete, once; None when nothing is on it."""
    names = (one.object for one in retired)
    custom = (name for name in names if is_custom(name) and not holds_others(name))
    return _listed(custom, CUSTOM_HEADER)


def _listed(names: Iterable[ObjectName], header: str) -> bytes | None:
    """Objects as `oc delete` and MicroShift want them: what names them and no more."""
    documents = [
        yamlfile.dump(
            {
                "apiVersion": name.api_version,
                "kind": name.kind,
                "metadata": {
                    "name": name.name,
                    **({"namespace": name.namespace} if name.namespace else {}),
                },
            }
        )
        for name in names
    ]
    return (header + "---\n".join(documents)).encode() if documents else None
