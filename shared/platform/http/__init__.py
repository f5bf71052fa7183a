"""The HTTP edge: one way to build an API, one way to say who may call, one way to say no."""
