"""What went wrong with a remote, in words: from exceptions and servers' answers to one error."""

from __future__ import annotations

import logging
import re

from dulwich.client import HTTPProxyUnauthorized, HTTPUnauthorized
from dulwich.errors import NotGitRepository

from ..errors import RemoteFailed
from .address import Address

log = logging.getLogger("gitpool")

KEEPS_NAME = "remote_keeps_name"
CUT_OFF = "remote_cut_off"
OFFLINE = ("remote_offline", "remote_timeout", CUT_OFF)

# What ssh and git say on the way, and what it means. The first that fits counts.
_SAID: tuple[tuple[str, str], ...] = (
    (r"host key verification failed|remote host identification has changed", "host_key"),
    (r"permission denied \(|too many authentication failures", "key"),
    (r"could not resolve|name or service not known|nameresolution", "host"),
    (r"timed out|timeout|said nothing for", "timeout"),
    (r"refused|unreachable|no route|newconnectionerror", "offline"),
    (r"certificate|ssl", "certificate"),
    (r"write access|not allowed to|permission to|read.only|denied", "rights"),
    (r"does not appear to be a git|not found|no such|does not exist", "not_found"),
)
_STATUS = re.compile(r"unexpected http resp (\d{3})", re.IGNORECASE)
_STATUSES = {401: "token", 403: "rights", 404: "not_found", 407: "token", 410: "not_found"}
_WORDS: dict[str, tuple[str, str, str]] = {
    "host_key": (
        "remote_host_key",
        "This machine doesn't know the host, or its key has changed.",
        "Connect once with ssh on the machine that runs ComfyUI, and accept the host's key.",
    ),
    "key": (
        "remote_auth",
        "The host didn't accept this machine's ssh key.",
        "Add the public key to your account there, or use an https address with a token.",
    ),
    "token": (
        "remote_auth",
        "The host asks for a sign-in, or didn't accept this one.",
        "Enter a user name and a token that may read and write there.",
    ),
    "host": (
        "remote_offline",
        "The host can't be found.",
        "Check the address, and that this machine is online.",
    ),
    "offline": (
        "remote_offline",
        "The host didn't answer.",
        "Check that this machine is online, and try again.",
    ),
    "timeout": ("remote_timeout", "The host took too long to answer.", "Try again later."),
    "certificate": (
        "remote_certificate",
        "The host's certificate isn't valid.",
        "Check the address.",
    ),
    "rights": (
        "remote_denied",
        "You may read what is there, but not write.",
        "Ask its owner for the right to write, or use a token that has it.",
    ),
    "not_found": (
        "remote_not_found",
        "There is nothing at this address, or you may not see it.",
        "Check the address, and make an empty repository there first.",
    ),
    "no_ssh": (
        "remote_no_ssh",
        "The ssh program isn't installed where ComfyUI runs.",
        "Install OpenSSH, or use an https address.",
    ),
    "trouble": (
        "remote_unavailable",
        "The host can't serve this just now.",
        "Try again in a while.",
    ),
    "cut": (
        CUT_OFF,
        "The connection broke off.",
        "Sync again; nothing was lost.",
    ),
}


def explain(error: BaseException, address: Address) -> RemoteFailed:
    """The error that a person is told. Holds neither address, secret nor server's text."""
    kind = _kind(error, address)
    # What an exception says may hold an address, never a secret: those are in no text.
    log.debug("Git Pool: a remote failed (%s): %s", kind, " | ".join(_texts(error)))
    return RemoteFailed(*_WORDS[kind])


def refused(reason: str) -> RemoteFailed:
    """A ref that the remote wouldn't set, for a reason of its own."""
    if "delet" in reason:
        return RemoteFailed(
            KEEPS_NAME,
            "The host won't let go of the profile's old name.",
            "The host takes it for its main one; choose another one there.",
        )
    words = " ".join(re.sub(r"[^\w .,:;()'’/-]", " ", reason).split())[:120]
    return RemoteFailed(
        "remote_refused",
        f"The remote refused the upload: {words}." if words else "The remote refused the upload.",
        "A rule on the host stands in the way; its owner can lift it.",
    )


def _kind(error: BaseException, address: Address) -> str:
    if isinstance(error, (HTTPUnauthorized, HTTPProxyUnauthorized)):
        return "token"
    if isinstance(error, NotGitRepository):
        return "not_found"
    if isinstance(error, FileNotFoundError) and address.scheme == "ssh":
        return "no_ssh"
    said = " ".join(_texts(error)).lower()
    if status := _STATUS.search(said):
        return _STATUSES.get(int(status[1]), "trouble")
    # The words of the address itself say nothing.
    for own in (address.text, address.path, address.host):
        said = said.replace(own.lower(), " ") if len(own) > 1 else said
    for pattern, kind in _SAID:
        if re.search(pattern, said):
            return kind
    return "cut"


def _texts(error: BaseException) -> list[str]:
    """What an exception and those behind it say of themselves."""
    said: list[str] = []
    seen: BaseException | None = error
    while seen is not None and len(said) < 16:
        said += [type(seen).__name__, str(seen)]
        seen = seen.__cause__ or seen.__context__
    return said
