"""Outside clients against the sandbox: run by `make check-clients`, since they are pulled from the registry."""
