"""The rules of ads: who may see which, how often, how fast, and what came of it."""
