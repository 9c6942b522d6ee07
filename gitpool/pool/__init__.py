"""A pool as a folder of images with masks and labels: pure storage, no git, no network."""
