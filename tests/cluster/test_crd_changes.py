"""What `diff` says of CRDs, asked of an API server: the same objects before and after."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from integration.support.trees import Tree

from cluster.devices import SERVING
from cluster.support.api_client import Object, RefusedError
from cluster.support.api_server import Cluster
from rebase.compare.crds import compare_crds
from rebase.compare.levels import Level
from rebase.objects import KubeObject

KINDS = {
    "LLMInferenceServiceConfig": f"llminferenceserviceconfigs.{SERVING}",
    "LLMInferenceService": f"llminferenceservices.{SERVING}",
    "InferenceService": f"inferenceservices.{SERVING}",
}
# In the order of upgrades.
VERSIONS = ("2.16", "2.19", "2.25", "3.4", "3.5")


@dataclass(frozen=True)
class Case:
    """An object that an older version takes as it is, and the finding that says what comes of it.

    Attributes:
        api: version of the object's API.
    """

    old: str
    new: str
    kind: str
    api: str
    id: str
    path: str
    spec: Object


def router(**route: Any) -> Object:
    return {"router": {"route": {"http": {"spec": route}}}}


def pool(**spec: Any) -> Object:
    return {"router": {"scheduler": {"pool": {"spec": spec}}}}


CLAIMING = {"name": "main", "image": "a/b", "resources": {"claims": [{"name": "gpu"}]}}
CASES = (
    Case(
        *("2.16", "2.19", "InferenceService", "v1beta1", "field-removed"),
        "spec.predictor.resourceClaims[].source",
        {
            "predictor": {
                "containers": [CLAIMING],
                "resourceClaims": [{"name": "gpu", "source": {"resourceClaimName": "mine"}}],
            }
        },
    ),
    Case(
        *("2.25", "3.4", "LLMInferenceServiceConfig", "v1alpha1", "pattern-added"),
        "spec.router.route.http.spec.parentRefs[].namespace",
        router(parentRefs=[{"name": "gateway", "namespace": "Not_Valid"}]),
    ),
    Case(
        *("3.4", "3.5", "LLMInferenceService", "v1alpha2", "bound-narrowed"),
        "spec.router.route.http.spec.rules",
        {"model": {"uri": "hf://a/b"}, **router(rules=[])},
    ),
    Case(
        *("3.4", "3.5", "LLMInferenceServiceConfig", "v1alpha2", "bound-narrowed"),
        "spec.router.scheduler.pool.spec.selector.matchLabels[*]",
        pool(
            selector={"matchLabels": {"app": "a" * 64}},
            targetPorts=[{"number": 8000}],
            endpointPickerRef={"name": "picker", "port": {"number": 9002}},
        ),
    ),
)


def files_of(tree: Tree) -> list[Path]:
    """Of the CRDs that the cases are about, those that a version has."""
    found = (tree.root / "assets").glob("*/crd-*.yaml")
    return sorted(file for file in found if file.stem.removeprefix("crd-") in KINDS.values())


def told(case: Case, trees: Callable[[str], Tree]) -> list[Level]:
    """The levels of what the comparison says of a case."""
    old, new = (
        [
            KubeObject.parse(file.read_text(), file.name)
            for file in files_of(trees(version))
            if file.stem == f"crd-{KINDS[case.kind]}"
        ]
        for version in (case.old, case.new)
    )
    return [
        change.level
        for change in compare_crds(old, new)
        if (change.crd, change.id) == (KINDS[case.kind], case.id)
        and case.api in change.versions
        and case.path in change.paths
    ]


def answer(cluster: Cluster, case: Case) -> Object | None:
    """The object as the API server would keep it; None where it refuses it as invalid."""
    body = {
        "apiVersion": f"{SERVING}/{case.api}",
        "kind": case.kind,
        "metadata": {"name": "mine", "namespace": "default"},
        "spec": case.spec,
    }
    plural = KINDS[case.kind].partition(".")[0]
    path = f"/apis/{SERVING}/{case.api}/namespaces/default/{plural}?dryRun=All"
    try:
        return dict(cluster.api.request("POST", path, body)["spec"])
    except RefusedError as error:
        if error.code == 422:
            return None
        raise


def keeps(whole: Any, part: Any) -> bool:
    """Is everything of a part still there? Defaults may have come."""
    if isinstance(part, dict):
        return isinstance(whole, dict) and all(
            key in whole and keeps(whole[key], value) for key, value in part.items()
        )
    if isinstance(part, list):
        return isinstance(whole, list) and len(whole) == len(part) and all(map(keeps, whole, part))
    return bool(whole == part)


def test_what_breaks_is_refused_or_dropped_by_an_api_server(
    cluster: Cluster, rebased: Callable[[str], Tree]
) -> None:
    """One cluster that is upgraded from version to version, with the CRDs that ship."""
    for version in VERSIONS:
        cluster.install_crds(*files_of(rebased(version)))
        for case in CASES:
            if version == case.old:
                assert keeps(answer(cluster, case), case.spec), case
            elif version == case.new:
                assert not keeps(answer(cluster, case), case.spec), case
                assert told(case, rebased) == [Level.BREAKS], case
