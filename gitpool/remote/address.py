"""A remote's address, checked before any socket or process is made for it."""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath
from urllib.parse import SplitResult, unquote, urlsplit

from ..errors import Malformed, RemoteFailed
from ..identifiers import is_printable

_ALWAYS = ("https", "ssh")
_IF_ALLOWED = ("http", "file")
_PORTS = {"https": 443, "http": 80, "ssh": 22}
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,252}[A-Za-z0-9])?|\[[0-9A-Fa-f:.]{2,45}\]")
_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@+-]{0,99}")
_SCP = re.compile(r"(?:(?P<user>[^@/:\s]+)@)?(?P<host>[^@/:\s]+|\[[^\]/\s]+\]):(?P<path>[^:].*)")
_TOKEN = re.compile(r"(gh[a-z]_|github_pat_|glpat-).*|[A-Za-z0-9_-]{32,}")
_LIMIT = 2000


@dataclass(frozen=True)
class Address:
    """Where a remote is. scheme: https, http, ssh or file.

    path: on the host, or of the folder. Its text names no secret.
    """

    scheme: str
    host: str
    port: int | None
    user: str | None
    path: str

    @property
    def text(self) -> str:
        """The address as it is kept and shown."""
        if self.scheme == "file":
            return self.path
        user = f"{self.user}@" if self.user else ""
        if not self.path.startswith("/"):  # from the home folder: only ssh has such paths
            return f"{user}{self.host}:{self.path}"
        port = f":{self.port}" if self.port else ""
        return f"{self.scheme}://{user}{self.host}{port}{self.path}"

    @property
    def origin(self) -> str:
        """Whom a secret is told to: scheme, host and port."""
        return f"{self.scheme}://{self.host.lower()}:{self.port or _PORTS.get(self.scheme, 0)}"


def parse(text: object, allowed: Collection[str] = ()) -> Address:
    """An address from what a person typed. allowed: which of `http` and `file` are.

    Takes https://host/path, ssh://user@host/path, user@host:path, a folder's absolute path.
    Raises Malformed.
    """
    if not isinstance(text, str) or not text.strip() or len(text) > _LIMIT:
        raise _bad("That isn't an address.")
    text = text.strip()
    if _is_folder(text):
        return _folder(text, allowed)
    if not is_printable(text) or " " in text:
        raise _bad("The address has characters that no address has.")
    if "://" in text:
        return _url(text, allowed)
    match = _SCP.fullmatch(text)
    # A plain word before the colon is a scheme nobody knows rather than a host.
    if not match or "::" in text or not (match["user"] or "." in match["host"]):
        raise _bad("That isn't an address.")
    path = match["path"]
    return _checked("ssh", match["host"], None, match["user"], path)


def _bad_redirect() -> RemoteFailed:
    return RemoteFailed("bad_redirect", "The remote sends on to an address that can't be used.")


def without_secret(text: str) -> str:
    """An address that can't be read, without whatever password it may hold."""
    return re.sub(r"//.*@", "//…@", text)


def check_reachable(host: str, port: int) -> None:
    """Raise RemoteFailed where the host has no address, or one that no git server has."""
    try:
        found = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise RemoteFailed(
            "remote_offline",
            f"“{host}” can't be found.",
            "Check the address, and that this machine is online.",
        ) from error
    for *_, target in found:
        ip = ipaddress.ip_address(str(target[0]).partition("%")[0])
        if ip.is_link_local or ip.is_multicast or ip.is_unspecified or ip.is_reserved:
            raise RemoteFailed("bad_address", f"“{host}” isn't a place where a git server can be.")


def check_url(url: str, allowed: Collection[str], find_host: bool = True) -> None:
    """The same checks for an address that a server sends us on to.

    find_host: whether this machine looks for the host itself. Raises RemoteFailed.
    """
    try:
        address = parse(url.partition("?")[0], allowed)
    except Malformed as error:
        raise _bad_redirect() from error
    if address.user or address.scheme not in ("https", "http"):
        raise _bad_redirect()
    if find_host:
        check_reachable(address.host, address.port or _PORTS[address.scheme])


def _is_folder(text: str) -> bool:
    return text.startswith(("/", "\\\\", "file:")) or bool(PureWindowsPath(text).drive)


def _folder(text: str, allowed: Collection[str]) -> Address:
    if "file" not in allowed:
        raise Malformed(
            "remote_not_allowed",
            "A folder isn't allowed as a remote here.",
            "Whoever runs the server can allow it: allow_remotes in Git Pool's settings.json.",
        )
    path = text
    if text.startswith("file:"):
        parts = _split(text)
        if parts.scheme != "file" or parts.netloc not in ("", "localhost"):
            raise _bad("That isn't a folder's address.")
        path = unquote(parts.path)
    if "\x00" in path or not Path(path).is_absolute():
        raise _bad("Give the folder's whole path.")
    return Address("file", "", None, None, path)


def _url(text: str, allowed: Collection[str]) -> Address:
    parts = _split(text)
    try:
        host, port = parts.netloc.rpartition("@")[2], parts.port
    except ValueError:
        raise _bad("That isn't an address.") from None
    scheme = parts.scheme.lower()
    if scheme not in (*_ALWAYS, *_IF_ALLOWED):
        raise _bad(f"“{scheme}” isn't a kind of address that can be used.")
    if scheme in _IF_ALLOWED and scheme not in allowed:
        raise Malformed(
            "remote_not_allowed",
            f"An address that begins with {scheme}:// isn't allowed here.",
            "Use https://, or allow it in Git Pool's settings.json on the server.",
        )
    if parts.password or _looks_like_token(scheme, parts.username):
        raise _bad("The address holds a password.", "Put it into the token's own field.")
    host = re.sub(r":\d*$", "", host)
    path = text.partition("://")[2].removeprefix(parts.netloc) or "/"
    return _checked(scheme, host, port, parts.username, path)


def _split(text: str) -> SplitResult:
    try:
        return urlsplit(text)
    except ValueError:  # such as half of an IPv6 address
        raise _bad("That isn't an address.") from None


def _looks_like_token(scheme: str, user: str | None) -> bool:
    """Some hosts' help pages put a token where the user name goes."""
    return scheme in ("https", "http") and user is not None and bool(_TOKEN.fullmatch(user))


def _checked(scheme: str, host: str, port: int | None, user: str | None, path: str) -> Address:
    if not _HOST.fullmatch(host) or ".." in host:
        raise _bad("The address names no host.")
    if user is not None and not _USER.fullmatch(user):
        raise _bad("The address has a user name that can't be used.")
    if "?" in path or "#" in path:
        raise _bad("The address has a part that no repository's has.")
    if path.startswith("-") or not path.strip("/"):
        raise _bad("The address names no repository.")
    return Address(scheme, host, port, user, path)


def _bad(message: str, hint: str = "") -> Malformed:
    example = "It looks like https://host/you/pools.git or git@host:you/pools.git."
    return Malformed("bad_address", message, hint or example)
