"""Labels: the class names of a model, checked before anything is called by a wrong name."""

from __future__ import annotations

import pytest

from edgecls.errors import DataError, ModelError
from edgecls.labels import Labels


def test_labels_are_counted_indexed_and_walked_in_order() -> None:
    labels = Labels(("apple", "pear", "Crème fraîche"))
    assert (len(labels), labels[2], list(labels)) == (3, "Crème fraîche", ["apple", "pear", "Crème fraîche"])


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "a\rb"])
def test_a_name_that_is_no_line_is_refused(name: str) -> None:
    with pytest.raises(DataError, match="one non-empty line"):
        Labels(("apple", name))


def test_a_name_that_stands_twice_is_named() -> None:
    with pytest.raises(DataError, match="found twice: apple, pear; rename"):
        Labels(("pear", "apple", "pear", "fig", "apple"))


def test_labels_fit_a_model_of_as_many_scores() -> None:
    Labels(("a", "b")).check_outputs(2, "model.tflite")


@pytest.mark.parametrize("outputs", [1, 3])
def test_labels_that_do_not_fit_are_refused_with_both_numbers(outputs: int) -> None:
    with pytest.raises(ModelError, match=rf"^model\.tflite gives {outputs} scores .* name 2 classes"):
        Labels(("a", "b")).check_outputs(outputs, "model.tflite")
