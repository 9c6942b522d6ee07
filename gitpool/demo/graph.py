"""Running a prompt: nodes in their order, with results kept between runs.

Only results the current prompt could use are kept, as in ComfyUI's classic cache: changing a
value and changing it back runs the node twice.
"""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .calling import Outputs, call_over_lists, gather_inputs, is_link, split_results
from .signature import Signatures

Send = Callable[[str, dict[str, Any], "str | None"], None]


@dataclass
class RunResult:
    """What a run leaves in the history."""

    outputs: dict[str, Any] = field(default_factory=dict)
    meta: dict[str, Any] = field(default_factory=dict)
    messages: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    success: bool = False


class Interrupted(Exception):
    """The person stopped the run."""


class GraphRunner:
    """Runs one prompt at a time; keeps node objects and results from one to the next."""

    def __init__(self, node_classes: Mapping[str, type], send: Send) -> None:
        self.node_classes = node_classes
        self.send = send
        self.interrupt = threading.Event()
        self.results: dict[Hashable, Outputs] = {}
        self.shown: dict[Hashable, dict[str, Any]] = {}
        self._objects: dict[tuple[str, str], Any] = {}

    def run(
        self,
        prompt_id: str,
        prompt: Mapping[str, Any],
        output_nodes: Sequence[str],
        extra_data: Mapping[str, Any],
    ) -> RunResult:
        """Run what `output_nodes` need. Errors of nodes are reported, not raised."""
        self.interrupt.clear()
        return _Run(self, prompt_id, prompt, extra_data).execute(output_nodes)

    def forget_unused(self, prompt: Mapping[str, Any], keys: Mapping[str, Hashable]) -> None:
        """Drop what the prompt cannot use."""
        used = set(keys.values())
        self.results = {key: value for key, value in self.results.items() if key in used}
        self.shown = {key: value for key, value in self.shown.items() if key in used}
        alive = {(node_id, node["class_type"]) for node_id, node in prompt.items()}
        self._objects = {key: each for key, each in self._objects.items() if key in alive}

    def node_object(self, node_id: str, class_type: str) -> Any:
        """The node's object; it lives as long as its node stays in the prompt."""
        key = (node_id, class_type)
        if key not in self._objects:
            self._objects[key] = self.node_classes[class_type]()
        return self._objects[key]


