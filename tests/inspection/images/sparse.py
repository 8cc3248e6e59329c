"""Bytes with holes, in memory: a file of the tests, or the plain disk that a chain must read as."""

from __future__ import annotations

from pathlib import Path

_SHIFT = 16
_PAGE = 1 << _SHIFT


class Sparse:
    """Also a Source."""

    def __init__(self, size: int = 0, name: str = "") -> None:
        self.size, self.name = size, name
        self.pages: dict[int, bytearray] = {}
        self.bytes_read = 0

    def read(self, offset: int, length: int) -> bytes:
        end = min(offset + length, self.size)
        if end <= offset:
            return b""
        self.bytes_read += end - offset
        first, last = offset >> _SHIFT, (end - 1) >> _SHIFT
        if first == last:
            page, inside = self.pages.get(first), offset & _PAGE - 1
            return bytes(page[inside : inside + end - offset]) if page else bytes(end - offset)
        parts = [
            bytes(self.pages[number]) if number in self.pages else bytes(_PAGE) for number in range(first, last + 1)
        ]
        whole = b"".join(parts)
        return whole[offset & _PAGE - 1 :][: end - offset]

    def write(self, offset: int, content: bytes) -> None:
        self.size = max(self.size, offset + len(content))
        at = 0
        while at < len(content):
            number, inside = divmod(offset + at, _PAGE)
            piece = content[at : at + _PAGE - inside]
            page = self.pages.setdefault(number, bytearray(_PAGE))
            page[inside : inside + len(piece)] = piece
            at += len(piece)

    def clear(self, offset: int, length: int) -> None:
        """Zeros, as far as the size goes."""
        end = min(offset + length, self.size)
        for number in [n for n in self.pages if offset <= n << _SHIFT and (n + 1) << _SHIFT <= end]:
            del self.pages[number]
        for number in {offset >> _SHIFT, max(offset, end - 1) >> _SHIFT} & set(self.pages):
            start, stop = max(offset, number << _SHIFT), min(end, (number + 1) << _SHIFT)
            self.write(start, bytes(max(0, stop - start)))

    def resize(self, size: int) -> None:
        if size < self.size:
            self.clear(size, self.size - size)
        self.size = size

    def copy(self, name: str | None = None) -> Sparse:
        twin = Sparse(self.size, self.name if name is None else name)
        twin.pages = {number: bytearray(page) for number, page in self.pages.items()}
        return twin

    def save(self, path: Path) -> Path:
        with path.open("wb") as file:
            file.truncate(self.size)
            for number, page in self.pages.items():
                file.seek(number << _SHIFT)
                file.write(page[: max(0, self.size - (number << _SHIFT))])
        return path

    def close(self) -> None:
        return


class SparseFolder:
    """Files by name; counts how often each is opened and closed."""

    def __init__(self, *files: Sparse) -> None:
        self.files = {file.name: file for file in files}
        self.balance = 0

    def add(self, file: Sparse) -> Sparse:
        self.files[file.name] = file
        return file

    def open(self, name: str) -> Opened:
        if name not in self.files:
            raise FileNotFoundError(name)
        self.balance += 1
        return Opened(self, self.files[name])

    def names(self) -> list[str]:
        return sorted(self.files)


class Opened:
    def __init__(self, folder: SparseFolder, file: Sparse) -> None:
        self.name, self.size, self.read = file.name, file.size, file.read
        self._folder, self._closed = folder, False

    def close(self) -> None:
        if not self._closed:
            self._folder.balance -= 1
        self._closed = True
