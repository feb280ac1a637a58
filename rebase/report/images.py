"""The images' section, with their sizes as pictures."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from rebase.compare.comparison import Comparison
from rebase.compare.images import ImageChange, ImageFacts
from rebase.model import ImageSource
from rebase.reference import digest_of, repository_of
from rebase.report.document import Bar, Chart, Item, Section, counted
from rebase.report.items import sign_of

MB = 1e6


def images_section(comparison: Comparison) -> Section:
    changed = [change for change in comparison.images if change.old and change.new]
    others = sum(change.repository_changed for change in changed)
    lead = ""
    if comparison.images:
        same = len(comparison.new.images.keys() & comparison.old.images.keys()) - len(changed)
        lead = f"{counted(same, 'image')} as before."
        if others:
            lead += f" {counted(others, 'key')} name another repository now."
        sources = Counter(image.source for image in comparison.new.images.values() if image.source)
        if sources:
            told = (f"{number} {source.words}" for source, number in sorted(sources.items()))
            lead += f" Now: {', '.join(told)}."
    return Section(
        "images",
        "Images",
        lead,
        tuple(_image(change) for change in comparison.images),
        tuple(_size_charts(comparison)),
    )


def _image(change: ImageChange) -> Item:
    notes = []
    if change.repository_changed:
        notes.append("another repository")
    labels = [facts.label for facts in (change.old, change.new) if facts and facts.label]
    if labels:
        notes.append("version " + " → ".join(dict.fromkeys(labels)))
    for architecture in sorted({*_sizes(change.old), *_sizes(change.new)}):
        sizes = [
            f"{facts.sizes[architecture] / MB:,.0f} MB"
            for facts in (change.old, change.new)
            if facts and architecture in facts.sizes
        ]
        notes.append(f"{architecture} {' → '.join(sizes)}")
    old, new = (_short(facts) for facts in (change.old, change.new))
    if change.old and change.new and not change.repository_changed:
        old, new = (_digest(facts) for facts in (change.old, change.new))
        notes.insert(0, repository_of(change.new.reference))
    if change.new and change.new.source and change.new.source is not ImageSource.OPERATOR:
        notes.append(change.new.source.words)
    if not change.new:
        notes.append("scripts that read this key find nothing")
    return Item(
        change.key,
        sign_of(change.old, change.new),
        "; ".join(notes),
        old,
        new,
        strong=change.repository_changed,
    )


def _short(facts: ImageFacts | None) -> str | None:
    if facts is None:
        return None
    digest = _digest(facts)
    return f"{repository_of(facts.reference)}@{digest}" if digest_of(facts.reference) else digest


def _digest(facts: ImageFacts) -> str:
    digest = digest_of(facts.reference)
    return f"{digest[:19]}…" if digest else facts.reference


def _sizes(facts: ImageFacts | None) -> Iterable[str]:
    return facts.sizes if facts else ()


def _size_charts(comparison: Comparison) -> Iterator[Chart]:
    old, new = comparison.old.images, comparison.new.images
    architectures = {arch for side in (old, new) for facts in side.values() for arch in facts.sizes}

    def size(side: Mapping[str, ImageFacts], key: str, architecture: str) -> float | None:
        facts = side.get(key)
        found = facts.sizes.get(architecture) if facts else None
        return None if found is None else found / MB

    for architecture in sorted(architectures):
        bars = [
            Bar(key, size(old, key, architecture), size(new, key, architecture))
            for key in old.keys() | new.keys()
        ]
        bars = [bar for bar in bars if bar.old is not None or bar.new is not None]
        bars.sort(key=lambda bar: (-max(bar.old or 0, bar.new or 0), bar.name))
        yield Chart(f"Compressed size of the images for {architecture}", "MB", tuple(bars), 0)
