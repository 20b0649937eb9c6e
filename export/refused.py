"""What the gate refused, kept beside the bundles for a look: never as a bundle, so that nothing runs it by itself."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from edgecls.export.candidates import Candidate, embed_cards
from edgecls.files import new_folder, write_json
from edgecls.manifest import Rejected
from edgecls.records import to_record
from edgecls.runtime.model_file import Card

DOCUMENT = "gate.json"
SUFFIX = ".refused"


def keep_refused(
    target: Path, refused: list[Candidate], rejected: tuple[Rejected, ...], card: Callable[[str], Card]
) -> Path:
    """Write the refused files and gate.json, their figures and reasons, to a folder beside `target`; returns it.

    What an earlier export left there is replaced.
    """
    place = target.with_name(target.name + SUFFIX)
    with new_folder(place, force=True, document=DOCUMENT) as folder:
        kept = [Candidate(folder / c.path.name, c.format, c.precision) for c in refused]
        for candidate, copy in zip(refused, kept, strict=True):
            shutil.copy(candidate.path, copy.path)
        embed_cards(kept, card)
        write_json(folder / DOCUMENT, to_record(rejected))
    return place
