"""Sync when the line, the server or the disk fails, and when others are at it at the same time.

Whatever happens: it is said in words, nothing is changed here, and the next sync does it.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import shlex
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from machines import PATIENCE, ROUTE, Machine, eventually, picture_bytes
from remotes.folder import GitUser, bare_git
from remotes.http_server import HttpGit
from remotes.ssh_server import SshGit, free_port
from support import git, judge, picture, tree_of

from gitpool.profiles.background import PENDING
from gitpool.remote.transport import Limits

Start = Callable[[str], Machine]
LARGE = (200, 150)
"""A picture of this size has about 90 KB."""


def state_of(machine: Machine) -> dict[str, bytes]:
    """Every file on a machine; nothing half-done is among them."""
    assert scratch_of(machine) == []
    return tree_of(machine.host.folder)


def scratch_of(machine: Machine) -> list[Path]:
    return list((machine.pools / ".gitpool" / "tmp").glob("*"))


@contextlib.contextmanager
def unchanged(machine: Machine, profile: str | None = None) -> Iterator[None]:
    """Nothing on the machine is changed by the block, and C git still finds it sound."""
    before = state_of(machine)
    yield
    after = state_of(machine)
    assert after.keys() == before.keys()
    assert [name for name in after if after[name] != before[name]] == []
    if profile:
        machine.judge(profile)


def failed(machine: Machine, job_id: str) -> str:
    """The code of a job that failed, in words that a person can be told."""
    job = machine.ended(job_id)
    assert job["state"] == "failed", job
    error = job["error"]
    assert error["message"].endswith(".")
    assert error["hint"]
    for leak in ("http://", "ssh://", str(machine.host.folder), "Traceback"):
        assert leak not in str(error)
    return error["code"]


def agree(profile: str, *machines: Machine) -> None:
    """All machines hold the same snapshot and show it."""
    tips = {git(machine.pools / profile, "rev-parse", "HEAD") for machine in machines}
    assert len(tips) == 1
    assert len({tuple(machine.images(profile)) for machine in machines}) == 1
    assert len({tuple(machine.labels(profile)) for machine in machines}) == 1
    for machine in machines:
        machine.judge(profile)
        assert scratch_of(machine) == []


def refs_of(repo: Path) -> str:
    return git(repo, "for-each-ref")


@pytest.fixture
def repo(http_git: HttpGit) -> Path:
    """The repository `pools` on the server, as a folder."""
    return http_git.make_repo("pools")


@pytest.fixture
def start(machines: Start, http_git: HttpGit, repo: Path) -> Start:
    """Starts machines that are connected with `pools` on the server."""

    def begin(name: str) -> Machine:
        machine = machines(name)
        machine.connect(http_git.url("pools"))
        return machine

    return begin


@pytest.fixture
def pair(start: Start) -> tuple[Machine, Machine, str]:
    """Two machines that both have one profile, with two pictures."""
    first, second = start("first"), start("second")
    profile = first.filled("Heroes", 2)
    first.sync(profile)
    second.fetch("Heroes")
    return first, second, profile


def add_large(machine: Machine, profile: str, first: int, count: int = 2) -> None:
    for number in range(first, first + count):
        machine.add(profile, picture(number, LARGE), ts=number)
    machine.snapshot(profile)


# The line breaks.


def tenths(length: int) -> list[int]:
    """Every tenth of a transfer, from its first byte to shortly before its end.

    What git says on the way makes no two of them of quite the same length.
    """
    return [*(length * part // 10 for part in range(10)), length - 1000]


def test_a_push_that_is_cut_anywhere_changes_nothing(
    pair: tuple[Machine, Machine, str], http_git: HttpGit, repo: Path
) -> None:
    first, second, profile = pair
    add_large(first, profile, 10)
    http_git.forget()
    first.sync(profile)
    length = next(r.request_bytes for r in http_git.records if r.method == "POST")
    assert length > 150_000
    add_large(first, profile, 20)
    there = refs_of(repo)
    for cut in tenths(length):
        http_git.cut_request_after = cut
        with unchanged(first):
            assert failed(first, first.start_sync(id=profile)) == "remote_cut_off"
        assert refs_of(repo) == there
    assert http_git.faults["cut_request_after"] == 11
    http_git.cut_request_after = None
    first.judge(profile)
    assert first.sync(profile)["status"] == "pushed"
    assert second.sync(profile)["status"] == "pulled"
    agree(profile, first, second)
    assert "error" not in bare_git(repo, "fsck", "--strict")


def test_a_push_whose_answer_is_lost_is_seen_to_be_done_by_the_next_sync(
    pair: tuple[Machine, Machine, str], http_git: HttpGit
) -> None:
    first, second, profile = pair
    add_large(first, profile, 10)
    # What was fetched must have come already: only a push is a service's request here.
    http_git.cut_response_after = 0
    with unchanged(first, profile):
        assert failed(first, first.start_sync(id=profile)) == "remote_cut_off"
    http_git.cut_response_after = None
    assert first.sync(profile) == {
        "status": "up_to_date",
        "pushed": 0,
        "pulled": 0,
        "conflicts": [],
    }
    assert first.get(ROUTE + "remote", id=profile).json["status"]["ahead"] == 0
    second.sync(profile)
    agree(profile, first, second)


def test_a_fetch_that_is_cut_anywhere_changes_nothing(
    pair: tuple[Machine, Machine, str], http_git: HttpGit
) -> None:
    first, second, profile = pair
    add_large(first, profile, 10)
    first.sync(profile)
    http_git.forget()
    second.sync(profile)
    length = next(r.response_bytes for r in http_git.records if r.method == "POST")
    assert length > 150_000
    add_large(first, profile, 20)
    first.sync(profile)
    for cut in tenths(length):
        http_git.cut_response_after = cut
        with unchanged(second):
            assert failed(second, second.start_sync(id=profile)) == "remote_cut_off"
    assert http_git.faults["cut_response_after"] == 11
    http_git.cut_response_after = None
    second.judge(profile)
    assert second.sync(profile)["status"] == "pulled"
    agree(profile, first, second)


def test_getting_a_profile_that_is_cut_anywhere_leaves_nothing(
    start: Start, http_git: HttpGit
) -> None:
    first, second = start("first"), start("second")
    profile = first.filled("Heroes", 1)
    add_large(first, profile, 10, 1)
    first.sync(profile)
    first.fetch("Heroes", copy=True)
    length = http_git.records[-1].response_bytes
    assert length > 80_000
    for cut in tenths(length)[::2]:
        http_git.cut_response_after = cut
        with unchanged(second):
            assert failed(second, second.start_sync(remote_branch="Heroes")) == "remote_cut_off"
    assert second.profiles() == {}
    http_git.cut_response_after = None
    assert second.fetch("Heroes")["id"] == profile
    agree(profile, first, second)


# The server is slow, silent or never ends.


# So slow that nothing comes to its end while anybody waits.
CRAWL = 2_000


def phase_of(machine: Machine, job: str) -> str:
    return machine.job(job)["progress"]["phase"]


def cancelled_quickly(machine: Machine, job: str, phase: str) -> None:
    """Cancel a job in that phase; it ends, though what it waits for wouldn't for hours."""
    eventually(lambda: phase_of(machine, job) == phase)
    time.sleep(0.2)
    assert machine.post(ROUTE + "cancel", job=job).status == 200
    ended = machine.ended(job)
    assert (ended["state"], ended["error"]["code"]) == ("cancelled", "cancelled")


