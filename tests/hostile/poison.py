"""What a stranger's `.git` may hold: names of commands, and ways that lead elsewhere."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from support import git

HOOKS = (
    *("applypatch-msg", "pre-applypatch", "post-applypatch", "pre-commit", "pre-merge-commit"),
    *("prepare-commit-msg", "commit-msg", "post-commit", "pre-rebase", "post-checkout"),
    *("post-merge", "pre-push", "pre-receive", "update", "proc-receive", "post-receive"),
    *("post-update", "reference-transaction", "push-to-checkout", "pre-auto-gc"),
    *("post-rewrite", "sendemail-validate", "fsmonitor-watchman", "post-index-change"),
)


class Elsewhere:
    """A place outside the pools that must stay as it is and unread; a program that must not run.

    secret: what is in its files and its repository, and nowhere else.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ran = folder.parent / "ran"
        self.secret = b"A secret from elsewhere, in no pool."
        self.program = folder / "program"
        folder.mkdir()
        self.program.write_text(f"#!/bin/sh\necho ran >> {self.ran}\ncat\n")
        self.program.chmod(0o755)
        self.repository = folder / "repository"
        git(folder, "init", "-q", "-b", "x", str(self.repository))
        (self.repository / "secret.txt").write_bytes(self.secret)
        git(self.repository, "add", "-A")
        git(self.repository, "commit", "-q", "-m", self.secret.decode())
        self.tip = git(self.repository, "rev-parse", "HEAD")
        for hook in HOOKS:
            place = folder / "hooks" / hook
            place.parent.mkdir(exist_ok=True)
            shutil.copy(self.program, place)
        (folder / "included").write_text(commands(self))

    @property
    def git(self) -> Path:
        return self.repository / ".git"


def commands(elsewhere: Elsewhere) -> str:
    """Settings with every key that names a program."""
    run = str(elsewhere.program)
    return (
        f"[core]\n\tfsmonitor = {run}\n\thooksPath = {elsewhere.folder}/hooks\n"
        f"\tsshCommand = {run}\n\tgitProxy = {run}\n\teditor = {run}\n\tpager = {run}\n"
        f"\taskPass = {run}\n\talternateRefsCommand = {run}\n\tuntrackedCache = true\n"
        f'[filter "bad"]\n\tclean = {run}\n\tsmudge = {run}\n\tprocess = {run}\n\trequired\n'
        f'[merge "bad"]\n\tdriver = {run}\n[diff "bad"]\n\ttextconv = {run}\n\tcommand = {run}\n'
        f"[diff]\n\texternal = {run}\n[gpg]\n\tprogram = {run}\n[commit]\n\tgpgSign = true\n"
        f'[tag]\n\tgpgSign = true\n[credential]\n\thelper = "!{run}"\n'
        f'[uploadpack]\n\tpackObjectsHook = {run}\n[remote "origin"]\n\turl = ext::{run}\n'
        f"\tuploadpack = {run}\n\treceivepack = {run}\n\tvcs = ext\n"
        f'[protocol "ext"]\n\tallow = always\n[url "ext::{run} "]\n\tinsteadOf = /\n'
        f'[submodule "x"]\n\tupdate = "!{run}"\n[gc]\n\tauto = 1\n\trecentObjectsHook = {run}\n'
        f'[alias]\n\tlog = "!{run}"\n[trailer "x"]\n\tcommand = {run}\n\tcmd = {run}\n'
        f"[sequence]\n\teditor = {run}\n[interactive]\n\tdiffFilter = {run}\n"
        f'[difftool "x"]\n\tcmd = {run}\n[mergetool "x"]\n\tcmd = {run}\n[init]\n'
        f"\ttemplateDir = {elsewhere.folder}\n"
    )


Poison = Callable[[Path, Elsewhere], None]


def _config(folder: Path, elsewhere: Elsewhere) -> None:
    with open(folder / ".git" / "config", "a") as file:
        file.write(commands(elsewhere))


def _attributes(folder: Path, elsewhere: Elsewhere) -> None:
    _config(folder, elsewhere)
    lines = "* filter=bad merge=bad diff=bad text eol=crlf ident export-subst\n"
    for name in (".gitattributes", ".git/info/attributes"):
        (folder / name).write_text(lines)
    text = f'[submodule "x"]\n\tpath = x\n\turl = ext::{elsewhere.program}\n\tupdate = !true\n'
    (folder / ".gitmodules").write_text(text)


def _hooks(folder: Path, elsewhere: Elsewhere) -> None:
    shutil.copytree(elsewhere.folder / "hooks", folder / ".git" / "hooks", dirs_exist_ok=True)


