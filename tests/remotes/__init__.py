"""Real remotes for the tests of sync: git over HTTP, git over SSH, a folder, another git user."""
