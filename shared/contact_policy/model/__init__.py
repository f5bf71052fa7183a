"""The rules of contact: the policy, what a person said, what reached them, and the decision."""
