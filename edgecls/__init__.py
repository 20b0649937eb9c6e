"""edgecls: from a folder of labelled photos to a measured int8 classifier on the device.

Nothing leaves the workstation unmeasured, and the device runs exactly what was measured.
"""

import os

__version__ = "0.1.0"

# ONNX Runtime reports its use to its makers, unless this stands there before it is loaded.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
