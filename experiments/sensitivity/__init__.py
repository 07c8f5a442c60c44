"""Which conclusions rest on which assumed number: one number at a time, on the same luck."""
