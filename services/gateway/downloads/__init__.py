"""Downloads: files, archives of all files, data exports."""
