"""What is done to a profile's folder, by Git Pool and by others, each in a process of its own:
`python -m benchmarks.storage_steps TASK`. See `benchmarks.steps`.

`home` is one contender's folder: Git Pool's has `pools/<id>`, the others' `work`.
"""

from __future__ import annotations

import hashlib
import io
import os
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from shutil import copyfile

from gitpool.pool.durable import copy_file

from .steps import BRANCH, PROFILE, run, service_in

Measured = Callable[[], object]
_CHUNK = 1 << 20


# Git Pool.


def gitpool_take(home: str) -> Measured:
    """A snapshot of whatever changed."""
    service = service_in(home)
    return lambda: _require(service.versions.take(PROFILE))


def gitpool_unchanged(home: str, warm: bool) -> Measured:
    """A snapshot where nothing changed. warm: done before in the same process."""
    service = service_in(home)
    if warm:
        service.versions.take(PROFILE)
    return lambda: _require(not service.versions.take(PROFILE))


def gitpool_changed(home: str, image: str) -> Measured:
    """A snapshot after one image was replaced."""
    service = service_in(home)
    copyfile(image, sorted((Path(home) / "pools" / PROFILE).glob("*.png"))[0])
    return lambda: _require(service.versions.take(PROFILE))


def gitpool_restore(home: str, back: int) -> Measured:
    """The pool as it was so many snapshots ago; snapshots what is there first."""
    service = service_in(home)
    wanted = service.versions.history(PROFILE, back + 1)["snapshots"][back]["id"]
    return lambda: _require(service.versions.restore(PROFILE, wanted))


def gitpool_duplicate(home: str, copy: str) -> Measured:
    """A second profile from the first."""
    service = service_in(home)
    return lambda: _require(service.profiles.duplicate(PROFILE, copy, f"Copy {copy}"))


def gitpool_export(home: str, kind: str, target: str) -> Measured:
    """The profile as a file; without a target its bytes are dropped. Tells when the first came."""
    service = service_in(home)
    export = service.exchange.export_zip if kind == "zip" else service.exchange.export_bundle

    def write() -> dict[str, float]:
        began, first = time.perf_counter(), 0.0
        with open(target or os.devnull, "wb") as file:
            for piece in export(PROFILE)[1]:
                first = first or time.perf_counter() - began
                file.write(piece)
        return {"first": first}

    return write


def gitpool_import(home: str, file: str, new_id: str) -> Measured:
    """A new profile from a zip or a bundle."""
    service = service_in(home)
    return lambda: _require(service.exchange.import_file(Path(file), new_id))


# The floor: what no storage can do without.


def copy(sources: list[str], target: str, sync: bool) -> Measured:
    """Copy the files, one after another; sync: each to the disk."""
    folder = Path(target)
    folder.mkdir()
    return lambda: _copy(sources, folder, sync)


def copy_two(sources: list[str], target: str) -> Measured:
    """Copy the files twice, as images and as objects, each to the disk."""
    folders = [Path(target), Path(target + "-again")]
    for folder in folders:
        folder.mkdir()

    def both() -> None:
        for folder in folders:
            _copy(sources, folder, True)

    return both


def sha1(sources: list[str]) -> Measured:
    """Hash the files with SHA-1, on all cores."""

    def digest(path: str) -> str:
        with open(path, "rb") as file:
            found = hashlib.sha1(usedforsecurity=False)
            while chunk := file.read(_CHUNK):
                found.update(chunk)
        return found.hexdigest()

    def all_of_them() -> None:
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(digest, sources))

    return all_of_them


def read(sources: list[str]) -> Measured:
    """Read the files, and drop their bytes."""

    def all_of_them() -> None:
        for path in sources:
            with open(path, "rb", buffering=0) as file:
                while file.read(_CHUNK):
                    pass

    return all_of_them


def stat(folder: str) -> Measured:
    """Scan the folder, with each file's stat."""

    def scan() -> dict[str, float]:
        return {"files": sum(entry.stat().st_size >= 0 for entry in os.scandir(folder))}

    return scan


# pygit2, which is libgit2.


def pygit2_commit(home: str) -> Measured:
    """Add whatever changed, and commit."""
    import pygit2

    repo = pygit2.Repository(f"{home}/work")
    who = pygit2.Signature("A User", "user@example.org")

    def commit() -> None:
        repo.index.add_all()
        repo.index.write()
        parents = [] if repo.head_is_unborn else [repo.head.target]
        ref = f"refs/heads/{BRANCH}"
        repo.create_commit(ref, who, who, "Images", repo.index.write_tree(), parents)

    return commit


def pygit2_status(home: str) -> Measured:
    """See that nothing changed."""
    import pygit2

    repo = pygit2.Repository(f"{home}/work")
    return lambda: _require(not repo.status())


def pygit2_restore(home: str, back: int) -> Measured:
    """The files as they were so many commits ago."""
    import pygit2

    repo = pygit2.Repository(f"{home}/work")
    commit = repo.revparse_single(f"HEAD~{back}")
    return lambda: repo.checkout_tree(commit, strategy=pygit2.enums.CheckoutStrategy.FORCE)


def pygit2_clone(home: str, target: str) -> Measured:
    """Clone the folder."""
    import pygit2

    return lambda: pygit2.clone_repository(f"{home}/work", target)


# dulwich's porcelain.


def dulwich_commit(home: str) -> Measured:
    """Add whatever changed, and commit."""
    from dulwich import porcelain

    def commit() -> None:
        porcelain.add(f"{home}/work")
        porcelain.commit(f"{home}/work", b"Images")

    return commit


def dulwich_status(home: str) -> Measured:
    """See that nothing changed."""
    from dulwich import porcelain

    return lambda: _require(not any(porcelain.status(f"{home}/work").unstaged))


def dulwich_restore(home: str, back: int) -> Measured:
    """The files as they were so many commits ago."""
    from dulwich import porcelain
    from dulwich.repo import Repo

    with Repo(f"{home}/work") as repo:
        wanted = [entry.commit.id for entry in repo.get_walker(max_entries=back + 1)][back]
    return lambda: porcelain.reset(f"{home}/work", "hard", wanted)


def dulwich_clone(home: str, target: str) -> Measured:
    """Clone the folder."""
    from dulwich import porcelain

    return lambda: porcelain.clone(f"{home}/work", target, errstream=io.BytesIO()).close()


def dulwich_bundle(home: str, target: str) -> Measured:
    """The whole history as one file."""
    from dulwich.bundle import create_bundle_from_repo, write_bundle
    from dulwich.repo import Repo

    def write() -> None:
        with Repo(f"{home}/work") as repo, open(target, "wb") as file:
            bundle = create_bundle_from_repo(repo)
            write_bundle(file, bundle)
            bundle.close()

    return write


def _copy(sources: Iterable[str], folder: Path, sync: bool) -> None:
    for source in sources:
        (copy_file if sync else copyfile)(Path(source), folder / Path(source).name)


def _require(done: object) -> None:
    if not done:
        raise SystemExit("the step did something else than it should")


STEPS = {
    function.__name__: function
    for function in (
        gitpool_take,
        gitpool_unchanged,
        gitpool_changed,
        gitpool_restore,
        gitpool_duplicate,
        gitpool_export,
        gitpool_import,
        copy,
        copy_two,
        sha1,
        read,
        stat,
        pygit2_commit,
        pygit2_status,
        pygit2_restore,
        pygit2_clone,
        dulwich_commit,
        dulwich_status,
        dulwich_restore,
        dulwich_clone,
        dulwich_bundle,
    )
}

if __name__ == "__main__":
    run(STEPS)
