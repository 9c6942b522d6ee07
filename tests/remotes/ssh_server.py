"""Git over SSH: a real OpenSSH server of this user's own, with keys of its own."""

from __future__ import annotations

import getpass
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from urllib.parse import quote

from .folder import bare_repo

_SERVER_CONFIG = """\
ListenAddress 127.0.0.1
Port {port}
HostKey "{folder}/host_key"
AuthorizedKeysFile "{folder}/authorized_keys"
PidFile none
AllowUsers {user}
PermitRootLogin prohibit-password
PubkeyAuthentication yes
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
StrictModes no
X11Forwarding no
PrintMotd no
PrintLastLog no
AcceptEnv GIT_PROTOCOL
SetEnv PATH="{path}" GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null
LoginGraceTime 20
ClientAliveInterval 10
ClientAliveCountMax 3
MaxStartups 100:30:200
UseDNS no
LogLevel VERBOSE
"""

_CLIENT_OPTIONS = {
    "BatchMode": "yes",
    "StrictHostKeyChecking": "yes",
    "GlobalKnownHostsFile": "none",
    "IdentitiesOnly": "yes",
    "IdentityAgent": "none",
    "PreferredAuthentications": "publickey",
    "ConnectTimeout": "10",
}

# sshd wants it to be there; Debian's service makes it, and no service runs here.
_EMPTY_ROOT = Path("/run/sshd")
_TRIES = 5


class SshGit:
    """An sshd on 127.0.0.1 that lets this user in with `key_file`; a context manager.

    `root`, where repositories are made, may be set to another folder at any time.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.root = folder, folder / "repos"
        self.user = getpass.getuser()
        self.port = 0
        self.key_file = folder / "client_key"
        self.stranger_key = folder / "stranger_key"
        """A key that the server doesn't know."""
        self.known_hosts = folder / "known_hosts"
        self.log = folder / "sshd.log"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> SshGit:
        self.folder.mkdir(parents=True, exist_ok=True)
        if os.geteuid() == 0:
            _EMPTY_ROOT.mkdir(mode=0o755, exist_ok=True)
        for name in ("host_key", "client_key", "stranger_key"):
            make_key(self.folder / name)
        shutil.copy(self.folder / "client_key.pub", self.folder / "authorized_keys")
        self._start()
        self.known_hosts.write_text(self.host_line(self.folder / "host_key.pub"))
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def url(self, name: str) -> str:
        return f"ssh://{self.user}@127.0.0.1:{self.port}{quote(str(self.path(name)))}"

    def path(self, name: str) -> Path:
        return self.root / f"{name}.git"

    def make_repo(self, name: str) -> Path:
        """A new bare repository."""
        return bare_repo(self.path(name))

    def host_line(self, public_key: Path) -> str:
        """A line of known_hosts that says this server has that key."""
        return f"[127.0.0.1]:{self.port} {public_key.read_text()}"

    def command(self, key: Path | None = None, known_hosts: Path | None = None) -> str:
        """An ssh command for GIT_SSH_COMMAND, with the right key and host or with others."""
        options = {
            **_CLIENT_OPTIONS,
            "IdentityFile": str(key or self.key_file),
            "UserKnownHostsFile": str(known_hosts or self.known_hosts),
        }
        # -F: ssh finds the user's own settings by the password file, whatever HOME says.
        words = ["ssh", "-F", "none"]
        for name, value in options.items():
            words += ["-o", f'{name}="{value}"']
        return shlex.join(words)

    @property
    def ssh_command(self) -> str:
        return self.command()

    @property
    def environment(self) -> dict[str, str]:
        """What a client needs in its environment to be let in."""
        return {"GIT_SSH_COMMAND": self.command(), "GIT_TERMINAL_PROMPT": "0"}

    @property
    def sign_ins(self) -> int:
        """How many connections were let in so far."""
        return self.log.read_text(errors="replace").count("Accepted publickey")

    def close(self) -> None:
        """End the server and its connections, each by its own id."""
        process, self._process = self._process, None
        if process is None:
            return
        sessions = descendants(process.pid)
        process.terminate()
        process.wait(300)
        for pid in sessions:
            end_stranger(pid)
        deadline = time.monotonic() + 300
        while any(runs(pid) for pid in sessions):
            assert time.monotonic() < deadline, "a session of sshd doesn't end"
            time.sleep(0.02)

    @property
    def ended(self) -> bool:
        return self._process is None

    def _start(self) -> None:
        sshd = find_sshd()
        for _ in range(_TRIES):
            # Somebody else may take the port before sshd does.
            self.port = free_port()
            config = self._write_config()
            words = [sshd, "-D", "-f", str(config), "-E", str(self.log)]
            self._process = subprocess.Popen(words, stdin=subprocess.DEVNULL)
            if self._answers():
                return
            self.close()
        raise RuntimeError(f"sshd doesn't start: {self.log.read_text(errors='replace')}")

    def _write_config(self) -> Path:
        git = shutil.which("git")
        assert git
        path = f"{Path(git).parent}:/usr/local/bin:/usr/bin:/bin"
        text = _SERVER_CONFIG.format(port=self.port, folder=self.folder, user=self.user, path=path)
        if openssh_version() >= (9, 8):
            # Else the tests' refused clients would lock out the others.
            text += "PerSourcePenalties no\n"
        config = self.folder / "sshd_config"
        config.write_text(text)
        return config

    def _answers(self) -> bool:
        assert self._process
        deadline = time.monotonic() + 300
        while self._process.poll() is None and time.monotonic() < deadline:
            if greets(self.port):
                return self._process.poll() is None
            time.sleep(0.02)
        return False


def make_key(file: Path) -> None:
    """A new key pair without a passphrase: `file`, and `file` with .pub."""
    words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", file.name, "-f", str(file)]
    subprocess.run(words, check=True, timeout=300, stdin=subprocess.DEVNULL)


def find_sshd() -> str:
    """OpenSSH's server, which wants to be called by its full path."""
    places = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"
    found = shutil.which("sshd", path=places)
    if found is None:
        raise RuntimeError("Please install openssh-server first")
    return found


def openssh_version() -> tuple[int, int]:
    said = subprocess.run(["ssh", "-V"], capture_output=True, text=True, timeout=300, check=True)
    found = re.search(r"OpenSSH_(\d+)\.(\d+)", said.stderr)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def greets(port: int) -> bool:
    """Whether an SSH server listens there."""
    try:
        with socket.create_connection(("127.0.0.1", port), 5) as line:
            return line.recv(4) == b"SSH-"
    except OSError:
        return False


def descendants(pid: int) -> list[int]:
    """The ids of what a process started, and of what that started."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            # The name before the last bracket may hold anything.
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
        except (OSError, ValueError):
            pass
    found, wave = [], {pid}
    while wave:
        wave = {child for child, parent in parents.items() if parent in wave}
        found += sorted(wave)
    return found


def end_stranger(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass


def runs(pid: int) -> bool:
    """Whether a process that isn't our child still runs; one that only waits for burial doesn't."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
