"""A small stand-in for ComfyUI's server: its real editor, without torch or models."""
