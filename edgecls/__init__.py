"""edgecls: from a folder of labelled photos to a measured int8 classifier on the device.

Nothing leaves the workstation unmeasured, and the device runs exactly what was measured.
"""

__version__ = "0.1.0"
