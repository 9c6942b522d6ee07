"""Branches, tags and HEAD: read strictly, changed by compare-and-swap, written durably.

The formats are git's: https://git-scm.com/docs/gitrepository-layout (refs, packed-refs, HEAD).
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import time
from collections.abc import Iterator
from pathlib import Path

from ..errors import Conflict
from ..pool import durable
from ..pool.reading import read_file

_SHA = re.compile(r"[0-9a-f]{40}")
BRANCHES = "refs/heads/"
TAGS = "refs/tags/"
# Older snapshots that a clean-up kept, but not what led from them to the newest.
KEPT = "refs/gitpool/kept/"
# Tags in packs that nothing else names any more.
DROPPED = "refs/gitpool/dropped/"
LOCK_MARK = b"gitpool\n"
# What git takes for white space, where Python knows far more.
BLANK = " \t\r\n"
# Seconds to wait for another git's lock: its own gc holds packed-refs for about one.
_PATIENCE = 5.0


class Refs:
    """The refs of the repository whose `.git` folder is `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def head(self) -> tuple[str | None, str | None]:
        """What HEAD names: (ref, None), or (None, commit) when it is detached."""
        try:
            text = read_file(self.folder / "HEAD").decode("utf-8", "replace").strip(BLANK)
        except (FileNotFoundError, IsADirectoryError):
            return None, None
        if text.startswith("ref:"):
            ref = text[4:].strip(BLANK)
            return (ref, None) if _is_plain(ref) else (None, None)
        return None, text if _SHA.fullmatch(text) else None

    def set_head(self, ref: str, was: tuple[str | None, str | None]) -> None:
        """Have HEAD name a branch, if it still is `was`, as `head` gave it. Raises Conflict."""
        path = self.folder / "HEAD"
        with self._locked(path):
            if self.head() != was:
                raise _moved()
            durable.write_file(path, f"ref: {ref}\n".encode())

    def get(self, ref: str) -> str | None:
        """The object a ref names; None where it is missing or garbled."""
        loose = self._loose(ref)
        return loose if loose else self._packed().get(ref)

    def swap(self, ref: str, old: str | None, new: str) -> None:
        """Set the ref, if it still is what the caller based its work on. Raises Conflict."""
        path = self._path(ref)
        durable.make_folder(path.parent)
        with self._locked(path):
            if self.get(ref) != old:
                raise _moved()
            _remove_empty_folders(path)
            durable.write_file(path, new.encode() + b"\n")

    def delete(self, ref: str, old: str | None) -> None:
        """Remove the ref, if it still is `old`; None for one that is garbled. Raises Conflict.

        It goes from packed-refs first, so that it can't come back.
        """
        path = self._path(ref)
        if not path.parent.is_dir():
            # Packed alone; whoever makes it anew needs the folder too.
            durable.make_folder(path.parent)
        with self._locked(path):
            if self.get(ref) != old:
                raise _moved()
            self._delete_packed(ref)
            with contextlib.suppress(FileNotFoundError, IsADirectoryError):
                path.unlink()
                durable.sync_folder(path.parent)
        with contextlib.suppress(OSError):
            (self.folder / "logs" / ref).unlink()

    def _delete_packed(self, ref: str) -> None:
        """Take the ref out of packed-refs, read again under the lock that git's own
        `pack-refs` holds while it writes the file anew."""
        if not self._packed_has(ref):
            return
        path = self.folder / "packed-refs"
        with self._locked(path):
            kept = "".join(_without(self._packed_lines(), ref))
            durable.write_file(path, kept.encode("utf-8", "surrogateescape"))

    def set_packed_aside(self) -> None:
        """Move a packed-refs that git can't read out of its way, under its lock."""
        path = self.folder / "packed-refs"
        with self._locked(path):
            durable.set_aside(path)

    def all(self, prefix: str) -> dict[str, str]:
        """Every ref below `prefix`, with the object it names."""
        # In this order: git packs a ref before it removes the ref's own file.
        loose = {ref: sha for ref in self._loose_names(prefix) if (sha := self._loose(ref))}
        packed = {ref: sha for ref, sha in self._packed().items() if ref.startswith(prefix)}
        return packed | loose

    def _path(self, ref: str) -> Path:
        if not _is_plain(ref):
            raise Conflict("bad_ref", "That isn't a branch or tag that can be kept.")
        return self.folder / ref

    def _loose(self, ref: str) -> str | None:
        try:
            text = read_file(self.folder / ref).decode("ascii", "replace").strip(BLANK)
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            return None
        return text if _SHA.fullmatch(text) else None

    def _loose_names(self, prefix: str) -> Iterator[str]:
        base = self.folder / prefix
        for folder, _, files in os.walk(base):
            for name in files:
                if not name.endswith(".lock") and not name.startswith(durable.TEMP_PREFIX):
                    yield (Path(folder) / name).relative_to(self.folder).as_posix()

    def _packed_lines(self) -> list[str]:
        try:
            data = read_file(self.folder / "packed-refs")
        except (FileNotFoundError, IsADirectoryError):
            return []
        return data.decode("utf-8", "surrogateescape").splitlines(keepends=True)

    def _packed(self) -> dict[str, str]:
        refs = {}
        for line in self._packed_lines():
            sha, _, ref = line.strip(BLANK).partition(" ")
            if _SHA.fullmatch(sha) and _is_plain(ref):
                refs[ref] = sha
        return refs

    def _packed_has(self, ref: str) -> bool:
        return any(line.rstrip("\n").partition(" ")[2] == ref for line in self._packed_lines())

    @contextlib.contextmanager
    def locked(self, ref: str) -> Iterator[None]:
        """Hold git's lock of a ref, or of HEAD, for a block that changes what goes with it; a ref
        whose folder is gone has none. Raises Conflict."""
        path = self.folder / ref
        if not path.parent.is_dir():
            yield
            return
        with self._locked(path):
            yield

    @contextlib.contextmanager
    def _locked(self, path: Path) -> Iterator[None]:
        """git's own lock file for a ref, for HEAD or for packed-refs; another git may hold it for
        a moment. Raises Conflict.

        Ours is marked, so that after a crash it is known to be nobody's.
        """
        lock = path.with_name(path.name + ".lock")
        deadline = time.monotonic() + _PATIENCE
        while True:
            try:
                _create_marked(lock)
                break
            except FileExistsError:
                if time.monotonic() > deadline:
                    raise Conflict(
                        "busy", "Another program is using this profile.", "Try again."
                    ) from None
                time.sleep(0.02)
        try:
            yield
        finally:
            with contextlib.suppress(FileNotFoundError):
                lock.unlink()


def _moved() -> Conflict:
    return Conflict(
        "history_moved",
        "The profile was changed by something else at the same moment.",
        "Try again.",
    )


def _remove_empty_folders(path: Path) -> None:
    """Make room for a ref where git left the empty folder of `<ref>/<another>`."""
    if path.is_dir() and not path.is_symlink():
        try:
            for folder, _, _ in os.walk(path, topdown=False):
                os.rmdir(folder)
        except OSError:
            said = "This profile's history uses that name for something else already."
            raise Conflict("name_taken", said) from None


def _create_marked(lock: Path) -> None:
    """Create the lock with its mark in it, at once: one without would look like another git's.
    Raises FileExistsError."""
    temp = lock.with_name(f"{durable.TEMP_PREFIX}{secrets.token_hex(8)}")
    with open(temp, "xb") as file:
        file.write(LOCK_MARK)
        file.flush()
        # A power cut may leave the name; without the mark nobody would know whose it was.
        durable.sync(file)
    try:
        os.link(temp, lock)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links
        with open(lock, "xb") as file:
            file.write(LOCK_MARK)
    finally:
        temp.unlink()


def _is_plain(ref: str) -> bool:
    parts = ref.split("/")
    return parts[0] == "refs" and len(parts) > 2 and all(p and not p.startswith(".") for p in parts)


def _without(lines: list[str], ref: str) -> Iterator[str]:
    """The lines but the ref's own and, for an annotated tag, the `^…` line below it."""
    dropped = False
    for line in lines:
        dropped = dropped if line.startswith("^") else line.rstrip("\n").partition(" ")[2] == ref
        if not dropped:
            yield line
