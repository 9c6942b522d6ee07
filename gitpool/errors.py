"""The one family of errors; `gitpool.server.answers` maps each class to an HTTP status."""

from __future__ import annotations

import errno

# The code where Git LFS keeps an image elsewhere.
LFS = "kept_in_lfs"


class GitPoolError(Exception):
    """Something a person can be told about.

    code: a stable word for programs, `message`: a sentence, `hint`: what to do next.
    """

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint


class Malformed(GitPoolError):
    """The request itself is wrong."""


class Foreign(GitPoolError):
    """The request comes from a page that isn't ours, or reaches where none may."""


class NotFound(GitPoolError):
    """No such profile, snapshot or file."""


class Conflict(GitPoolError):
    """The request doesn't fit the present state."""


class TooLarge(GitPoolError):
    """More bytes or pixels than can be handled safely."""


class NotAnImage(GitPoolError):
    """The bytes aren't an image that can be decoded."""


class Unacceptable(GitPoolError):
    """An archive, repository or mask whose content can't be taken in."""


class DiskFailed(GitPoolError):
    """Reading or writing failed; nothing was changed."""


class Damaged(GitPoolError):
    """Stored bytes don't match their checksum, or are gone."""


class RemoteFailed(GitPoolError):
    """The remote didn't answer, refused, or sent what can't be used."""


def disk_failed(error: OSError) -> DiskFailed:
    """What the system refused, for a person who mustn't see its paths."""
    if error.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)):
        return DiskFailed("disk_full", "The disk is full.", "Free some space and try again.")
    if error.errno == errno.EROFS:
        return read_only()
    return DiskFailed(
        "disk_failed", "Reading or writing the disk failed.", "Check the disk and try again."
    )


def kept_in_lfs(image: str = "This image") -> NotAnImage:
    """A pointer is here in place of an image."""
    return NotAnImage(
        LFS,
        f"{image} is kept in Git LFS, not here.",
        "Get it with “git lfs pull” in a clone, and add it to the pool.",
    )


def read_only() -> DiskFailed:
    """Whatever was to be changed lies where nothing can be."""
    return DiskFailed(
        "disk_read_only",
        "This disk can't be written to.",
        "Everything on it can be looked at and run. To edit it, mount it writable, and let "
        "ComfyUI's user write there.",
    )


def remote_too_large() -> RemoteFailed:
    """The remote says or sends more than any set of profiles is."""
    return RemoteFailed(
        "remote_too_large",
        "The remote sends more than can be taken in.",
        "Nothing was changed here. Use a repository of its own for Git Pool.",
    )
