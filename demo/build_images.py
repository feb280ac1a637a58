"""Build the demo's bundle and operator images as OCI layouts.

    python demo/build_images.py --out DIR [--squashed]

prints where they are, as JSON: skopeo references and digests. The CSV in the bundle image names
the operator by the digest that it has here, as a released bundle does.
"""

import argparse
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from oci_layout import Compression, Layer, write_image

HERE = Path(__file__).resolve().parent
OPERATOR = "registry.example.com/demo/demo-operator"
UNKNOWN_DIGEST = "sha256:" + "0" * 64  # what the CSV in this directory says
# Compressed bytes depend on the zlib at hand; the digests of the demo must not.
COMPRESSION: Compression = "none"
CSV = "demo-operator.clusterserviceversion.yaml"


def build(out: Path, *, squashed: bool = False) -> dict[str, str]:
    """Write out/operator and out/bundle; gives their references and digests."""
    operator_digest = build_operator(out / "operator", squashed=squashed)
    bundle_digest = build_bundle(out / "bundle", operator_digest)
    return {
        "bundle": f"oci:{out / 'bundle'}:image",
        "bundle_digest": bundle_digest,
        "operator": f"oci:{out / 'operator'}:image",
        "operator_digest": operator_digest,
    }


def build_operator(layout: Path, *, squashed: bool = False) -> str:
    """Write the operator image: a layer for each COPY, or one on top of the base; its digest."""
    base = Layer().file("etc/os-release", b'ID="demo"\n').directory("usr/lib")
    manifests = Layer().tree(HERE / "operator" / "opt", "opt")
    program = b"\x7fELF" + hashlib.shake_256(b"demo manager").digest(64 * 1024)
    if squashed:
        layers = [base, manifests.file("manager", program, 0o755)]
    else:
        layers = [base, manifests, Layer().file("manager", program, 0o755)]
    # In a squashed image no step but the last owns the layer, so the history does not tell which
    # layer holds the manifests.
    history = [
        (f"/bin/sh -c #(nop) ADD file:{_mark('base')} in / ", True),
        ("/bin/sh -c #(nop) WORKDIR /", False),
        (f"/bin/sh -c #(nop) COPY dir:{_mark('manifests')} in /opt/manifests-template/ ",
         not squashed),
        (f"/bin/sh -c #(nop) COPY file:{_mark('manager')} in /manager ", not squashed),
        ("/bin/sh -c #(nop) USER 1001", False),
        ('/bin/sh -c #(nop) ENTRYPOINT ["/manager"]', False),
        ("/bin/sh -c #(nop) LABEL com.redhat.component=demo-operator", squashed),
    ]  # fmt: skip
    return write_image(
        layout,
        layers,
        history=history,
        labels={"com.redhat.component": "demo-operator"},
        config={"User": "1001", "Entrypoint": ["/manager"], "WorkingDir": "/"},
        compression=COMPRESSION,
    )


def build_bundle(layout: Path, operator_digest: str) -> str:
    """Write the bundle image, its CSV with the operator's digest; gives the bundle's digest."""

    def name_operator(path: str, data: bytes) -> bytes:
        if path != CSV:
            return data
        placeholder = f"{OPERATOR}@{UNKNOWN_DIGEST}".encode()
        if placeholder not in data:
            raise ValueError(f"{CSV}: no {placeholder.decode()}")
        return data.replace(placeholder, f"{OPERATOR}@{operator_digest}".encode())

    source = HERE / "bundle"
    return write_image(
        layout,
        [
            Layer().tree(source / "manifests", "manifests", name_operator),
            Layer().tree(source / "metadata", "metadata"),
        ],
        history=[
            (f"/bin/sh -c #(nop) COPY dir:{_mark('bundle')} in /manifests/ ", True),
            (f"/bin/sh -c #(nop) COPY dir:{_mark('metadata')} in /metadata/ ", True),
        ],
        labels={
            "operators.operatorframework.io.bundle.mediatype.v1": "registry+v1",
            "operators.operatorframework.io.bundle.manifests.v1": "manifests/",
            "operators.operatorframework.io.bundle.metadata.v1": "metadata/",
            "operators.operatorframework.io.bundle.package.v1": "demo-operator",
        },
        compression=COMPRESSION,
    )


def _mark(step: str) -> str:
    """What stands in a history entry for the checksum of the copied files."""
    return hashlib.sha256(step.encode()).hexdigest()


def main(argv: Sequence[str] | None = None) -> None:
    """Parse the command line, build, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="for the layouts")
    parser.add_argument(
        "--squashed", action="store_true", help="operator: one layer on top of the base"
    )
    args = parser.parse_args(argv)
    print(json.dumps(build(args.out, squashed=args.squashed), indent=2))


if __name__ == "__main__":
    main()
