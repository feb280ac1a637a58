"""The SBOM of a package: the images that its manifests use, and the bundle that they come from.

CycloneDX 1.6. It is made at rebase time, without the version of the package, which the spec
fills in; and without time and serial number: the same rebase gives the same bytes.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom
from cyclonedx.model.bom_ref import BomRef
from cyclonedx.model.component import Component, ComponentType, Pedigree
from cyclonedx.model.license import DisjunctiveLicense
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from packageurl import PackageURL

from rebase.model import ImageRead, ResolvedImage
from rebase.reference import ImageName, digest_of, repository_of
from rebase.release import Info, to_json

LICENSE = "Apache-2.0"  # of KServe, llm-d and the Gateway API's CRDs; images have their own
SUFFIX = ".cdx.json"
KEY_PROPERTY = "rhoai-rebase:key"
VERSION_PROPERTY = "rhoai-rebase:rhoai-version"


def sbom_name(architecture: str, part: str = "") -> str:
    """The file name; `part` as for release infos."""
    return f"ai-model-serving-{part}{architecture}{SUFFIX}"


def is_sbom(name: str) -> bool:
    """Is it the name of an SBOM?"""
    return name.startswith("ai-model-serving-") and name.endswith(SUFFIX)


def sbom(
    package: str,
    version: str,
    images: Iterable[ResolvedImage],
    images_read: Iterable[ImageRead],
) -> bytes:
    """The SBOM of a package.

    Args:
        package: its name.
        version: the RHOAI version.
        images: what its manifests use on one architecture.
        images_read: the bundle, and the images that the manifests were found in.
    """
    subject = Component(
        type=ComponentType.APPLICATION,
        name=package,
        bom_ref="package",
        licenses=[DisjunctiveLicense(id=LICENSE)],
        purl=PackageURL("rpm", None, package),
        description=f"Manifests out of Red Hat OpenShift AI {version}, adapted to MicroShift",
        properties=[Property(name=VERSION_PROPERTY, value=version)],
        pedigree=Pedigree(
            ancestors=[
                _image(image.reference, image.digest, description=f"{image.role}: {image.found}")
                for image in images_read
            ]
        ),
    )
    keys: dict[str, set[str]] = {}
    for image in images:
        keys.setdefault(image.reference, set()).add(image.key)
    used = [
        _image(reference, digest_of(reference) or "", keys=sorted(names))
        for reference, names in sorted(keys.items())
    ]
    bom = Bom(components=used)
    bom.metadata.component = subject
    bom.register_dependency(subject, used)
    document = json.loads(
        make_outputter(bom, OutputFormat.JSON, SchemaVersion.V1_6).output_as_string()
    )
    del document["metadata"]["timestamp"], document["serialNumber"]
    return to_json(document)


def parse_sbom(data: bytes) -> Info:
    """The RHOAI version and the images by key of an SBOM of ours.

    Raises:
        ValueError: it is no SBOM.
    """
    document = json.loads(data)
    try:
        return Info(read_version(document), read_images(document))
    except (AttributeError, KeyError, TypeError):
        raise ValueError("components with properties are expected") from None


def read_version(document: Mapping[str, Any]) -> str:
    """The RHOAI version of an SBOM of ours; "" where it does not say."""
    component = (document.get("metadata") or {}).get("component") or {}
    return next(
        (
            str(one["value"])
            for one in component.get("properties") or ()
            if one.get("name") == VERSION_PROPERTY
        ),
        "",
    )


def read_images(document: Mapping[str, Any]) -> dict[str, str]:
    """key → registry/repository@sha256:… of an SBOM of ours.

    Raises:
        AttributeError, KeyError, TypeError: it is none.
    """
    components = document.get("components") or ()
    return {key: name for name, keys in read_keys(components).items() for key in keys}


def read_keys(components: Iterable[Mapping[str, Any]]) -> dict[str, set[str]]:
    """registry/repository@sha256:… → its keys, of an SBOM's components; raises as `read_images`."""
    return {
        f"{one['name']}@{one['version']}": {
            str(entry["value"])
            for entry in one.get("properties") or ()
            if entry["name"] == KEY_PROPERTY
        }
        for one in components
    }


def _image(
    reference: str, digest: str, *, keys: Iterable[str] = (), description: str | None = None
) -> Component:
    """An image by its digest; one of a registry with a package URL of type oci."""
    name = ImageName.parse(reference)
    repository = repository_of(name.rest) if name.transport == "docker" else ""
    purl = None
    if repository:
        base = repository.rpartition("/")[2].lower()
        purl = PackageURL("oci", None, base, digest, {"repository_url": repository})
    return Component(
        type=ComponentType.CONTAINER,
        name=repository or name.short,
        version=digest,
        bom_ref=BomRef(f"{repository or name.short}@{digest}"),
        purl=purl,
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=digest.removeprefix("sha256:"))],
        description=description,
        properties=[Property(name=KEY_PROPERTY, value=key) for key in keys],
    )
