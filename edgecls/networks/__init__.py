"""The networks edgecls trains: builders, input scaling, weight sources."""
