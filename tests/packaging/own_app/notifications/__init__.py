"""An app of the project's own that has this name, as many projects have one."""
