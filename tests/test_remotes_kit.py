"""The remotes that the tests of sync use are real: C git is their client here."""

from __future__ import annotations

import gzip
import http.client
import io
import os
import random
import shlex
import socket
import struct
import subprocess
import time
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from remotes.endless import pkt, pkt_lines
from remotes.folder import GitUser, bare_git
from remotes.http_server import HttpGit
from remotes.processes import GitFailed, GitTimedOut
from remotes.ssh_server import SshGit, make_key, runs

pytest_plugins = ["remotes.fixtures"]

TOKEN = "glpat-very-secret"


def filled(user: GitUser, url: str, data: bytes = b"one") -> str:
    """A first commit, pushed to an empty remote; its id."""
    user.clone(url)
    commit = user.commit_files({"a.txt": data}, "First")
    user.push()
    return commit


def tip(repo: Path) -> str:
    return bare_git(repo, "rev-parse", "main")


def exchanges(server: HttpGit) -> list[tuple[str, str, int | None]]:
    """Method, last part of the path and status of each request."""
    return [(e.method, e.path.rpartition("/")[2], e.status) for e in server.records]


def post(server: HttpGit, body: object, *, chunked: bool = False, **headers: str) -> bytes:
    """The answer to a request for a.git's upload-pack, with any body."""
    line = http.client.HTTPConnection("127.0.0.1", server.port)
    try:
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        names["Content-Type"] = "application/x-git-upload-pack-request"
        if chunked:
            names["Transfer-Encoding"] = "chunked"
        line.request("POST", "/a.git/git-upload-pack", body, names, encode_chunked=chunked)
        return line.getresponse().read()
    finally:
        line.close()


def sent(server: HttpGit) -> int:
    """How much the server has said in answer to what it was asked last."""
    return server.records[-1].response_bytes if server.records else 0


