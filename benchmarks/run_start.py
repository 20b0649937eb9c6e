"""How soon `edgecls run` names its first label, beside a bare script that only loads what it takes to run a model.

    python benchmarks/run_start.py BUNDLE [--rounds 15]

The two take turns. The engine that `run` chose for this bundle is found before, so that no start has to time anything.
The limit is 1.5 times the imports of numpy, OpenCV and LiteRT, plus the load of the model.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

from edgecls.devices.detect import detect_machine
from edgecls.runtime.timing import elapsed_ms, monotonic, percentiles

LIMIT = 1.5
IMPORTS = "import numpy, cv2, ai_edge_litert.interpreter"
LOAD = "; i = ai_edge_litert.interpreter.Interpreter(model_path={!r}); i.allocate_tensors()"


def ended_ms(program: str) -> float:
    """From the start of Python to its end."""
    started = monotonic()
    subprocess.run([sys.executable, "-c", program], check=True, stderr=subprocess.DEVNULL)
    return elapsed_ms(started, monotonic())


def first_label_ms(command: list[str]) -> float:
    """From the start of `edgecls run` to the line of its first result."""
    started = monotonic()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if json.loads(line)["type"] == "result":
                took = elapsed_ms(started, monotonic())
                break
        process.stdout.read()
    return took


def main() -> None:
    """Print the medians and the ratio."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--rounds", type=int, default=15)
    asked = parser.parse_args()
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed package has its bytecode
    edgecls = str(Path(sys.executable).with_name("edgecls"))
    command = [
        edgecls,
        "run",
        str(asked.bundle),
        "--camera",
        "synthetic://1280x720@30",
        "--max-frames",
        "1",
        "--json",
    ]
    first_label_ms(command)
    model = str(asked.bundle / "model.int8.tflite")
    rows = [
        (ended_ms(IMPORTS), ended_ms(IMPORTS + LOAD.format(model)), first_label_ms(command))
        for _ in range(asked.rounds)
    ]
    imports, loaded, label = (percentiles(column).p50 for column in zip(*rows, strict=True))
    limit = LIMIT * imports + (loaded - imports)
    machine = detect_machine()
    print(f"{asked.bundle.name} on {machine.model}, {machine.cores} cores, medians of {asked.rounds}")
    print(f"imports {imports:.0f} ms, with the model's load {loaded:.0f} ms, first label {label:.0f} ms")
    print(
        f"{label / loaded:.2f} times the bare script; limit {limit:.0f} ms: {'met' if label <= limit else 'MISSED'}"
    )


if __name__ == "__main__":
    main()
