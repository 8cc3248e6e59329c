"""What is installed in an image, from its registry hives and files, each item with the place where it was found.

``take`` reads all of it and never fails over one bad key or file: what could not be read is among the warnings.
"""

from builders.inspection.inventory.choosing import find_system
from builders.inspection.inventory.finding import Volume, Volumes
from builders.inspection.inventory.report import Report
from builders.inspection.inventory.take import take

__all__ = ["Report", "Volume", "Volumes", "find_system", "take"]
