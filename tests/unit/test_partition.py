"""What belongs to llm-d, told from small worlds of objects in the forms of the eras."""

from typing import Any

import pytest

from rebase.objects import CRD, KubeObject
from rebase.partition import partition
from unit.helpers import make, make_crd, make_deployment, make_webhook

SERVING = "serving.kserve.io"
RBAC = "rbac.authorization.k8s.io/v1"
INFERENCE_SERVICE = make_crd("InferenceService", SERVING)
LLM = make_crd("LLMInferenceService", SERVING)
LLM_CONFIG = make_crd("LLMInferenceServiceConfig", SERVING)
POOL = make_crd("InferencePool", "inference.networking.x-k8s.io")


def role(name: str, *resources: str, group: str = SERVING, **rule: Any) -> KubeObject:
    rules = [{"apiGroups": [group], "resources": list(resources), "verbs": ["watch"], **rule}]
    return make("ClusterRole", name, api=RBAC, rules=rules)


def binding(name: str, *accounts: str, to: str = "", kind: str = "ServiceAccount") -> KubeObject:
    return make(
        "ClusterRoleBinding",
        name,
        api=RBAC,
        roleRef={"kind": "ClusterRole", "name": to or name},
        subjects=[{"kind": kind, "name": account} for account in accounts],
    )


def controller(name: str, *resources: str) -> list[KubeObject]:
    """A controller with its account, its rights, its Service and a webhook for each resource."""
    service = make("Service", f"{name}-webhook", spec={"selector": {"app": name}})
    return [
        make("ServiceAccount", name),
        make_deployment(name, serviceAccountName=name),
        service,
        role(f"{name}-role", *resources),
        binding(f"{name}-binding", name, to=f"{name}-role"),
        *(make_webhook(f"{one}-hook", service=service.name, resource=one) for one in resources),
    ]


def titles(objects: list[KubeObject]) -> set[str]:
    return {str(obj) for obj in objects}


def test_a_version_without_llm_d_is_all_core() -> None:
    objects = [INFERENCE_SERVICE, *controller("kserve", "inferenceservices")]
    parts = partition(objects)
    assert (parts.core, parts.llm_d) == (objects, [])


def test_a_controller_of_its_own_takes_all_of_llm_d_along() -> None:
    core = [INFERENCE_SERVICE, *controller("kserve", "inferenceservices")]
    llm_d = [
        *(LLM, LLM_CONFIG, POOL),
        *controller("llmisvc", "llminferenceservices", "llminferenceserviceconfigs"),
        make("LLMInferenceServiceConfig", "template", api=f"{SERVING}/v1alpha1"),
        make("NetworkPolicy", "llm", spec={"podSelector": {"matchLabels": {"app": "llmisvc"}}}),
    ]
    parts = partition([*core, *llm_d])
    assert titles(parts.core) == titles(core)
    assert titles(parts.llm_d) == titles(llm_d)


def test_the_core_keeps_the_crds_that_its_controller_watches() -> None:
    """2.24 to 3.3: one controller for all; it does not stay up without these two CRDs."""
    watched = ("inferenceservices", "llminferenceservices", "llminferenceserviceconfigs")
    core = [INFERENCE_SERVICE, LLM, LLM_CONFIG, *controller("kserve", *watched)]
    config = make("LLMInferenceServiceConfig", "template", api=f"{SERVING}/v1alpha1")
    parts = partition([*core, POOL, config])
    assert titles(parts.core) == titles(core)
    assert titles(parts.llm_d) == titles([POOL, config])


def test_another_groups_kinds_go_though_the_core_may_watch_them() -> None:
    watching = role("pools", "inferencepools", group="inference.networking.x-k8s.io")
    core = [INFERENCE_SERVICE, *controller("kserve", "inferenceservices"), watching]
    parts = partition([*core, binding("pools", "kserve"), POOL])
    assert titles(parts.llm_d) == titles([POOL])


@pytest.mark.parametrize(
    "obj",
    [
        make("SecurityContextConstraints", "openshift-ai-llminferenceservice-scc"),
        role("openshift-ai-llminferenceservice-scc", "securitycontextconstraints"),
        role("read", "llminferenceserviceconfigs"),
        make("ConfigMap", "x", metadata={"labels": {"app.kubernetes.io/component": "llm-d"}}),
    ],
    ids=str,
)
def test_what_is_named_for_llm_d_or_is_about_it_alone_goes(obj: KubeObject) -> None:
    core = [INFERENCE_SERVICE, *controller("kserve", "inferenceservices")]
    assert partition([*core, LLM, LLM_CONFIG, obj]).llm_d[-1:] == [obj]


@pytest.mark.parametrize(
    "obj",
    [
        role("edit", "inferenceservices", "llminferenceservices"),
        make("SecurityContextConstraints", "openshift-ai-inferenceservice-scc"),
        make("ConfigMap", "inferenceservice-config"),
        binding("both", "kserve", "llmisvc"),
        make("NetworkPolicy", "all", spec={"podSelector": {}}),
    ],
    ids=str,
)
def test_what_concerns_both_stays_in_the_core(obj: KubeObject) -> None:
    objects = [
        *(INFERENCE_SERVICE, LLM, LLM_CONFIG),
        *controller("kserve", "inferenceservices"),
        *controller("llmisvc", "llminferenceservices", "llminferenceserviceconfigs"),
    ]
    assert obj in partition([*objects, obj]).core


def test_a_role_goes_with_a_binding_for_everybody() -> None:
    """3.5: everybody may read the configurations."""
    core = [INFERENCE_SERVICE, *controller("kserve", "inferenceservices")]
    read = [
        role("read", "llminferenceserviceconfigs"),
        binding("everybody", "system:authenticated", to="read", kind="Group"),
    ]
    parts = partition([*core, LLM, LLM_CONFIG, *read])
    assert titles(parts.llm_d) == titles([LLM, LLM_CONFIG, *read])


def test_a_conversion_webhook_makes_a_controller_llm_ds() -> None:
    converted = make_crd("LLMInferenceService", SERVING, service={"name": "convert"})
    service = make("Service", "convert", spec={"selector": {"app": "llmisvc"}})
    core = [INFERENCE_SERVICE, *controller("kserve", "inferenceservices")]
    parts = partition([*core, converted, service, make_deployment("llmisvc")])
    assert {obj.kind for obj in parts.llm_d} == {CRD, "Service", "Deployment"}
