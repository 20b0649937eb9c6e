"""Engine check: which engines really work here, proved by running a model and not by an import."""

from __future__ import annotations

import base64
import tempfile
import zlib
from pathlib import Path

import numpy as np

from edgecls.devices.finding import Finding, good, missing
from edgecls.errors import EdgeclsError, ModelError
from edgecls.runtime.engine import open_engine

# One FULLY_CONNECTED layer, 1x1x1x3 float32 -> 1x2, that gives the first and third number of its input.
# tests/runtime/test_engine_check.py holds the lines that make it.
_PROBE = (
    b"eNplUDEOwjAMvKQRatWoytCh/4C9G2JgZGBgYGREYmDtcxj5YWq7FxSJRFfHl7PP6QTgcjzvgQEjEiJaYYJkkAw4CW4OaCR6wUEQ"
    b"oWsnyiBfVQOTccuMv7XMn5yzY7/4cwnWR7mregjuAtWNVjdYVG3PeTYebeI52N5qdLaGjppnenrm4P2Db9C6r2havkc1r0rvjU92"
    b"V2YtuhLf1BXvyL8H6uveT3q6Cg1jYm1f1XbbyN0KxKYU8Q=="
)


def probe_model() -> bytes:
    """The bytes of a .tflite small enough to carry about."""
    return zlib.decompress(base64.b64decode(_PROBE))


def check_tflite() -> Finding:
    """Name the TFLite engine that runs .tflite files here. Missing means that the device side cannot work."""
    try:
        return good("TFLite engine", f"{_run_probe()} runs a model")
    except EdgeclsError as error:
        return missing("TFLite engine", str(error), "Without it no .tflite file runs on this machine.")


def check_onnxruntime() -> Finding:
    """Name the providers ONNX Runtime has here."""
    try:
        import onnxruntime
    except ImportError as error:
        return missing("ONNX engine", str(error), "Only needed for .onnx files: pip install 'edgecls[onnx]'")
    providers = [name.removesuffix("ExecutionProvider") for name in onnxruntime.get_available_providers()]
    return good("ONNX engine", f"onnxruntime {onnxruntime.__version__}, providers: {', '.join(providers)}")


def _run_probe() -> str:
    """Run the probe model and return the engine's name. Raises EdgeclsError when none can, or one errs."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "probe.tflite"
        path.write_bytes(probe_model())
        engine = open_engine(path)
        answer = engine.run(np.array([[[[10, 20, 30]]]], np.uint8))
        engine.close()
    if answer.tolist() != [[10.0, 30.0]]:
        raise ModelError(f"{engine.name}: expected 10 and 30 from the probe model, found {answer.tolist()}")
    return engine.name
