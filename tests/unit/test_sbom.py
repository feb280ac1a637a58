"""The SBOM of a package."""

import json

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from hypothesis import given
from hypothesis import strategies as st

from rebase.model import ImageRead, ImageSource, ResolvedImage
from rebase.sbom import is_sbom, sbom, sbom_name
from unit.helpers import hex64, pinned

BUNDLE = ImageRead("bundle", "registry.example.com/a/Bundle:v1", f"sha256:{hex64('b')}", "CSV x")
CARRIED = ImageRead("operator", "oci:dir/operator:image", f"sha256:{hex64('o')}", "the manifests")


def image(key: str, name: str) -> ResolvedImage:
    return ResolvedImage(key, pinned(name), ImageSource.PARAMS, "params.env")


def test_images_are_components_by_digest() -> None:
    document = json.loads(sbom("package", "1.0", [image("k", "x"), image("j", "x")], [BUNDLE]))
    (component,) = document["components"]
    digest = hex64("x")
    assert component["name"] == "registry.example.com/test/x"
    assert component["version"] == f"sha256:{digest}"
    assert component["hashes"] == [{"alg": "SHA-256", "content": digest}]
    assert component["purl"] == (
        f"pkg:oci/x@sha256:{digest}?repository_url=registry.example.com/test/x"
    )
    assert [one["value"] for one in component["properties"]] == ["j", "k"]
    assert {"ref": "package", "dependsOn": [component["bom-ref"]]} in document["dependencies"]


def test_where_the_manifests_come_from() -> None:
    subject = json.loads(sbom("package", "1.0", [], [BUNDLE, CARRIED]))["metadata"]["component"]
    assert subject["purl"] == "pkg:rpm/package"
    assert subject["licenses"] == [{"license": {"id": "Apache-2.0"}}]
    origins = {one["description"]: one for one in subject["pedigree"]["ancestors"]}
    bundle, operator = origins["bundle: CSV x"], origins["operator: the manifests"]
    assert bundle["purl"].startswith("pkg:oci/bundle@sha256:")
    assert "purl" not in operator  # it is of no registry
    assert operator["name"] == "oci:dir/operator:image"


IMAGES = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("xyz")), max_size=6)


@given(IMAGES)
def test_it_is_valid_and_the_same_for_the_same_images(pairs: list[tuple[str, str]]) -> None:
    images = [image(key, name) for key, name in pairs]
    text = sbom("package", "1.0", images, [BUNDLE, CARRIED])
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text.decode()) is None
    assert text == sbom("package", "1.0", images[::-1], [BUNDLE, CARRIED])
    assert b"timestamp" not in text
    assert len(json.loads(text).get("components", [])) == len({name for _, name in pairs})


def test_names() -> None:
    assert sbom_name("x86_64", "llm-d-") == "ai-model-serving-llm-d-x86_64.cdx.json"
    assert is_sbom(sbom_name("aarch64"))
    assert not is_sbom("rebase.json")
