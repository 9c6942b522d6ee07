"""Which remote a profile has, and what that remote holds."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dulwich.objects import Commit, ShaFile, Tree

from ..errors import Conflict, Malformed, NotFound, RemoteFailed
from ..git import tracking
from ..git.messages import Message, parse_message
from ..git.objects import ObjectStore
from ..git.outgoing import Outgoing
from ..git.refs import BRANCHES
from ..git.repository import Repository
from ..identifiers import (
    branch_of,
    check_snapshot_id,
    check_text,
    is_image_name,
    name_of_branch,
)
from ..pool.manifest import MANIFEST_NAME, is_mask_name
from ..remote.address import Address, parse, without_secret
from ..remote.connect import connect, limits_from
from ..remote.folder import FolderRemote
from ..remote.secrets import Secret, Secrets
from ..remote.settings import Settings
from ..remote.transport import RefUpdate, Remote
from .library import Library

_PREVIEWS = 4


@dataclass(frozen=True)
class Head:
    """What a branch of the remote shows at its tip."""

    branch: str
    commit: str
    message: Message
    time: int
    images: int | None
    blobs: tuple[str, ...] = ()
    has_list: bool = False

    @property
    def is_pool(self) -> bool:
        """Whether it holds a list of images or images, as far as can be seen, and not a program's
        text, say."""
        return self.has_list or bool(self.blobs) or self.images is None

    @property
    def name(self) -> str:
        """The profile's name: as the branch says, whole where the branch had to be cut."""
        said = self.message.name
        if said and BRANCHES + branch_of(said, self.message.profile_id) == self.branch:
            return said
        return name_of_branch(self.branch.removeprefix(BRANCHES))


