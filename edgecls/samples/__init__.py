"""Sample photos from registry packages."""
