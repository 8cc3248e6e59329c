"""Images are made by others: whatever parses one runs in a child process with limits, without rights to write, to reach
the network or to start anything.

    result = run("inventory", [Image(LocalFolder("/stores/one"), "W11.4.avhdx")], limits=Limits(wall_seconds=300))

``keeper`` is this side, ``child`` the other; ``confinement`` what the child gives up, ``wire`` and ``serving`` how it
gets its bytes, ``endings`` what a person is told when it did not end well.
"""

from builders.inspection.sandbox.keeper import Image, run
from builders.inspection.sandbox.limits import Limits
from builders.inspection.sandbox.outcome import Progress, Result, Stopped, Why

__all__ = ["Image", "Limits", "Progress", "Result", "Stopped", "Why", "run"]
