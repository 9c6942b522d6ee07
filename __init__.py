"""Git Pool, as ComfyUI loads it: two nodes, their routes, their page."""

try:
    from .gitpool.comfy import load
except ImportError as error:
    if error.name not in ("dulwich", "filelock"):
        raise
    raise ImportError(
        f"Git Pool needs the Python package “{error.name}”. Install what its requirements.txt "
        "lists into ComfyUI's Python, then start ComfyUI again."
    ) from error

NODE_CLASS_MAPPINGS, NODE_DISPLAY_NAME_MAPPINGS = load()
WEB_DIRECTORY = "./web"

__all__ = ["NODE_CLASS_MAPPINGS", "NODE_DISPLAY_NAME_MAPPINGS", "WEB_DIRECTORY"]
