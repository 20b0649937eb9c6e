"""Which images represent the data, and how int8 differs from float."""
