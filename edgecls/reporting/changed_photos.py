"""The photos whose answer int8 changed, as a gallery."""

from __future__ import annotations

from edgecls.bundle import Bundle
from edgecls.manifest import ChangedPhoto
from edgecls.reporting.page import Gallery, Prose, Section, Thumbnail

NOTE = (
    "Test photos that {variant} answers otherwise than float does, those first of which float was surest: its best "
    "probability is above its second by the margin. {photos}"
)


def changed_section(bundle: Bundle) -> Section:
    """A picture of each changed photo, its class, and both answers. Raises ModelError for a changed file."""
    changed = bundle.manifest.changed
    if not changed:
        return Section("What int8 changed", ())
    count = len(changed)
    note = NOTE.format(
        variant=changed[0].variant,
        photos="One photo." if count == 1 else f"{count} photos; of very many only the first are kept.",
    )
    pictures = tuple(_thumbnail(bundle, photo) for photo in changed)
    return Section("What int8 changed", (Prose(note), Gallery(pictures)))


def _thumbnail(bundle: Bundle, photo: ChangedPhoto) -> Thumbnail:
    label, before, after = (bundle.manifest.labels[i] for i in (photo.label, photo.before, photo.after))
    verdict = "lost" if photo.before == photo.label else "won" if photo.after == photo.label else "both wrong"
    jpeg = bundle.file(photo.file, photo.sha256).read_bytes()
    caption = f"{before} → {after}, margin {photo.margin:.2f}"
    return Thumbnail(jpeg, f"a photo of {label}", caption, f"{label}: {verdict}")
