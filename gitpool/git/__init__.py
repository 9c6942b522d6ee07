"""A pool's folder as a git work tree, written through dulwich's objects, not its porcelain.

Nothing here runs a program, reads a setting that names one, or follows what a repository's
own files point at.
"""
