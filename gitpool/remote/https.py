"""Git over https (and, where a settings file allows it, http), with checks and time-outs."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import urllib3
from dulwich.client import Urllib3HttpGitClient
from dulwich.config import ConfigDict
from dulwich.errors import GitProtocolError, NotGitRepository

from .address import Address, check_url
from .smart import SmartRemote
from .transport import Budget, Limits

_REDIRECTS = 3
_ANY_USER = "git"


def https_remote(
    address: Address,
    secret: tuple[str | None, str] | None,
    limits: Limits,
    allowed: Collection[str] = (),
) -> SmartRemote:
    """A remote at an https address. secret: user name (or None) and token.

    The secret goes to the address's own origin only; a redirect elsewhere doesn't get it.
    """
    parts = urlsplit(address.text)
    base = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}/"
    user, token = secret if secret else (None, None)

    def connect(budget: Budget) -> _Client:
        return _Client(
            base,
            budget,
            pool_manager=_pool(base, limits, allowed),
            config=ConfigDict(),  # none of the user's, none of a repository's
            username=_in_utf8(user or address.user or _ANY_USER) if token else None,
            password=_in_utf8(token) if token else None,
            thin_packs=False,
            include_tags=True,
            quiet=True,
        )

    return SmartRemote(address, connect, parts.path)


def _in_utf8(text: str) -> str:
    """Text that comes out as UTF-8, as git sends it, where urllib3 writes it as Latin-1."""
    return text.encode("utf-8").decode("latin-1")


class _Client(Urllib3HttpGitClient):
    """dulwich's client, which reads no more than it should, and only what a git server says."""

    def __init__(self, base: str, budget: Budget, **options: Any) -> None:
        super().__init__(base, **options)
        self._budget = budget

    def _http_request(self, url: str, headers: Any = None, data: Any = None, *more: Any) -> Any:
        response, read = super()._http_request(url, headers, data, *more)
        kind = response.headers.get("Content-Type") or ""
        coding = response.headers.get("Content-Encoding") or "identity"
        # Without such a type dulwich would read it as a plain web server's files.
        if not kind.startswith("application/x-git-"):
            response.close()
            raise NotGitRepository
        if coding != "identity":
            response.close()
            raise GitProtocolError("an answer in a coding that wasn't asked for")
        if data is not None:
            self._budget.asked()

        def counted(size: int) -> bytes:
            chunk = read(size)
            self._budget.read(len(chunk))
            return chunk

        return response, counted


class _Checked:
    """Every address is checked when it is opened, a redirect's too."""

    allowed: Collection[str] = ()
    finds_hosts = True

    def urlopen(self, method: str, url: str, *args: Any, **kwargs: Any) -> Any:
        check_url(url, self.allowed, self.finds_hosts)
        return super().urlopen(method, url, *args, **kwargs)  # type: ignore[misc]


class _Pool(_Checked, urllib3.PoolManager):
    pass


class _ProxiedPool(_Checked, urllib3.ProxyManager):
    finds_hosts = False  # the proxy does


def _pool(base: str, limits: Limits, allowed: Collection[str]) -> urllib3.PoolManager:
    parts = urlsplit(base)
    proxy = getproxies().get(parts.scheme)
    options: dict[str, Any] = {
        "headers": {"Accept-Encoding": "identity"},
        "timeout": urllib3.Timeout(connect=limits.connect, read=limits.silence),
        "retries": urllib3.Retry(
            total=_REDIRECTS, connect=0, read=0, status=0, other=0, redirect=_REDIRECTS
        ),
    }
    pool: urllib3.PoolManager
    if proxy and not proxy_bypass(parts.hostname or ""):
        pool = _ProxiedPool(proxy, **options)
    else:
        pool = _Pool(**options)
    pool.allowed = allowed  # type: ignore[attr-defined]
    return pool
