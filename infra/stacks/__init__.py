"""The stacks: what must survive, what serves, and what watches over both."""
