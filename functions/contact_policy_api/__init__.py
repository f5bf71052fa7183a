"""HTTP API of contact policy: the policy, decisions, wishes, consents, cases, control groups."""
