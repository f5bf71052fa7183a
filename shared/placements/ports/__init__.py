"""What ads need from outside."""