def test_a_slow_transfer_is_cancelled_at_once(
    pair: tuple[Machine, Machine, str], http_git: HttpGit
) -> None:
    first, second, profile = pair
    add_large(first, profile, 10, 3)
    http_git.bytes_per_second = CRAWL
    with unchanged(first, profile):
        cancelled_quickly(first, first.start_sync(id=profile), "send")
    http_git.bytes_per_second = None
    first.sync(profile)
    http_git.bytes_per_second = CRAWL
    with unchanged(second, profile):
        cancelled_quickly(second, second.start_sync(id=profile), "receive")
    with unchanged(second):
        job = second.start_sync(remote_branch="Heroes", copy=True)
        cancelled_quickly(second, job, "receive")
    http_git.bytes_per_second = None
    second.sync(profile)
    agree(profile, first, second)


def test_a_job_that_waits_for_its_turn_or_for_an_answer_is_cancelled_at_once(
    start: Start, http_git: HttpGit
) -> None:
    first = start("first")
    one, two = first.filled("One", 1), first.filled("Two", 1, first=5)
    for profile in (one, two):
        first.snapshot(profile)
    http_git.stall = True
    with unchanged(first):
        running = first.start_sync(id=one)
        eventually(lambda: phase_of(first, running) == "connect")
        waiting = first.start_sync(id=two)
        cancelled_quickly(first, waiting, "waiting")
        cancelled_quickly(first, running, "connect")
    http_git.stall = False
    for profile in (one, two):
        assert first.sync(profile)["status"] == "pushed"


