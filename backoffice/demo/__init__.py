"""A whole site with invented data on one machine, and the main job walked over HTTP."""
