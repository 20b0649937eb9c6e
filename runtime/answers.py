"""Answers: photos by name to predictions; a bad photo is listed and the good ones are still answered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edgecls.errors import DataError
from edgecls.images import read_photo
from edgecls.prediction import Prediction
from edgecls.progress import Tick
from edgecls.runtime.classifier import Classifier
from edgecls.runtime.sources.photos import find_photos


@dataclass(frozen=True)
class Answer:
    """One photo: its Prediction, or the sentence that says why there is none."""

    path: str
    prediction: Prediction | None
    fault: str = ""


def answer_photos(classifier: Classifier, names: Sequence[str], *, tick: Tick | None = None) -> list[Answer]:
    """Classify the photos that files, folders and globs name, in order. `tick` hears (done, all) photos."""
    found = [photo for name in names for photo in _expand(name)]
    answers = []
    for done, photo in enumerate(found, start=1):
        answers.append(photo if photo.fault else _answer(classifier, photo.path))
        if tick:
            tick(done, len(found))
    return answers


def _expand(name: str) -> list[Answer]:
    """The photos of one name, not yet answered."""
    try:
        return [Answer(str(path), None) for path in find_photos(name)]
    except DataError as error:
        return [Answer(name, None, str(error))]


def _answer(classifier: Classifier, path: str) -> Answer:
    try:
        return Answer(path, classifier.classify(read_photo(Path(path))).prediction)
    except DataError as error:
        return Answer(path, None, str(error))
