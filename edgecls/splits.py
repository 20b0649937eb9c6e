"""Splits: a seeded stratified split, and the removal of photos that stand twice."""

from __future__ import annotations

from collections import defaultdict

from edgecls.errors import DataError, UsageError
from edgecls.files import sha256_bytes
from edgecls.labels import Labels
from edgecls.photos import SPLITS, Photo, Problem

VALIDATION_SHARE = 0.15
TEST_SHARE = 0.15
VALIDATION_MOST = 5000  # photos: enough for an interval of one point, and the rest is better trained on
MIN_PHOTOS = 3  # one each for training, validation and test

Splits = dict[str, list[Photo]]


def shuffle_key(photo: Photo, seed: int) -> str:
    """A pseudo-random order that depends on the photo's bytes and the seed alone.

    Not numpy's generator: its stream may change between versions, a digest gives the same split everywhere.
    """
    return sha256_bytes(f"{seed}:{photo.digest}:{photo.label}".encode())


def draw_stratified(photos: list[Photo], count: int, *, seed: int) -> list[Photo]:
    """Draw about `count` photos so that every class keeps its share, at least one each; in seeded order.

    The largest remainders get what rounding left over. All photos when there are no more than `count`.
    """
    if len(photos) <= count:
        return sorted(photos, key=lambda p: shuffle_key(p, seed))
    classes = _by_class(photos)
    exact = {label: count * len(members) / len(photos) for label, members in classes.items()}
    quota = {label: max(1, int(share)) for label, share in exact.items()}
    for label in sorted(exact, key=lambda i: (int(exact[i]) - exact[i], i)):
        if sum(quota.values()) >= count:
            break
        if exact[label] > 1:
            quota[label] += 1
    drawn = [p for label, members in classes.items() for p in _shuffled(members, seed)[: quota[label]]]
    return sorted(drawn, key=lambda p: shuffle_key(p, seed))


def hold_out(
    photos: list[Photo], labels: Labels, *, share: float, seed: int
) -> tuple[list[Photo], list[Photo]]:
    """Split class by class into (kept, held out); `share` of each class, at least one photo, is held out.

    Raises DataError for a class with fewer than two photos.
    """
    kept: list[Photo] = []
    held: list[Photo] = []
    for label, members in _by_class(photos).items():
        if len(members) < 2:
            raise DataError(
                f"class '{labels[label]}' has {len(members)} photo, expected at least {MIN_PHOTOS} "
                "to train, validate and test on; add photos or remove its folder"
            )
        order = _shuffled(members, seed)
        count = min(len(members) - 1, max(1, round(share * len(members))))
        held += order[:count]
        kept += order[count:]
    return kept, held


def complete_splits(splits: Splits, labels: Labels, *, seed: int, validation: float | None = None) -> Splits:
    """Draw a missing test and validation split, stratified, from the training photos.

    `validation` is the share of the training photos, without the test's, that validates; VALIDATION_SHARE of all
    photos, at most VALIDATION_MOST, unless said. Raises UsageError when it is said and that split is there already.
    """
    if validation is not None and "validation" in splits:
        raise UsageError(
            f"--hold-out {validation:g}: expected photos without a validation split, found one of "
            f"{len(splits['validation'])} photos; leave --hold-out out"
        )
    done = {split: list(splits.get(split, [])) for split in SPLITS}
    absent = [split for split in ("test", "validation") if split not in splits]
    needed = 1 + len(absent)
    for label, members in sorted(_by_class(done["train"]).items()):
        if len(members) < needed:
            raise DataError(
                f"class '{labels[label]}' has {len(members)} photo{'s' if len(members) != 1 else ''}, expected at "
                f"least {needed} so that training and the {' and '.join(absent)} split each get one; "
                "add photos or remove its folder"
            )
    for split in absent:
        share = TEST_SHARE if split == "test" else validation or _validation_share(len(done["train"]))
        done["train"], done[split] = hold_out(done["train"], labels, share=share, seed=seed)
    return done


def _validation_share(photos: int) -> float:
    return min(VALIDATION_SHARE / (1 - TEST_SHARE), VALIDATION_MOST / photos)


def remove_duplicates(splits: Splits, labels: Labels) -> tuple[Splits, list[Problem]]:
    """Keep each photo once: test before validation before training, so that the test stays honest.

    A photo that stands under two classes is left out everywhere, since nobody can say which label is right.
    """
    classes: dict[str, set[int]] = defaultdict(set)
    for photos in splits.values():
        for photo in photos:
            classes[photo.digest].add(photo.label)
    seen: dict[str, Photo] = {}
    kept: Splits = {}
    problems: list[Problem] = []
    for split in sorted(splits, key=lambda s: SPLITS[::-1].index(s)):
        kept[split] = []
        for photo in splits[split]:
            if len(classes[photo.digest]) > 1:
                names = " and ".join(f"'{labels[i]}'" for i in sorted(classes[photo.digest]))
                problems.append(
                    Problem(photo.name, f"the same photo stands under {names}; left out of all, keep one")
                )
            elif photo.digest in seen:
                problems.append(
                    Problem(photo.name, f"the same photo as {seen[photo.digest].name}; that one is used")
                )
            else:
                seen[photo.digest] = photo
                kept[split].append(photo)
    return kept, problems


def _by_class(photos: list[Photo]) -> dict[int, list[Photo]]:
    classes: dict[int, list[Photo]] = defaultdict(list)
    for photo in photos:
        classes[photo.label].append(photo)
    return dict(sorted(classes.items()))


def _shuffled(photos: list[Photo], seed: int) -> list[Photo]:
    return sorted(photos, key=lambda p: shuffle_key(p, seed))
