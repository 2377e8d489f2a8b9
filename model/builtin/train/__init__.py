"""Trains the built-in model: generates images of six kinds, trains a small network on them, evaluates and exports it.

Run it as `python -m train` from model/builtin, or as `make builtin`.
"""
