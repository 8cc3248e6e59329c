"""Why something could not be read, in words a person can act on. Images are untrusted: expect each of these."""

from __future__ import annotations


class Unreadable(Exception):
    """It cannot be read; the sentence names the file or part, what was found there, and what to do where one can."""


class Damaged(Unreadable):
    """Its structures contradict themselves or point outside of it."""


class Unsupported(Unreadable):
    """It is sound as far as one can tell, and of a kind that is not read (BitLocker, an unknown file system)."""


class WrongParent(Unreadable):
    """A file of the chain is not the parent that its child was made on, or is missing."""


class OutOfPlace(Unreadable):
    """A name that leads out of the store."""
