"""What a child process that reads an image may use up."""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Each is enforced by the kernel or by the process that waits; what reaches one is stopped and told in words."""

    memory_mib: int = 400
    """Address space on top of what the interpreter and its modules take before they see a byte of the image."""
    cpu_seconds: int = 120
    wall_seconds: int = 300
    open_files: int = 96
    """Descriptors at one time, files of the chain among them."""
    result_mib: int = 64
    """Of JSON, as it is sent back."""

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if value < 1:
                raise ValueError(f"{name} is {value}; the least is 1.")
