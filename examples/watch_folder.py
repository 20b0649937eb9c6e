"""Do something with each result of a source: python examples/watch_folder.py SOURCE (a camera, a folder, a video)."""

import sys

from edgecls.bundle import Bundle, find_bundle
from edgecls.runtime.classifier import open_classifier
from edgecls.runtime.model_file import ModelFile
from edgecls.runtime.sources.grammar import open_source

bundle = Bundle.open(find_bundle(None))
classifier = open_classifier(ModelFile.from_bundle(bundle, bundle.variant()))
with open_source(sys.argv[1]) as source:
    for frame in source:
        answer = classifier.classify(frame.pixels)
        print(frame.path or frame.index, answer.prediction.label, f"{answer.prediction.confidence:.2f}")
