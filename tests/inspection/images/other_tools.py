"""Readers and writers of images that are not ours."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

QEMU_IMG = shutil.which("qemu-img")


def plain_by_qemu(path: Path, kind: str, folder: Path) -> bytes:
    """The whole disk as qemu-img reads it. ``kind``: "vhdx" or "vpc"."""
    assert QEMU_IMG
    flat = folder / f"{path.name}.raw"
    # Old creators' files are sized by their geometry there, new ones by what they say.
    options = ["--image-opts", f"driver=vpc,force_size_calc=current_size,file.filename={path}"]
    source = options if kind == "vpc" else ["-f", kind, str(path)]
    subprocess.run([QEMU_IMG, "convert", *source, "-O", "raw", str(flat)], check=True, capture_output=True)
    return flat.read_bytes()