class _Run:
    """One run of one prompt."""

    def __init__(
        self,
        runner: GraphRunner,
        prompt_id: str,
        prompt: Mapping[str, Any],
        extra_data: Mapping[str, Any],
    ) -> None:
        self.runner = runner
        self.prompt_id = prompt_id
        self.prompt = prompt
        self.extra_data = extra_data
        self.client: str | None = extra_data.get("client_id")
        self.result = RunResult()
        self.executed: list[str] = []
        self.progress: dict[str, dict[str, Any]] = {}
        self.keys: dict[str, Hashable] = {}

    def execute(self, output_nodes: Sequence[str]) -> RunResult:
        self._report("execution_start")
        signatures = Signatures(self.prompt, self.runner.node_classes)
        self.keys = {node_id: signatures.of(node_id) for node_id in self.prompt}
        self.runner.forget_unused(self.prompt, self.keys)
        cached = [node_id for node_id in self.prompt if self._outputs_of(node_id) is not None]
        self._report("execution_cached", nodes=cached)
        if all(self._run_node(node_id) for node_id in self._order(output_nodes)):
            self._report("execution_success")
            self.result.success = True
        self._collect_shown()
        self._tell("executing", {"node": None, "prompt_id": self.prompt_id})
        return self.result

    def _order(self, output_nodes: Sequence[str]) -> list[str]:
        """Every node to visit, sources first; what comes before a kept result is not visited."""
        order: list[str] = []
        seen: set[str] = set()

        def visit(node_id: str) -> None:
            if node_id in seen:
                return
            seen.add(node_id)
            if self._outputs_of(node_id) is None:
                for value in self.prompt[node_id]["inputs"].values():
                    if is_link(value) and self._outputs_of(value[0]) is None:
                        visit(value[0])
            order.append(node_id)

        for node_id in output_nodes:
            visit(node_id)
        return order

    def _run_node(self, node_id: str) -> bool:
        """Run one node; False ends the run."""
        if self._outputs_of(node_id) is not None:
            # Shown again: the page that asks may be a new one.
            shown = self.runner.shown.get(self.keys[node_id])
            self._tell("executed", self._about(node_id, output=shown))
            return True
        inputs: dict[str, list[Any]] = {}
        try:
            if self.runner.interrupt.is_set():
                raise Interrupted
            self._progress(node_id, "running", 0)
            self._tell("executing", self._about(node_id))
            inputs = self._inputs_of(node_id)
            self._call(node_id, inputs)
        except Interrupted:
            self._report("execution_interrupted", **self._failure(node_id))
            return False
        except Exception as error:
            self._report_error(node_id, error, inputs)
            return False
        self._progress(node_id, "finished", 1)
        self.executed.append(node_id)
        return True

    def _inputs_of(self, node_id: str) -> dict[str, list[Any]]:
        node = self.prompt[node_id]
        node_class = self.runner.node_classes[node["class_type"]]
        return gather_inputs(
            node["inputs"], node_class, node_id, self._outputs_of, self.prompt, self.extra_data
        )

    def _call(self, node_id: str, inputs: dict[str, list[Any]]) -> None:
        node = self.runner.node_object(node_id, self.prompt[node_id]["class_type"])
        results = call_over_lists(node, node.FUNCTION, inputs)
        outputs, shown = split_results(node, results)
        if shown:
            self.runner.shown[self.keys[node_id]] = shown
            self._tell("executed", self._about(node_id, output=shown))
        self.runner.results[self.keys[node_id]] = outputs

    def _outputs_of(self, node_id: str) -> Outputs | None:
        return self.runner.results.get(self.keys[node_id])

    def _about(self, node_id: str, **more: Any) -> dict[str, Any]:
        return {"node": node_id, "display_node": node_id, "prompt_id": self.prompt_id, **more}

    def _failure(self, node_id: str) -> dict[str, Any]:
        return {
            "node_id": node_id,
            "node_type": self.prompt[node_id]["class_type"],
            "executed": list(self.executed),
        }

    def _report_error(
        self, node_id: str, error: Exception, inputs: Mapping[str, list[Any]]
    ) -> None:
        kind = type(error)
        prefix = "" if kind.__module__ == "builtins" else f"{kind.__module__}."
        self._report(
            "execution_error",
            **self._failure(node_id),
            exception_message=f"{error}\n",
            exception_type=prefix + kind.__qualname__,
            traceback=traceback.format_tb(error.__traceback__),
            current_inputs={
                name: [_readable(value) for value in values] for name, values in inputs.items()
            },
            current_outputs=[each for each in self.prompt if self._outputs_of(each) is not None],
        )

    def _progress(self, node_id: str, state: str, value: int) -> None:
        self.progress[node_id] = {
            "value": value,
            "max": 1,
            "state": state,
            "node_id": node_id,
            "prompt_id": self.prompt_id,
            "display_node_id": node_id,
            "parent_node_id": None,
            "real_node_id": node_id,
        }
        about = {"prompt_id": self.prompt_id, "nodes": dict(self.progress)}
        self._tell("progress_state", about)
        step = {"value": value, "max": 1, "node": node_id, "prompt_id": self.prompt_id}
        self._tell("progress", step)

    def _collect_shown(self) -> None:
        for node_id, key in self.keys.items():
            if key in self.runner.shown:
                self.result.outputs[node_id] = self.runner.shown[key]
                self.result.meta[node_id] = {
                    "node_id": node_id,
                    "display_node": node_id,
                    "parent_node": None,
                    "real_node_id": node_id,
                }

    def _report(self, event: str, **data: Any) -> None:
        """Tell the page and remember it for the history."""
        stamped = {**data, "prompt_id": self.prompt_id, "timestamp": int(time.time() * 1000)}
        self.result.messages.append((event, stamped))
        self._tell(event, stamped)

    def _tell(self, event: str, data: dict[str, Any]) -> None:
        self.runner.send(event, data, self.client)


def _readable(value: Any) -> Any:
    """A value as an error report shows it: JSON only, and arrays by their shape."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if hasattr(value, "shape"):
        return f"{type(value).__name__} of shape {tuple(value.shape)}"
    return str(value)
