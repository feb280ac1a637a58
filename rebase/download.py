"""The first half of the road: bundle → CSV → operator image → the manifests, staged."""

from dataclasses import dataclass
from pathlib import Path

from rebase import bundle, manifests, staging
from rebase.image_reader import LayeredImage
from rebase.model import Csv, ImageRead, RegistryOptions, Staged
from rebase.reference import ImageName
from rebase.reporter import Reporter
from rebase.search import MODULE_ENV, OPERATOR, Search
from rebase.tools.skopeo import ImageProxy


@dataclass(frozen=True)
class Source:
    """What to download and how.

    Attributes:
        operator_image, module_image: in place of the ones that the CSV names.
        all_layers: read every layer of the images.
        record_root: local references are recorded relative to this directory.
    """

    bundle: ImageName
    registry: RegistryOptions
    operator_image: ImageName | None = None
    module_image: ImageName | None = None
    all_layers: bool = False
    record_root: Path | None = None


def download(source: Source, target: Path, reporter: Reporter) -> Staged:
    """Read what a rebase needs of the images into the staging directory.

    Raises:
        ToolError, ImageNotFoundError, RegistryAuthError, RegistryError, ImagePolicyError,
        CorruptImageError: reading an image failed.
        BundleError: the bundle cannot be used.
        ManifestsNotFoundError: no image holds the manifests.
        TreeError: the manifests are there, but files of them are missing.
    """
    with ImageProxy(source.registry) as proxy:
        policy = proxy.unchecked_policy()
        if policy:
            reporter.warning(f"{policy} is not looked at: this skopeo's image proxy is too old")
        reporter.step(f"Reading bundle {source.bundle.short}")
        csv, csv_text, bundle_read = _read_bundle(proxy, source, reporter)
        named = {OPERATOR: source.operator_image, MODULE_ENV: source.module_image}
        search = Search(
            proxy,
            source.registry,
            csv,
            {role: name for role, name in named.items() if name},
            source.all_layers,
            reporter,
        )
        roots, files = search.run()
    staging.write(
        target,
        csv=csv,
        csv_text=csv_text,
        roots=roots,
        files=files,
        images=(bundle_read, *_images_read(search, source)),
        warnings=tuple(search.warnings),
    )
    return staging.read(target)


def _read_bundle(
    proxy: ImageProxy, source: Source, reporter: Reporter
) -> tuple[Csv, bytes, ImageRead]:
    image = LayeredImage.open(proxy, source.bundle, bundle.wanted, reporter.bytes_read)
    image.read_all("a bundle is small and read whole")
    files = {path: image.files.read(path) or b"" for path in image.files.paths()}
    csv = bundle.read_csv(files, source.bundle.short)
    read = ImageRead(
        "bundle",
        _recorded(source.bundle, source),
        image.image.digest,
        f"CSV {csv.name}",
        image.decisions,
    )
    return csv, files[f"{bundle.MANIFESTS}/{csv.file}"], read


def _images_read(search: Search, source: Source) -> tuple[ImageRead, ...]:
    """The images that were opened, for the record."""
    return tuple(
        ImageRead(
            role,
            _recorded(image.image.name, source),
            image.image.digest,
            "the manifests"
            if role == search.found
            else f"no KServe: {manifests.describe(image.files.paths())}",
            image.decisions,
        )
        for role, image in search.opened.items()
    )


def _recorded(name: ImageName, source: Source) -> str:
    """A reference for the record, which is committed: no path of this machine in it."""
    if name.transport in ("docker", "containers-storage", "docker-daemon"):
        return name.short
    path = Path(name.rest).absolute()
    root = (source.record_root or Path()).absolute()
    shown = path.relative_to(root) if path.is_relative_to(root) else Path(path.name)
    return f"{name.transport}:{shown}"
