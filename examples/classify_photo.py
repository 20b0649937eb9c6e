"""Classify one photo with the newest bundle, from Python: python examples/classify_photo.py PHOTO."""

import sys
from pathlib import Path

from edgecls.bundle import Bundle, find_bundle
from edgecls.images import read_photo
from edgecls.runtime.classifier import open_classifier
from edgecls.runtime.model_file import ModelFile

bundle = Bundle.open(find_bundle(None))
classifier = open_classifier(ModelFile.from_bundle(bundle, bundle.variant()))
answer = classifier.classify(read_photo(Path(sys.argv[1])))
print(f"{answer.prediction.label} {answer.prediction.confidence:.2f}, {answer.invoke_ms:.1f} ms")
