"""Cache keys: two nodes with the same key would compute the same outputs.

A key covers a node and everything before it, as in ComfyUI's classic cache: class, constant
inputs, the shape of the links, and what IS_CHANGED says. It covers no node id, so identical
nodes share a result, unless the class asks for its id.
"""

from __future__ import annotations

import logging
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

from .calling import call_over_lists, gather_inputs, is_link

log = logging.getLogger(__name__)


class Signatures:
    """The cache keys of one prompt; IS_CHANGED is asked once per node."""

    def __init__(self, prompt: Mapping[str, Any], node_classes: Mapping[str, type]) -> None:
        self._prompt = prompt
        self._classes = node_classes
        self._changed: dict[str, Any] = {}

    def of(self, node_id: str) -> Hashable:
        """The key of one node of the prompt."""
        ancestors: dict[str, int] = {}
        self._collect_ancestors(node_id, ancestors)
        parts = [self._own_part(each, ancestors) for each in (node_id, *ancestors)]
        return freeze(parts)

    def _collect_ancestors(self, node_id: str, found: dict[str, int]) -> None:
        inputs = self._prompt[node_id]["inputs"] if node_id in self._prompt else {}
        for name in sorted(inputs):
            value = inputs[name]
            if is_link(value) and value[0] not in found:
                found[value[0]] = len(found)
                self._collect_ancestors(value[0], found)

    def _own_part(self, node_id: str, ancestors: Mapping[str, int]) -> list[Any]:
        node = self._prompt.get(node_id)
        if node is None:
            # What needs it was refused; a prompt may carry such nodes along.
            return [float("nan")]
        node_class = self._classes[node["class_type"]]
        part: list[Any] = [node["class_type"], self._is_changed(node_id)]
        hidden = node_class.INPUT_TYPES().get("hidden", {})
        if "UNIQUE_ID" in hidden.values() or getattr(node_class, "NOT_IDEMPOTENT", False):
            part.append(node_id)
        for name in sorted(node["inputs"]):
            value = node["inputs"][name]
            if is_link(value):
                value = ("ANCESTOR", ancestors[value[0]], value[1])
            part.append((name, value))
        return part

    def _is_changed(self, node_id: str) -> Any:
        if node_id not in self._changed:
            self._changed[node_id] = self._ask_node(node_id)
        return self._changed[node_id]

    def _ask_node(self, node_id: str) -> Any:
        node = self._prompt[node_id]
        node_class = self._classes[node["class_type"]]
        if not hasattr(node_class, "IS_CHANGED"):
            return False
        # Without outputs every linked input reads as None: IS_CHANGED sees constants only.
        inputs = gather_inputs(node["inputs"], node_class, node_id, outputs=None)
        try:
            return call_over_lists(node_class, "IS_CHANGED", inputs)
        except Exception as error:
            log.warning("IS_CHANGED of node %s failed: %s", node_id, error)
            return float("nan")


class _NeverEqual:
    """Stands for a value that cannot be compared; each is different from all others."""


def freeze(value: Any) -> Hashable:
    """A hashable copy of JSON-like data. NaN stays unequal to every other NaN object."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, Mapping):
        return frozenset((str(key), freeze(each)) for key, each in value.items())
    if isinstance(value, Sequence):
        return tuple(freeze(each) for each in value)
    return _NeverEqual()
