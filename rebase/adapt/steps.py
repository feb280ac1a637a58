"""The list of what MicroShift wants changed (domain.md §4), and the state the steps share.

Each step is one function that changes the objects in place; each stands in a module that
says why. To add one, write it and put it in STEPS; to drop one, delete both.
"""

from collections.abc import Callable

from rebase.adapt import (
    apis,
    certificates,
    configuration,
    namespaces,
    twins,
    webhooks,
    workloads,
)
from rebase.adapt.context import Context
from rebase.objects import KubeObject

Step = Callable[[list[KubeObject], Context], None]

STEPS: tuple[Step, ...] = (
    apis.leave_out_foreign_apis,
    twins.leave_out_twins,
    namespaces.replace_namespace_object,
    namespaces.follow_namespace,
    configuration.set_microshift_settings,
    configuration.pin_leftover_images,
    certificates.take_certificates_from_service_ca,
    webhooks.spare_own_namespace,
    workloads.keep_selectors,
    workloads.pull_images_only_if_absent,
)


def adapt(objects: list[KubeObject], context: Context) -> list[KubeObject]:
    """Change rendered objects into what MicroShift needs.

    Raises:
        AdaptError: something that must be changed is not there.
    """
    for step in STEPS:
        step(objects, context)
    return objects
