"""A small shop of real services that makes the project's own real recordings.

It runs in an environment of its own (`lab/requirements.txt`), so the project neither
imports nor installs it; see README.md here.
"""
