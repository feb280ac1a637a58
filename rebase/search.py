"""Looking for the manifests in the images that can hold them, the likeliest places first."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from rebase import manifests
from rebase.errors import ManifestsNotFoundError, RebaseError, RegistryError, TreeError
from rebase.image_reader import LayeredImage
from rebase.kustomization import Reached
from rebase.model import Csv, RegistryOptions, Roots
from rebase.overlay import Overlay
from rebase.reference import ImageName, digest_of, is_pinned
from rebase.reporter import Reporter
from rebase.tools.skopeo import ImageProxy, top_digest

OPERATOR = "operator"
MODULE_ENV = "RELATED_IMAGE_ODH_KSERVE_MODULE_OPERATOR_IMAGE"  # 3.5 and later
OPERATOR_ENV = "_OPERATOR_IMAGE"  # how the CSV's variables for operators of components end


@dataclass
class Search:
    """A search through the images of a CSV.

    Attributes:
        named: role → image, in place of the ones that the CSV names.
        opened: role → image, in the order in which they were opened.
        found: the role of the image that holds the manifests.
    """

    proxy: ImageProxy
    registry: RegistryOptions
    csv: Csv
    named: dict[str, ImageName]
    all_layers: bool
    reporter: Reporter
    opened: dict[str, LayeredImage] = field(default_factory=dict)
    found: str | None = None
    warnings: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)

    def run(self) -> tuple[Roots, dict[str, bytes]]:
        """Where the manifests are, and every file that they reach.

        Raises:
            ManifestsNotFoundError, TreeError: they are nowhere, or not whole.
        """
        for attempt in (self._expected_images, self._remaining_layers, self._other_operators):
            for role, image in attempt():
                tree = _whole_tree(image.files)
                if tree:
                    self.found = role
                    if role not in (OPERATOR, MODULE_ENV):
                        self.warnings.append(f"the manifests have moved to the image of {role}")
                    return _collect(image.files, *tree)
        raise self._not_found()

    def _expected_images(self) -> Iterator[tuple[str, LayeredImage]]:
        """The operator's own image, then the one that its KServe module comes from."""
        operator = self.named.get(OPERATOR) or ImageName.parse(self.csv.operator_image)
        yield OPERATOR, self._read(OPERATOR, operator)
        module = self.csv.env.get(MODULE_ENV)
        name = self.named.get(MODULE_ENV) or (ImageName.parse(module) if module else None)
        if name:
            yield MODULE_ENV, self._read(MODULE_ENV, name)

    def _remaining_layers(self) -> Iterator[tuple[str, LayeredImage]]:
        """What the expected images have in layers that are not likely to hold manifests."""
        for role in (OPERATOR, MODULE_ENV):
            if role in self.opened:
                self.opened[role].read_rest(_is_whole)
                yield role, self.opened[role]

    def _other_operators(self) -> Iterator[tuple[str, LayeredImage]]:
        """Operators of other components: whence the manifests may move, if history is a guide."""
        unreachable: set[str] = set()
        for env, image in sorted(
            self.csv.related_images.items(), key=lambda item: ("KSERVE" not in item[0], item[0])
        ):
            host = image.partition("/")[0]
            known = env in self.opened or host in unreachable
            if known or not env.endswith(OPERATOR_ENV) or not is_pinned(image):
                continue
            try:
                yield env, self._read(env, ImageName.parse(image))
            except RegistryError as error:
                unreachable.add(host)
                self.unreadable.append(f"{env}: {error.message}")
            except RebaseError as error:
                self.unreadable.append(f"{env}: {error.message}")

    def _read(self, role: str, name: ImageName) -> LayeredImage:
        self.reporter.step(f"Reading {role} image {name.short}")
        try:
            image = LayeredImage.open(self.proxy, name, manifests.wanted, self.reporter.bytes_read)
        except RebaseError as error:
            if role == MODULE_ENV and OPERATOR in self.named:
                error.hint += "\n--module-image names the KServe module's image"
            raise
        self.opened[role] = image
        self._compare_with_csv(role, image)
        if self.all_layers:
            image.read_all("--all-layers")
        else:
            image.read_likely(_is_whole)
        return image

    def _compare_with_csv(self, role: str, image: LayeredImage) -> None:
        """Warn when another image is read than the one that the CSV means."""
        named = self.csv.operator_image if role == OPERATOR else self.csv.env.get(role, "")
        digest, name = digest_of(named), image.image.name
        if not digest or digest in (digest_of(name.rest), image.image.digest):
            return
        read = top_digest(name, self.registry)
        if digest != read:
            self.warnings.append(
                f"the {role} image that was read has the digest {read}; the CSV names {named}"
            )

    def _not_found(self) -> RebaseError:
        """What was looked at: a tree with holes, or no tree at all."""
        for role, image in self.opened.items():
            roots = manifests.find_roots(image.files, image.files.paths())
            if roots:
                missing = manifests.reach(image.files, roots).missing
                return TreeError(
                    f"{image.image.name.short} ({role}): files of the manifests are missing",
                    details=[f"/{one}" for one in missing],
                )
        return ManifestsNotFoundError(
            f"no image of {self.csv.name} holds KServe's manifests "
            f"(a directory kserve/{manifests.KSERVE_ENTRY} beside the model controller's)",
            details=[
                f"{role}: {image.image.name.short}: {manifests.describe(image.files.paths())}"
                for role, image in self.opened.items()
            ]
            + self.unreadable,
            hint="--operator-image or --module-image names another image to look into",
        )


def _is_whole(files: Overlay) -> bool:
    return _whole_tree(files) is not None


def _whole_tree(files: Overlay) -> tuple[Roots, Reached] | None:
    """The manifests, when they are there with everything that they reach."""
    roots = manifests.find_roots(files, files.paths())
    reached = manifests.reach(files, roots) if roots else None
    return (roots, reached) if roots and reached and reached.whole else None


def _collect(files: Overlay, roots: Roots, reached: Reached) -> tuple[Roots, dict[str, bytes]]:
    wanted = reached.files | {
        path for path in files.paths() if path.startswith(roots.runtimes_directory + "/")
    }
    contents = {path: files.read(path) for path in sorted(wanted)}
    return roots, {path: data for path, data in contents.items() if data is not None}
