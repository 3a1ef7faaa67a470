"""The bottom layer: used by Lessy's apps and by the modules that compose them. It imports neither."""
