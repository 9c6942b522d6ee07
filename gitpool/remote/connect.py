"""From an address and its secret to a remote that can be talked to."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping

from .address import Address
from .folder import FolderRemote
from .https import https_remote
from .secrets import Secret
from .ssh import ssh_remote
from .transport import Limits, Remote


def connect(
    address: Address,
    secret: Secret | None,
    limits: Limits,
    allowed: Collection[str],
    environment: Mapping[str, str] = os.environ,
) -> Remote:
    """The remote at an address that `parse` gave. Nothing is sent yet."""
    if address.scheme == "file":
        return FolderRemote(address)
    if address.scheme == "ssh":
        return ssh_remote(address, limits, environment)
    return https_remote(address, secret.pair() if secret else None, limits, allowed)


def limits_from(environment: Mapping[str, str]) -> Limits:
    """`GITPOOL_REMOTE_TIMEOUT`: seconds of silence after which a remote is given up."""
    try:
        silence = float(environment.get("GITPOOL_REMOTE_TIMEOUT", Limits.silence))
    except ValueError:
        return Limits()
    if not 0 < silence < 86400:
        return Limits()
    return Limits(connect=min(silence, Limits.connect), silence=silence)
