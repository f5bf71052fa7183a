"""Whether, when and where a person may be contacted: consent, preferences, caps, quiet hours."""
