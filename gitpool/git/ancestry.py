"""Which snapshot comes from which: by descent alone, since clocks differ between machines."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

Parents = Callable[[str], Iterable[str]]


def ancestors(parents: Parents, *tips: str) -> set[str]:
    """The tips and all they come from. parents: a commit's, those that are there."""
    seen, todo = set(tips), list(tips)
    while todo:
        for parent in parents(todo.pop()):
            if parent not in seen:
                seen.add(parent)
                todo.append(parent)
    return seen


def first_line(parents: Parents, tip: str) -> Iterator[str]:
    """The tip and what it was made on, always by the first parent."""
    commit: str | None = tip
    while commit:
        yield commit
        commit = next(iter(parents(commit)), None)


def is_ancestor(parents: Parents, older: str, newer: str) -> bool:
    """Whether `newer` is `older` or comes from it; looked for from the newest on."""
    seen, level = {newer}, [newer]
    while level:
        if older in seen:
            return True
        level = list(dict.fromkeys(p for c in level for p in parents(c) if p not in seen))
        seen.update(level)
    return False


def merge_bases(parents: Parents, one: str, two: str) -> list[str]:
    """The newest snapshots that both come from, sorted; more than one after a criss-cross."""
    of_one = ancestors(parents, one)
    seen, todo, shared = {two}, [two], []
    while todo:
        commit = todo.pop()
        if commit in of_one:
            shared.append(commit)
            continue
        fresh = [p for p in parents(commit) if p not in seen]
        seen.update(fresh)
        todo += fresh
    if len(shared) < 2:
        return shared
    older = ancestors(parents, *(p for commit in shared for p in parents(commit)))
    return sorted(set(shared) - older)


def missing_from(parents: Parents, tip: str, known: set[str]) -> list[str]:
    """The tip and what it comes from, without `known` and what those come from."""
    found, at = [], tip
    while at not in known:
        found.append(at)
        before = list(parents(at))
        if not before and not known:
            return found
        if len(before) != 1:
            return _missing_beyond_forks(parents, tip, known)
        at = before[0]
    return found


def _missing_beyond_forks(parents: Parents, tip: str, known: set[str]) -> list[str]:
    there = ancestors(parents, *known)
    seen, todo, found = {tip}, [tip], []
    while todo:
        commit = todo.pop()
        found.append(commit)
        fresh = [p for p in parents(commit) if p not in seen and p not in there]
        seen.update(fresh)
        todo += fresh
    return found
