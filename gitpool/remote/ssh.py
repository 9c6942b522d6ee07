"""Git over ssh, by the user's own ssh program, keys, agent and known hosts."""

from __future__ import annotations

import contextlib
import os
import select
import shlex
import subprocess
import threading
import time
from collections.abc import Mapping
from typing import Any

from dulwich.client import SSHGitClient, SSHVendor, SubprocessWrapper

from ..errors import RemoteFailed
from .address import Address, check_reachable
from .smart import SmartRemote
from .transport import Budget, Limits

_LAST_WORDS = 2.0
_REMEMBERED = 16_384
_OPTIONS = ("BatchMode=yes", "ServerAliveInterval=15", "ServerAliveCountMax=3")


def ssh_remote(
    address: Address, limits: Limits, environment: Mapping[str, str] = os.environ
) -> SmartRemote:
    """A remote at an ssh address. `GIT_SSH_COMMAND` of the environment is obeyed, as git does."""

    def connect(budget: Budget) -> SSHGitClient:
        try:
            check_reachable(address.host, address.port or 22)
        except RemoteFailed as error:
            # ssh's own configuration may know the host by another name, or a way round.
            if error.code != "remote_offline":
                raise
        return SSHGitClient(
            address.host.strip("[]"),
            port=address.port,
            username=address.user,
            vendor=_Vendor(limits, environment, budget),
            thin_packs=False,
            include_tags=True,
            quiet=True,
        )

    return SmartRemote(address, connect, address.path)


class _Vendor(SSHVendor):
    def __init__(self, limits: Limits, environment: Mapping[str, str], budget: Budget) -> None:
        self._limits = limits
        self._budget = budget
        self._environment = environment

    def run_command(self, host: str, command: bytes, **kwargs: Any) -> _Process:  # type: ignore[override]
        program = self._environment.get("GIT_SSH_COMMAND") or "ssh"
        arguments = [*shlex.split(program, posix=os.name != "nt"), "-x"]
        for option in (*_OPTIONS, f"ConnectTimeout={max(1, int(self._limits.connect))}"):
            arguments += ["-o", option]
        if kwargs.get("protocol_version"):
            arguments += ["-o", f"SetEnv=GIT_PROTOCOL=version={kwargs['protocol_version']}"]
        if kwargs.get("port"):
            arguments += ["-p", str(kwargs["port"])]
        user = kwargs.get("username")
        target = f"{user}@{host}" if user else host
        process = subprocess.Popen(
            [*arguments, "--", target, command.decode("utf-8")],
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**self._environment, "SSH_ASKPASS_REQUIRE": "never"},
        )
        return _Process(process, self._limits.silence, self._budget)


class _Process(SubprocessWrapper):
    """ssh, ended when it has said and taken nothing for too long, or when we are done with it."""

    def __init__(self, process: subprocess.Popen[bytes], silence: float, budget: Budget) -> None:
        super().__init__(process)
        self._silence = silence
        self._seen = time.monotonic()
        self._closed = threading.Event()
        self._gave_up = False
        self._said = _Said(process.stderr)
        read, write = self._noting(self.read), self._noting(self.write)

        def counted(*size: int) -> bytes:
            data = read(*size)
            budget.read(len(data))
            return data

        def asking(data: bytes) -> Any:
            budget.asked()
            return write(data)

        self.read = counted  # type: ignore[method-assign]
        self.write = asking  # type: ignore[method-assign]
        threading.Thread(target=self._watch, name="gitpool-ssh", daemon=True).start()

    @property
    def stderr(self) -> Any:
        return self._said

    def can_read(self) -> bool:
        """Whether ssh has said something; dulwich's own `select` knows no descriptor past 1,023."""
        if os.name == "nt":
            return super().can_read()
        assert self.proc.stdout
        poll = select.poll()
        poll.register(self.proc.stdout, select.POLLIN)
        return bool(poll.poll(0))

    def close(self, timeout: int | None = 5) -> None:
        """End ssh: whatever it was sent to do has been answered, or isn't wanted any more."""
        self._closed.set()
        for pipe in (self.proc.stdin, self.proc.stdout):
            with contextlib.suppress(OSError):
                if pipe:
                    pipe.close()
        self.proc.terminate()
        try:
            self.proc.wait(timeout)
        except subprocess.TimeoutExpired:
            self.proc.kill()
            self.proc.wait()

    def _noting(self, function: Any) -> Any:
        def noted(*args: Any) -> Any:
            self._seen = time.monotonic()
            try:
                result = function(*args)
            finally:
                if self._gave_up:
                    raise TimeoutError(f"ssh said nothing for {self._silence} s")
            self._seen = time.monotonic()
            return result

        return noted

    def _watch(self) -> None:
        while not self._closed.wait(min(0.5, self._silence / 4)):
            if time.monotonic() - self._seen > self._silence:
                self._gave_up = True
                self.proc.kill()
                return


class _Said:
    """What ssh says beside the protocol: read as it comes, or a full pipe would stop it."""

    def __init__(self, pipe: Any) -> None:
        self._pipe = pipe
        self._text = b""
        self._thread = threading.Thread(target=self._read, name="gitpool-ssh-said", daemon=True)
        self._thread.start()

    def readlines(self) -> list[bytes]:
        """The last of it, once ssh has ended or a moment has passed."""
        self._thread.join(_LAST_WORDS)
        return self._text.splitlines(keepends=True)

    def _read(self) -> None:
        with self._pipe:
            while block := self._pipe.read(4096):
                self._text = (self._text + block)[-_REMEMBERED:]
