"""Repositories in a format that isn't known here: neither written nor mended, in words."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from machines import Machine
from remotes.folder import bare_git, bare_repo
from support import Server, git, judge, picture, tree_of
from test_git_users import P, filled, operate

UNKNOWN = {
    "version 2": "[core]\n\trepositoryformatversion = 2\n",
    "SHA-256": "[core]\n\trepositoryformatversion = 1\n[extensions]\n\tobjectFormat = sha256\n",
    "reftable": "[core]\n\trepositoryformatversion = 1\n[extensions]\n\trefStorage = reftable\n",
    "unknown": "[core]\n\trepositoryformatversion = 1\n[extensions]\n\tnews = true\n",
    "unknown in version 0": "[Extensions]\n\tnews\n",
    "partial clone": "[extensions]\n\tpartialClone = origin\n",
    "precious objects": "[extensions]\n\tpreciousObjects = true\n",
}
KNOWN = (
    "[core]\n\trepositoryformatversion = 1\n"
    "[extensions]\n\tworktreeConfig = true\n\tobjectFormat = sha1\n\tnoop\n"
)
EDITS = (
    ("/grid_pool/label", {"index": 0, "label": "x"}),
    ("/grid_pool/remove", {"index": 0}),
    ("/grid_pool/active", {"index": 1}),
    ("/grid_pool/reorder", {"order": [2, 1, 0]}),
    ("/grid_pool/undo", {}),
)


def refused(answer: object) -> None:
    assert (answer.status, answer.code) == (422, "unknown_format"), answer.body


@pytest.mark.parametrize("kind", UNKNOWN)
def test_a_profile_whose_user_converted_it_is_left_as_it_is(server: Server, kind: str) -> None:
    folder = filled(server)
    profile = folder.name
    with (folder / ".git" / "config").open("a") as config:
        config.write(UNKNOWN[kind])
    before = tree_of(folder)
    for path, fields in EDITS:
        refused(server.post(path, pool_id=profile, **fields))
    refused(server.send_form("/grid_pool/add", {"image": ("a.png", picture(9))}, pool_id=profile))
    for name, fields in (
        ("snapshot", {}),
        ("rename", {"name": "other"}),
        ("duplicate", {"name": "copy"}),
        ("compact", {}),
    ):
        refused(server.post(P + name, id=profile, **fields))
    refused(server.get(P + "history", id=profile))
    refused(server.get(P + "export", id=profile, format="bundle"))
    server.service.autosnapshots.edited(profile)
    server.service.autosnapshots.flush()
    assert tree_of(folder) == before
    # What needs no history goes on.
    assert len(server.list(profile)["slots"]) == 3
    assert server.get(P + "export", id=profile).status == 200
    assert server.post(P + "delete", id=profile).status == 200
    refused(server.post(P + "undelete", id=profile))


def test_a_folder_of_reftables_is_one_whatever_its_settings_say(server: Server) -> None:
    folder = filled(server)
    (folder / ".git" / "reftable").mkdir()
    refused(server.post(P + "snapshot", id=folder.name))


def test_extensions_that_change_nothing_here_are_known(server: Server) -> None:
    folder = filled(server)
    with (folder / ".git" / "config").open("a") as config:
        config.write(KNOWN)
    operate(server, folder)
    judge(folder)


def test_a_converted_pool_is_not_adopted(server: Server) -> None:
    folder = filled(server)
    server.post(P + "delete", id=folder.name)
    trashed = server.pools / ".gitpool" / "trash" / folder.name
    trashed.rename(server.pools / "mine")
    with (server.pools / "mine" / ".git" / "config").open("a") as config:
        config.write(UNKNOWN["SHA-256"])
    before = tree_of(server.pools / "mine")
    refused(server.post(P + "adopt", pool_id="mine", name="Mine"))
    assert tree_of(server.pools / "mine") == before


@pytest.mark.parametrize("kind", [*UNKNOWN, "made by git"])
def test_a_folder_in_another_format_is_no_remote(
    machines: Callable[[str], Machine], tmp_path: Path, kind: str
) -> None:
    remote = tmp_path / "remote.git"
    if kind == "made by git":
        git(tmp_path, "init", "-q", "--bare", "--object-format=sha256", str(remote))
    else:
        bare_repo(remote)
        with (remote / "config").open("a") as config:
            config.write(UNKNOWN[kind])
    before = tree_of(remote)
    one = machines("one")
    one.connect(str(remote))
    profile = one.filled("Heroes")
    assert one.failed_sync(profile)["code"] == "unknown_format"
    refused(one.get(P + "remote/profiles"))
    assert tree_of(remote) == before
    if kind == "made by git":
        assert bare_git(remote, "for-each-ref") == ""


def test_verify_says_so_and_repair_leaves_it(server: Server) -> None:
    from gitpool.profiles.repair import Repair
    from gitpool.profiles.verify import Verify

    folder = filled(server)
    with (folder / ".git" / "config").open("a") as config:
        config.write(UNKNOWN["SHA-256"])
    before = tree_of(folder)
    verify = Verify(server.service.library)
    repair = Repair(server.service.library, server.service.remotes, verify)
    found, left = repair.profile(folder.name)
    assert [finding.file for finding in found] == [".git/config"]
    assert left == found
    assert tree_of(folder) == before