class Remotes:
    """The remotes. user: the folder of settings and secrets."""

    def __init__(
        self, library: Library, user: Path, environment: Mapping[str, str] = os.environ
    ) -> None:
        self._library = library
        self._environment = environment
        self.settings = Settings(user, environment)
        self.secrets = Secrets(user, environment)
        self.limits = limits_from(environment)
        # By address: what its branches showed when it was last asked, None where it didn't answer.
        self._seen: dict[str, dict[str, str] | None] = {}

    def address(self, profile_id: str | None) -> Address:
        """Where a profile syncs to. Raises Conflict where no remote is set."""
        setting = self.settings.remote(profile_id)
        if setting is None:
            raise Conflict("no_remote", "No remote is set yet.", "Connect one first.")
        return parse(setting.url, self.settings.allowed())

    def open(self, profile_id: str | None) -> Remote:
        """The profile's remote, or the default one. Nothing is sent yet."""
        address = self.address(profile_id)
        setting = self.settings.remote(profile_id)
        secret = self.secrets.find(profile_id if setting and setting.own else None, address)
        if secret and setting and setting.username:
            secret = Secret(setting.username, secret.token)
        return self._connect(address, secret)

    def describe(self, profile_id: str | None) -> dict[str, Any]:
        """The setting, whether a secret is kept, and what is known of the last sync."""
        if profile_id is not None:
            self._library.registry.get(profile_id)
        setting = self.settings.remote(profile_id)
        answer: dict[str, Any] = {
            "url": without_secret(setting.url) if setting else None,
            "username": setting.username if setting else None,
            "own": bool(setting and setting.own),
            "has_secret": False,
            "auto_sync": self.settings.auto_sync,
            "allowed": sorted({"https", "ssh", *self.settings.allowed()}),
        }
        if setting:
            try:
                address = parse(setting.url, self.settings.allowed())
            except Malformed as error:
                return {**answer, "problem": error.message}
            answer["url"] = address.text
            key = profile_id if setting.own else None
            answer["has_secret"] = self.secrets.keeps(key, address)
            if profile_id:
                answer["status"] = self._status(profile_id, address)
        return answer

    def change(self, profile_id: str | None, body: Mapping[str, Any]) -> dict[str, Any]:
        """Set or forget a remote, its token, and whether profiles sync by themselves."""
        if profile_id is not None:
            self._library.registry.get(profile_id)
        auto = body.get("auto_sync")
        if auto is not None and not isinstance(auto, bool):
            raise Malformed("bad_auto_sync", "“auto_sync” must be true or false.")
        if "url" in body and body["url"] is None:
            self.settings.set_remote(profile_id, None, None)
            self.secrets.forget(profile_id)
        elif "url" in body:
            address, username, secret = self.given(body)
            self.settings.set_remote(profile_id, address.text, username)
            if secret:
                self.secrets.keep(profile_id, address, secret)
            elif not self.secrets.keeps(profile_id, address):
                self.secrets.forget(profile_id)
        elif auto is None:
            raise Malformed("bad_address", "The address is missing.")
        if auto is not None:
            self.settings.set_auto_sync(auto)
        for entry in self._library.registry.entries():
            self._library.changed(entry.id)
        return self.describe(profile_id)

    def test(
        self, profile_id: str | None, address: Address, username: str | None, secret: Secret | None
    ) -> dict[str, Any]:
        """Try an address before it is kept: `{"profiles": n, "empty": bool}`.

        Raises RemoteFailed with what is wrong in words.
        """
        if secret is None:
            secret = self.secrets.find(profile_id, address)
            secret = Secret(username or secret.username, secret.token) if secret else None
        remote = self._connect(address, secret)
        found = self.heads(remote)
        profiles = [head for head in found if head.is_pool]
        if found and not profiles:
            raise RemoteFailed(
                "remote_not_pools",
                "This place already holds something that isn't Git Pool's.",
                "Make a new, empty repository there, and use its address.",
            )
        remote.push([], self._nothing(), lambda *_: None)
        return {"profiles": len(profiles), "empty": not found}

    def image(self, blob: str) -> bytes:
        """An image of the default remote, where that is a folder, by its blob's id.

        Raises NotFound, RemoteFailed.
        """
        address = self.address(None)
        if address.scheme != "file":
            raise NotFound("unknown_image", "That image can't be had by itself.")
        return FolderRemote(address).blob(check_snapshot_id(blob))

    def remove(self, remote_branch: str) -> dict[str, Any]:
        """Remove a branch from the default remote. Raises NotFound, RemoteFailed."""
        remote, ref = self.open(None), BRANCHES + remote_branch
        refs = remote.fetch(lambda _: [], [], lambda _: 0)
        if ref not in refs:
            raise NotFound("unknown_remote_profile", "The remote doesn't hold this profile.")
        remote.push([RefUpdate(ref, refs[ref], None)], self._nothing(), lambda *_: None)
        return {"removed": remote_branch}

    def _nothing(self) -> Outgoing:
        return Outgoing(ObjectStore(self._library.private), [])

    def heads(self, remote: Remote) -> list[Head]:
        """What each branch of a remote shows."""
        refs = remote.fetch(lambda _: [], [], lambda _: 0)
        branches = {ref: tip for ref, tip in refs.items() if ref.startswith(BRANCHES)}
        raw = remote.peek(list(dict.fromkeys(branches.values()))) if branches else {}
        return [head_of(ref, tip, raw) for ref, tip in sorted(branches.items())]

    def profiles(self, is_cached: Callable[[str], bool] = lambda _: False) -> dict[str, Any]:
        """What the default remote holds, and what of it is here. `preview` has the blob ids of
        the first images whose thumbnails cost little.

        is_cached: whether a blob's thumbnail is here already.
        """
        here = {entry.id for entry in self._library.registry.entries()}
        remote = self.open(None)
        listed = []
        for head in filter(lambda head: head.is_pool, self.heads(remote)):
            cheap = [b for b in head.blobs if isinstance(remote, FolderRemote) or is_cached(b)]
            identity = head.message.profile_id or None
            listed.append(
                {
                    "id": identity,
                    "name": head.name,
                    "remote_branch": head.branch.removeprefix(BRANCHES),
                    "images": head.images,
                    "preview": cheap[:_PREVIEWS],
                    "here": identity in here,
                    "snapshot": {
                        "id": head.commit,
                        "message": head.message.text.splitlines()[0],
                        "time": head.time,
                    },
                }
            )
        return {"profiles": listed}

    def look(self, profile_id: str | None) -> None:
        """Ask a remote what its branches show, and remember it; one that fails is offline."""
        text = self.address(profile_id).text
        try:
            self._seen[text] = self.open(profile_id).fetch(lambda _: [], [], lambda _: 0)
        except RemoteFailed:
            self._seen[text] = None

    def saw(self, address: str, branch: str, tip: str | None) -> None:
        """Remember what a sync found out. tip: None where the remote didn't answer."""
        if tip is None:
            self._seen[address] = None
        else:
            self._seen[address] = {**(self._seen.get(address) or {}), branch: tip}

    def given(self, body: Mapping[str, Any]) -> tuple[Address, str | None, Secret | None]:
        """Address, user name and secret as a person typed them. Raises Malformed."""
        address = parse(body.get("url"), self.settings.allowed())
        username = check_text(body.get("username") or "", "username", 200).strip() or None
        token = check_text(body.get("token") or "", "token", 4000).strip()
        if any(c in (username or "") + token for c in "\r\n\t"):
            raise Malformed("bad_token", "The token has characters that no token has.")
        if username and ":" in username:
            raise Malformed("bad_username", "A user name has no colon.")
        return address, username, Secret(username, token) if token else None

    def _connect(self, address: Address, secret: Secret | None) -> Remote:
        allowed = self.settings.allowed()
        return connect(address, secret, self.limits, allowed, self._environment)

    def _status(self, profile_id: str, address: Address) -> dict[str, Any]:
        """When the profile was synced last, how many snapshots here wait to be sent, whether
        the remote has newer ones, and whether it didn't answer last time."""
        repo = Repository(self._library.path_of(profile_id))
        tracked = tracking.read(repo) if repo.exists() else None
        offline = address.text in self._seen and self._seen[address.text] is None
        status = {"synced": None, "ahead": None, "behind": None, "offline": offline}
        if tracked is None or tracked.address != address.text:
            return status
        there = (self._seen.get(address.text) or {}).get(tracked.remote_branch)
        status["behind"] = there is not None and there not in repo.objects
        return {**status, "synced": tracked.at, "ahead": tracking.ahead(repo, tracked)}


def head_of(branch: str, tip: str, raw: Mapping[str, bytes]) -> Head:
    """A branch's tip from raw objects; what isn't among them is unknown."""
    try:
        commit = ShaFile.from_raw_string(1, raw[tip])
        assert isinstance(commit, Commit)
        message, time = parse_message(commit.message), commit.commit_time
        tree = ShaFile.from_raw_string(2, raw[commit.tree.decode()])
        assert isinstance(tree, Tree)
        files = [(e.path.decode("utf-8", "replace"), e.sha.decode()) for e in tree.iteritems()]
        blobs = tuple(b for name, b in files if is_image_name(name) and not is_mask_name(name))
        has_list = any(name == MANIFEST_NAME for name, _ in files)
    except KeyError:
        if tip not in raw:
            return Head(branch, tip, Message("Snapshot"), 0, None)
        return Head(branch, tip, message, time, None)
    except Exception as error:  # dulwich's parsers raise many kinds
        raise RemoteFailed("bad_remote", "The remote's history can't be read.") from error
    return Head(branch, tip, message, time, len(blobs), blobs, has_list)
