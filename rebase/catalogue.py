"""Every finding that a check can give: its level, what it means, why it matters, what to do.

The ids are an interface: waivers in rhoai-rebase.toml and CI jobs name them.
"""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """What a finding does to `check`: an error fails it, a warning only with --strict."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True)
class Entry:
    """What there is to know about the findings of an id.

    Attributes:
        measured: it depends on the machine, so that it may come and go with nothing changed.
    """

    id: str
    title: str
    text: str
    level: Level = Level.ERROR
    measured: bool = False


_ENTRIES = (
    # What ships, as a device renders it
    Entry(
        "render",
        "kustomize cannot render a directory",
        "MicroShift renders each directory below manifests.d at every start. One that does not "
        "render is tried again for ten minutes, and nothing in it is applied. kustomize's own "
        "words say which file is wrong; a file that is listed and missing is the usual cause. "
        "Checks that need the whole package are not made until it renders.",
    ),
    Entry(
        "malformed",
        "a rendered document is not a usable Kubernetes object",
        "It lacks a kind, an apiVersion or a name, or a field has another type than Kubernetes "
        "gives it. The API server refuses such an object, and with it MicroShift applies the whole "
        "directory again and again for ten minutes. Look at the file or the patch that it comes "
        "from; the message names the field where it is known.",
    ),
    Entry(
        "image-not-pinned",
        "an image is not registry/repository@sha256:<64 hex digits>",
        "A tag can stand for another image tomorrow, and what was tested is then not what runs. "
        "Offline devices embed images by the release info: a tag, or text that is no reference at "
        "all, cannot be pulled there, and the pod never starts. Name the image with --image or in "
        "[images] of rhoai-rebase.toml, or let --pin ask the registry, and rebase again.",
    ),
    Entry(
        "variable-left",
        "a $(variable) of kustomize's was not filled in",
        "kustomize fills in its variables at rebase time; what is left over is taken literally on "
        "a device: a webhook, a namespace or an image with that very text as its name. Arguments, "
        "commands and environment of containers are not looked at: Kubernetes expands those. "
        "Look for what should have set it: a vars or replacements entry, or a key of params.env.",
    ),
    Entry(
        "foreign-namespace",
        "something is in, or refers to, another namespace than redhat-ods-applications",
        "Everything ships into the one namespace that MicroShift's health check looks at. An "
        "object elsewhere needs a Namespace that nobody makes, and a subject, webhook or setting "
        "that names another namespace points at nothing: permissions are missing, webhooks answer "
        "nobody. Correct the object, or the patch that moved it.",
    ),
    Entry(
        "unknown-api",
        "an object's API is neither MicroShift's nor of a CRD that ships",
        "The API server refuses what it does not know, and one refused object holds up the whole "
        "directory and all that come after it, the users' own manifests as well. Istio, Knative, "
        "cert-manager and the Prometheus operator are not on MicroShift. Leave the object out, or "
        "ship its CRD in the same package or in the core.",
    ),
    Entry(
        "no-ca",
        "nothing fills in the CA of a webhook",
        "The API server calls a webhook only when it can check its certificate. On MicroShift "
        "service-ca writes the CA where the annotation "
        "service.beta.openshift.io/inject-cabundle asks for it; without it every call fails, and "
        "with it every object that the webhook guards. Put the annotation back.",
    ),
    Entry(
        "no-service",
        "a webhook calls a Service that does not ship",
        "There is nobody to answer, so every object that the webhook guards is refused. It is "
        "looked for in the package and in the core. Put the Service back, or drop the webhook too "
        "when its controller does not ship.",
    ),
    Entry(
        "no-certificate",
        "the Service of a webhook gets no certificate",
        "service-ca makes a certificate for a Service with the annotation "
        "service.beta.openshift.io/serving-cert-secret-name. Without it the controller finds no "
        "certificate and does not start, and its webhooks answer nobody. Put the annotation back.",
    ),
    Entry(
        "duplicate",
        "an object ships twice",
        "Two directories name the same object. The one that is applied last wins, and the object "
        "changes back and forth at every start. Remove one of them; what changes an object of ours "
        "belongs under `patches`.",
    ),
    Entry(
        "release-info",
        "the release info does not name exactly the images in use",
        "Image builders and mirrors read release/release-ai-model-serving-*.json. An image that is "
        "used and not listed is missing on an offline device, and its pod never starts; one that "
        "is listed and not used costs up to 10 GiB for nothing. Rebase again; images of your own "
        "patches have to come from a params key, by --image or rhoai-rebase.toml.",
    ),
    Entry(
        "deletes-shipped",
        "the list of what MicroShift deletes names something that ships",
        "MicroShift deletes what assets/delete names at every start, before it applies anything: "
        "the object would be lost and made anew each time. Deleting a Deployment stops its pods, "
        "deleting RBAC breaks what runs. Take it off the list, or out of release/history.json.",
    ),
    Entry(
        "deletes-users",
        "the list of what MicroShift deletes names a CRD or a Namespace",
        "Deleting a CRD deletes every object of its kind, and deleting a Namespace everything in "
        "it: the users' models would be gone after an upgrade. Such objects stay in clusters. Take "
        "it off the list.",
    ),
    Entry(
        "deletes-custom",
        "the list of what MicroShift deletes names an object of a kind that may be missing",
        "At a device's first start our CRDs are not there yet. Deleting an object of an unknown "
        "kind fails the whole list, and MicroShift tries for ten minutes before it applies "
        "anything. Take it off the list; the guide has people delete such objects by hand.",
    ),
    # The tree against its record
    Entry(
        "no-record",
        "the tree has no release/rebase.json",
        "Without the record nobody can tell which bundle the tree comes from, where its images "
        "come from, whether a file was edited, or what older packages left on devices. The tree "
        "was made by another tool, or the record was lost. Restore it, or rebase to the bundle.",
    ),
    Entry(
        "edited",
        "a generated file was changed by hand",
        "The record has another SHA-256 for it. The change ships, but the next rebase loses it "
        "without a question, and no source says why it is there. Write it as a patch in "
        "kustomization.yaml, which rebases leave alone, and let `rhoai-rebase process` restore the "
        "file; or restore it with git.",
    ),
    Entry(
        "missing-file",
        "a generated file is gone",
        "The record has it and the tree has not, so devices lack an object, a release info or an "
        "SBOM that the packages promise. An object that an older package applied stays on devices "
        "as it was. Restore the file with git, or rebase again.",
    ),
    Entry(
        "unrecorded-file",
        "a file has the header of generated files, and the record does not know it",
        "It is left over from another rebase or was copied. The next rebase removes it. When it is "
        "yours, remove the first line, `# Generated by rhoai-rebase`; when not, remove the file.",
    ),
    Entry(
        "not-listed",
        "the kustomization does not list a generated file",
        "The file is there and its object does not ship: kustomize reads only what `resources` "
        "names. A device lacks the object, and an upgraded one keeps the old one for ever. "
        "Restore the line with git; the next rebase writes it again.",
    ),
    Entry(
        "image-differs",
        "an object does not use the image that the record has for it",
        "The digests under `images` in kustomization.yaml, or a patch, say something else than "
        "the record. Where each digest also belongs to another runtime no other check sees it: two "
        "runtimes with their images exchanged. Restore the kustomization, or rebase again with "
        "--image.",
    ),
    Entry(
        "release-info-differs",
        "a release info is not what the record says",
        "It is a generated file: image builders take the images, and MicroShift the version, from "
        "it. A value that was changed here alone is not what the manifests use, or was never "
        "resolved from the bundle. Change images with --image or rhoai-rebase.toml, and rebase.",
    ),
    Entry(
        "sbom",
        "an SBOM does not name the record's images",
        "The SBOM goes into the package and tells scanners which images to look at. It is made "
        "together with the release info and has to name the same images by digest. Rebase again.",
    ),
    Entry(
        "deletions-differ",
        "what is to be deleted is not what release/history.json says",
        "assets/delete/retired-objects.yaml and release/retired-custom-objects.yaml are made from "
        "release/history.json. When people shorten the history the lists are stale until the next "
        "rebase, and objects are deleted that should stay. Run `rhoai-rebase process`, or rebase; "
        "entries of your own go into a file beside the list.",
    ),
    Entry(
        "override",
        "the record was made with other [images] than rhoai-rebase.toml has",
        "An image was changed in rhoai-rebase.toml after the last rebase, or --image won over it "
        "on the command line. The tree does not have what the file says. Rebase again, or make the "
        "file say what ships.",
        Level.WARNING,
    ),
    # The tree against what it was made of
    Entry(
        "not-reproducible",
        "the staged bundle gives another file",
        "_output/staging holds the bundle of the record, and processing it again with the record's "
        "options gives other bytes. Either the file, or the record, was edited by hand, or this "
        "tool is not the one that made the tree. What ships should be what the sources give: run "
        "`rhoai-rebase process` and look at the difference.",
    ),
    Entry(
        "wrong-image",
        "a release info names another image than the staged bundle gives",
        "The tree has no record, so its release info was compared with what a rebase of the staged "
        "bundle gives. The operator would run the image that the message names: the CSV says so by "
        "the operator's own table. A key that nothing uses makes image builders pull for nothing. "
        "Rebase to the bundle.",
    ),
    # Budgets
    Entry(
        "rendered-size",
        "a package renders to more than its budget",
        "MicroShift renders and applies all of it at every start, and keeps it in etcd. The "
        "largest core of the known versions is 3.2 MB (2.25), the largest llm-d 5.3 MB (3.5); more "
        "means that something ships that did not, such as llm-d's CRDs in the core. The same tree "
        "gives the same size everywhere. Leave it out, or raise [budgets] with a reason.",
    ),
    Entry(
        "render-time",
        "kustomize takes longer than the budget",
        "The render runs on the device at every start, inside MicroShift and before anything is "
        "applied. Upstream's overlays take 5 to 8 seconds of CPU on a build machine, plain objects "
        "1 or 2, and a small device several times that. It is measured here, so a busy or slow "
        "machine can be the cause. Generators, vars and patches cost most: ship plain objects.",
        Level.WARNING,
        measured=True,
    ),
    Entry(
        "render-memory",
        "kustomize takes more memory than the budget",
        "MicroShift has the render in its own memory at every start, on small devices. "
        "Upstream's overlays take 330 MB, plain objects of the core up to 180. Go's garbage "
        "collector makes it differ a little from run to run. Ship plain objects, and llm-d apart.",
        Level.WARNING,
        measured=True,
    ),
    Entry(
        "image-size",
        "images are larger than the budget",
        "Compressed sizes, as `--verify-images` wrote them into the record. Devices pull, or "
        "embed, KServe's images without a choice; a serving runtime is chosen. The defaults catch "
        "an accelerator's image under a controller's key. Look at the key in release/rebase.json, "
        "or raise [budgets] with a reason.",
        Level.WARNING,
    ),
    # The findings themselves
    Entry(
        "unused-waiver",
        "a waiver matches nothing",
        "What it was for is gone, or says something else now. Left in place it would hide the next "
        "finding of that id at that place, unseen. Remove it from rhoai-rebase.toml, or correct "
        "its `where`. Waivers of what could not be checked, and of what is measured, may stay.",
    ),
)
CATALOGUE = {entry.id: entry for entry in _ENTRIES}
