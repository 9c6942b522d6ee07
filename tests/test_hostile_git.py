"""A poisoned `.git` under every operation: nothing of it is run, nothing of it is followed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hostile.poison import POISONS, Elsewhere
from hostile.routes import P, routes
from remotes.folder import bare_repo
from support import Server, git, mask, picture, tree_of

from gitpool.cli import main
from gitpool.nodes import build_nodes

# Last comes what takes the profile away.
LAST = (P + "rename", P + "delete", P + "undelete")
# These have no part in what a profile's folder says.
APART = (P + "remote", P + "remote/test", P + "cancel", P + "job", P + "remote/thumb")


class Victim:
    """A profile with a remote, two images and some snapshots, and a place it must not reach."""

    def __init__(self, server: Server, folder: Path) -> None:
        self.server = server
        self.elsewhere = Elsewhere(folder / "elsewhere")
        self.profile, self.other = server.create("victim"), server.create("other")
        for pool in (self.profile, "plain"):
            for seed in range(2):
                server.add(pool, picture(seed))
        server.set_mask(self.profile, 0, mask())
        self.snapshot = server.snapshot(self.profile)["id"]
        server.post("/grid_pool/label", pool_id=self.profile, index=1, label="later")
        server.snapshot(self.profile)
        self.folder = server.pools / self.profile
        self.blob = git(self.folder, "rev-parse", "HEAD:img_0001.png")
        remote = bare_repo(folder / "remote.git")
        assert server.post(P + "remote", url=str(remote)).status == 200

    def operations(self) -> list[tuple[str, str, dict[str, Any], str]]:
        table = routes(self.profile, self.other, self.snapshot, self.blob)
        found = [(m, p, dict(r.good), r.form) for (m, p), r in table.items() if p not in APART]
        return sorted(found, key=lambda one: LAST.index(one[1]) if one[1] in LAST else -1)

    def do(self, method: str, path: str, fields: dict[str, Any], form: str) -> bytes:
        """One operation; whether it is done or refused is its own business."""
        if method == "GET":
            answer = self.server.get(path, **fields)
        elif form:
            content = picture(7) if form == "image" else mask()
            answer = self.server.send_form(path, {form: ("a.png", content)}, **fields)
        else:
            answer = self.server.post(path, data=fields)
        assert answer.status < 500 or answer.code in ("damaged", "disk_failed"), (path, answer.body)
        if "job" in path or path == P + "sync":
            self._wait(answer.json.get("job"))
        return answer.body

    def _wait(self, job: str | None) -> None:
        while job and self.server.get(P + "job", id=job).json["state"] == "running":
            pass

    def run_nodes(self) -> None:
        nodes = build_nodes(self.server.service, lambda array: array)
        assert nodes["GridImagePool"]().run(index=0, pool_id=self.profile)[3] >= 1
        nodes["PoolProfile"].IS_CHANGED("victim", self.profile)


@pytest.fixture
def victim(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Victim:
    monkeypatch.setenv("GITPOOL_ALLOW_REMOTES", "file")
    return Victim(server, tmp_path)


@pytest.mark.parametrize("poison", POISONS)
def test_nothing_of_it_is_run_or_followed(
    victim: Victim, poison: str, capsys: pytest.CaptureFixture[str]
) -> None:
    elsewhere, server = victim.elsewhere, victim.server
    POISONS[poison](victim.folder, elsewhere)
    elsewhere.ran.unlink(missing_ok=True)  # C git, on whom the poison was tried
    there = tree_of(elsewhere.folder)
    (victim.folder / "dropped.png").write_bytes(picture(9))
    said = [victim.do(*operation) for operation in victim.operations()]
    victim.run_nodes()
    for words in (["verify", "--repair"], ["snapshot"], ["log"], ["storage"]):
        more = [victim.profile] if words != ["verify", "--repair"] else []
        main([words[0], str(server.pools), *more, *words[1:]])
    out = capsys.readouterr()
    said += [out.out.encode(), out.err.encode()]
    server.service.autosnapshots.stop()
    assert not elsewhere.ran.exists()
    now = tree_of(elsewhere.folder)
    assert sorted(now.keys() ^ there.keys()) == []
    assert [name for name in now if now[name] != there[name]] == []
    assert not any(elsewhere.secret in answer for answer in said)
    links = [p for p in victim.folder.rglob("*") if p.is_symlink()]
    copied = [p for p in server.pools.rglob("*") if p.is_file() and p.resolve() == p.absolute()]
    kept = [p for p in copied if elsewhere.secret in p.read_bytes()]
    assert kept == [], links
