"""A folder as a remote, and another git user who works on the other side of any remote."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from .processes import GitFailed, clean_environment, run_git

_USER_CONFIG = """\
[user]
    name = {name}
    email = {email}
[core]
    autocrlf = false
[init]
    defaultBranch = main
[pull]
    rebase = false
[advice]
    detachedHead = false
[gc]
    auto = 0
[maintenance]
    auto = false
"""

# The token comes from the environment, so that no URL and no file holds it.
_SIGN_IN = r"""
[credential]
    helper = "!f() { test \"$1\" = get && test -n \"$TEST_TOKEN\" && \
        echo username=git && echo \"password=$TEST_TOKEN\"; }; f"
"""

# Nothing may go on working after the test that made it.
_BARE_CONFIG = """\
[http]
    receivepack = true
[gc]
    auto = 0
[receive]
    autogc = false
[maintenance]
    auto = false
"""


def bare_repo(folder: Path) -> Path:
    """A bare repository with the branch main, made at `folder`; the folder."""
    folder.mkdir(parents=True)
    environment = clean_environment(folder)
    run_git(folder, ["init", "--quiet", "--bare", "--initial-branch=main"], environment)
    with (folder / "config").open("a", encoding="utf-8") as config:
        config.write(_BARE_CONFIG)
    return folder


def bare_git(repo: Path, *arguments: str) -> str:
    """What C git says of a repository on the server's side."""
    return run_git(repo, arguments, clean_environment(repo))


class GitUser:
    """Somebody with C git, a home of their own and one clone, at `work`.

    `token` signs in wherever HTTP asks; `environment` is added to git's, for example SshGit's.
    Every method raises GitFailed when git fails, GitTimedOut when it doesn't end, or, asked as it
    goes on, `enough` says so.
    """

    def __init__(
        self,
        folder: Path,
        name: str = "Another User",
        *,
        token: str | None = None,
        environment: Mapping[str, str] | None = None,
        enough: Callable[[], object] = lambda: False,
    ) -> None:
        self.name, self.token, self.enough = name, token, enough
        self.home, self.work = folder / "home", folder / "work"
        self._more = dict(environment or {})
        self.home.mkdir(parents=True)
        email = f"{name.lower().replace(' ', '.')}@example.org"
        config = _USER_CONFIG.format(name=name, email=email)
        self._config = self.home / ".gitconfig"
        self._config.write_text(config + _SIGN_IN, encoding="utf-8")

    @property
    def environment(self) -> dict[str, str]:
        """What git and any other program of this user gets."""
        return {
            **clean_environment(self.home),
            "GIT_CONFIG_GLOBAL": str(self._config),
            **({} if self.token is None else {"TEST_TOKEN": self.token}),
            **self._more,
        }

    def git(self, *arguments: str) -> str:
        """Any git command in the clone, or beside it as long as there is none."""
        folder = self.work if self.work.is_dir() else self.home
        return run_git(folder, arguments, self.environment, self.enough)

    def clone(self, url: str, branch: str = "main", *options: str) -> Path:
        """Clone and switch to the branch, which is new if the remote hasn't got it."""
        self.git("clone", "--quiet", *options, url, str(self.work))
        if self._has(f"refs/remotes/origin/{branch}"):
            self.git("checkout", "--quiet", "-B", branch, f"origin/{branch}")
        else:
            self.git("symbolic-ref", "HEAD", f"refs/heads/{branch}")
        return self.work

    def commit_files(self, files: Mapping[str, bytes | None], message: str = "A change") -> str:
        """Write the files, or remove those that are None, and commit; the commit's id."""
        for name, data in files.items():
            path = self.work / name
            if data is None:
                path.unlink()
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)
        self.git("add", "--all", "--force", "--", *files)
        self.git("commit", "--quiet", "-m", message)
        return self.head()

    def push(self, *arguments: str) -> str:
        """Push the current branch, or what the arguments say (options and refs)."""
        return self.git("push", "--set-upstream", "origin", *(arguments or ["HEAD"]))

    def fetch(self, *arguments: str) -> str:
        return self.git("fetch", "origin", *arguments)

    def pull(self, *arguments: str) -> str:
        """Fetch and merge the remote's branch of the same name."""
        words = ["pull", "--no-edit", *arguments, "origin", self.branch()]
        return self.git(*words)

    def merge(self, *arguments: str) -> str:
        return self.git("merge", "--no-edit", *arguments)

    def log(self, *arguments: str) -> list[str]:
        """The subjects, newest first."""
        return self.git("log", "--format=%s", *arguments).splitlines()

    def head(self) -> str:
        return self.git("rev-parse", "HEAD")

    def branch(self) -> str:
        return self.git("symbolic-ref", "--short", "HEAD")

    def files(self) -> dict[str, bytes]:
        """The files of the clone and their bytes."""
        return {
            path.relative_to(self.work).as_posix(): path.read_bytes()
            for path in sorted(self.work.rglob("*"))
            if path.is_file() and ".git" not in path.relative_to(self.work).parts
        }

    def _has(self, ref: str) -> bool:
        try:
            self.git("rev-parse", "--verify", "--quiet", ref)
        except GitFailed:
            return False
        return True
