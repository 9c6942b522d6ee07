"""Git Pool: image pools for ComfyUI that are git repositories."""

__version__ = "0.1.0"
