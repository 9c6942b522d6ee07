"""Tokens: in one private file and in the sign-in to one origin, and nowhere else."""

from __future__ import annotations

import base64
import json
import logging
import os
import shlex
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from machines import ROUTE, Machine, files_with
from remotes.http_server import HttpGit, basic_sign_in
from support import Answer, picture, tree_of

from gitpool.remote.secrets import SECRETS
from gitpool.remote.settings import SETTINGS

Start = Callable[[str], Machine]
TOKEN = "sekret-0123456789-abcdef"


class Listening(Machine):
    """A machine that keeps every answer it gave."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.answers: list[str] = []

    def request(self, *args: Any, **kwargs: Any) -> Answer:
        answer = super().request(*args, **kwargs)
        self.answers.append(f"{answer.headers} {answer.body.decode('latin-1')}")
        return answer

    def failed_sync_or_refusal(self, profile_id: str) -> str:
        """The code of a sync that isn't begun, or fails."""
        answer = self.post(ROUTE + "sync", id=profile_id)
        if answer.status != 202:
            return answer.code
        job = self.ended(answer.json["job"])
        assert job["state"] == "failed", job
        return job["error"]["code"]


@pytest.fixture
def first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Listening]:
    """A machine without a user's own git settings; http and folders are allowed as remotes."""
    monkeypatch.setenv("GITPOOL_SNAPSHOT_DELAY", "3600")
    monkeypatch.setenv("GITPOOL_ALLOW_REMOTES", "http,file")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    with Listening(tmp_path / "first") as machine:
        yield machine


@pytest.fixture
def guarded(http_git: HttpGit) -> HttpGit:
    """A server that wants the token; its repository is `pools`."""
    http_git.token = TOKEN
    http_git.make_repo("pools")
    return http_git


@pytest.fixture
def other(tmp_path: Path) -> Iterator[HttpGit]:
    """Another origin, which wants no token, with a repository of the same name."""
    with HttpGit(tmp_path / "other") as server:
        server.make_repo("pools")
        yield server


def user_file(machine: Machine, name: str) -> Path:
    return machine.host.user_directory() / "__gitpool" / name


def spellings(token: str) -> list[str]:
    """A token in plain, in JSON, and as HTTP Basic writes it, however it is aligned there."""
    coded = [base64.b64encode((pad + token).encode()).decode() for pad in ("git:", "a:", "ab:")]
    return [token, json.dumps(token)[1:-1], *(text[8:-4] for text in coded)]


def told_nothing(*servers: HttpGit, token: str = TOKEN) -> None:
    """These servers heard of no token, nor of any other sign-in."""
    for server in servers:
        assert server.records
        assert server.requests_with(token) == []
        assert not any("authorization" in headers for headers in server.headers_seen)


