"""Float conversion in a child process, and the proof that what came out computes what Keras computed."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np

from edgecls.errors import MissingDependencyError, ModelError
from edgecls.export.activations import PHOTOS
from edgecls.metrics import Probabilities
from edgecls.preprocess import Pixels
from edgecls.runtime.engine import Engine, open_engine

PARITY_PHOTOS = 16
PARITY_TOLERANCE = 1e-3
TIMEOUT_S = 1800
PIXELS = "pixels.npy"
ANSWERS = "parity_keras.npy"
REFUSED = (
    "edgecls.errors.ModelError: "  # how the child's last line begins when it has a sentence for the user
)


def convert_float(
    model: Path, folder: Path, formats: tuple[str, ...], pixels: Pixels, *, for_int8: bool = True
) -> dict[str, float]:
    """Write FOLDER/float32.FORMAT for each format and prove each on the first of `pixels`, uint8 RGB (n, h, w, 3).

    `for_int8`: on more of them channels are equalised (see export/equalisation.py), and FOLDER/ROUNDED has the
    weights in whole steps of int8 (see export/rounding.py).
    Returns format -> largest absolute difference of a probability from Keras. Raises ModelError when the
    converter fails or aborts, or when a difference exceeds PARITY_TOLERANCE.
    """
    # Not np.save to the file: a SIGTERM that meets its C code there comes out as a TypeError, and so as a traceback.
    saved = io.BytesIO()
    np.save(saved, pixels[:PHOTOS])
    (folder / PIXELS).write_bytes(saved.getvalue())
    _run_worker(model, folder, formats, for_int8=for_int8)
    answers = np.load(folder / ANSWERS, allow_pickle=False)
    return {name: _parity(folder / f"float32.{name}", pixels[:PARITY_PHOTOS], answers) for name in formats}


def _run_worker(model: Path, folder: Path, formats: tuple[str, ...], *, for_int8: bool) -> None:
    command = [
        sys.executable,
        "-m",
        "edgecls.export.convert_worker",
        str(model),
        str(folder),
        ",".join(formats),
        *(["int8"] if for_int8 else []),
    ]
    # Without PYTHONSAFEPATH a folder named "jax" or "onnx" where the user stands would be imported for the package.
    environment = os.environ | {"PYTHONSAFEPATH": "1"}
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False, env=environment
        )
    except subprocess.TimeoutExpired as error:
        raise ModelError(f"{model}: the conversion took longer than {TIMEOUT_S} s and was ended") from error
    if done.returncode == 0:
        return
    last = done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "no message"
    if last.startswith(REFUSED):
        raise ModelError(f"{model}: {last.removeprefix(REFUSED)}")
    if last.startswith(("ModuleNotFoundError", "ImportError")):
        raise MissingDependencyError(
            f"conversion failed: {last}; install it with: pip install 'edgecls[train,export]'"
        )
    if done.returncode == -signal.SIGKILL or last.startswith("MemoryError"):
        raise ModelError(
            f"{model}: the converter was killed, most likely for want of memory; close other programs, or convert "
            "one format at a time with --format"
        )
    if done.returncode < 0:
        name = signal.Signals(-done.returncode).name
        raise ModelError(
            f"{model}: the converter aborted ({name}: {last}); try one format alone with --format"
        )
    raise ModelError(
        f"{model}: cannot be converted to {', '.join(formats)} ({last}); try one format alone with --format"
    )


def _parity(path: Path, pixels: Pixels, answers: Probabilities) -> float:
    engine = _open(path)
    difference = float(np.abs(engine.run(pixels) - answers).max())
    engine.close()
    if not difference <= PARITY_TOLERANCE:  # also catches NaN
        raise ModelError(
            f"{path.name}: expected the probabilities of Keras within {PARITY_TOLERANCE}, found a difference of "
            f"{difference:.3g}; the conversion is wrong, do not use it"
        )
    return difference


def _open(path: Path) -> Engine:
    try:
        return open_engine(path)
    except ModelError as error:
        name = path.suffix.lstrip(".")
        raise ModelError(
            f"the network was converted to {name}, but its engine refuses what came out ({error.__cause__ or error}); "
            "export the other format alone with --format"
        ) from error
