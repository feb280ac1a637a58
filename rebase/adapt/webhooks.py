"""Webhooks must not stand in the way of what ships with them.

At a device's start MicroShift applies runtimes and LLMInferenceServiceConfigs long before
the controller that answers their webhooks (failurePolicy Fail) is pulled and running. What
ships is validated when the RPM is built, so these webhooks leave our namespace out; the
users' namespaces keep them.
"""

from rebase.adapt.context import Context
from rebase.adapt.namespaces import webhooks_of
from rebase.objects import CRD, KubeObject, dict_at

NAMESPACE_LABEL = "kubernetes.io/metadata.name"  # set by Kubernetes on every Namespace


def spare_own_namespace(objects: list[KubeObject], context: Context) -> None:
    """Add a namespaceSelector to the webhooks of every kind that ships as an object."""
    shipped = {(obj.group, obj.kind) for obj in objects} | context.shipped_elsewhere
    resources = {
        (str(spec.get("group")), str(dict_at(spec, "names").get("plural")))
        for spec in (dict_at(obj.data, "spec") for obj in objects if obj.kind == CRD)
        if (spec.get("group"), dict_at(spec, "names").get("kind")) in shipped
    }
    for obj in objects:
        for webhook in webhooks_of(obj):
            if any(
                rule_group in (group, "*") and rule_resource.partition("/")[0] in (resource, "*")
                for group, resource in resources
                for rule in webhook.get("rules") or ()
                for rule_group in rule.get("apiGroups") or ()
                for rule_resource in rule.get("resources") or ()
            ):
                _leave_out(webhook, context.namespace)


def _leave_out(webhook: dict[str, object], namespace: str) -> None:
    selector = dict_at(webhook, "namespaceSelector", create=True)
    expressions = selector.setdefault("matchExpressions", [])
    expression = {"key": NAMESPACE_LABEL, "operator": "NotIn", "values": [namespace]}
    if expression not in expressions:
        expressions.append(expression)
