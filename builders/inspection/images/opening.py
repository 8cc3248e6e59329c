"""How a chain is put together: each parent found by name in the same folder, and known by its identity."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from builders.inspection.errors import Damaged, OutOfPlace, Unreadable, Unsupported, WrongParent
from builders.inspection.images.chain import Chain
from builders.inspection.images.facts import LinkFacts
from builders.inspection.images.kinds import looks_like
from builders.inspection.images.links import Link
from builders.inspection.images.names import is_plain
from builders.inspection.images.vhd.footer import has_footer
from builders.inspection.images.vhd.link import open_vhd
from builders.inspection.images.vhdx.header import SIGNATURE
from builders.inspection.images.vhdx.link import VhdxLink
from builders.inspection.sources import Folder, Source

DEEPEST = 64
"""Files of a chain at most."""


def identify(source: Source) -> LinkFacts:
    """What the file says of itself; headers and tables alone are read. The source stays open. Unreadable, OSError."""
    return open_link(source).facts


def open_link(source: Source) -> Link:
    """One file without its parents, known by its content: a name that says otherwise is a warning of its facts.

    Unreadable, OSError.
    """
    if not source.size:
        raise Damaged(f"{source.name} is empty")
    named = "VHDX" if source.name.lower().endswith("vhdx") else "VHD" if source.name.lower().endswith("vhd") else ""
    link: Link
    if source.read(0, len(SIGNATURE)) == SIGNATURE:
        link = VhdxLink(source)
    elif has_footer(source):
        link = open_vhd(source)
    else:
        raise _other_kind(source, named)
    if named and named != link.facts.format:
        words = f"It is called {named} and is {link.facts.format}; it is read as what it is"
        link.facts = replace(link.facts, warnings=(*link.facts.warnings, words))
    return link


def _other_kind(source: Source, named: str) -> Unreadable:
    if kind := looks_like(source):
        return Unsupported(f"{source.name} is neither VHD nor VHDX, it is {kind}")
    if named == "VHDX":
        return Damaged(f"{source.name} has no VHDX signature at its start: it is damaged, or another kind of file")
    if named == "VHD":
        words = "has no VHD footer at its end, nor a copy of it at its start: it is cut off or damaged"
        return Damaged(f"{source.name} {words}")
    return Unsupported(f"{source.name} is neither VHD nor VHDX: it has no signature of either")


def open_chain(top: str, folder: Folder, parents: Sequence[str] | None = None) -> Chain:
    """The disk of ``top``, a plain file name in ``folder``.

    ``parents``: file names, the nearest first, as a version list gives them. Without, or beyond them, each file's own
    words about its parent are followed, by plain name in the same folder only. WrongParent where a parent is missing,
    is not the one the child was made on, or the chain does not end; OutOfPlace for a name with a folder in it;
    other Unreadable; FileNotFoundError for ``top`` itself; OSError.
    """
    links: list[Link] = []
    try:
        links.append(_opened(top, folder))
        given = list(parents or ())
        while links[-1].facts.kind == "differencing":
            if len(links) >= DEEPEST:
                raise WrongParent(f"{top} has {DEEPEST} files or more below it; no chain is that long")
            child = links[-1]
            links.append(_named(child, given.pop(0), folder) if given else _found(child, folder))
            _no_loop(links)
        warnings = [f"{link.facts.name}: {text}" for link in links for text in link.facts.warnings]
        warnings += [text for link in links for text in link.shortcomings()]
        if given:
            warnings.append(f"The chain ends with {links[-1].facts.name}; not needed: {', '.join(given)}")
        return Chain(links, warnings)
    except BaseException:
        for link in links:
            link.close()
        raise


def _opened(name: str, folder: Folder) -> Link:
    if not is_plain(name):
        raise OutOfPlace(f"{name!r} is not a plain file name")
    source = folder.open(name)
    try:
        return open_link(source)
    except BaseException:
        source.close()
        raise


def _named(child: Link, name: str, folder: Folder) -> Link:
    """The parent that the caller names. It must be the right one all the same."""
    try:
        parent = _opened(name, folder)
    except FileNotFoundError as error:
        raise WrongParent(f"{name}, the parent of {child.facts.name}, is not there") from error
    return _fitting(child, parent)


def _found(child: Link, folder: Folder) -> Link:
    """The parent by the names that the child knows: the first that is there and fits."""
    if not child.facts.parent_names:
        raise WrongParent(f"{child.facts.name} does not say what its parent is called. Name it")
    problem: Unreadable | None = None
    for name in child.facts.parent_names:
        try:
            return _fitting(child, _spelt_anyhow(name, folder))
        except FileNotFoundError:
            continue
        except Unreadable as error:
            problem = problem or error
    if problem:
        raise problem
    called = " or ".join(child.facts.parent_names)
    raise WrongParent(f"{called}, the parent of {child.facts.name}, is not in the same folder")


def _spelt_anyhow(name: str, folder: Folder) -> Link:
    """Windows does not tell upper from lower case, the folder may."""
    try:
        return _opened(name, folder)
    except FileNotFoundError:
        spelt = next((there for there in folder.names() if there.casefold() == name.casefold()), None)
        if spelt is None:
            raise
        return _opened(spelt, folder)


def _fitting(child: Link, parent: Link) -> Link:
    """The parent, if the child was made on it. A parent that does not fit is closed."""
    problem = _misfit(child, parent)
    if problem:
        parent.close()
        raise WrongParent(f"{parent.facts.name} is not the parent that {child.facts.name} was made on: {problem}")
    return parent


def _misfit(child: Link, parent: Link) -> str:
    if child.facts.format != parent.facts.format:
        return f"it is {parent.facts.format}, the child {child.facts.format}"
    if parent.own_id not in child.parent_ids:
        return (
            f"its identity is {parent.own_id}, the child wants {' or '.join(child.parent_ids) or 'none'}. "
            "It was changed after the child was made, or is another file"
        )
    if child.sector != parent.sector:
        return f"its sectors have {parent.sector} bytes, the child's {child.sector}"
    return ""


def _no_loop(links: Sequence[Link]) -> None:
    """The last link must be none of those above it. A file under two names is caught by DEEPEST."""
    last = links[-1].facts.name
    if any(last == link.facts.name for link in links[:-1]):
        raise WrongParent(f"{last} is its own parent, by way of {links[-2].facts.name}: the chain does not end")
