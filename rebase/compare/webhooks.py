"""Admission webhooks compared: whom they are asked about, and what happens when none answers."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from rebase.compare.fields import FieldChange, field_changes
from rebase.objects import KubeObject, dict_at

CONFIGURATIONS = ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration")


@dataclass(frozen=True)
class WebhookChange:
    """A webhook that came, went or changed.

    Attributes:
        name: of its configuration and, if they differ, its own.
        about: what it is asked about: `create, update inferenceservices`.
        answers: the Service that does, and what happens when it does not.
    """

    name: str
    about: str
    answers: str
    added: bool = False
    removed: bool = False
    changes: tuple[FieldChange, ...] = ()


def compare_webhooks(old: Iterable[KubeObject], new: Iterable[KubeObject]) -> list[WebhookChange]:
    """The changes, by name."""
    before, after = _webhooks(old), _webhooks(new)
    found = []
    for name in sorted(before.keys() | after.keys()):
        if name not in before:
            found.append(WebhookChange(name, *_told(after[name]), added=True))
        elif name not in after:
            found.append(WebhookChange(name, *_told(before[name]), removed=True))
        elif before[name] != after[name]:
            changes = field_changes(before[name], after[name])
            if changes:
                found.append(WebhookChange(name, *_told(after[name]), changes=tuple(changes)))
    return found


def _webhooks(objects: Iterable[KubeObject]) -> dict[str, dict[str, Any]]:
    found = {}
    for obj in objects:
        if obj.kind in CONFIGURATIONS:
            for webhook in obj.data.get("webhooks") or ():
                own = str(webhook.get("name"))
                kind = obj.kind.removesuffix("WebhookConfiguration").lower()
                name = f"{kind} {obj.name}" + ("" if own == obj.name else f": {own}")
                found[name] = _without_ca(webhook)
    return found


def _without_ca(webhook: dict[str, Any]) -> dict[str, Any]:
    """service-ca fills it in, whatever ships."""
    client = {
        key: value for key, value in dict_at(webhook, "clientConfig").items() if key != "caBundle"
    }
    return {**webhook, "clientConfig": client}


def _told(webhook: dict[str, Any]) -> tuple[str, str]:
    """What it is asked about; who answers, and its failure policy."""
    about = []
    for rule in webhook.get("rules") or ():
        operations = ", ".join(map(str.lower, rule.get("operations") or ()))
        about.append(f"{operations} {', '.join(rule.get('resources') or ())}".strip())
    service = dict_at(webhook, "clientConfig", "service").get("name")
    policy = webhook.get("failurePolicy") or "Fail"  # the API's own default
    return "; ".join(filter(None, about)), f"{service or 'a URL'} answers, else {policy}"
