"""KServe's configuration, the ConfigMap inferenceservice-config: JSON strings in YAML.

The JSON is parsed, changed and written with one key a line as `"key": value`: people, and
MicroShift's own tests, edit it with sed.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import jsonpatch

from rebase.adapt.context import Context
from rebase.errors import AdaptError
from rebase.objects import KubeObject, dict_at
from rebase.reference import is_pinned

NAME = "inferenceservice-config"
HINT = "KServe's configuration has changed; adapt rebase/adapt/configuration.py to it"


@dataclass(frozen=True)
class Setting:
    """A value that a section of the configuration must have on MicroShift.

    Attributes:
        optional: may the section be missing? The name in it may never be: a setting that
            KServe renamed would silently not be set.
    """

    section: str
    name: str
    value: str | bool
    optional: bool = False


SETTINGS = (
    # Neither Serverless nor a service mesh is on MicroShift.
    Setting("deploy", "defaultDeploymentMode", "RawDeployment"),
    # Users expose a model with a Route of their own.
    Setting("ingress", "disableIngressCreation", True),
    # With false, KServe 0.17 reports a missing VirtualService CRD for every InferenceService.
    Setting("ingress", "disableIstioVirtualHost", True),
    # What the operator sets in raw mode; the section came with 2.19.
    Setting("service", "serviceClusterIPNone", True, optional=True),
)


@dataclass(frozen=True)
class Leftover:
    """An image of local models that upstream hard-codes or leaves as REPLACE_IMAGE.

    Attributes:
        source: the section whose image takes its place, as RHOAI 3.5's operator has it;
            without one the name goes.
    """

    section: str
    name: str
    source: str = ""


# Local models are off, but no unpinned reference may ship.
LEFTOVERS = (
    Leftover("localModel", "defaultJobImage", "storageInitializer"),
    Leftover("localModel", "localModelAgentImage"),
    Leftover("openshiftConfig", "modelcachePermissionFixImage", "agent"),
)


def configuration_of(objects: Iterable[KubeObject]) -> KubeObject:
    """The ConfigMap inferenceservice-config.

    Raises:
        AdaptError: there is none.
    """
    for obj in objects:
        if obj.kind == "ConfigMap" and obj.name == NAME:
            return obj
    raise AdaptError(f"the render has no ConfigMap {NAME}", hint=HINT)


def set_microshift_settings(objects: list[KubeObject], context: Context) -> None:
    """Raw deployments, no ingress, headless services.

    Raises:
        AdaptError: settings are not there; all of them at once.
    """
    config = configuration_of(objects)
    problems: list[str] = []
    for setting in SETTINGS:
        section = read_section(config, setting.section)
        if section is None:
            if not setting.optional:
                problems.append(f"data.{setting.section} is missing")
            continue
        # `replace` fails where there is nothing to replace.
        operation = {"op": "replace", "path": f"/{setting.name}", "value": setting.value}
        try:
            changed = jsonpatch.apply_patch(section, [operation])
        except (jsonpatch.JsonPatchException, jsonpatch.JsonPointerException):
            problems.append(f"data.{setting.section} has no {setting.name}")
            continue
        context.settings[f"{setting.section}.{setting.name}"] = section[setting.name]
        write_section(config, setting.section, changed)
    if problems:
        raise AdaptError(
            f"ConfigMap {NAME}: settings to change are not there", details=problems, hint=HINT
        )


def pin_leftover_images(objects: list[KubeObject], context: Context) -> None:
    """Give the leftovers a pinned image, or drop them.

    Raises:
        AdaptError: the section that an image is taken from has none.
    """
    config = configuration_of(objects)
    for leftover in LEFTOVERS:
        section = read_section(config, leftover.section) or {}
        value = section.get(leftover.name)
        if value is None or is_pinned(str(value)):
            continue
        where = f"data.{leftover.section}.{leftover.name}"
        if leftover.source:
            section[leftover.name] = (read_section(config, leftover.source) or {}).get("image")
            if not section[leftover.name]:
                raise AdaptError(
                    f"ConfigMap {NAME}: data.{leftover.source} has no image for {where}", hint=HINT
                )
        else:
            del section[leftover.name]
            context.leave_out(f"{config}: {where}", f"local models are off: {value}")
        write_section(config, leftover.section, section)


def read_section(config: KubeObject, key: str) -> dict[str, Any] | None:
    """The parsed JSON of a key of the configuration, or None where there is no such key.

    Raises:
        AdaptError: it is not a JSON object.
    """
    text = dict_at(config.data, "data").get(key)
    if text is None:
        return None
    try:
        section = json.loads(text)
    except (TypeError, ValueError) as error:
        raise AdaptError(f"ConfigMap {NAME}: data.{key} is not JSON: {error}", hint=HINT) from None
    if not isinstance(section, dict):
        raise AdaptError(f"ConfigMap {NAME}: data.{key} is not a JSON object", hint=HINT)
    return section


def write_section(config: KubeObject, key: str, section: Any) -> None:
    """Write a section back: one key a line, in its order."""
    config.data["data"][key] = json.dumps(section, indent=2, ensure_ascii=False)


def make_readable(config: KubeObject) -> None:
    """Write every section with one key a line, also those that no step changed."""
    for key, text in dict_at(config.data, "data").items():
        try:
            section = json.loads(text)
        except (TypeError, ValueError):
            continue  # _example, and whatever else is not JSON
        if isinstance(section, dict | list):  # `1.10` is JSON, too, and would become 1.1
            write_section(config, key, section)