def eventually(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 300
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


# A folder.


def test_two_users_share_a_folder(bare_folder: Path, tmp_path: Path) -> None:
    one, two = GitUser(tmp_path / "one", "One"), GitUser(tmp_path / "two", "Two")
    filled(one, str(bare_folder))
    two.clone(str(bare_folder))
    two.commit_files({"sub/b.txt": b"two\r\n", "a.txt": None}, "Second")
    two.push()
    one.pull()
    assert one.log() == ["Second", "First"]
    assert one.files() == {"sub/b.txt": b"two\r\n"}
    assert one.git("log", "-1", "--format=%an <%ae>") == "Two <two@example.org>"
    one.git("switch", "--quiet", "-c", "side", "HEAD~1")
    one.commit_files({"c.txt": b"three"}, "Third")
    one.merge("main", "-m", "Both")
    one.push()
    assert one.log("-1") == ["Both"]
    assert bare_git(bare_folder, "rev-parse", "side") == one.head()


# HTTP.


def test_a_token_lets_in_and_travels_in_headers_alone(http_git: HttpGit, tmp_path: Path) -> None:
    http_git.token = TOKEN
    repo = http_git.make_repo("owner/a")
    user = GitUser(tmp_path / "in", token=TOKEN)
    commit = filled(user, http_git.url("owner/a"))
    assert tip(repo) == commit
    other = GitUser(tmp_path / "other", token=TOKEN)
    other.clone(http_git.url("owner/a"))
    user.commit_files({"b.txt": b"two"}, "Second")
    user.push()
    other.fetch()
    assert other.log("origin/main") == ["Second", "First"]
    assert http_git.requests_with(TOKEN)
    assert not any(TOKEN in record.path for record in http_git.records)
    assert len(http_git.requests_with(TOKEN)) + http_git.faults["token"] == len(http_git.records)
    assert any("authorization" in headers for headers in http_git.headers_seen)
    assert TOKEN not in (user.work / ".git" / "config").read_text()


@pytest.mark.parametrize("token", [None, "wrong"])
def test_without_the_token_nothing_is_given(
    http_git: HttpGit, tmp_path: Path, token: str | None
) -> None:
    http_git.token = TOKEN
    http_git.make_repo("a")
    with pytest.raises(GitFailed, match=r"could not read Username|Authentication failed"):
        GitUser(tmp_path / "out", token=token).clone(http_git.url("a"))
    assert {record.status for record in http_git.records} == {401}
    assert http_git.faults["token"] == len(http_git.records)


def test_read_only_refuses_pushes_alone(http_git: HttpGit, tmp_path: Path) -> None:
    repo = http_git.make_repo("a")
    user = GitUser(tmp_path / "user")
    first = filled(user, http_git.url("a"))
    http_git.read_only = True
    user.commit_files({"b.txt": b"two"})
    with pytest.raises(GitFailed, match="403"):
        user.push()
    user.fetch()
    assert tip(repo) == first
    assert http_git.faults == {"read_only": 1}


def test_an_unknown_repository_is_not_found(http_git: HttpGit, tmp_path: Path) -> None:
    with pytest.raises(GitFailed, match="not found"):
        GitUser(tmp_path / "user").clone(http_git.url("none"))


def test_requests_and_bytes_are_counted(http_git: HttpGit, tmp_path: Path) -> None:
    http_git.make_repo("a")
    data = random.Random(1).randbytes(100_000)
    filled(GitUser(tmp_path / "user"), http_git.url("a"), data)
    pushed = http_git.records[-1]
    assert (pushed.method, pushed.path) == ("POST", "/a.git/git-receive-pack")
    assert 100_000 < pushed.request_bytes < 101_000
    http_git.forget()
    GitUser(tmp_path / "zero").git(
        "-c", "protocol.version=0", "clone", http_git.url("a"), str(tmp_path / "zero" / "work")
    )
    assert exchanges(http_git) == [
        ("GET", "refs?service=git-upload-pack", 200),
        ("POST", "git-upload-pack", 200),
    ]
    refs, pack = http_git.records
    assert (refs.request_bytes, refs.response_bytes > 100) == (0, True)
    assert 0 < pack.request_bytes < 500
    assert 100_000 < pack.response_bytes < 101_000


def test_a_large_push_is_streamed(http_git: HttpGit, tmp_path: Path) -> None:
    repo = http_git.make_repo("a")
    user = GitUser(tmp_path / "user")
    user.clone(http_git.url("a"))
    commit = user.commit_files({"large": os.urandom(20_000_000)})
    user.git("config", "http.postBuffer", "65536")
    tracemalloc.start()
    try:
        user.push()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert tip(repo) == commit
    pushed = http_git.records[-1]
    assert pushed.headers["transfer-encoding"] == "chunked"
    assert pushed.request_bytes > 20_000_000
    assert peak < 3_000_000
    other = GitUser(tmp_path / "other")
    other.clone(http_git.url("a"))
    assert other.head() == commit


def test_bodies_come_chunked_and_compressed(http_git: HttpGit, tmp_path: Path) -> None:
    http_git.make_repo("a")
    commit = filled(GitUser(tmp_path / "user"), http_git.url("a"))
    body = pkt(b"command=ls-refs\n") + b"0001" + b"0000"
    packed = gzip.compress(body)
    protocol = {"Git_Protocol": "version=2"}
    plain = post(http_git, body, **protocol)
    assert f"{commit} refs/heads/main".encode() in plain
    assert post(http_git, packed, Content_Encoding="gzip", **protocol) == plain
    parts = [packed[:5], packed[5:]]
    again = post(http_git, iter(parts), chunked=True, Content_Encoding="gzip", **protocol)
    assert again == plain
    assert http_git.records[-1].request_bytes == len(packed)


def test_http_1_0_is_answered_to_the_end_of_the_line(http_git: HttpGit, tmp_path: Path) -> None:
    http_git.make_repo("a")
    commit = filled(GitUser(tmp_path / "user"), http_git.url("a"))
    with socket.create_connection(("127.0.0.1", http_git.port), 10) as line:
        line.sendall(b"GET /a.git/info/refs?service=git-upload-pack HTTP/1.0\r\n\r\n")
        said = b"".join(iter(lambda: line.recv(4096), b""))
    assert commit.encode() in said
    assert said.endswith(b"0000")


# Faults of HTTP.


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("after", [0, 1, 5_000])
def test_a_push_whose_request_is_cut_fails(
    http_git: HttpGit, tmp_path: Path, after: int, chunked: bool
) -> None:
    repo = http_git.make_repo("a")
    user = GitUser(tmp_path / "user")
    first = filled(user, http_git.url("a"))
    if chunked:
        user.git("config", "http.postBuffer", "65536")
    user.commit_files({"b": os.urandom(200_000)})
    http_git.forget()
    http_git.cut_request_after = after
    with pytest.raises(GitFailed):
        user.push()
    assert http_git.faults["cut_request_after"] >= 1
    assert http_git.records[-1].request_bytes == after
    assert tip(repo) == first
    assert bare_git(repo, "count-objects", "-v").startswith("count: 3\n")
    http_git.cut_request_after = None
    user.push()
    assert tip(repo) == user.head()


@pytest.mark.parametrize("after", [0, 1, 50_000])
def test_a_fetch_whose_answer_is_cut_fails(http_git: HttpGit, tmp_path: Path, after: int) -> None:
    http_git.make_repo("a")
    filled(GitUser(tmp_path / "user"), http_git.url("a"), os.urandom(200_000))
    http_git.forget()
    http_git.cut_response_after = after
    with pytest.raises(GitFailed):
        GitUser(tmp_path / "other").clone(http_git.url("a"))
    assert http_git.faults == {"cut_response_after": 1}
    assert http_git.records[-1].response_bytes == after


def test_a_push_whose_answer_is_cut_is_done_all_the_same(http_git: HttpGit, tmp_path: Path) -> None:
    repo = http_git.make_repo("a")
    user = GitUser(tmp_path / "user")
    user.clone(http_git.url("a"))
    commit = user.commit_files({"a": b"one"})
    http_git.cut_response_after = 0
    with pytest.raises(GitFailed):
        user.push()
    assert tip(repo) == commit


def test_a_delay_and_a_slow_line_take_their_time(http_git: HttpGit, tmp_path: Path) -> None:
    http_git.make_repo("a")
    filled(GitUser(tmp_path / "user"), http_git.url("a"), os.urandom(50_000))
    http_git.forget()
    http_git.delay = 0.1
    started = time.monotonic()
    GitUser(tmp_path / "late").clone(http_git.url("a"))
    assert time.monotonic() - started >= 0.1 * len(http_git.records)
    assert http_git.faults == {"delay": len(http_git.records)}
    http_git.delay = 0
    http_git.bytes_per_second = 100_000
    started = time.monotonic()
    GitUser(tmp_path / "slow").clone(http_git.url("a"))
    assert time.monotonic() - started >= 0.5


@pytest.mark.parametrize("version", [0, 1, 2])
def test_an_endless_answer_stops_a_bounded_client_alone(
    http_git: HttpGit, tmp_path: Path, version: int
) -> None:
    http_git.make_repo("a")
    filled(GitUser(tmp_path / "user"), http_git.url("a"))
    http_git.endless = True
    http_git.bytes_per_second = 20_000_000
    http_git.forget()
    other = GitUser(tmp_path / "other", enough=lambda: sent(http_git) > 1_000_000)
    with pytest.raises(GitTimedOut):
        other.git("-c", f"protocol.version={version}", "clone", http_git.url("a"), "endless")
    assert http_git.faults["endless"] == 1
    assert http_git.records[-1].response_bytes > 1_000_000
    # The client took the beginning for a pack.
    assert list(other.home.glob("endless/.git/objects/pack/tmp_pack_*"))


def test_an_endless_answer_to_a_fetch_with_history(http_git: HttpGit, tmp_path: Path) -> None:
    http_git.make_repo("a")
    user, other = GitUser(tmp_path / "user"), GitUser(tmp_path / "other")
    filled(user, http_git.url("a"))
    other.clone(http_git.url("a"))
    user.commit_files({"b": b"two"})
    user.push()
    http_git.endless = True
    http_git.bytes_per_second = 20_000_000
    other.enough = lambda: sent(http_git) > 1_000_000
    for version in ("0", "2"):
        http_git.forget()
        other.git("config", "protocol.version", version)
        with pytest.raises(GitTimedOut):
            other.fetch()
        assert http_git.faults["endless"] >= 1
        assert http_git.records[-1].response_bytes > 1_000_000


def pack_of(data: bytes) -> bytes:
    """What lies in the first band of whole lines."""
    lines = list(pkt_lines(data[: len(data) // 2]))[:-1]
    return b"".join(line[1:] for line in lines if line[:1] == b"\x01")


def test_the_endless_pack_holds_sound_objects(http_git: HttpGit, tmp_path: Path) -> None:
    http_git.make_repo("a")
    commit = filled(GitUser(tmp_path / "user"), http_git.url("a"))
    http_git.endless = True
    http_git.cut_response_after = 300_000
    want = pkt(f"want {commit} side-band-64k ofs-delta\n".encode())
    with pytest.raises(http.client.IncompleteRead) as cut:
        post(http_git, want + b"0000" + pkt(b"done\n"))
    said = cut.value.partial
    assert len(said) == 300_000
    assert said.startswith(pkt(b"NAK\n"))
    pack = io.BytesIO(pack_of(said))
    assert struct.unpack(">4sII", pack.read(12)) == (b"PACK", 2, 1_000_000)
    # An object of kind 3, a blob, of 65536 bytes.
    assert pack.read(3) == bytes([3 << 4 | 128, 128, 32])
    blob = zlib.decompressobj()
    assert len(blob.decompress(pack.read())) == 65536
    assert blob.eof


def test_a_redirect_is_followed_and_counted(
    http_git: HttpGit, tmp_path: Path, other_http: HttpGit
) -> None:
    other_http.make_repo("a")
    filled(GitUser(tmp_path / "user"), other_http.url("a"))
    other_http.forget()
    http_git.redirect_to = other_http.base_url
    user = GitUser(tmp_path / "other")
    user.clone(http_git.url("a"))
    assert user.files() == {"a.txt": b"one"}
    assert exchanges(http_git) == [("GET", "refs?service=git-upload-pack", 302)]
    assert http_git.faults == {"redirect": 1}
    assert len(other_http.records) == 3


@pytest.fixture
def other_http(tmp_path: Path) -> Iterator[HttpGit]:
    """Another HTTP server."""
    with HttpGit(tmp_path / "other-http") as server:
        yield server
    assert server.ended


def test_a_stalled_server_never_answers_and_ends_all_the_same(tmp_path: Path) -> None:
    with HttpGit(tmp_path / "http") as server:
        user = GitUser(tmp_path / "user", enough=lambda: server.faults["stall"])
        server.make_repo("a")
        server.stall = True
        with pytest.raises(GitTimedOut):
            user.clone(server.url("a"))
        assert exchanges(server) == [("GET", "refs?service=git-upload-pack", None)]
        line = http.client.HTTPConnection("127.0.0.1", server.port)
        line.request("GET", "/a.git/HEAD")
        eventually(lambda: server.faults["stall"] == 2)
    assert server.ended
    with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
        line.getresponse()
    line.close()


def test_a_running_push_ends_with_the_server(tmp_path: Path) -> None:
    server = HttpGit(tmp_path / "http")
    with server:
        repo = server.make_repo("a")
        line = http.client.HTTPConnection("127.0.0.1", server.port)
        line.putrequest("POST", "/a.git/git-receive-pack")
        line.putheader("Content-Type", "application/x-git-receive-pack-request")
        line.putheader("Content-Length", "1000")
        line.endheaders(b"0100")
        eventually(lambda: server.backends)
    assert server.ended
    assert bare_git(repo, "count-objects").startswith("0 ")
    line.close()


def test_fail_next_fails_so_often(http_git: HttpGit, tmp_path: Path) -> None:
    http_git.make_repo("a")
    http_git.fail_next(2)
    user = GitUser(tmp_path / "user")
    for _ in range(2):
        with pytest.raises(GitFailed, match="503"):
            user.clone(http_git.url("a"))
    user.clone(http_git.url("a"))
    assert http_git.faults == {"fail": 2}


def test_another_client_wins_the_race(http_git: HttpGit, tmp_path: Path) -> None:
    repo = http_git.make_repo("a")
    slow, quick = GitUser(tmp_path / "slow"), GitUser(tmp_path / "quick")
    filled(slow, http_git.url("a"))
    quick.clone(http_git.url("a"))
    slow.commit_files({"b": b"slow"}, "Slow")
    quick.commit_files({"c": b"quick"}, "Quick")
    http_git.on_push = quick.push
    with pytest.raises(GitFailed, match=r"rejected|failed to (update|lock) ref"):
        slow.push()
    assert tip(repo) == quick.head()
    assert http_git.on_push is None
    slow.pull()
    slow.push()
    assert sorted(slow.log("--no-merges")) == ["First", "Quick", "Slow"]


def test_a_broken_hook_is_told(tmp_path: Path) -> None:
    def broken() -> None:
        raise ValueError("broken")

    server = HttpGit(tmp_path / "http")
    user = GitUser(tmp_path / "user")
    server.__enter__()
    server.make_repo("a")
    user.clone(server.url("a"))
    user.commit_files({"a": b"one"})
    server.on_push = broken
    with pytest.raises(GitFailed, match="500"):
        user.push()
    with pytest.raises(AssertionError, match="broken"):
        server.close()
    assert server.ended


# SSH.


def test_the_key_lets_in(ssh_git: SshGit, tmp_path: Path) -> None:
    repo = ssh_git.make_repo("with space")
    before = ssh_git.sign_ins
    user = GitUser(tmp_path / "in", environment=ssh_git.environment)
    commit = filled(user, ssh_git.url("with space"))
    assert tip(repo) == commit
    other = GitUser(tmp_path / "other", environment=ssh_git.environment)
    other.clone(ssh_git.url("with space"))
    user.commit_files({"b.txt": b"two"}, "Second")
    user.push()
    other.pull()
    assert other.log() == ["Second", "First"]
    assert ssh_git.sign_ins - before == 5
    assert ssh_git.user in ssh_git.url("x")


def test_ssh_speaks_protocol_2(ssh_git: SshGit, tmp_path: Path) -> None:
    ssh_git.make_repo("a")
    environment = {**ssh_git.environment, "GIT_TRACE_PACKET": "1"}
    said = GitUser(tmp_path / "in", environment=environment).git("ls-remote", ssh_git.url("a"))
    assert "version 2" in said


def test_another_key_is_refused(ssh_git: SshGit, tmp_path: Path) -> None:
    ssh_git.make_repo("a")
    for number, key in enumerate([ssh_git.stranger_key, tmp_path / "none"]):
        environment = {"GIT_SSH_COMMAND": ssh_git.command(key=key)}
        user = GitUser(tmp_path / str(number), environment=environment)
        with pytest.raises(GitFailed, match="Permission denied"):
            user.clone(ssh_git.url("a"))


def test_another_host_key_is_refused(ssh_git: SshGit, tmp_path: Path) -> None:
    ssh_git.make_repo("a")
    make_key(tmp_path / "false")
    hosts = tmp_path / "hosts"
    for line in ["", ssh_git.host_line(tmp_path / "false.pub")]:
        hosts.write_text(line)
        environment = {"GIT_SSH_COMMAND": ssh_git.command(known_hosts=hosts)}
        user = GitUser(tmp_path / f"user{len(line)}", environment=environment)
        with pytest.raises(GitFailed, match="Host key verification failed"):
            user.clone(ssh_git.url("a"))


def test_an_open_session_ends_with_the_server(tmp_path: Path) -> None:
    with SshGit(tmp_path / "ssh") as server:
        words = [*shlex.split(server.ssh_command), "-p", str(server.port)]
        words += [f"{server.user}@127.0.0.1", "echo $$; exec sleep 60"]
        client = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        assert client.stdout
        session = int(client.stdout.readline())
        assert runs(session)
    assert server.ended
    assert not runs(session)
    assert client.wait(300) != 0
    client.stdout.close()
