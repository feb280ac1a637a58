"""The demo as versions that could have been released."""

from pathlib import Path

from integration.support.images import Images, make_demo, replace

NAME = "demo/demo-bundle"  # in a registry
CSV = "bundle/manifests/demo-operator.clusterserviceversion.yaml"


def released_demo(out: Path, *versions: str) -> dict[str, Images]:
    """The demo's images, for each of these versions."""

    def of(version: str) -> Images:
        def edit(source: Path) -> None:
            for _ in range(2):  # the CSV's name, and its version
                replace(source / CSV, "3.4.0-demo", version)

        return make_demo(out / version, edit)

    return {version: of(version) for version in versions}
