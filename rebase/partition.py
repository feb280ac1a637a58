"""What belongs to llm-d, told from the objects themselves; all else is the core.

llm-d is three quarters of a render's size, and most devices do without it, so it ships in
a directory of its own that needs the core's. The core never needs llm-d's, with one
exception: from 2.24 to 3.3 the core's controller itself watches the LLMInferenceService
kinds and does not stay up without their CRDs, which therefore stay in the core.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from rebase.adapt.namespaces import referenced_services
from rebase.objects import CRD, KubeObject, dict_at, selects

KIND = re.compile(r"LLM[A-Z]")  # LLMInferenceService, LLMInferenceServiceConfig
GROUP = re.compile(r"inference\.networking(\..*)?|(.*\.)?llm-d\.ai")
LABEL = re.compile(r"llm(-|isvc|$)")  # a component of its own, by its label


@dataclass(frozen=True)
class Partition:
    """Each object of a render once, in the render's order."""

    core: list[KubeObject]
    llm_d: list[KubeObject]


def partition(objects: Iterable[KubeObject]) -> Partition:
    """Tell llm-d's objects from the core's."""
    world = _World(list(objects))
    return Partition(
        [obj for obj in world.objects if not world.is_llm_d(obj)],
        [obj for obj in world.objects if world.is_llm_d(obj)],
    )


