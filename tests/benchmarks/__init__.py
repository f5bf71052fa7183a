"""Figures beside their peers: each goal is a ratio of two medians from one interleaved run.

``engage bench`` shows them; CI does not run them, because a shared machine cannot hold a time.
"""
