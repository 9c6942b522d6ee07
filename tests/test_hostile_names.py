"""Names and paths that Windows and macOS would spoil: none is ever written, none is ever read."""

from __future__ import annotations

import io
import re
import unicodedata
import zipfile
from collections.abc import Iterable
from pathlib import Path

import aiohttp
import pytest
from hostile.extent import some
from machines import ROUTE, Machine
from remotes.folder import bare_repo
from support import git, picture
from test_pure import ODD_NAMES

from gitpool.identifiers import is_image_name, is_safe_file_name

RESERVED = (
    *("CON", "PRN", "AUX", "NUL"),
    *(f"{port}{number}" for port in ("COM", "LPT") for number in "0123456789¹²³"),
)
FORBIDDEN = re.compile(r'[<>:"|?*\\\x00-\x1f\x7f]')
PROFILE_NAMES = (
    *RESERVED[:6],
    *("con.txt", "Aux.", "x.", "x..", "...", "a:b", "a|b", 'a"b', "a<b>", "a?b*", "C:\\x", "x/."),
    *("e\u0301", "é", "Straße", "STRASSE 2", "İ", "ﬁ", "図" * 60, "x" * 100, ".git", "git~1"),
    *(".hidden", "-x", "~x", "a\\b", "..", "a..b", "x.lock", "HEAD", "desktop.ini", "$RECYCLE"),
)


def is_reserved(name: str) -> bool:
    stem = unicodedata.normalize("NFC", name).split(".")[0].rstrip(" ").upper()
    return stem in RESERVED


def twins(names: Iterable[str]) -> list[str]:
    """Names that one of another case, or of another normal form, stands beside."""
    seen: dict[str, str] = {}
    found = []
    for name in names:
        key = unicodedata.normalize("NFD", name).casefold()
        if seen.setdefault(key, name) != name:
            found.append(name)
    return found


def spoiled(folder: Path) -> list[str]:
    """Paths below a folder that some system couldn't have, or would have otherwise."""
    found = []
    for place in (folder, *(p for p in folder.rglob("*") if p.is_dir())):
        names = [path.name for path in place.iterdir()]
        found += twins(names)
        for name in names:
            bad = (
                FORBIDDEN.search(name)
                or is_reserved(name)
                or name.endswith((".", " "))
                or unicodedata.normalize("NFC", name) != name
                or len(name.encode()) > 255
            )
            if bad:
                found.append(str(place.relative_to(folder) / name))
    return found


@pytest.mark.parametrize("name", RESERVED)
def test_no_devices_name_is_a_files_name(name: str) -> None:
    for form in (name, name.lower(), name.title(), f"{name}.png", f"{name.lower()}.mask.png"):
        assert not is_safe_file_name(form), form
        assert not is_image_name(form), form


def test_no_short_name_of_gits_own_files_is_a_files_name(tmp_path: Path) -> None:
    """What C git itself takes for `.git`, `.gitmodules` and so on, it would mind for ever."""
    names = ("git~1", "gitmod~1", "GITMOD~4", "gi7eba~1", "gitatt~2", "gi7d29~9", "gitign~1")
    for name in (*names, "gi250a~1", "mailma~1", "maba30~1", "gi7eb~12", "gi7e~123"):
        assert not is_safe_file_name(name), name
    for name in ("img~1.png", "gift~1.png", "margin~1.webp", "git.png", "gitmod.png"):
        assert is_safe_file_name(name), name


AIOHTTP = int(aiohttp.__version__.split(".")[1])


@pytest.mark.timeout(7200)
def test_no_name_of_a_profile_makes_a_path_that_some_system_spoils(
    machines: object, tmp_path: Path
) -> None:
    machine: Machine = machines("one")  # type: ignore[operator]
    machine.connect(str(bare_repo(tmp_path / "remote.git")))
    for number, name in enumerate(some([*PROFILE_NAMES, *ODD_NAMES], 30)):
        answer = machine.post(ROUTE + "create", name=name)
        if answer.status == 409:  # one that differs in case alone
            continue
        assert answer.status == 200, (name, answer.body)
        profile = answer.json["id"]
        file_name = f"{name}.png".encode("ascii", "replace").decode()
        # aiohttp before 3.13 can't read a file's name that begins so.
        machine.add(profile, picture(number), file_name.lstrip(";") if AIOHTTP < 13 else file_name)
        snapshot = machine.snapshot(profile)["id"]
        fields = {"id": profile, "snapshot": snapshot, "locked": True, "message": name}
        assert machine.post(ROUTE + "lock", fields).status == 200, name
        if number % 5 == 0:
            machine.sync(profile)
        branch = git(machine.pools / profile, "symbolic-ref", "--short", "HEAD")
        assert git(machine.pools / profile, "check-ref-format", "--branch", branch) == branch
    assert spoiled(machine.host.folder) == []
    assert spoiled(tmp_path / "remote.git") == []
    branches = git(tmp_path / "remote.git", "for-each-ref", "--format=%(refname:lstrip=2)")
    assert len(branches.splitlines()) >= 5
    assert twins(branches.splitlines()) == []


def test_no_file_that_is_dropped_makes_a_name_that_some_system_spoils(machines: object) -> None:
    machine: Machine = machines("one")  # type: ignore[operator]
    profile = machine.create("x")
    folder = machine.pools / profile
    dropped = ["con.png", "AUX.jpg", "x..png", "a:b.png", "a?.png", "e\u0301.png", "A.png", "a.png"]
    dropped += [" b.png", "x .png", "\u202egnp.png", "a\\b.png", "図.PNG", "lpt¹.png"]
    for number, name in enumerate(dropped):
        (folder / name).write_bytes(picture(number))
    machine.snapshot(profile)
    assert sorted(machine.images(profile)) == sorted(picture(n) for n in range(len(dropped)))
    assert spoiled(folder) == []
    answer = machine.get(ROUTE + "export", id=profile)
    with zipfile.ZipFile(io.BytesIO(answer.body)) as archive:
        names = [name.removeprefix("pool/") for name in archive.namelist()]
    assert twins(names) == []
    assert all(is_safe_file_name(name) for name in names)
    machine.judge(profile)
