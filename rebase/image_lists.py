"""A selection's images as the files that other tools embed or mirror them from.

Each format is one function; all take whatever the selection has, in order, so that the same
selection gives the same text.
"""

from collections.abc import Callable, Mapping
from typing import Any

from rebase import yamlfile
from rebase.images import split_pinned
from rebase.release import to_json
from rebase.selection import Selection

# Where MicroShift's own image mode keeps what its images embed, and the script that copies it.
EMBEDDED = "/usr/lib/containers/storage"
COPY_SCRIPT = "/usr/bin/microshift-copy-images"
COPY_DROP_IN = "/usr/lib/systemd/system/microshift.service.d/microshift-copy-images.conf"


def _title(selection: Selection) -> str:
    parts = ["KServe", *selection.runtimes]
    if len(selection.packages) > 1:
        parts.append("llm-d")
    return (
        f"The {len(selection.references)} images of {', '.join(parts)}: "
        f"RHOAI {selection.version}, {selection.architecture}."
    )


def _comment(selection: Selection, *lines: str) -> str:
    return "".join(f"# {line}\n" for line in (_title(selection), *lines))


def as_list(selection: Selection) -> str:
    """One reference a line."""
    return "".join(f"{reference}\n" for reference in selection.references)


def as_json(selection: Selection) -> str:
    """All that is known, for scripts."""
    return to_json(
        {
            "version": selection.version,
            "architecture": selection.architecture,
            "packages": list(selection.packages),
            "runtimes": list(selection.runtimes),
            "images": dict(selection.images),
        }
    ).decode()


def as_skopeo_sync(selection: Selection) -> str:
    """The source file of `skopeo sync --src yaml`; skopeo-sync(1)."""
    registries: dict[str, Any] = {}
    for reference in selection.references:
        repository, digest = split_pinned(reference)
        registry, _, path = repository.partition("/")
        images = registries.setdefault(registry, {"images": {}})["images"]
        images.setdefault(path, []).append(digest)
    usage = "skopeo sync --all --preserve-digests --scoped --src yaml --dest docker FILE MIRROR"
    return _comment(selection, usage) + yamlfile.dump(registries)


def as_image_set(selection: Selection) -> str:
    """An ImageSetConfiguration of oc-mirror v2."""
    images = [{"name": reference} for reference in selection.references]
    return _comment(
        selection, "oc mirror --v2 --config FILE --workspace file://DIR docker://MIRROR"
    ) + yamlfile.dump(
        {
            "kind": "ImageSetConfiguration",
            "apiVersion": "mirror.openshift.io/v2alpha1",
            "mirror": {"additionalImages": images},
        }
    )


def as_blueprint(selection: Selection) -> str:
    """An osbuild blueprint, to be merged with the device's own."""
    name = f"{selection.packages[-1]}-{selection.architecture.replace('_', '-')}"
    packages = [
        f'[[packages]]\nname = "{package}"\nversion = "*"\n' for package in _installed(selection)
    ]
    containers = [f'[[containers]]\nsource = "{ref}"\n' for ref in selection.references]
    head = f'name = "{name}"\ndescription = "{_title(selection)}"\nversion = "0.0.1"\n'
    return _comment(selection) + "\n".join([head, *packages, *containers])


def as_kickstart(selection: Selection) -> str:
    """Sections of a kickstart: the packages, and the images in the storage that CRI-O uses."""
    packages = "\n".join((*_installed(selection), "skopeo"))
    images = " \\\n    ".join(selection.references)
    return (
        _comment(selection, "Needs a network in the installer, and the pull secret in place.")
        + f"""\
%packages
{packages}
%end

%post --erroronfail
for image in \\
    {images}
do
    skopeo copy --preserve-digests --authfile /etc/crio/openshift-pull-secret \\
        "docker://$image" "containers-storage:$image"
done
%end
"""
    )


def as_containerfile(selection: Selection) -> str:
    """A layer for image mode, on a bootc image whose repositories have MicroShift's packages.

    The images lie where MicroShift's own image mode has them, in its form, so that one list and
    one script serve both: bootc replaces /usr as a whole, and CRI-O's storage is in /var.
    """
    packages = " ".join((*_installed(selection), "skopeo"))
    images = " \\\n        ".join(selection.references)
    return (
        _comment(
            selection,
            "podman build --build-arg BASE=… --secret id=pullsecret,src=$HOME/.pull-secret.json .",
        )
        + f"""\
ARG BASE
FROM ${{BASE}}

RUN dnf install --assumeyes {packages} && dnf clean all

RUN --mount=type=secret,id=pullsecret,dst=/run/secrets/pull-secret.json,required=true \\
    set -eu; \\
    mkdir -p {EMBEDDED}; \\
    for image in \\
        {images}; \\
    do \\
        directory="$(printf '%s\\n' "$image" | sha256sum | cut -d ' ' -f 1)"; \\
        skopeo copy --all --preserve-digests --authfile /run/secrets/pull-secret.json \\
            "docker://$image" "dir:{EMBEDDED}/$directory"; \\
        echo "$image,$directory" >>{EMBEDDED}/image-list.txt; \\
    done

# Before each start the images go to CRI-O's storage; a base that embeds MicroShift does it already.
RUN [ -e {COPY_SCRIPT} ] || {{ \\
    set -eu; \\
    printf '%s\\n' '#!/bin/bash' 'set -eu -o pipefail' \\
        'while IFS=, read -r image directory; do' \\
        '    skopeo copy --preserve-digests \\' \\
        '        "dir:{EMBEDDED}/$directory" "containers-storage:$image"' \\
        'done <{EMBEDDED}/image-list.txt' >{COPY_SCRIPT}; \\
    chmod 755 {COPY_SCRIPT}; \\
    mkdir -p "$(dirname {COPY_DROP_IN})"; \\
    printf '%s\\n' '[Service]' 'ExecStartPre={COPY_SCRIPT}' >{COPY_DROP_IN}; \\
    }}
"""
    )


def _installed(selection: Selection) -> tuple[str, ...]:
    """The packages with their release infos, which users' procedures read."""
    infos = tuple(f"{package}-release-info" for package in selection.packages)
    return (*selection.packages, *infos)


FORMATS: Mapping[str, Callable[[Selection], str]] = {
    "list": as_list,
    "json": as_json,
    "skopeo-sync": as_skopeo_sync,
    "oc-mirror": as_image_set,
    "containerfile": as_containerfile,
    "blueprint": as_blueprint,
    "kickstart": as_kickstart,
}
