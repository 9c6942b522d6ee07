"""Checking a prompt before it is queued, with the answers the editor understands."""

from __future__ import annotations

import inspect
import traceback
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .calling import call_over_lists, gather_inputs, is_link

Problem = dict[str, Any]
_CONVERSIONS = {"INT": int, "FLOAT": float, "STRING": str, "BOOLEAN": bool}
_LONGEST_LISTED_CHOICE = 20


@dataclass
class Verdict:
    """Which output nodes may run; `error` is set when none may."""

    outputs: list[str] = field(default_factory=list)
    node_errors: dict[str, Any] = field(default_factory=dict)
    error: Problem | None = None


def problem(kind: str, message: str, details: str = "", **extra: Any) -> Problem:
    """One error in ComfyUI's form."""
    return {"type": kind, "message": message, "details": details, "extra_info": extra}


def validate_prompt(
    prompt: Mapping[str, Any],
    node_classes: Mapping[str, type],
    targets: Iterable[str] | None = None,
) -> Verdict:
    """Check every output node (or only `targets`) and all nodes before it.

    Constants are converted to their declared type inside `prompt`.
    """
    wanted = None if targets is None else set(targets)
    outputs = []
    for node_id, node in prompt.items():
        error = _class_problem(node_id, node, node_classes)
        if error:
            return Verdict(error=error)
        is_output = getattr(node_classes[node["class_type"]], "OUTPUT_NODE", False)
        if is_output and (wanted is None or node_id in wanted):
            outputs.append(node_id)
    if not outputs:
        return Verdict(error=problem("prompt_no_outputs", "Prompt has no outputs"))
    return _validate_outputs(outputs, prompt, node_classes)


def _class_problem(node_id: str, node: Any, node_classes: Mapping[str, type]) -> Problem | None:
    where = f"Node ID '#{node_id}'"
    if not isinstance(node, dict) or "class_type" not in node:
        message = "Cannot execute because a node is missing the class_type property."
        return problem("invalid_prompt", message, where)
    if node["class_type"] not in node_classes:
        message = f"Cannot execute because node {node['class_type']} does not exist."
        return problem("invalid_prompt", message, where)
    node.setdefault("inputs", {})
    return None


def _validate_outputs(
    outputs: list[str], prompt: Mapping[str, Any], node_classes: Mapping[str, type]
) -> Verdict:
    checker = _Checker(prompt, node_classes)
    verdict = Verdict()
    reasons: list[str] = []
    for output in outputs:
        if checker.check(output):
            verdict.outputs.append(output)
            continue
        reasons += [f"{each['message']}: {each['details']}" for each in checker.errors[output]]
        for node_id, errors in checker.errors.items():
            # A node that is only wrong because of an earlier one carries no error of its own.
            if errors:
                entry = verdict.node_errors.setdefault(
                    node_id,
                    {
                        "errors": errors,
                        "dependent_outputs": [],
                        "class_type": prompt[node_id]["class_type"],
                    },
                )
                entry["dependent_outputs"].append(output)
    if not verdict.outputs:
        verdict.error = problem(
            "prompt_outputs_failed_validation",
            "Prompt outputs failed validation",
            "\n".join(reasons),
        )
    return verdict


