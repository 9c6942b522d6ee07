"""Calling a node's functions the way ComfyUI does, with its lists of values."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Mapping
from typing import Any

Outputs = list[list[Any]]
"""The values of a node: one list per output socket, usually with one value each."""


def is_link(value: Any) -> bool:
    """Whether a prompt's input value is `[node id, output index]`."""
    return (
        isinstance(value, list)
        and len(value) == 2
        and isinstance(value[0], str)
        and isinstance(value[1], (int, float))
    )


def gather_inputs(
    inputs: Mapping[str, Any],
    node_class: type,
    node_id: str,
    outputs: Callable[[str], Outputs | None] | None,
    prompt: Mapping[str, Any] | None = None,
    extra_data: Mapping[str, Any] | None = None,
) -> dict[str, list[Any]]:
    """Collect a node's arguments, each as a list of values, hidden inputs included.

    A linked input is `[None]` when `outputs` is None or knows nothing of the node it comes
    from. Constants the class does not name are left out.
    """
    types = node_class.INPUT_TYPES()
    known = {**types.get("required", {}), **types.get("optional", {})}
    gathered: dict[str, list[Any]] = {}
    for name, value in inputs.items():
        if is_link(value):
            source = outputs(value[0]) if outputs else None
            index = int(value[1])
            gathered[name] = source[index] if source and index < len(source) else [None]
        elif name in known:
            gathered[name] = [value]
    hidden_values = {
        "PROMPT": dict(prompt or {}),
        "EXTRA_PNGINFO": (extra_data or {}).get("extra_pnginfo"),
        "UNIQUE_ID": node_id,
    }
    for name, kind in types.get("hidden", {}).items():
        if kind in hidden_values:
            gathered[name] = [hidden_values[kind]]
    return gathered


def call_over_lists(target: Any, function: str, inputs: Mapping[str, list[Any]]) -> list[Any]:
    """Call `target.function` once per position of the longest list and return all results.

    A shorter list repeats its last value; a class with INPUT_IS_LIST gets the lists themselves.
    """
    call = getattr(target, function)
    if getattr(target, "INPUT_IS_LIST", False):
        return [_finish(call(**inputs))]
    longest = max((len(values) for values in inputs.values()), default=1)
    results = []
    for position in range(longest):
        arguments = {
            name: values[min(position, len(values) - 1)] for name, values in inputs.items()
        }
        results.append(_finish(call(**arguments)))
    return results


def split_results(node: Any, results: list[Any]) -> tuple[Outputs, dict[str, list[Any]]]:
    """Separate what a node returned into its outputs and what it shows in the editor."""
    rows: list[Any] = []
    shown: dict[str, list[Any]] = {}
    for result in results:
        if isinstance(result, dict):
            for name, values in result.get("ui", {}).items():
                shown.setdefault(name, []).extend(values)
            result = result.get("result")
        if result is not None:
            rows.append(result)
    if not rows:
        return [], shown
    lists = getattr(node, "OUTPUT_IS_LIST", (False,) * len(rows[0]))
    outputs: Outputs = []
    for index, is_list in zip(range(len(rows[0])), lists, strict=False):
        if is_list:
            outputs.append([value for row in rows for value in row[index]])
        else:
            outputs.append([row[index] for row in rows])
    return outputs, shown


def _finish(result: Any) -> Any:
    # Nodes may be coroutines; the graph runs on a thread of its own, so it may wait here.
    return asyncio.run(result) if inspect.iscoroutine(result) else result