def test_a_token_is_in_its_file_and_in_the_sign_in_alone(
    first: Listening, guarded: HttpGit, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    url = guarded.url("pools")
    assert first.connect(url, TOKEN, username="me")["has_secret"] is True
    profile = first.filled("Heroes", 2)
    job = first.post(ROUTE + "remote/test", url=url, token=TOKEN).json["job"]
    assert first.ended(job)["state"] == "done"
    first.sync(profile)
    first.get(ROUTE + "remote/profiles")
    first.fetch("Heroes", copy=True)
    first.connect(url, TOKEN, id=profile)
    guarded.fail_next(1)
    first.failed_sync(profile)
    guarded.token = "another"
    assert first.failed_sync(profile)["code"] == "remote_auth"
    job = first.post(ROUTE + "remote/test", url=url, token=TOKEN, id=profile).json["job"]
    assert first.ended(job)["error"]["code"] == "remote_auth"
    guarded.token = TOKEN
    first.sync(profile)
    for query in ({}, {"id": profile}):
        answer = first.get(ROUTE + "remote", **query).json
        assert (answer["url"], answer["has_secret"]) == (url, True)
    for kind in ("zip", "bundle"):
        assert first.get(ROUTE + "export", id=profile, format=kind).status == 200
    first.get(ROUTE + "history", id=profile)

    file = user_file(first, SECRETS)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    said = [*first.answers, str(first.host.events), caplog.text]
    said += [str(record.__dict__) for record in caplog.records]
    for spelling in spellings(TOKEN):
        assert set(files_with(first.host.folder, spelling)) <= {file}
        assert files_with(guarded.root, spelling) == []
        assert not any(spelling in text for text in said)
    assert files_with(first.host.folder, TOKEN) == [file]
    assert {record.path for record in guarded.requests_with(TOKEN)}
    for record in guarded.requests_with(TOKEN):
        assert TOKEN not in record.path
        assert basic_sign_in(record.headers) in [("me", TOKEN), ("git", TOKEN)]


def test_another_users_eyes_never_see_the_file(
    first: Listening, guarded: HttpGit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even while it is written, whatever mode it or the user's mask had before."""
    old = os.umask(0)
    try:
        modes: list[int] = []
        fsync = os.fsync

        def watching(descriptor: int) -> None:
            modes.append(stat.S_IMODE(os.fstat(descriptor).st_mode))
            fsync(descriptor)

        file = user_file(first, SECRETS)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("{}")
        file.chmod(0o644)
        monkeypatch.setattr("gitpool.remote.secrets.os.fsync", watching)
        first.service.remotes.change(None, {"url": guarded.url("pools"), "token": TOKEN})
        monkeypatch.undo()
    finally:
        os.umask(old)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert 0o600 in modes
    assert [path.name for path in files_with(file.parent, TOKEN)] == [SECRETS]


@pytest.mark.parametrize(
    ("name", "token"),
    [
        ("me", "sekret ü…本"),
        ("mé@example.org", "sekret"),
        ("me", "sekret:@/%20'\"\\"),
        ("me", "x" * 2000),
    ],
)
def test_any_token_signs_in(first: Listening, guarded: HttpGit, name: str, token: str) -> None:
    """In UTF-8, as git sends it."""
    guarded.token = token
    first.connect(guarded.url("pools"), token, username=name)
    assert first.sync(first.filled("Heroes", 1))["status"] == "pushed"
    assert {basic_sign_in(headers) for headers in guarded.headers_seen} == {(name, token)}


@pytest.mark.parametrize(
    "fields",
    [
        {"token": "two\nlines"},
        {"token": "two\r\nAuthorization: x"},
        {"token": "tab\there"},
        {"token": "nul\x00"},
        {"token": 5},
        {"token": ["x"]},
        {"token": {"a": 1}},
        {"token": True},
        {"token": "x" * 5000},
        {"username": "a:b"},
        {"username": "a\nb"},
        {"username": 5},
        {"username": ["x"]},
        {"username": "x" * 500},
    ],
)
def test_what_no_sign_in_can_be_is_refused(
    first: Listening, guarded: HttpGit, fields: dict[str, Any]
) -> None:
    before = tree_of(first.host.folder)
    for route in ("remote", "remote/test"):
        answer = first.post(ROUTE + route, url=guarded.url("pools"), **fields)
        assert answer.status == 400
    assert tree_of(first.host.folder) == before
    assert guarded.records == []


# One origin.


def test_a_redirect_elsewhere_does_not_carry_the_token(
    first: Listening, guarded: HttpGit, other: HttpGit
) -> None:
    first.connect(guarded.url("pools"), TOKEN)
    profile = first.filled("Heroes", 1)
    guarded.redirect_to = other.base_url
    assert first.sync(profile)["status"] == "pushed"
    assert first.sync(profile)["status"] == "up_to_date"
    assert len(first.get(ROUTE + "remote/profiles").json["profiles"]) == 1
    first.label(profile, 0, "x")
    first.sync(profile)
    first.fetch("Heroes", copy=True)
    assert guarded.requests_with(TOKEN)
    told_nothing(other)
    other.token = TOKEN
    other.forget()
    assert first.failed_sync(profile)["code"] == "remote_auth"
    told_nothing(other)


def test_a_token_is_kept_for_the_origin_it_was_given_for(
    first: Listening, guarded: HttpGit, other: HttpGit
) -> None:
    profile = first.filled("Heroes", 1)
    first.connect(guarded.url("pools"), TOKEN)
    job = first.post(ROUTE + "remote/test", url=other.url("pools")).json["job"]
    assert first.ended(job)["state"] == "done"
    assert first.connect(other.url("pools"), id=profile)["has_secret"] is False
    first.sync(profile)
    told_nothing(other)
    other.forget()
    first.post(ROUTE + "remote", id=profile, url=None)

    # Somebody edits the settings by hand.
    settings = user_file(first, SETTINGS)
    settings.write_text(settings.read_text().replace(guarded.base_url, other.base_url))
    assert first.get(ROUTE + "remote").json["has_secret"] is False
    first.sync(profile)
    told_nothing(other)
    settings.write_text(settings.read_text().replace(other.base_url, guarded.base_url))
    assert first.get(ROUTE + "remote").json["has_secret"] is True

    # Another path of the same origin has it still; another origin makes it forgotten.
    guarded.make_repo("more")
    assert first.connect(guarded.url("more"))["has_secret"] is True
    assert first.sync(profile)["status"] == "pushed"
    assert first.connect(other.url("pools"))["has_secret"] is False
    assert files_with(first.host.folder, TOKEN) == []
    assert first.connect(guarded.url("pools"))["has_secret"] is False
    assert first.failed_sync(profile)["code"] == "remote_auth"


@pytest.mark.parametrize(
    "url",
    [
        "http://{host}:{port}@127.0.0.1:{other}/pools.git",
        "http://127.0.0.1:{other}/{host}:{port}/pools.git",
        "http://{host}.example.org.invalid:{port}/pools.git",
        "https://{host}:{port}/pools.git",
    ],
)
def test_lookalikes_are_other_origins(
    first: Listening, guarded: HttpGit, other: HttpGit, url: str
) -> None:
    profile = first.filled("Heroes", 1)
    first.connect(guarded.url("pools"), TOKEN)
    text = url.format(host="127.0.0.1", port=guarded.port, other=other.port)
    answer = first.post(ROUTE + "remote", url=text)
    if answer.status == 200:
        assert answer.json["has_secret"] is False
        first.failed_sync(profile)
    assert other.requests_with(TOKEN) == []
    assert guarded.requests_with(TOKEN) == []


def test_forgetting_a_remote_forgets_its_token(first: Listening, guarded: HttpGit) -> None:
    profile = first.filled("Heroes", 1)
    for fields in ({}, {"id": profile}):
        first.connect(guarded.url("pools"), TOKEN, **fields)
        answer = first.post(ROUTE + "remote", url=None, **fields)
        assert answer.status == 200
        assert (answer.json["url"], answer.json["has_secret"]) == (None, False)
        assert files_with(first.host.folder, TOKEN) == []
        assert files_with(first.host.folder, guarded.base_url) == []
    assert first.post(ROUTE + "sync", id=profile).code == "no_remote"


def test_a_profile_called_default_is_not_the_default(
    first: Listening, guarded: HttpGit, other: HttpGit
) -> None:
    """`default` is the pool that a node without a profile shows; it can be adopted."""
    first.add("default", picture(1))
    assert first.post(ROUTE + "adopt", pool_id="default", name="Once plain").status == 200
    first.connect(other.url("pools"))
    first.connect(guarded.url("pools"), TOKEN, id="default")
    assert first.get(ROUTE + "remote").json["url"] == other.url("pools")
    assert first.get(ROUTE + "remote").json["has_secret"] is False
    assert first.get(ROUTE + "remote", id="default").json["url"] == guarded.url("pools")
    profile = first.filled("Heroes", 1, first=5)
    first.sync(profile)
    told_nothing(other)
    assert guarded.records == []
    first.sync("default")
    assert guarded.requests_with(TOKEN)


# From the environment.


def test_the_environments_token_goes_to_the_environments_remote(
    first: Listening,
    guarded: HttpGit,
    other: HttpGit,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("GITPOOL_TOKEN", TOKEN)
    profile = first.filled("Heroes", 1)
    # Without a remote of the environment's it is nobody's.
    first.connect(other.url("pools"))
    first.sync(profile)
    told_nothing(other)
    first.post(ROUTE + "remote", url=None)
    monkeypatch.setenv("GITPOOL_REMOTE", guarded.url("pools"))
    monkeypatch.setenv("GITPOOL_USERNAME", "robot")
    assert first.get(ROUTE + "remote").json["url"] == guarded.url("pools")
    assert first.sync(profile)["status"] == "pushed"
    assert {basic_sign_in(r.headers) for r in guarded.requests_with(TOKEN)} == {("robot", TOKEN)}
    other.forget()
    first.connect(other.url("pools"), id=profile)
    first.sync(profile)
    told_nothing(other)
    guarded.redirect_to = other.base_url
    first.post(ROUTE + "remote", id=profile, url=None)
    first.sync(profile)
    told_nothing(other)
    for spelling in spellings(TOKEN):
        assert files_with(first.host.folder, spelling) == []
        assert spelling not in caplog.text
        assert not any(spelling in answer for answer in first.answers)


def test_a_bad_address_in_the_environment_harms_no_other_remote(
    first: Listening, other: HttpGit, monkeypatch: pytest.MonkeyPatch
) -> None:
    profile = first.filled("Heroes", 1)
    monkeypatch.setenv("GITPOOL_TOKEN", TOKEN)
    monkeypatch.setenv("GITPOOL_REMOTE", "no address")
    assert first.failed_sync_or_refusal(profile) == "bad_address"
    assert first.connect(other.url("pools"), id=profile)["own"]
    assert first.sync(profile)["status"] == "pushed"
    told_nothing(other)


def test_a_password_in_an_address_is_never_kept_nor_shown(
    first: Listening, other: HttpGit, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = other.url("pools").replace("://", f"://me:{TOKEN}@")
    profile = first.filled("Heroes", 1)
    before = tree_of(first.host.folder)
    for fields in ({}, {"id": profile}):
        for route in ("remote", "remote/test"):
            answer = first.post(ROUTE + route, url=url, **fields)
            assert (answer.status, answer.code) == (400, "bad_address")
    assert tree_of(first.host.folder) == before
    # Who runs the server may have put one where it is looked for.
    monkeypatch.setenv("GITPOOL_REMOTE", url)
    for query in ({}, {"id": profile}):
        assert first.get(ROUTE + "remote", **query).status == 200
    first.failed_sync_or_refusal(profile)
    first.get(ROUTE + "remote/profiles")
    monkeypatch.delenv("GITPOOL_REMOTE")
    settings = user_file(first, SETTINGS)
    settings.parent.mkdir(parents=True, exist_ok=True)
    settings.write_text(json.dumps({"remotes": {"default": {"url": url}}}))
    assert first.get(ROUTE + "remote").status == 200
    first.failed_sync_or_refusal(profile)
    assert not any(TOKEN in answer for answer in first.answers)
    assert TOKEN not in str(first.host.events)
    assert other.records == []


# From the user's own git.


@pytest.fixture
def helper(
    tmp_path: Path, first: Listening, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], Path]:
    """Sets a credential helper for this user's git; gives the file of what it is asked."""

    def use(answer: str) -> Path:
        asked = tmp_path / "asked"
        script = tmp_path / "helper"
        script.write_text(
            f'#!/bin/sh\n(echo "[$1]"; cat) >> {shlex.quote(str(asked))}\n'
            f'test "$1" = get || exit 0\n{answer}\n'
        )
        script.chmod(0o755)
        config = tmp_path / "gitconfig"
        config.write_text(f'[credential]\n\thelper = "{script}"\n')
        monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
        return asked

    return use


def test_gits_own_helper_is_asked(
    first: Listening, guarded: HttpGit, other: HttpGit, helper: Callable[[str], Path]
) -> None:
    asked = helper(f"echo username=from-git\necho password={TOKEN}")
    first.connect(guarded.url("pools"))
    assert first.get(ROUTE + "remote").json["has_secret"] is False
    profile = first.filled("Heroes", 1)
    assert first.sync(profile)["status"] == "pushed"
    assert {basic_sign_in(r.headers) for r in guarded.requests_with(TOKEN)} == {("from-git", TOKEN)}
    words = asked.read_text().splitlines()
    assert set(words) >= {"[get]", "protocol=http", f"host=127.0.0.1:{guarded.port}"}
    # It is asked only: what it said is told to nobody, and not told back to it either.
    assert not {"[store]", "[erase]"} & set(words)
    for spelling in spellings(TOKEN):
        assert files_with(first.host.folder, spelling) == []
        assert not any(spelling in answer for answer in first.answers)
    # A token of one's own comes first, and a folder needs none.
    asked.unlink()
    first.connect(guarded.url("pools"), TOKEN)
    first.sync(profile)
    first.connect(str(first.host.folder.parent / "folder.git"))
    first.sync(profile)
    assert not asked.exists()


def test_a_helper_is_asked_for_the_name_in_the_address(
    first: Listening, guarded: HttpGit, helper: Callable[[str], Path]
) -> None:
    asked = helper(f"echo password={TOKEN}")
    first.connect(guarded.url("pools").replace("http://", "http://anna@"))
    profile = first.filled("Heroes", 1)
    assert first.sync(profile)["status"] == "pushed"
    assert "username=anna" in asked.read_text().splitlines()
    assert {basic_sign_in(r.headers) for r in guarded.requests_with(TOKEN)} == {("anna", TOKEN)}


def test_without_git_nobody_is_asked(
    first: Listening, guarded: HttpGit, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    first.connect(guarded.url("pools"))
    profile = first.filled("Heroes", 1)
    assert first.failed_sync(profile)["code"] == "remote_auth"
    assert not (first.host.user_directory() / "__gitpool" / "secrets.json").exists()


@pytest.mark.parametrize("answer", ["exit 1", "echo quit=1", "echo nonsense", "true"])
def test_a_helper_that_knows_nothing_asks_nobody(
    first: Listening,
    guarded: HttpGit,
    helper: Callable[[str], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    answer: str,
) -> None:
    asked = helper(answer)
    window = tmp_path / "window"
    prompt = tmp_path / "prompt"
    prompt.write_text(f"#!/bin/sh\necho shown >> {shlex.quote(str(window))}\necho {TOKEN}\n")
    prompt.chmod(0o755)
    for name in ("GIT_ASKPASS", "SSH_ASKPASS"):
        monkeypatch.setenv(name, str(prompt))
    monkeypatch.setenv("DISPLAY", ":0")
    config = Path(os.environ["GIT_CONFIG_GLOBAL"])
    config.write_text(config.read_text() + f'[core]\n\taskPass = "{prompt}"\n')
    first.connect(guarded.url("pools"))
    assert first.failed_sync(first.filled("Heroes", 1))["code"] == "remote_auth"
    assert asked.exists()
    assert not window.exists()


def test_a_helper_that_hangs_can_be_cancelled(
    first: Listening, guarded: HttpGit, helper: Callable[[str], Path]
) -> None:
    asked = helper("exec sleep 3600")
    first.connect(guarded.url("pools"))
    profile = first.filled("Heroes", 1)
    job = first.start_sync(id=profile)
    end = time.monotonic() + 300
    while not asked.exists():
        assert time.monotonic() < end
        time.sleep(0.02)
    first.post(ROUTE + "cancel", job=job)
    # Nor does it keep an edit waiting.
    first.label(profile, 0, "meanwhile")
    assert first.ended(job)["state"] == "cancelled"


def test_a_profiles_folder_cannot_name_a_program_or_another_place(
    first: Listening, guarded: HttpGit, other: HttpGit, tmp_path: Path
) -> None:
    """What a repository's own settings say is not for us."""
    ran = tmp_path / "ran"
    first.connect(guarded.url("pools"), TOKEN)
    profile = first.filled("Heroes", 1)
    first.snapshot(profile)
    config = first.pools / profile / ".git" / "config"
    config.write_text(
        config.read_text()
        + f'[credential]\n\thelper = "!touch {ran}"\n'
        + f'[core]\n\tsshCommand = "touch {ran}"\n\thooksPath = "{tmp_path}"\n'
        + f'\taskPass = "touch {ran}"\n\tgitProxy = "touch {ran}"\n\tfsmonitor = "touch {ran}"\n'
        + f'[url "{other.base_url}/"]\n\tinsteadOf = "{guarded.base_url}/"\n'
        + f'[remote "origin"]\n\turl = "{other.url("pools")}"\n'
        + f'[http]\n\tproxy = "{other.base_url}"\n\textraHeader = "X-Evil: 1"\n'
    )
    for hook in ("pre-push", "post-merge", "post-checkout", "reference-transaction"):
        for folder in (tmp_path, config.parent / "hooks"):
            folder.mkdir(exist_ok=True)
            (folder / hook).write_text(f"#!/bin/sh\ntouch {ran}\n")
            (folder / hook).chmod(0o755)
    first.sync(profile)
    first.label(profile, 0, "x")
    first.sync(profile)
    assert not ran.exists()
    assert other.records == []
    assert not any("x-evil" in headers for headers in guarded.headers_seen)


# Who may allow what.


def test_no_route_allows_a_kind_of_remote(
    first: Listening, other: HttpGit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GITPOOL_ALLOW_REMOTES")
    profile = first.filled("Heroes", 1)
    more = {
        "allow_remotes": ["http", "file"],
        "settings": {"allow_remotes": ["http", "file"]},
        "allowed": ["http", "file"],
        "remotes": {"default": {"url": other.url("pools")}},
        "environment": {"GITPOOL_ALLOW_REMOTES": "http,file"},
    }
    assert first.get(ROUTE + "remote", **{"allow_remotes": "http"}).json["allowed"] == [
        "https",
        "ssh",
    ]
    bodies: list[tuple[str, dict[str, Any]]] = [
        ("remote", {"auto_sync": False}),
        ("remote", {"url": None}),
        ("remote", {"url": "https://git.invalid/pools.git"}),
        ("remote", {"url": "https://git.invalid/pools.git", "id": profile}),
        ("remote/test", {"url": other.url("pools")}),
        ("sync", {"id": profile}),
        ("sync", {"remote_branch": "x"}),
        ("remote/delete", {"remote_branch": "x"}),
        ("resolve", {"id": profile, "conflict": "a", "choice": "mine"}),
        ("rename", {"id": profile, "name": "allow_remotes"}),
    ]
    for route, body in bodies:
        answer = first.post(ROUTE + route, {**more, **body})
        if answer.status == 202:
            first.post(ROUTE + "cancel", job=answer.json["job"])
    settings = json.loads(user_file(first, SETTINGS).read_text())
    assert set(settings) <= {"remotes", "auto_sync"}
    for url in (other.url("pools"), str(tmp_path / "folder"), (tmp_path / "f").as_uri()):
        for route in ("remote", "remote/test"):
            answer = first.post(ROUTE + route, url=url)
            assert (answer.status, answer.code) == (400, "remote_not_allowed")
    assert other.records == []
    assert first.get(ROUTE + "remote").json["allowed"] == ["https", "ssh"]
    # The file on the server does, at once; and what it says survives our own changes to it.
    user_file(first, SETTINGS).write_text(json.dumps({**settings, "allow_remotes": ["http"]}))
    assert first.connect(other.url("pools"))["allowed"] == ["http", "https", "ssh"]
    assert json.loads(user_file(first, SETTINGS).read_text())["allow_remotes"] == ["http"]
    assert urlsplit(first.get(ROUTE + "remote").json["url"]).scheme == "http"
    assert first.post(ROUTE + "remote", url=str(tmp_path / "folder")).status == 400


@pytest.mark.parametrize(
    "text", ["{", "[]", "null", '{"allow_remotes": "http"}', '{"allow_remotes": {"http": 1}}']
)
def test_odd_settings_allow_nothing(
    first: Listening, other: HttpGit, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.delenv("GITPOOL_ALLOW_REMOTES")
    file = user_file(first, SETTINGS)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    assert first.get(ROUTE + "remote").json["allowed"] == ["https", "ssh"]
    assert first.post(ROUTE + "remote", url=other.url("pools")).code == "remote_not_allowed"
    assert file.read_text() == text
    assert first.post(ROUTE + "remote", url="https://git.invalid/p.git").status == 200
    if text == "{":
        assert file.with_suffix(".damaged").read_text() == text


def test_odd_secrets_are_no_secrets(first: Listening, guarded: HttpGit) -> None:
    file = user_file(first, SECRETS)
    first.connect(guarded.url("pools"))
    profile = first.filled("Heroes", 1)
    origin = f"http://127.0.0.1:{guarded.port}"
    for content in (
        b"{",
        b"[]",
        b"\xff\xfe",
        b'{"default": "' + TOKEN.encode() + b'"}',
        json.dumps({"default": {"origin": origin, "token": 5}}).encode(),
        json.dumps({"default": {"origin": [origin], "token": TOKEN}}).encode(),
        json.dumps({"default": {"origin": origin, "token": None}}).encode(),
    ):
        file.write_bytes(content)
        assert first.get(ROUTE + "remote").json["has_secret"] is False
        assert first.failed_sync(profile)["code"] == "remote_auth"
    first.connect(guarded.url("pools"), TOKEN)
    assert first.sync(profile)["status"] == "pushed"
