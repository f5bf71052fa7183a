"""Why a deployment cannot be built."""


class DeploymentError(Exception):
    """The deployment cannot be built; the message names the way out."""
