"""A finished experiment as one page: `contents` reads the folder, `tables` and `figures` show it, `page` writes it."""
