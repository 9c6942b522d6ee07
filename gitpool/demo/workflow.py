"""The workflow a first visit opens."""

from __future__ import annotations

import json
import uuid
from importlib import resources
from typing import Any


def sample_workflow(name: str, profile_id: str) -> dict[str, Any]:
    """The demo's workflow in the editor's own format, set to one profile."""
    text = resources.files(__package__).joinpath("workflow.json").read_text("utf-8")
    # The editor accepts only a UUID here; each profile has its own, always the same.
    workflow_id = str(uuid.uuid5(uuid.NAMESPACE_OID, profile_id))
    values = {
        "{{profile_name}}": name,
        "{{profile_id}}": profile_id,
        "{{workflow_id}}": workflow_id,
    }
    return _fill(json.loads(text), values)


def _fill(value: Any, values: dict[str, str]) -> Any:
    # Filled in after parsing: a name with a quote in it must not break the JSON.
    if isinstance(value, dict):
        return {key: _fill(each, values) for key, each in value.items()}
    if isinstance(value, list):
        return [_fill(each, values) for each in value]
    return values.get(value, value) if isinstance(value, str) else value