def _includes(folder: Path, elsewhere: Elsewhere) -> None:
    with open(folder / ".git" / "config", "a") as file:
        file.write(f"[include]\n\tpath = {elsewhere.folder}/included\n")
        file.write(f'[includeIf "gitdir:/"]\n\tpath = {elsewhere.folder}/included\n')
        file.write("[extensions]\n\tworktreeConfig = true\n")
    (folder / ".git" / "config.worktree").write_text(commands(elsewhere))


def _work_tree(folder: Path, elsewhere: Elsewhere) -> None:
    with open(folder / ".git" / "config", "a") as file:
        file.write(f"[core]\n\tworktree = {elsewhere.repository}\n")


def _alternates(folder: Path, elsewhere: Elsewhere) -> None:
    info = folder / ".git" / "objects" / "info"
    info.mkdir(exist_ok=True)
    (info / "alternates").write_text(f"{elsewhere.git}/objects\n")
    (info / "http-alternates").write_text(f"{elsewhere.git}/objects\n")
    (folder / ".git" / "refs" / "tags" / "theirs").write_text(elsewhere.tip + "\n")
    (folder / ".git" / "refs" / "heads" / "theirs").write_text(elsewhere.tip + "\n")


def _common_folder(folder: Path, elsewhere: Elsewhere) -> None:
    (folder / ".git" / "commondir").write_text(f"{elsewhere.git}\n")
    (folder / ".git" / "gitdir").write_text(f"{elsewhere.git}\n")


def _replacements(folder: Path, elsewhere: Elsewhere) -> None:
    tip = git(folder, "rev-parse", "HEAD")
    _alternates(folder, elsewhere)
    (folder / ".git" / "refs" / "replace").mkdir()
    (folder / ".git" / "refs" / "replace" / tip).write_text(elsewhere.tip + "\n")
    (folder / ".git" / "info" / "grafts").write_text(f"{tip} {elsewhere.tip}\n")


def _link(name: str, target: str) -> Poison:
    """A part of `.git` is a link to the other repository's, or to a file there."""

    def put(folder: Path, elsewhere: Elsewhere) -> None:
        path = folder / ".git" / name
        if path.is_dir() and not path.is_symlink():
            shutil.copytree(path, elsewhere.git / target, dirs_exist_ok=True)
            shutil.rmtree(path)
        path.unlink(missing_ok=True)
        path.parent.mkdir(exist_ok=True)
        path.symlink_to(elsewhere.git / target)

    return put


def _pipe(name: str) -> Poison:
    """A part of the folder is a pipe that nobody will ever write to."""

    def put(folder: Path, elsewhere: Elsewhere) -> None:
        path = folder / name
        path.unlink(missing_ok=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        os.mkfifo(path)

    return put


_PIPES = (
    *("manifest.json", "img_0001.png", ".git/HEAD", ".git/index", ".git/config"),
    *(".git/packed-refs", ".git/refs/heads/victim", ".git/refs/tags/x", ".git/shallow"),
    *(".git/HEAD.lock", ".git/logs/HEAD", ".git/info/exclude", ".git/gitpool.json"),
    *(".git/gitpool-edits.jsonl", ".git/gitpool-remote.json", ".git/gitpool-numbers"),
    *(".git/gitpool-checkout", ".git/gitpool-cleanup", ".git/gitpool-conflicts.json"),
    *(".git/objects/ab/" + "c" * 38, ".git/objects/pack/pack-" + "d" * 40 + ".pack"),
)

POISONS: dict[str, Poison] = {
    "config": _config,
    "attributes": _attributes,
    "hooks": _hooks,
    "includes": _includes,
    "another work tree": _work_tree,
    "alternates": _alternates,
    "a common folder": _common_folder,
    "replacements and grafts": _replacements,
    "objects elsewhere": _link("objects", "objects"),
    "packs elsewhere": _link("objects/pack", "objects/pack"),
    "refs elsewhere": _link("refs", "refs"),
    "branches elsewhere": _link("refs/heads", "refs/heads"),
    "info elsewhere": _link("info", "info"),
    "some objects elsewhere": _link("objects/ab", "objects/ab"),
    "a remote's branches elsewhere": _link("refs/remotes", "refs/remotes"),
    "logs elsewhere": _link("logs", "logs"),
    "a branch elsewhere": _link("refs/heads/victim", "refs/heads/x"),
    "HEAD elsewhere": _link("HEAD", "HEAD"),
    "index elsewhere": _link("index", "index"),
    "config elsewhere": _link("config", "config"),
    "packed refs elsewhere": _link("packed-refs", "../secret.txt"),
    "a note elsewhere": _link("gitpool-edits.jsonl", "../secret.txt"),
    "its own name elsewhere": _link("gitpool.json", "../secret.txt"),
    "numbers elsewhere": _link("gitpool-numbers", "../secret.txt"),
    **{f"a pipe as {name[:30].replace('/', '|')}": _pipe(name) for name in _PIPES},
}
