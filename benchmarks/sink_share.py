"""What a frame costs the main thread beyond preprocess and engine, with sinks at work.

    python benchmarks/sink_share.py BUNDLE [--frames 450] [--jsonl FILE] [--mqtt URL] [--preview]

A live source of 1280x720 at 30 frames a second. For half a second each frame goes through the pipeline, for the next
half through preprocess and engine alone, and so on: the difference of the medians is Python's own share, the work of
the sinks' threads that steals the interpreter included. (Both for each frame would flatter the second, which finds it
in the caches.) With --preview somebody looks at the page's pictures and data all the time. The limit is 0.3 ms.
"""

from __future__ import annotations

import argparse
import threading
import urllib.request
from contextlib import suppress
from pathlib import Path

import numpy as np

from edgecls.bundle import Bundle
from edgecls.cli.run_sinks import SinkOptions, make_sinks
from edgecls.devices.detect import detect_machine
from edgecls.runtime.auto_engine import choose_engine
from edgecls.runtime.classifier import Classifier, open_classifier
from edgecls.runtime.live_reader import Captured
from edgecls.runtime.model_file import ModelFile
from edgecls.runtime.pipeline import Pipeline
from edgecls.runtime.sinks.sink import Start
from edgecls.runtime.sources.grammar import open_source
from edgecls.runtime.timing import elapsed_ms, monotonic, percentiles
from edgecls.runtime.watcher import Watcher

SOURCE = "synthetic://1280x720@30"
WARM_UP = 60
BLOCK = 15  # frames
LIMIT_MS = 0.3
PREVIEW = "127.0.0.1:8088"


class Timed(Pipeline):
    """A pipeline that does the bare work alone in every second block of frames; keeps what both took, in ms."""

    whole: list[float]
    bare: list[float]

    def take(self, captured: Captured) -> None:
        started = monotonic()
        if (len(self.whole) + len(self.bare)) // BLOCK % 2:
            classifier: Classifier = self._classifier
            classifier.engine.run(classifier.preprocess.apply(captured.frame.pixels)[np.newaxis])
            self.bare.append(elapsed_ms(started, monotonic()))
        else:
            super().take(captured)
            self.whole.append(elapsed_ms(started, monotonic()))


def hear() -> None:
    """Read everything that the page's stream of data gives."""
    with suppress(OSError), urllib.request.urlopen(f"http://{PREVIEW}/events.sse") as stream:
        while stream.read1(1 << 16):
            pass


def watch() -> None:
    """Ask for one picture after the other, as the page does."""
    number = "0"
    with suppress(OSError):
        while True:
            with urllib.request.urlopen(f"http://{PREVIEW}/picture.jpg?after={number}") as answer:
                answer.read()
                number = answer.headers.get("X-Picture", number)


def main() -> None:
    """Print the medians and their difference."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--frames", type=int, default=450)
    parser.add_argument("--jsonl", type=Path)
    parser.add_argument("--mqtt")
    parser.add_argument("--preview", action="store_true")
    asked = parser.parse_args()
    bundle, machine = Bundle.open(asked.bundle), detect_machine()
    chosen = choose_engine(bundle, machine, precision="int8").chosen
    model = ModelFile.from_bundle(bundle, bundle.variant_of(chosen.file))
    classifier = open_classifier(model, engine=chosen.engine, threads=chosen.threads)
    sinks = make_sinks(
        SinkOptions(jsonl=asked.jsonl, mqtt=asked.mqtt, preview=PREVIEW if asked.preview else None)
    )
    for look in (hear, watch) if asked.preview else ():
        threading.Thread(target=look, daemon=True).start()
    with open_source(SOURCE) as source:
        pipeline = Timed(
            source, classifier, sinks, watcher=Watcher(model.labels), max_frames=asked.frames + WARM_UP
        )
        pipeline.whole, pipeline.bare = [], []
        pipeline.run(
            Start(
                SOURCE,
                True,
                bundle.name,
                chosen.file,
                "",
                "int8",
                chosen.engine,
                "native",
                1,
                model.card.labels,
            )
        )
    whole, bare = percentiles(pipeline.whole[WARM_UP:]), percentiles(pipeline.bare[WARM_UP:])
    share = whole.p50 - bare.p50
    print(f"{bundle.name}, {chosen.file} on {chosen.engine}, threads: {chosen.threads}, {SOURCE}")
    print(
        f"{machine.model}, {machine.cores} cores; sinks: {', '.join(sink.name for sink in sinks)}; n = {whole.n}"
    )
    print(f"frame {whole.p50:.3f} ms, preprocess and engine alone {bare.p50:.3f} ms")
    print(
        f"Python's own share {share:.3f} ms, limit {LIMIT_MS} ms: {'met' if share <= LIMIT_MS else 'MISSED'}"
    )


if __name__ == "__main__":
    main()
