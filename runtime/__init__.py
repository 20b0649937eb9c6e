"""What runs on the device: engines, cameras, pipeline, decisions, sinks, timing."""