class _World:
    """The objects, and who refers to whom among them."""

    def __init__(self, objects: list[KubeObject]) -> None:
        self.objects = objects
        self._crds = {id(obj) for obj in objects if obj.kind == CRD and _defines_llm_d(obj)}
        specs = [dict_at(obj.data, "spec") for obj in objects if id(obj) in self._crds]
        self._kinds = {(spec["group"], dict_at(spec, "names").get("kind")) for spec in specs}
        self._resources = {(s["group"], dict_at(s, "names").get("plural")) for s in specs}
        self._words = {str(dict_at(s, "names").get("singular")) for s in specs} - {"None"}
        self._deployments = [o for o in self._of("Deployment") if self._serves_only_llm_d(o)]
        core = [o for o in self._of("Deployment") if o not in self._deployments]
        self._accounts = self._accounts_of(self._deployments) - self._accounts_of(core)
        self._needed = {
            (spec["group"], dict_at(spec, "names").get("plural"))
            for spec in specs
            if any(self._may_watch(account, spec) for account in self._accounts_of(core))
        }

    def is_llm_d(self, obj: KubeObject) -> bool:
        """Does an object belong to llm-d?"""
        spec = dict_at(obj.data, "spec")
        if obj.kind == CRD:
            resource = (spec.get("group"), dict_at(spec, "names").get("plural"))
            return id(obj) in self._crds and resource not in self._needed
        if (obj.group, obj.kind) in self._kinds:
            return True
        if not self._crds:
            return False
        match obj.kind:
            case "Deployment":
                return obj in self._deployments
            case "ServiceAccount":
                return obj.name in self._accounts
            case "Service" | "NetworkPolicy":
                return self._selects_only_llm_d(obj)
            case "MutatingWebhookConfiguration" | "ValidatingWebhookConfiguration":
                return self._is_answered_by_llm_d(obj)
            case "RoleBinding" | "ClusterRoleBinding":
                return self._is_llm_d_binding(obj)
            case "Role" | "ClusterRole":
                return self._is_llm_d_role(obj)
        return self._is_named_for_llm_d(obj)

    def _of(self, kind: str) -> list[KubeObject]:
        return [obj for obj in self.objects if obj.kind == kind]

    def _is_named_for_llm_d(self, obj: KubeObject) -> bool:
        """`openshift-ai-llminferenceservice-scc`: named after one of llm-d's kinds, or labelled."""
        if any(word in obj.name for word in self._words):
            return True
        component = str(dict_at(obj.metadata, "labels").get("app.kubernetes.io/component", ""))
        return LABEL.match(component) is not None

    def _serves_only_llm_d(self, deployment: KubeObject) -> bool:
        """Are all webhooks that a Deployment answers for llm-d's kinds?

        One that answers none is llm-d's when its rights concern llm-d's kinds.
        """
        names = {s.name for s in self._of("Service") if selects(s, deployment)}
        concerns = [
            concern
            for obj in self.objects
            if names & {str(service.get("name")) for service in referenced_services(obj)}
            for concern in self._concerns(obj)
        ]
        if concerns:
            return all(concerns)
        accounts = self._accounts_of([deployment])
        return any(self._is_llm_d_rule(rule) for rule in self._rules_of(accounts))

    def _concerns(self, caller: KubeObject) -> list[bool]:
        """For everything that a caller asks a webhook about: is it llm-d's?"""
        if caller.kind == CRD:
            return [id(caller) in self._crds]
        return [
            (group, resource.partition("/")[0]) in self._resources
            for webhook in caller.data.get("webhooks") or ()
            for rule in webhook.get("rules") or ()
            for group in rule.get("apiGroups") or ()
            for resource in rule.get("resources") or ()
        ]

    def _accounts_of(self, deployments: Iterable[KubeObject]) -> set[str]:
        pods = (dict_at(obj.data, "spec", "template", "spec") for obj in deployments)
        return {str(pod.get("serviceAccountName", "default")) for pod in pods}

    def _rules_of(self, accounts: set[str]) -> list[dict[str, Any]]:
        """The rules that bindings grant to any of these service accounts."""
        roles = {
            (dict_at(obj.data, "roleRef").get("kind"), dict_at(obj.data, "roleRef").get("name"))
            for obj in (*self._of("RoleBinding"), *self._of("ClusterRoleBinding"))
            if _subjects(obj) & accounts
        }
        return [
            rule
            for obj in (*self._of("Role"), *self._of("ClusterRole"))
            if (obj.kind, obj.name) in roles
            for rule in obj.data.get("rules") or ()
        ]

    def _may_watch(self, account: str, crd_spec: dict[str, Any]) -> bool:
        """Does the core's controller watch a kind of KServe's own API group?"""
        group, plural = crd_spec["group"], dict_at(crd_spec, "names").get("plural")
        own_groups = {
            dict_at(obj.data, "spec").get("group")
            for obj in self.objects
            if obj.kind == CRD and id(obj) not in self._crds
        }
        return group in own_groups and any(
            group in (rule.get("apiGroups") or ())
            and plural in (rule.get("resources") or ())
            and {"watch", "*"} & set(rule.get("verbs") or ())
            for rule in self._rules_of({account})
        )

    def _selects_only_llm_d(self, obj: KubeObject) -> bool:
        selected = [deployment for deployment in self._of("Deployment") if selects(obj, deployment)]
        return bool(selected) and all(one in self._deployments for one in selected)

    def _is_answered_by_llm_d(self, obj: KubeObject) -> bool:
        names = {str(service.get("name")) for service in referenced_services(obj)}
        services = [service for service in self._of("Service") if service.name in names]
        return bool(services) and all(self._selects_only_llm_d(service) for service in services)

    def _is_llm_d_binding(self, obj: KubeObject) -> bool:
        subjects = _subjects(obj)
        if subjects:
            return subjects <= self._accounts
        reference = dict_at(obj.data, "roleRef")
        return any(
            self._is_llm_d_role(role)
            for role in self.objects
            if (role.kind, role.name) == (reference.get("kind"), reference.get("name"))
        )

    def _is_llm_d_role(self, obj: KubeObject) -> bool:
        """Bound to llm-d alone; or bound to no service account, and about llm-d alone."""
        bindings = [
            binding
            for binding in (*self._of("RoleBinding"), *self._of("ClusterRoleBinding"))
            if dict_at(binding.data, "roleRef").get("name") == obj.name and _subjects(binding)
        ]
        if bindings:
            return all(_subjects(binding) <= self._accounts for binding in bindings)
        rules = obj.data.get("rules") or ()
        return self._is_named_for_llm_d(obj) or (
            bool(rules) and all(self._is_llm_d_rule(rule) for rule in rules)
        )

    def _is_llm_d_rule(self, rule: dict[str, Any]) -> bool:
        pairs = [
            (group, resource.partition("/")[0])
            for group in rule.get("apiGroups") or ()
            for resource in rule.get("resources") or ()
        ]
        return bool(pairs) and all(pair in self._resources for pair in pairs)


def _defines_llm_d(crd: KubeObject) -> bool:
    spec = dict_at(crd.data, "spec")
    kind, group = str(dict_at(spec, "names").get("kind")), str(spec.get("group"))
    return KIND.match(kind) is not None or GROUP.fullmatch(group) is not None


def _subjects(binding: KubeObject) -> set[str]:
    """The service accounts that a binding names."""
    return {
        str(subject.get("name"))
        for subject in binding.data.get("subjects") or ()
        if subject.get("kind") == "ServiceAccount"
    }