class _Checker:
    """Checks nodes once each and remembers what was wrong with them."""

    def __init__(self, prompt: Mapping[str, Any], node_classes: Mapping[str, type]) -> None:
        self._prompt = prompt
        self._classes = node_classes
        self._good: dict[str, bool] = {}
        self.errors: dict[str, list[Problem]] = {}

    def check(self, node_id: str) -> bool:
        """Whether the node and everything before it may run."""
        if node_id not in self._good:
            # A node that leads back to itself is refused here instead of running for ever.
            self._good[node_id] = False
            self.errors[node_id] = []
            self._good[node_id] = self._check_new(node_id)
        return self._good[node_id]

    def _check_new(self, node_id: str) -> bool:
        errors = self.errors[node_id]
        try:
            good = self._check_inputs(node_id, errors)
            if not errors:
                errors += self._ask_node(node_id)
        except Exception as error:
            details = {
                "exception_type": type(error).__qualname__,
                "traceback": traceback.format_tb(error.__traceback__),
            }
            errors.append(
                problem(
                    "exception_during_validation",
                    "Exception when validating node",
                    str(error),
                    **details,
                )
            )
            good = False
        return good and not errors

    def _check_inputs(self, node_id: str, errors: list[Problem]) -> bool:
        inputs = self._prompt[node_id]["inputs"]
        node_class = self._classes[self._prompt[node_id]["class_type"]]
        types = node_class.INPUT_TYPES()
        required = types.get("required", {})
        earlier_good = True
        for name, spec in {**required, **types.get("optional", {})}.items():
            if name not in inputs:
                if name in required:
                    message = "Required input is missing"
                    errors.append(problem("required_input_missing", message, name, input_name=name))
            elif isinstance(inputs[name], list):
                error = self._link_problem(name, inputs[name], spec, node_class)
                if error:
                    errors.append(error)
                elif not self.check(inputs[name][0]):
                    earlier_good = False
            else:
                error = _constant_problem(name, inputs, spec, node_class)
                if error:
                    errors.append(error)
        return earlier_good

    def _received_types(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        links = {name: value for name, value in inputs.items() if is_link(value)}
        return {name: self._received_type(link) for name, link in links.items()}

    def _received_type(self, link: list[Any]) -> Any:
        return self._classes[self._prompt[link[0]]["class_type"]].RETURN_TYPES[int(link[1])]

    def _link_problem(
        self, name: str, link: list[Any], spec: tuple[Any, ...], node_class: type
    ) -> Problem | None:
        config = _config(spec)
        if len(link) != 2 or link[0] not in self._prompt:
            return problem(
                "bad_linked_input",
                "Bad linked input, must be a length-2 list of [node_id, slot_index]",
                name,
                input_name=name,
                input_config=config,
                received_value=link,
            )
        received = self._received_type(link)
        # A class that asks for the types of its links judges them itself.
        judges_types = "input_types" in _validate_parameters(node_class)[0]
        if judges_types or _types_fit(received, spec[0]):
            return None
        return problem(
            "return_type_mismatch",
            "Return type mismatch between linked nodes",
            f"{name}, received_type({received}) mismatch input_type({spec[0]})",
            input_name=name,
            input_config=config,
            received_type=received,
            linked_node=link,
        )

    def _ask_node(self, node_id: str) -> list[Problem]:
        node = self._prompt[node_id]
        node_class = self._classes[node["class_type"]]
        wanted, takes_any = _validate_parameters(node_class)
        if not wanted and not takes_any:
            return []
        inputs = gather_inputs(node["inputs"], node_class, node_id, outputs=None)
        given = {name: each for name, each in inputs.items() if takes_any or name in wanted}
        if "input_types" in wanted:
            given["input_types"] = [self._received_types(node["inputs"])]
        errors = []
        answers = call_over_lists(node_class, "VALIDATE_INPUTS", given)
        for name in given:
            for answer in answers:
                if answer is not True:
                    details = name if answer is False else f"{name} - {answer}"
                    message = "Custom validation failed for node"
                    errors.append(
                        problem("custom_validation_failed", message, details, input_name=name)
                    )
        return errors


def _constant_problem(
    name: str, inputs: dict[str, Any], spec: tuple[Any, ...], node_class: type
) -> Problem | None:
    """Convert `inputs[name]` to its type and check it; returns what is wrong with it."""
    kind, options = spec[0], _config(spec)[1]
    value = inputs[name]
    # The editor wraps a widget's list value, as a bare list would read as a link.
    if isinstance(value, dict) and "__value__" in value:
        value = inputs[name] = value["__value__"]
    known = {"input_name": name, "input_config": _config(spec), "received_value": value}
    if isinstance(kind, str) and kind in _CONVERSIONS:
        try:
            value = inputs[name] = _CONVERSIONS[kind](value)
        except (TypeError, ValueError, OverflowError) as error:
            return problem(
                "invalid_input_type",
                f"Failed to convert an input value to a {kind} value",
                f"{name}, {value}, {error}",
                **known,
                exception_message=str(error),
            )
    wanted, takes_any = _validate_parameters(node_class)
    if takes_any or name in wanted:
        # A class that checks an input itself takes over all checks of its value.
        return None
    return _range_problem(name, value, options, known) or _choice_problem(name, value, kind, known)


def _range_problem(
    name: str, value: Any, options: Mapping[str, Any], known: dict[str, Any]
) -> Problem | None:
    if "min" in options and value < options["min"]:
        message = f"Value {value} smaller than min of {options['min']}"
        return problem("value_smaller_than_min", message, name, **known)
    if "max" in options and value > options["max"]:
        message = f"Value {value} bigger than max of {options['max']}"
        return problem("value_bigger_than_max", message, name, **known)
    return None


def _choice_problem(name: str, value: Any, kind: Any, known: dict[str, Any]) -> Problem | None:
    if not isinstance(kind, list) or value in kind:
        return None
    listed = str(kind)
    if len(kind) > _LONGEST_LISTED_CHOICE:
        listed, known = f"(list of length {len(kind)})", {**known, "input_config": None}
    return problem(
        "value_not_in_list", "Value not in list", f"{name}: '{value}' not in {listed}", **known
    )


def _config(spec: tuple[Any, ...]) -> tuple[Any, dict[str, Any]]:
    return spec[0], (spec[1] if len(spec) > 1 else {})


def _validate_parameters(node_class: type) -> tuple[set[str], bool]:
    """The inputs VALIDATE_INPUTS asks for, and whether it takes any by `**kwargs`."""
    function = getattr(node_class, "VALIDATE_INPUTS", None)
    if function is None:
        return set(), False
    parameters = inspect.signature(function).parameters.values()
    names = {each.name for each in parameters if each.kind is not each.VAR_KEYWORD}
    return names, any(each.kind is each.VAR_KEYWORD for each in parameters)


def _types_fit(received: Any, wanted: Any) -> bool:
    # Some packs override `!=` of their type to accept anything, so it must be `!=` here.
    if not received != wanted:  # noqa: SIM202
        return True
    if not isinstance(received, str) or not isinstance(wanted, str):
        return False
    names = {each.strip() for each in received.split(",")}
    return bool(names & {each.strip() for each in wanted.split(",")})
