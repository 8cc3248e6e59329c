"""Registry hives, read offline and in place: only the pages that hold the asked keys are fetched.

``Hive`` finds keys by path, ``Key`` answers with values as text, numbers or bytes whatever type they were stored with,
``logs`` brings a hive up to date from its .LOG1 and .LOG2 in memory. Nothing is ever written.
"""

from builders.inspection.registry.hive import Hive, was_closed
from builders.inspection.registry.key import Key

__all__ = ["Hive", "Key", "was_closed"]
