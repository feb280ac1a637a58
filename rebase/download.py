"""The first half of the road: bundle → CSV → operator image → the manifests, staged."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rebase import bundle, manifests, staging
from rebase.errors import ManifestsNotFoundError, TreeError
from rebase.image_reader import LayeredImage
from rebase.model import Csv, ImageRead, RegistryOptions, Roots, Staged
from rebase.overlay import Overlay
from rebase.reference import ImageName, digest_of
from rebase.reporter import Reporter
from rebase.tools.skopeo import ImageProxy, top_digest

MODULE_ENV = "RELATED_IMAGE_ODH_KSERVE_MODULE_OPERATOR_IMAGE"  # 3.5 and later


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
        reporter.step(f"Reading bundle {source.bundle.short}")
        csv, csv_text, bundle_read = _read_bundle(proxy, source, reporter)
        search = _Search(proxy, source, csv, reporter)
        roots, files = search.manifests()
    staging.write(
        target,
        csv=csv,
        csv_text=csv_text,
        roots=roots,
        files=files,
        images=(bundle_read, *search.images_read()),
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


class _Search:
    """Looks for the manifests in the images that can hold them, the likeliest places first."""

    def __init__(self, proxy: ImageProxy, source: Source, csv: Csv, reporter: Reporter) -> None:
        self._proxy, self._source, self._csv, self._reporter = proxy, source, csv, reporter
        self._opened: dict[str, LayeredImage] = {}
        self._found: str | None = None
        self.warnings: list[str] = []

    def manifests(self) -> tuple[Roots, dict[str, bytes]]:
        """Where the manifests are, and every file that they reach.

        Raises:
            ManifestsNotFoundError, TreeError: they are nowhere, or not whole.
        """
        for everything in (False, True):
            for role, name in self._candidates():
                image = self._open(role, name)
                if self._source.all_layers:
                    image.read_all("--all-layers")
                    whole = _is_whole(image.files)
                elif everything:
                    whole = image.read_rest(_is_whole)
                else:
                    whole = image.read_likely(_is_whole)
                if whole:
                    self._found = role
                    return _collect(image.files)
        self._refuse()
        raise AssertionError("unreachable")

    def images_read(self) -> tuple[ImageRead, ...]:
        """The images that were opened, for the record."""
        return tuple(
            ImageRead(
                role,
                _recorded(image.image.name, self._source),
                image.image.digest,
                "the manifests"
                if role == self._found
                else f"no KServe: {manifests.describe(image.files.paths())}",
                image.decisions,
            )
            for role, image in self._opened.items()
        )

    def _candidates(self) -> Iterator[tuple[str, ImageName]]:
        """The operator's own image, then the one its KServe module comes from."""
        operator = self._source.operator_image or ImageName.parse(self._csv.operator_image)
        yield "operator", operator
        module = self._csv.env.get(MODULE_ENV)
        if self._source.module_image:
            yield MODULE_ENV, self._source.module_image
        elif module:
            yield MODULE_ENV, ImageName.parse(module)

    def _open(self, role: str, name: ImageName) -> LayeredImage:
        if role not in self._opened:
            self._reporter.step(f"Reading {role} image {name.short}")
            image = LayeredImage.open(
                self._proxy, name, manifests.wanted, self._reporter.bytes_read
            )
            self._opened[role] = image
            self._compare_with_csv(role, image)
        return self._opened[role]

    def _compare_with_csv(self, role: str, image: LayeredImage) -> None:
        """Warn when another image is read than the one that the CSV means."""
        named = self._csv.operator_image if role == "operator" else self._csv.env.get(role, "")
        digest, name = digest_of(named), image.image.name
        if not digest or digest in (digest_of(name.rest), image.image.digest):
            return
        read = top_digest(name, self._source.registry)
        if digest != read:
            self.warnings.append(
                f"the {role} image that was read has the digest {read}; the CSV names {named}"
            )

    def _refuse(self) -> None:
        """Say what was looked at: a tree with holes, or no tree at all."""
        for role, image in self._opened.items():
            roots = manifests.find_roots(image.files, image.files.paths())
            if roots:
                missing = manifests.reach(image.files, roots).missing
                raise TreeError(
                    f"{image.image.name.short} ({role}): files of the manifests are missing",
                    details=[f"/{one}" for one in missing],
                )
        raise ManifestsNotFoundError(
            f"no image of {self._csv.name} holds KServe's manifests "
            f"(a directory kserve/{manifests.KSERVE_ENTRY} beside the model controller's)",
            details=[
                f"{image.image.name.short} ({role}), {len(image.decisions)} layers: "
                f"{manifests.describe(image.files.paths())}"
                for role, image in self._opened.items()
            ],
            hint="--operator-image or --module-image names another image to look into",
        )


def _is_whole(files: Overlay) -> bool:
    roots = manifests.find_roots(files, files.paths())
    return roots is not None and manifests.reach(files, roots).whole


def _collect(files: Overlay) -> tuple[Roots, dict[str, bytes]]:
    roots = manifests.find_roots(files, files.paths())
    assert roots is not None
    wanted = manifests.reach(files, roots).files | {
        path for path in files.paths() if path.startswith(roots.runtimes_directory + "/")
    }
    contents = {path: files.read(path) for path in sorted(wanted)}
    return roots, {path: data for path, data in contents.items() if data is not None}


def _recorded(name: ImageName, source: Source) -> str:
    """A reference for the record, which is committed: no path of this machine in it."""
    if name.transport in ("docker", "containers-storage", "docker-daemon"):
        return name.short
    path = Path(name.rest).absolute()
    root = (source.record_root or Path()).absolute()
    shown = path.relative_to(root) if path.is_relative_to(root) else Path(path.name)
    return f"{name.transport}:{shown}"
