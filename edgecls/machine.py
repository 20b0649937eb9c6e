"""Machine: what a figure was measured on. Detection lives in edgecls.devices; here is only the noun."""

from __future__ import annotations

from dataclasses import dataclass

SATURATING = "saturating"


@dataclass(frozen=True)
class Machine:
    """The computer that gave a figure.

    `int8_dot` says whether 8-bit products are summed in 32 bits ("vnni", "dotprod", "neon") or pairwise in
    saturating 16 bits ("saturating": x86 without VNNI), which changes the answers of some int8 models.
    """

    model: str  # "Raspberry Pi 5 Model B Rev 1.0", or the processor's name where no board is known
    processor: str
    architecture: str  # "x86_64", "aarch64", "armv7l"
    cores: int
    memory_mb: int
    system: str  # "Debian GNU/Linux 12 (bookworm), Linux 6.1"
    python: str
    int8_dot: str

    @property
    def saturates(self) -> bool:
        """Whether int8 sums can saturate in 16 bits on this machine."""
        return self.int8_dot == SATURATING