def test_a_silent_server_is_given_up(
    start: Start, http_git: HttpGit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITPOOL_REMOTE_TIMEOUT", "1")
    first = start("first")
    profile = first.filled("Heroes", 1)
    first.snapshot(profile)
    http_git.stall = True
    with unchanged(first, profile):
        assert failed(first, first.start_sync(id=profile)) == "remote_timeout"
        job = first.post(ROUTE + "remote/test", url=http_git.url("pools")).json["job"]
        assert failed(first, job) == "remote_timeout"
        assert first.get(ROUTE + "remote/profiles").code == "remote_timeout"
    assert http_git.faults["stall"] == 3
    http_git.stall = False
    first.service.remotes.limits = Limits()
    assert first.sync(profile)["status"] == "pushed"


def test_a_silent_ssh_is_given_up(
    machines: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITPOOL_REMOTE_TIMEOUT", "1")
    monkeypatch.setenv("GIT_SSH_COMMAND", f"ssh -F none -o UserKnownHostsFile={os.devnull}")
    first = machines("first")
    profile = first.filled("Heroes", 1)
    first.snapshot(profile)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        first.connect(f"ssh://git@127.0.0.1:{mute.getsockname()[1]}/pools.git")
        with unchanged(first, profile):
            # Connected, and then no greeting.
            assert failed(first, first.start_sync(id=profile)) == "remote_timeout"
        mute_ssh = tmp_path / "mute-ssh"
        mute_ssh.write_text("#!/bin/sh\nexec sleep 3600\n")
        mute_ssh.chmod(0o755)
        monkeypatch.setenv("GIT_SSH_COMMAND", shlex.quote(str(mute_ssh)))
        with unchanged(first, profile):
            # Signed in, and then no word of git's.
            assert failed(first, first.start_sync(id=profile)) == "remote_timeout"


def test_edits_go_on_while_many_pages_wait_for_a_silent_server(
    start: Start, http_git: HttpGit
) -> None:
    first = start("first")
    profile = first.filled("Heroes", 1)
    first.service.remotes.limits = Limits(silence=3600)
    http_git.stall = True
    pages = [
        threading.Thread(target=first.get, args=(ROUTE + "remote/profiles",)) for _ in range(12)
    ]
    for page in pages:
        page.start()
    eventually(lambda: http_git.faults["stall"] >= 1)
    time.sleep(0.3)
    edit = threading.Thread(target=first.label, args=(profile, 0, "meanwhile"))
    edit.start()
    edit.join(PATIENCE)
    was_held_up = edit.is_alive()
    http_git.stall = False
    http_git.close()
    for thread in (*pages, edit):
        thread.join(300)
    assert not was_held_up
    assert first.labels(profile) == ["meanwhile"]


def test_an_endless_pack_is_stopped(pair: tuple[Machine, Machine, str], http_git: HttpGit) -> None:
    first, second, profile = pair
    add_large(first, profile, 10)
    first.sync(profile)
    second.service.remotes.limits = Limits(receive=2 << 20)
    http_git.endless = True
    with unchanged(second, profile):
        assert failed(second, second.start_sync(id=profile)) == "remote_too_large"
        job = second.start_sync(remote_branch="Heroes", copy=True)
        assert failed(second, job) == "remote_too_large"
    assert http_git.faults["endless"] == 2
    received = [r.response_bytes for r in http_git.records if "upload-pack" in r.path]
    assert max(received) < 32 << 20
    second.service.remotes.limits = Limits()
    with unchanged(second, profile):
        cancelled_quickly(second, second.start_sync(id=profile), "receive")
    http_git.endless = False
    second.sync(profile)
    agree(profile, first, second)


# The server or the way to it says no.


@pytest.mark.parametrize("name", ["pools", "certificate-timeout-refused-denied"])
def test_a_server_in_trouble_is_said_to_be_so(
    machines: Start, http_git: HttpGit, name: str
) -> None:
    """Whatever the repository's own name would suggest."""
    http_git.make_repo(name)
    first = machines("first")
    first.connect(http_git.url(name))
    profile = first.filled("Heroes", 1)
    first.snapshot(profile)
    with unchanged(first, profile):
        http_git.fail_next(1)
        code = failed(first, first.start_sync(id=profile))
        assert code in ("remote_cut_off", "remote_busy", "remote_failed", "remote_unavailable")
        assert http_git.faults["fail"] == 1
        http_git.read_only = True
        assert failed(first, first.start_sync(id=profile)) == "remote_denied"
        http_git.read_only = False
        http_git.token = "secret"
        assert failed(first, first.start_sync(id=profile)) == "remote_auth"
        http_git.token = None
    assert first.sync(profile)["status"] == "pushed"


def test_no_repository_and_no_server(
    machines: Start, http_git: HttpGit, repo: Path, tmp_path: Path
) -> None:
    first = machines("first")
    profile = first.filled("Heroes", 1)
    first.snapshot(profile)
    cases = {
        http_git.url("nowhere"): "remote_not_found",
        "http://git-pool-test.invalid/pools.git": "remote_offline",
        f"http://127.0.0.1:{free_port()}/pools.git": "remote_offline",
        str(tmp_path / "no" / "such" / "drive"): "remote_not_found",
    }
    for url, code in cases.items():
        first.connect(url)
        with unchanged(first, profile):
            assert failed(first, first.start_sync(id=profile)) == code, url
            assert failed(first, first.start_sync(remote_branch="Heroes")) == code, url
            answer = first.get(ROUTE + "remote/profiles")
            assert (answer.status, answer.code) == (502, code), url
    assert not (tmp_path / "no").exists()
    first.connect(http_git.url("pools"))
    assert first.sync(profile)["status"] == "pushed"


def test_ssh_says_what_is_wrong(
    machines: Start, ssh_git: SshGit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ssh_git.make_repo("pools")
    nobody = tmp_path / "known_hosts"
    nobody.write_text("")
    liar = tmp_path / "changed_hosts"
    liar.write_text(ssh_git.host_line(ssh_git.stranger_key.with_suffix(".pub")))
    cases = [
        (ssh_git.url("pools"), ssh_git.command(known_hosts=nobody), "remote_host_key"),
        (ssh_git.url("pools"), ssh_git.command(known_hosts=liar), "remote_host_key"),
        (ssh_git.url("pools"), ssh_git.command(key=ssh_git.stranger_key), "remote_auth"),
        (ssh_git.url("nowhere"), ssh_git.command(), "remote_not_found"),
        (f"ssh://git@127.0.0.1:{free_port()}/p.git", ssh_git.command(), "remote_offline"),
        ("ssh://git@git-pool-test.invalid/p.git", ssh_git.command(), "remote_offline"),
        (ssh_git.url("pools"), str(tmp_path / "no-ssh"), "remote_no_ssh"),
    ]
    first = machines("first")
    profile = first.filled("Heroes", 1)
    first.snapshot(profile)
    for url, command, code in cases:
        monkeypatch.setenv("GIT_SSH_COMMAND", command)
        first.connect(url)
        with unchanged(first, profile):
            assert failed(first, first.start_sync(id=profile)) == code, url
    assert nobody.read_text() == ""
    monkeypatch.setenv("GIT_SSH_COMMAND", ssh_git.command())
    first.connect(ssh_git.url("pools"))
    assert first.sync(profile)["status"] == "pushed"


def test_ssh_negotiates_however_many_files_are_open(
    machines: Start, ssh_git: SshGit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ComfyUI with its models and browsers has many; `select` ends at 1,024."""
    ssh_git.make_repo("pools")
    for key, value in ssh_git.environment.items():
        monkeypatch.setenv(key, value)
    first, second = machines("first"), machines("second")
    for machine in (first, second):
        machine.connect(ssh_git.url("pools"))
    profile = first.filled("Heroes", 1)
    first.sync(profile)
    second.fetch("Heroes")
    first.label(profile, 0, "one")
    first.sync(profile)
    second.add(profile, picture(9), ts=1)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard), hard))
    with contextlib.ExitStack() as many:
        many.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        for _ in range(1100):
            many.enter_context(open(os.devnull, "rb"))
        assert second.sync(profile)["status"] == "merged"


def test_ssh_knows_hosts_by_names_of_its_own(
    machines: Start, ssh_git: SshGit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A `Host` of ssh's own settings is no name that the network knows."""
    ssh_git.make_repo("pools")
    alias = "git-pool-test-alias"
    config = tmp_path / "ssh_config"
    config.write_text(
        f"Host {alias}\n  HostName 127.0.0.1\n  Port {ssh_git.port}\n  User {ssh_git.user}\n"
        f"  IdentityFile {ssh_git.key_file}\n  IdentitiesOnly yes\n  IdentityAgent none\n"
        f"  UserKnownHostsFile {ssh_git.known_hosts}\n"
    )
    programs = tmp_path / "bin"
    programs.mkdir()
    real = shutil.which("ssh")
    (programs / "ssh").write_text(f'#!/bin/sh\nexec {real} -F {shlex.quote(str(config))} "$@"\n')
    (programs / "ssh").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    monkeypatch.delenv("GIT_SSH_COMMAND", raising=False)
    first = machines("first")
    first.connect(f"{ssh_git.user}@{alias}:{ssh_git.path('pools')}")
    profile = first.filled("Heroes", 1)
    assert first.sync(profile)["status"] == "pushed"
    assert bare_git(ssh_git.path("pools"), "branch", "--format=%(refname:short)") == "Heroes"


def test_a_proxy_is_the_way_out(
    machines: Start, http_git: HttpGit, repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Behind one, only the proxy can tell where a host is."""
    monkeypatch.setenv("http_proxy", http_git.base_url)
    monkeypatch.delenv("no_proxy", raising=False)
    first = machines("first")
    first.connect("http://git-pool-test.invalid/pools.git")
    profile = first.filled("Heroes", 1)
    assert first.sync(profile)["status"] == "pushed"
    assert refs_of(repo)


def test_an_ssh_that_talks_a_lot_is_listened_to(
    machines: Start, ssh_git: SshGit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A host's long banner, or `ssh -vvv`, comes on the channel of errors."""
    ssh_git.make_repo("pools")
    chatty = tmp_path / "chatty-ssh"
    chatter = "head -c 300000 /dev/zero | tr '\\0' '-' >&2"
    chatty.write_text(f'#!/bin/sh\n{chatter}\nexec {ssh_git.command()} "$@"\n')
    chatty.chmod(0o755)
    monkeypatch.setenv("GIT_SSH_COMMAND", shlex.quote(str(chatty)))
    monkeypatch.setenv("GITPOOL_REMOTE_TIMEOUT", "300")
    first = machines("first")
    first.connect(ssh_git.url("pools"))
    profile = first.filled("Heroes", 1)
    assert first.sync(profile)["status"] == "pushed"


def test_a_folder_that_is_something_else_is_left_alone(machines: Start, tmp_path: Path) -> None:
    places = tmp_path / "places"
    for name in ("work", "pictures", "one-file"):
        (places / name).mkdir(parents=True)
    git(places / "work", "init", "-q")
    (places / "pictures" / "cat.png").write_bytes(picture(1))
    (places / "one-file" / "HEAD").write_bytes(b"ref: refs/heads/main\n")
    (places / "a-file").write_bytes(b"hello")
    first = machines("first")
    profile = first.filled("Heroes", 1)
    first.snapshot(profile)
    before = tree_of(places)
    fit = ["work", "work/.git", "pictures", "one-file", "a-file"]
    for name in fit:
        first.connect(str(places / name))
        with unchanged(first, profile):
            assert failed(first, first.start_sync(id=profile)) == "remote_unfit", name
            assert failed(first, first.start_sync(remote_branch="main")) == "remote_unfit", name
    first.connect(str(places / "a-file" / "below"))
    with unchanged(first, profile):
        assert failed(first, first.start_sync(id=profile)) == "remote_unfit"
    assert tree_of(places) == before
    (places / "empty").mkdir()
    for name in ("empty", "new"):
        first.connect(str(places / name))
        assert first.sync(profile)["status"] == "pushed"
        assert bare_git(places / name, "fsck", "--strict") == ""


# Others are at it at the same time.


def test_what_killed_processes_left_in_a_folder_is_in_nobodys_way(
    machines: Start, tmp_path: Path
) -> None:
    machine, folder = machines("one"), tmp_path / "remote.git"
    machine.connect(str(folder))
    profile = machine.filled("Heroes", 1)
    machine.sync(profile)
    pack = folder / "objects" / "pack"
    old = [folder / ".gitpool-tmp-1", pack / "tmp_pack_1.pack", folder / "refs/heads/Heroes.lock"]
    # It may be in use: of somebody who writes just now, or of another program.
    new = [folder / ".gitpool-tmp-2", pack / "tmp_pack_2.pack"]
    for path in (*old, *new):
        path.write_bytes(b"x")
    for path in old:
        os.utime(path, (1, 1))
    machine.label(profile, 0, "next")
    assert machine.sync(profile)["status"] == "pushed"
    assert [path for path in old if path.exists()] == []
    assert all(path.exists() for path in new)
    for path in new:
        path.unlink()
    judge(folder, clean=False)


def test_a_folder_whose_branch_somebody_holds_is_tried_again(
    machines: Start, tmp_path: Path
) -> None:
    machine, folder = machines("one"), tmp_path / "remote.git"
    machine.connect(str(folder))
    profile = machine.filled("Heroes", 1)
    machine.sync(profile)
    lock = folder / "refs" / "heads" / "Heroes.lock"
    lock.write_bytes(b"another program's")
    machine.label(profile, 0, "next")
    job = machine.start_sync(id=profile)
    time.sleep(0.5)
    assert machine.job(job)["state"] == "running"
    lock.unlink()
    assert machine.ended(job)["result"]["status"] == "pushed"


def test_a_folder_whose_settings_cannot_be_read_is_left_alone(
    machines: Start, tmp_path: Path
) -> None:
    machine, folder = machines("one"), tmp_path / "remote.git"
    machine.connect(str(folder))
    profile = machine.filled("Heroes", 1)
    machine.sync(profile)
    (folder / "config").write_bytes(b"[core\nbare = ")
    before = tree_of(folder)
    machine.label(profile, 0, "next")
    assert machine.failed_sync(profile)["code"] == "remote_unfit"
    assert tree_of(folder) == before


def test_the_one_who_loses_a_race_merges_and_pushes_again(
    pair: tuple[Machine, Machine, str], http_git: HttpGit
) -> None:
    first, second, profile = pair
    first.add(profile, picture(10), ts=1)
    second.add(profile, picture(11), ts=2)
    said = []
    http_git.on_push = lambda: said.append(second.sync(profile))
    result = first.sync(profile)
    assert (result["status"], result["pulled"], result["conflicts"]) == ("merged", 1, [])
    assert [won["status"] for won in said] == ["pushed"]
    assert second.sync(profile)["status"] == "pulled"
    agree(profile, first, second)
    assert first.images(profile) == picture_bytes(0, 1, 10, 11)


def test_two_machines_that_never_wait_for_each_other_converge(
    pair: tuple[Machine, Machine, str],
) -> None:
    first, second, profile = pair
    rounds = 10
    told: list[Any] = []

    def work(machine: Machine, base: int) -> None:
        for number in range(base, base + rounds):
            machine.add(profile, picture(number), ts=number)
            machine.label(profile, number % 2, f"label {number}")
            told.append(machine.ended(machine.start_sync(id=profile)))

    threads = [
        threading.Thread(target=work, args=(machine, base))
        for machine, base in ((first, 100), (second, 200))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(300)
    assert len(told) == 2 * rounds
    assert {job["state"] for job in told} == {"done"}, told
    for machine in (first, second, first):
        machine.sync(profile)
    agree(profile, first, second)
    wanted = {*picture_bytes(0, 1, *range(100, 110), *range(200, 210))}
    assert set(first.images(profile)) == wanted
    assert len(first.slots(profile)) == 22
    assert len({slot["image"] for slot in first.slots(profile)}) == 22
    for machine in (first, second):
        assert machine.sync(profile)["status"] == "up_to_date"


def test_one_profile_syncs_once_at_a_time(
    pair: tuple[Machine, Machine, str], http_git: HttpGit
) -> None:
    first, _, profile = pair
    first.service.remotes.limits = Limits(silence=3600)
    http_git.hold = threading.Event()
    jobs = {first.start_sync(id=profile) for _ in range(5)}
    assert len(jobs) == 1
    http_git.hold.set()
    first.ended(jobs.pop())


# The program ends.


@pytest.mark.parametrize("direction", ["send", "receive"])
def test_a_transfer_that_a_restart_cut_off_is_carried_on_with(
    start: Start,
    tmp_path: Path,
    http_git: HttpGit,
    direction: str,
) -> None:
    """The program ends in the middle; the next one goes on by itself."""
    other = start("other")
    profile = other.filled("Heroes", 2)
    other.sync(profile)
    note = tmp_path / "stopped" / "user" / "__gitpool" / PENDING
    with Machine(tmp_path / "stopped") as machine:
        machine.connect(http_git.url("pools"))
        machine.fetch("Heroes")
        add_large(other if direction == "receive" else machine, profile, 10, 3)
        if direction == "receive":
            other.sync(profile)
        http_git.bytes_per_second = CRAWL
        before = state_of(machine)
        job = machine.start_sync(id=profile)
        eventually(lambda: phase_of(machine, job) == direction)
        time.sleep(0.2)
    assert json.loads(note.read_text()) == [profile]
    after = state_of(machine)
    assert {n: b for n, b in after.items() if not n.endswith(PENDING)} == before
    http_git.bytes_per_second = None
    with Machine(tmp_path / "stopped") as machine:
        eventually(lambda: not note.exists())
        assert len(machine.slots(profile)) == 5
        other.sync(profile)
        agree(profile, machine, other)


# Somebody sets the remote back, or takes things away.


def test_a_branch_that_is_gone_is_sent_again_only_when_told(
    pair: tuple[Machine, Machine, str], repo: Path
) -> None:
    first, second, profile = pair
    bare_git(repo, "update-ref", "-d", "refs/heads/Heroes")
    there = tree_of(repo)
    with unchanged(first, profile):
        assert failed(first, first.start_sync(id=profile)) == "remote_gone"
    assert tree_of(repo) == there
    assert first.sync(profile, again=True)["status"] == "pushed"
    assert second.sync(profile)["status"] == "up_to_date"
    agree(profile, first, second)


def user_of(http_git: HttpGit, tmp_path: Path, branch: str = "Heroes") -> GitUser:
    user = GitUser(tmp_path / "git-user")
    user.clone(http_git.url("pools"), branch)
    return user


def test_a_history_that_was_replaced_is_a_choice(
    pair: tuple[Machine, Machine, str], http_git: HttpGit, repo: Path, tmp_path: Path
) -> None:
    first, second, profile = pair
    first.label(profile, 0, "mine")
    first.sync(profile)
    user = user_of(http_git, tmp_path)
    user.git("reset", "-q", "--hard", "HEAD~1")
    user.commit_files({"img_0050.png": picture(50)}, "Another story")
    user.push("--force", "HEAD")
    there = tree_of(repo)
    with unchanged(first, profile):
        assert failed(first, first.start_sync(id=profile)) == "remote_rewritten"
    assert tree_of(repo) == there
    # The other machine had no more than the shared beginning: to it, nothing was replaced.
    assert second.sync(profile)["status"] == "pulled"
    assert first.sync(profile, again=True)["status"] == "merged"
    assert first.labels(profile)[0] == "mine"
    assert first.images(profile) == picture_bytes(0, 1, 50)
    second.sync(profile)
    agree(profile, first, second)


def test_another_history_under_the_same_name_and_id_is_never_mixed_in(
    pair: tuple[Machine, Machine, str], http_git: HttpGit, repo: Path, tmp_path: Path
) -> None:
    first, second, profile = pair
    user = user_of(http_git, tmp_path)
    user.git("checkout", "-q", "--orphan", "other")
    user.git("rm", "-r", "-f", "-q", ".")
    trailers = f"A new world\n\nPool-Profile: {profile}\nPool-Name: Heroes\nPool-Snapshot: auto\n"
    user.commit_files({"img_0001.png": picture(70)}, trailers)
    user.push("--force", "HEAD:refs/heads/Heroes")
    there = tree_of(repo)
    with unchanged(first, profile):
        assert failed(first, first.start_sync(id=profile)) == "remote_rewritten"
        assert failed(first, first.start_sync(id=profile, again=True)) == "remote_unrelated"
    assert tree_of(repo) == there
    # One that has never synced with this remote sees the same.
    second.connect(http_git.url("pools") + "/")
    with unchanged(second, profile):
        assert failed(second, second.start_sync(id=profile)) == "remote_unrelated"
    assert tree_of(repo) == there
    copy = first.fetch("Heroes", copy=True)
    assert first.images(copy["id"]) == picture_bytes(70)
    assert first.images(profile) == picture_bytes(0, 1)


@pytest.mark.parametrize("trailers", ["", "Pool-Profile: other\nPool-Snapshot: auto"])
def test_a_name_that_is_taken_there_is_never_overwritten(
    start: Start, http_git: HttpGit, repo: Path, tmp_path: Path, trailers: str
) -> None:
    user = user_of(http_git, tmp_path)
    user.commit_files({"img_0001.png": picture(70)}, f"Begin\n\n{trailers}")
    user.push()
    first = start("first")
    profile = first.filled("Heroes", 1)
    first.snapshot(profile)
    there = tree_of(repo)
    for again in (False, True):
        with unchanged(first, profile):
            code = failed(first, first.start_sync(id=profile, again=again))
            assert code == "name_taken_there"
    # A profile that is known there may not take another's name either.
    known = first.filled("Villains", 1, first=5)
    first.sync(known)
    there = tree_of(repo)
    first.post(ROUTE + "delete", id=profile)
    assert first.post(ROUTE + "rename", id=known, name="Heroes").status == 200
    first.snapshot(known)
    with unchanged(first, known):
        assert failed(first, first.start_sync(id=known)) == "name_taken_there"
    assert tree_of(repo) == there


def test_a_rename_by_git_on_the_other_side(pair: tuple[Machine, Machine, str], repo: Path) -> None:
    first, second, profile = pair
    bare_git(repo, "branch", "-m", "Heroes", "Villains%20/x")
    assert first.sync(profile)["status"] == "pulled"
    assert first.profiles() == {"Villains /x": profile}
    second.post(ROUTE + "rename", id=profile, name="Mine")
    second.label(profile, 0, "seen")
    found = second.sync(profile)["conflicts"]
    assert [(c["what"], c["kept"], c["other"]) for c in found] == [
        ("name", {"name": "Mine"}, {"name": "Villains /x"})
    ]
    assert bare_git(repo, "branch", "--format=%(refname:short)") == "Mine"
    first.sync(profile)
    assert first.profiles() == second.profiles() == {"Mine": profile}
    agree(profile, first, second)
    for machine in (first, second):
        assert machine.sync(profile)["status"] == "up_to_date"


def test_a_host_that_keeps_its_default_branch_keeps_the_old_name(
    pair: tuple[Machine, Machine, str], repo: Path
) -> None:
    first, second, profile = pair
    bare_git(repo, "symbolic-ref", "HEAD", "refs/heads/Heroes")
    first.post(ROUTE + "rename", id=profile, name="Champions")
    first.label(profile, 0, "one")
    assert first.sync(profile)["status"] == "pushed"
    assert bare_git(repo, "branch", "--format=%(refname:short)") == "Heroes"
    assert first.profiles() == {"Champions": profile}
    assert first.sync(profile)["status"] == "up_to_date"
    assert second.sync(profile)["status"] == "pulled"
    second.label(profile, 1, "two")
    second.sync(profile)
    assert first.sync(profile)["status"] == "pulled"
    agree(profile, first, second)
    assert first.profiles() == {"Champions": profile}
    # Once the host lets go of it, the next rename takes it along.
    bare_git(repo, "symbolic-ref", "HEAD", "refs/heads/main")
    first.post(ROUTE + "rename", id=profile, name="Winners")
    first.sync(profile)
    assert bare_git(repo, "branch", "--format=%(refname:short)") == "Winners"


def test_plain_git_on_the_other_side_takes_part(
    pair: tuple[Machine, Machine, str], http_git: HttpGit, tmp_path: Path
) -> None:
    first, second, profile = pair
    user = user_of(http_git, tmp_path)
    manifest = json.loads((user.work / "manifest.json").read_text())
    manifest["slots"][0]["label"] = "by hand"
    user.commit_files({"manifest.json": json.dumps(manifest, indent=1).encode()}, "Label")
    user.commit_files({"portrait.png": picture(60)}, "Draw")
    first.paint(profile, 1, 5)
    first.sync(profile)
    user.pull()
    user.push()
    assert first.sync(profile)["status"] == "pulled"
    second.sync(profile)
    first.sync(profile)
    agree(profile, first, second)
    assert first.images(profile) == picture_bytes(0, 1, 60)
    assert first.labels(profile)[0] == "by hand"
    assert first.slots(profile)[1]["mask"]
    user.pull()
    assert user.files()["img_0001.png"] == picture(0)
    judge(user.work)


def test_tags_of_git_users_are_in_nobodys_way(
    pair: tuple[Machine, Machine, str], http_git: HttpGit, tmp_path: Path
) -> None:
    first, second, profile = pair
    user = user_of(http_git, tmp_path)
    user.commit_files({"portrait.png": picture(60)}, "Draw")
    user.git("tag", "-m", "The first", "v1")
    user.git("tag", "-m", "The first, said again", "again", "v1")
    user.git("tag", "light")
    user.git("tag", "-m", "A file", "file", "HEAD:portrait.png")
    user.git("tag", "-m", "A folder", "folder", "HEAD^{tree}")
    user.push("--tags", "HEAD")
    first.label(profile, 0, "mine")
    first.sync(profile)
    second.sync(profile)
    copy = second.fetch("Heroes", copy=True)["id"]
    agree(profile, first, second)
    second.judge(copy)
    assert picture(60) in first.images(profile)
    assert len(user.git("ls-remote", "--tags", "--refs", "origin").splitlines()) == 5
    for machine in (first, second):
        assert machine.sync(profile)["status"] == "up_to_date"


def test_a_rule_of_the_hosts_is_told(pair: tuple[Machine, Machine, str], repo: Path) -> None:
    first, second, profile = pair
    hook = repo / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho 'evil <b>words</b>' >&2\nexit 1\n")
    hook.chmod(0o755)
    first.label(profile, 0, "mine")
    first.snapshot(profile)
    with unchanged(first, profile):
        assert failed(first, first.start_sync(id=profile)) == "remote_refused"
    assert second.sync(profile)["status"] == "up_to_date"
    hook.unlink()
    assert first.sync(profile)["status"] == "pushed"


@pytest.mark.parametrize("empty", [True, False])
def test_a_repository_of_another_format_is_said_to_be_so(
    machines: Start, http_git: HttpGit, tmp_path: Path, empty: bool
) -> None:
    """One of SHA-256 isn't empty, nor gone, nor cut off."""
    git(http_git.root, "init", "-q", "--bare", "--object-format=sha256", "modern.git")
    repo = http_git.path("modern")
    git(repo, "config", "http.receivepack", "true")
    if not empty:
        work = tmp_path / "work"
        git(tmp_path, "init", "-q", "--object-format=sha256", str(work))
        git(work, "commit", "-q", "--allow-empty", "-m", "Begin")
        git(work, "push", "-q", str(repo), "HEAD:refs/heads/main")
    first = machines("first")
    first.connect(http_git.url("modern"))
    profile = first.filled("Heroes", 1)
    first.snapshot(profile)
    there = refs_of(repo)
    with unchanged(first, profile):
        code = failed(first, first.start_sync(id=profile))
        assert code not in ("remote_gone", "remote_cut_off", "remote_timeout")
    assert refs_of(repo) == there


# The disk is full.


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on a disk of 3 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", "size=3m", "none", str(folder)]
    done = subprocess.run(words, check=False, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, f"A small disk can't be mounted by this user: {done.stderr}"
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True, timeout=300)


def fill(folder: Path, left: int) -> Path:
    """Take the disk's space but so many bytes."""
    filler = folder / "filler"
    filler.unlink(missing_ok=True)
    filler.write_bytes(bytes(max(0, shutil.disk_usage(folder).free - left)))
    return filler


def test_a_full_disk_here_loses_nothing(start: Start, small_disk: Path, tmp_path: Path) -> None:
    first = start("first")
    profile = first.filled("Heroes", 2)
    first.sync(profile)
    (tmp_path / "small").symlink_to(small_disk)
    with Machine(tmp_path / "small") as second:
        second.connect(first.get(ROUTE + "remote").json["url"])
        second.fetch("Heroes")
        add_large(first, profile, 10)
        first.sync(profile)
        # Room for nothing, for a part of the pack, for the pack, for a part of the pictures.
        for left in (0, 100_000, 240_000):
            fill(small_disk, left)
            assert failed(second, second.start_sync(id=profile)) == "disk_full"
            assert scratch_of(second) == []
            assert second.images(profile)[:2] == picture_bytes(0, 1)
            second.judge(profile, clean=False)
        fill(small_disk, 0)
        job = second.start_sync(remote_branch="Heroes", copy=True)
        assert failed(second, job) == "disk_full"
        assert list(second.profiles()) == ["Heroes"]
        (small_disk / "filler").unlink()
        second.sync(profile)
        agree(profile, first, second)
        assert len(second.images(profile)) == 4


def test_a_full_disk_at_the_folder_remote_spoils_nothing_there(
    machines: Start, small_disk: Path
) -> None:
    first = machines("first")
    repo = small_disk / "pools.git"
    first.connect(str(repo))
    profile = first.filled("Heroes", 1)
    add_large(first, profile, 10)
    for left in (0, 4_096, 100_000):
        fill(small_disk, left)
        with unchanged(first, profile):
            assert failed(first, first.start_sync(id=profile)) == "disk_full"
    (small_disk / "filler").unlink()
    assert first.sync(profile)["status"] == "pushed"
    assert bare_git(repo, "fsck", "--strict") == ""
    assert list(repo.rglob("tmp_*")) == []
    add_large(first, profile, 20)
    there = refs_of(repo)
    fill(small_disk, 100_000)
    with unchanged(first, profile):
        assert failed(first, first.start_sync(id=profile)) == "disk_full"
    assert refs_of(repo) == there
    assert bare_git(repo, "fsck", "--strict") == ""
    (small_disk / "filler").unlink()
    assert first.sync(profile)["status"] == "pushed"


# What it costs when there is nothing to do.


def test_an_up_to_date_sync_is_one_request(
    pair: tuple[Machine, Machine, str], http_git: HttpGit
) -> None:
    for machine in pair[:2]:
        http_git.forget()
        assert machine.sync(pair[2])["status"] == "up_to_date"
        assert [record.method for record in http_git.records] == ["GET"]
